use crate::spec::{CalicoBackend, Cni, Flannel, FlannelBackend};

use super::{cluster, problems, with};

/// A file whose nodes are in two networks.
const TWO_NETWORKS: &str = "\
kubernetes: {version: 1.34.2}
nodes:
  - {name: m, role: master, address: 192.168.76.11/24, gateway: 192.168.76.1}
  - {name: w, role: worker, address: 192.168.77.21/24, gateway: 192.168.77.1}
";

#[test]
fn flannel_has_a_usual_version_and_backend() {
    let cni = |text: &str| cluster(&with(text)).network.cni;
    assert_eq!(
        cni("network: {cni: flannel}"),
        Cni::Flannel(Flannel {
            version: "0.26.7".parse().unwrap(),
            backend: FlannelBackend::Vxlan
        })
    );
    assert_eq!(
        cni("network: {cni: flannel, flannel: {version: 0.10.0, backend: host-gw}}"),
        Cni::Flannel(Flannel {
            version: "0.10.0".parse().unwrap(),
            backend: FlannelBackend::HostGw
        })
    );
}

#[test]
fn a_network_that_is_described_is_the_network() {
    insta::assert_snapshot!(problems(&with("network: {cni: bridge, flannel: {backend: vxlan}}")), @r#"
    error: `flannel` is not the network of this cluster
     --> cluster.yaml:6:24
      |
    6 | network: {cni: bridge, flannel: {backend: vxlan}}
      |                ------  ^^^^^^^
      |                |
      |                the network
      |
      = help: say `cni: flannel`, or leave it out
    "#);
    insta::assert_snapshot!(problems(&with("network: {flannel: {backend: vxlan}}")), @r#"
    error: `flannel` is not the network of this cluster
     --> cluster.yaml:6:11
      |
    6 | network: {flannel: {backend: vxlan}}
      |           ^^^^^^^
      |
      = help: say `cni: flannel`, or leave it out
    "#);
}

#[test]
fn a_flannel_is_one_that_is_known() {
    let told = |version: &str| {
        problems(&with(&format!(
            "network: {{cni: flannel, flannel: {{version: {version}}}}}"
        )))
    };
    insta::assert_snapshot!(told("0.9.1"), @r#"
    error: flannel 0.9.1 is not supported
     --> cluster.yaml:6:44
      |
    6 | network: {cni: flannel, flannel: {version: 0.9.1}}
      |                                            ^^^^^
      |
      = help: 0.10.0 is the oldest that kimage knows; 0.26.7 is usual
    "#);
    insta::assert_snapshot!(told("0.30.0"), @r#"
    error: flannel 0.30.0 is not supported
     --> cluster.yaml:6:44
      |
    6 | network: {cni: flannel, flannel: {version: 0.30.0}}
      |                                            ^^^^^^
      |
      = help: 0.29.0 is the first that kimage does not know; 0.26.7 is usual
    "#);
    insta::assert_snapshot!(told("v0.26"), @r#"
    error: `v0.26` is no version of three numbers
     --> cluster.yaml:6:44
      |
    6 | network: {cni: flannel, flannel: {version: v0.26}}
      |                                            ^^^^^
      |
      = help: write it as `0.26.7`
    "#);
}

#[test]
fn a_backend_is_one_of_flannels() {
    insta::assert_snapshot!(problems(&with("network: {cni: flannel, flannel: {backend: udp}}")), @r#"
    error: `backend` cannot be `udp`
     --> cluster.yaml:6:44
      |
    6 | network: {cni: flannel, flannel: {backend: udp}}
      |                                            ^^^
      |
      = help: it can be `vxlan` or `host-gw`
    "#);
}

#[test]
fn routes_alone_reach_no_node_behind_a_router() {
    let told = |backend: &str| {
        problems(&format!(
            "{TWO_NETWORKS}network: {{cni: flannel, flannel: {{backend: {backend}}}}}\n"
        ))
    };
    insta::assert_snapshot!(told("host-gw"), @r#"
    error: `w` is in another network than `m`: `host-gw` has no way there
     --> cluster.yaml:4:38
      |
    3 |   - {name: m, role: master, address: 192.168.76.11/24, gateway: 192.168.76.1}
      |                                      ---------------- `m` is in `192.168.76.0/24`
    4 |   - {name: w, role: worker, address: 192.168.77.21/24, gateway: 192.168.77.1}
      |                                      ^^^^^^^^^^^^^^^^
      |
      = help: with `backend: vxlan` it has
    "#);
    assert_eq!(told("vxlan"), "");
}

#[test]
fn calico_has_a_usual_version_for_every_kubernetes() {
    let calico = |text: &str| match cluster(text).network.cni {
        Cni::Calico(calico) => calico,
        other => panic!("{other:?}"),
    };
    let usual = calico(&with("network: {cni: calico}"));
    assert_eq!(usual.version, "3.30.3".parse().unwrap());
    assert_eq!(
        (usual.backend, usual.autodetection),
        (CalicoBackend::Ipip, None)
    );
    let old = with(
        "network: {cni: calico, calico: {backend: bgp, autodetection: interface=ens160}}\nimage: centos-7",
    );
    let old = calico(
        &old.replace("1.34.2", "1.15.3")
            .replace("/24}", "/24, interface: ens160}"),
    );
    assert_eq!(old.version, "3.9.6".parse().unwrap());
    assert_eq!(old.autodetection.as_deref(), Some("interface=ens160"));
}

#[test]
fn a_calico_that_is_described_is_the_network() {
    insta::assert_snapshot!(problems(&with("network: {cni: flannel, calico: {backend: bgp}}")), @r#"
    error: `calico` is not the network of this cluster
     --> cluster.yaml:6:25
      |
    6 | network: {cni: flannel, calico: {backend: bgp}}
      |                -------  ^^^^^^
      |                |
      |                the network
      |
      = help: say `cni: calico`, or leave it out
    "#);
}

#[test]
fn a_calico_is_one_that_is_known_and_works_with_this_kubernetes() {
    let told = |version: &str| {
        problems(&with(&format!(
            "network: {{cni: calico, calico: {{version: {version}}}}}"
        )))
    };
    insta::assert_snapshot!(told("3.8.0"), @r#"
    error: Calico 3.8.0 is not supported
     --> cluster.yaml:6:42
      |
    6 | network: {cni: calico, calico: {version: 3.8.0}}
      |                                          ^^^^^
      |
      = help: 3.9.0 is the oldest that kimage knows; 3.30.3 is usual
    "#);
    insta::assert_snapshot!(told("3.40.1"), @r#"
    error: Calico 3.40.1 is not supported
     --> cluster.yaml:6:42
      |
    6 | network: {cni: calico, calico: {version: 3.40.1}}
      |                                          ^^^^^^
      |
      = help: 3.31.0 is the first that kimage does not know; 3.30.3 is usual
    "#);
    insta::assert_snapshot!(told("3.9.1"), @r#"
    error: Calico 3.9.1 does not work with Kubernetes 1.34
     --> cluster.yaml:6:42
      |
    2 |   version: 1.34.2
      |            ------ Calico 3.9.1 needs 1.10 or later, before 1.21
    ...
    6 | network: {cni: calico, calico: {version: 3.9.1}}
      |                                          ^^^^^
      |
      = help: 3.30.3 is usual with it
    "#);
    assert_eq!(told("3.28.2"), "");
    let early =
        with("network: {cni: calico, calico: {version: 3.28.2}}").replace("1.34.2", "1.20.15");
    assert!(problems(&early).contains("Calico 3.28.2 needs 1.21 or later\n"));
}

#[test]
fn a_way_to_find_an_address_is_one_of_calicos() {
    let told = |method: &str| {
        problems(&with(&format!(
            "network: {{cni: calico, calico: {{autodetection: '{method}'}}}}"
        )))
    };
    insta::assert_snapshot!(told("interfaces=eth0"), @r#"
    error: Calico 3.30.3 finds no address by `interfaces`
     --> cluster.yaml:6:48
      |
    6 | network: {cni: calico, calico: {autodetection: 'interfaces=eth0'}}
      |                                                ^^^^^^^^^^^^^^^^^
      |
      = help: did you mean `interface`?
    "#);
    insta::assert_snapshot!(told("gateway"), @r#"
    error: Calico 3.30.3 finds no address by `gateway`
     --> cluster.yaml:6:48
      |
    6 | network: {cni: calico, calico: {autodetection: 'gateway'}}
      |                                                ^^^^^^^^^
      |
      = help: it can by `first-found`, `can-reach`, `interface`, `skip-interface`, `cidr` or `kubernetes-internal-ip`
    "#);
    insta::assert_snapshot!(told("interface"), @r#"
    error: `interface` needs a value
     --> cluster.yaml:6:48
      |
    6 | network: {cni: calico, calico: {autodetection: 'interface'}}
      |                                                ^^^^^^^^^^^
      |
      = help: write it as `interface=...`
    "#);
    insta::assert_snapshot!(told("first-found=eth0"), @r#"
    error: `first-found` takes no value
     --> cluster.yaml:6:48
      |
    6 | network: {cni: calico, calico: {autodetection: 'first-found=eth0'}}
      |                                                ^^^^^^^^^^^^^^^^^^
      |
      = help: write `first-found` alone
    "#);
    insta::assert_snapshot!(told("interface=eth 0"), @r#"
    error: what Calico looks for holds neither quotation marks, backslashes nor spaces
     --> cluster.yaml:6:48
      |
    6 | network: {cni: calico, calico: {autodetection: 'interface=eth 0'}}
      |                                                ^^^^^^^^^^^^^^^^^
    "#);
    assert_eq!(
        told("cidr=192.168.76.0/24") + &told("kubernetes-internal-ip"),
        ""
    );
}

#[test]
fn routers_between_nodes_must_speak_bgp() {
    let told = |backend: &str| {
        problems(&format!(
            "{TWO_NETWORKS}network: {{cni: calico, calico: {{backend: {backend}}}}}\n"
        ))
    };
    insta::assert_snapshot!(told("bgp"), @r#"
    warning[different-networks]: `w` is in another network than `m`
     --> cluster.yaml:4:38
      |
    3 |   - {name: m, role: master, address: 192.168.76.11/24, gateway: 192.168.76.1}
      |                                      ---------------- `m` is in `192.168.76.0/24`
    4 |   - {name: w, role: worker, address: 192.168.77.21/24, gateway: 192.168.77.1}
      |                                      ^^^^^^^^^^^^^^^^
      |
      = help: with `backend: bgp`, the routers between must speak BGP; `ipip` and `vxlan` need none
    "#);
    assert_eq!(told("ipip") + &told("vxlan"), "");
}

#[test]
fn calicos_ports_are_its_own() {
    let told = |port: u16, backend: &str| {
        problems(&with(&format!(
            "controlPlane: {{port: {port}}}\nnetwork: {{cni: calico, calico: {{backend: {backend}}}}}"
        )))
    };
    insta::assert_snapshot!(told(179, "bgp"), @r#"
    error: port 179 belongs to Calico's BGP
     --> cluster.yaml:6:22
      |
    6 | controlPlane: {port: 179}
      |                      ^^^
    7 | network: {cni: calico, calico: {backend: bgp}}
      |                ------ the network
      |
      = help: 6443 is usual
    "#);
    insta::assert_snapshot!(told(9099, "vxlan"), @r#"
    error: port 9099 belongs to Calico's health
     --> cluster.yaml:6:22
      |
    6 | controlPlane: {port: 9099}
      |                      ^^^^
    7 | network: {cni: calico, calico: {backend: vxlan}}
      |                ------ the network
      |
      = help: 6443 is usual
    "#);
    assert_eq!(told(179, "vxlan"), "");
    insta::assert_snapshot!(problems(&with(
        "controlPlane: {loadBalancer: {kind: nginx, port: 9099}}\nnetwork: {cni: calico}"
    )), @r#"
    error: port 9099 belongs to Calico's health
     --> cluster.yaml:6:50
      |
    6 | controlPlane: {loadBalancer: {kind: nginx, port: 9099}}
      |                                                  ^^^^
    7 | network: {cni: calico}
      |                ------ the network
      |
      = help: 8443 is usual
    "#);
}
