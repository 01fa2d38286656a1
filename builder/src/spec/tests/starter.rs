use super::{cluster, problems};
use crate::spec::{Cni, Interface, init};

/// The least that one must write.
pub(super) const MINIMAL: &str = "\
kubernetes:
  version: 1.34.2
nodes:
  - {name: k8s-master-1, role: master, address: 192.168.76.11/24}
  - {name: k8s-node-1, role: worker, address: 192.168.76.21/24}
";

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
fn an_unknown_key_is_shown_with_what_was_probably_meant() {
    insta::assert_snapshot!(problems(&MINIMAL.replace("role: worker", "rolle: worker")), @r#"
    error: unknown key `rolle`
     --> cluster.yaml:5:24
      |
    5 |   - {name: k8s-node-1, rolle: worker, address: 192.168.76.21/24}
      |                        ^^^^^
      |
      = help: did you mean `role`?
    "#);
}
