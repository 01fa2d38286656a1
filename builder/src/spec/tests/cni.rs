use crate::spec::{Cni, Flannel, FlannelBackend};

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
