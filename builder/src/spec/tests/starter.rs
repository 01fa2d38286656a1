use super::{MINIMAL, cluster};
use crate::spec::{Cni, Interface, init};

#[test]
fn the_file_that_init_writes_has_no_problems() {
    let cluster = cluster(&init("lab"));
    assert_eq!(cluster.name, "lab");
    assert_eq!(cluster.masters().count(), 1);
}

#[test]
fn a_version_and_nodes_are_enough() {
    let cluster = cluster(MINIMAL);
    assert_eq!(cluster.name, "kubernetes");
    assert_eq!(cluster.image, "debian-12");
    assert_eq!(cluster.control_plane.endpoint, "192.168.76.11");
    assert_eq!(cluster.control_plane.port, 6443);
    assert_eq!(cluster.network.cni, Cni::Bridge);
    assert_eq!(cluster.network.dns_address.to_string(), "10.96.0.10");
    assert_eq!(cluster.api_service_address().to_string(), "10.96.0.1");
    assert_eq!(cluster.etcd.version.to_string(), "3.6.5");
    assert_eq!(cluster.nodes[1].pods.to_string(), "10.244.1.0/24");
    assert_eq!(
        cluster.nodes[0].interface,
        Interface::Names(vec!["en*".to_owned(), "eth*".to_owned()])
    );
}

#[test]
fn a_key_with_nothing_behind_it_is_as_good_as_no_key() {
    let bare = cluster(&super::with("network:\npki: ~\nimages:\nhost: {sysctl: }"));
    let plain = cluster(MINIMAL);
    let json = |cluster| serde_json::to_value(cluster).unwrap();
    assert_eq!(json(bare), json(plain));
}

#[test]
fn the_example_of_the_design_has_no_problems() {
    let cluster = cluster(
        r#"apiVersion: kimage/v1alpha1
kind: Cluster
name: lab
kubernetes: {version: 1.34.2, install: binaries}
image: debian-12
runtime: {name: containerd, version: 2.1.4}
etcd: {version: 3.6.5}
network:
  pods: 10.244.0.0/16
  services: 10.96.0.0/16
  cni: bridge
  dns: {domain: cluster.local, servers: []}
controlPlane:
  loadBalancer: {kind: none}
pki: {algorithm: ecdsa-p256, caYears: 10, leafDays: 365}
join: certificate
nodes:
  - {name: k8s-master-1, role: master, address: 192.168.76.11/24, mac: "52:54:00:76:00:11"}
  - {name: k8s-node-1,   role: worker, address: 192.168.76.21/24, gateway: 192.168.76.1}
"#,
    );
    let mac = Interface::Mac("52:54:00:76:00:11".to_owned());
    assert_eq!(cluster.nodes[0].interface, mac);
}
