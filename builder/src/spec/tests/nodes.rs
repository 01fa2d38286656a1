use super::{problems, with_nodes};

#[test]
fn a_name_belongs_to_one_node() {
    insta::assert_snapshot!(problems(&with_nodes(&[
        r#"name: m1, role: master, address: 10.0.0.11/24"#,
        r#"name: n1, role: worker, address: 10.0.0.21/24"#,
        r#"name: n1, role: worker, address: 10.0.0.22/24"#,
    ])), @r#"
    error: two nodes are named `n1`
     --> cluster.yaml:5:12
      |
    4 |   - {name: n1, role: worker, address: 10.0.0.21/24}
      |            -- first here
    5 |   - {name: n1, role: worker, address: 10.0.0.22/24}
      |            ^^
    "#);
}

#[test]
fn an_address_belongs_to_one_node() {
    insta::assert_snapshot!(problems(&with_nodes(&[
        r#"name: m1, role: master, address: 10.0.0.11/24"#,
        r#"name: n1, role: worker, address: 10.0.0.11/24"#,
    ])), @r#"
    error: `m1` and `n1` have the same address
     --> cluster.yaml:4:39
      |
    3 |   - {name: m1, role: master, address: 10.0.0.11/24}
      |                                       ------------ first here
    4 |   - {name: n1, role: worker, address: 10.0.0.11/24}
      |                                       ^^^^^^^^^^^^
    "#);
}

#[test]
fn a_network_card_belongs_to_one_node() {
    insta::assert_snapshot!(problems(&with_nodes(&[
        r#"name: m1, role: master, address: 10.0.0.11/24, mac: "52:54:00:00:00:0A""#,
        r#"name: n1, role: worker, address: 10.0.0.21/24, mac: 52-54-00-00-00-0a"#,
    ])), @r#"
    error: `m1` and `n1` have the same MAC address
     --> cluster.yaml:4:58
      |
    3 |   - {name: m1, role: master, address: 10.0.0.11/24, mac: "52:54:00:00:00:0A"}
      |                                                          ------------------- first here
    4 |   - {name: n1, role: worker, address: 10.0.0.21/24, mac: 52-54-00-00-00-0a}
      |                                                          ^^^^^^^^^^^^^^^^^
    "#);
}

#[test]
fn a_name_is_a_host_name() {
    insta::assert_snapshot!(problems(&with_nodes(&[
        r#"name: K8S_Master, role: master, address: 10.0.0.11/24"#,
        r#"name: -n-, role: worker, address: 10.0.0.21/24"#,
    ])), @r#"
    error: `K8S_Master` is no node name
     --> cluster.yaml:3:12
      |
    3 |   - {name: K8S_Master, role: master, address: 10.0.0.11/24}
      |            ^^^^^^^^^^
      |
      = help: did you mean `k8s-master`?

    error: `-n-` is no node name
     --> cluster.yaml:4:12
      |
    4 |   - {name: -n-, role: worker, address: 10.0.0.21/24}
      |            ^^^
      |
      = help: use lower-case letters, digits, `-` and `.`, begin and end with a letter or digit, 63 characters at most
    "#);
}

#[test]
fn localhost_is_no_node() {
    insta::assert_snapshot!(problems(&with_nodes(&[
        r#"name: localhost, role: master, address: 10.0.0.11/24"#,
    ])), @r#"
    error: `localhost` is every machine's name for itself
     --> cluster.yaml:3:12
      |
    3 |   - {name: localhost, role: master, address: 10.0.0.11/24}
      |            ^^^^^^^^^
      |
      = help: give the node a name of its own
    "#);
}

#[test]
fn an_address_is_no_name() {
    insta::assert_snapshot!(problems(&with_nodes(&[
        r#"name: 10.0.0.11, role: master, address: 10.0.0.11/24"#,
    ])), @r#"
    error: `10.0.0.11` is an address, not a name
     --> cluster.yaml:3:12
      |
    3 |   - {name: 10.0.0.11, role: master, address: 10.0.0.11/24}
      |            ^^^^^^^^^
    "#);
}

#[test]
fn a_name_that_yaml_takes_for_a_number_is_asked_for_in_quotes() {
    insta::assert_snapshot!(problems(&with_nodes(&[
        r#"name: 12, role: master, address: 10.0.0.11/24"#,
    ])), @r#"
    error: `name` must be a text, but `12` is a whole number
     --> cluster.yaml:3:12
      |
    3 |   - {name: 12, role: master, address: 10.0.0.11/24}
      |            ^^
      |
      = help: write it in quotes: "12"
    "#);
}

#[test]
fn an_address_needs_a_prefix_length() {
    insta::assert_snapshot!(problems(&with_nodes(&[
        r#"name: m1, role: master, address: 10.0.0.11"#,
    ])), @r#"
    error: `10.0.0.11` is no address
     --> cluster.yaml:3:39
      |
    3 |   - {name: m1, role: master, address: 10.0.0.11}
      |                                       ^^^^^^^^^
      |
      = help: the prefix length is missing, as in `10.0.0.11/24`
    "#);
}

#[test]
fn an_address_has_four_numbers_up_to_255() {
    insta::assert_snapshot!(problems(&with_nodes(&[
        r#"name: m1, role: master, address: 10.0.0.256/24"#,
    ])), @r#"
    error: `10.0.0.256/24` is no address
     --> cluster.yaml:3:39
      |
    3 |   - {name: m1, role: master, address: 10.0.0.256/24}
      |                                       ^^^^^^^^^^^^^
      |
      = help: write it as `192.168.76.11/24`
    "#);
}

#[test]
fn the_address_of_a_network_is_no_nodes() {
    insta::assert_snapshot!(problems(&with_nodes(&[
        r#"name: m1, role: master, address: 10.0.0.0/24"#,
    ])), @r#"
    error: `10.0.0.0` is the address of the network itself
     --> cluster.yaml:3:39
      |
    3 |   - {name: m1, role: master, address: 10.0.0.0/24}
      |                                       ^^^^^^^^^^^
      |
      = help: take one from 10.0.0.1 to 10.0.0.254
    "#);
}

#[test]
fn a_broadcast_address_is_no_nodes() {
    insta::assert_snapshot!(problems(&with_nodes(&[
        r#"name: m1, role: master, address: 10.0.0.63/26"#,
    ])), @r#"
    error: `10.0.0.63` is the broadcast address of its network
     --> cluster.yaml:3:39
      |
    3 |   - {name: m1, role: master, address: 10.0.0.63/26}
      |                                       ^^^^^^^^^^^^
      |
      = help: take one from 10.0.0.1 to 10.0.0.62
    "#);
}

#[test]
fn a_node_needs_neighbours() {
    insta::assert_snapshot!(problems(&with_nodes(&[
        r#"name: m1, role: master, address: 10.0.0.11/32"#,
    ])), @r#"
    error: `10.0.0.11/32` has no neighbours to talk to
     --> cluster.yaml:3:39
      |
    3 |   - {name: m1, role: master, address: 10.0.0.11/32}
      |                                       ^^^^^^^^^^^^
      |
      = help: behind the `/` goes the prefix length of its network, as 24
    "#);
}

#[test]
fn a_loopback_address_is_no_nodes() {
    insta::assert_snapshot!(problems(&with_nodes(&[
        r#"name: m1, role: master, address: 127.0.0.1/8"#,
    ])), @r#"
    error: `127.0.0.1/32` cannot be used: 127.0.0.0/8 is each machine's own
     --> cluster.yaml:3:39
      |
    3 |   - {name: m1, role: master, address: 127.0.0.1/8}
      |                                       ^^^^^^^^^^^
    "#);
}

#[test]
fn a_gateway_is_in_the_nodes_network() {
    insta::assert_snapshot!(problems(&with_nodes(&[
        r#"name: m1, role: master, address: 10.0.0.11/24, gateway: 10.0.1.1"#,
    ])), @r#"
    error: the gateway `10.0.1.1` is outside the node's network `10.0.0.0/24`
     --> cluster.yaml:3:62
      |
    3 |   - {name: m1, role: master, address: 10.0.0.11/24, gateway: 10.0.1.1}
      |                                       ------------           ^^^^^^^^
      |                                       |
      |                                       the node's address
    "#);
}

#[test]
fn a_node_is_not_its_own_gateway() {
    insta::assert_snapshot!(problems(&with_nodes(&[
        r#"name: m1, role: master, address: 10.0.0.11/24, gateway: 10.0.0.11"#,
    ])), @r#"
    error: a node cannot be its own gateway
     --> cluster.yaml:3:62
      |
    3 |   - {name: m1, role: master, address: 10.0.0.11/24, gateway: 10.0.0.11}
      |                                       ------------           ^^^^^^^^^
      |                                       |
      |                                       the node's address
    "#);
}

#[test]
fn a_gateway_is_a_machine() {
    insta::assert_snapshot!(problems(&with_nodes(&[
        r#"name: m1, role: master, address: 10.0.0.11/24, gateway: 10.0.0.255"#,
    ])), @r#"
    error: `10.0.0.255` is no machine's address in `10.0.0.0/24`
     --> cluster.yaml:3:62
      |
    3 |   - {name: m1, role: master, address: 10.0.0.11/24, gateway: 10.0.0.255}
      |                                       ------------           ^^^^^^^^^^
      |                                       |
      |                                       the node's address
    "#);
}

#[test]
fn a_gateway_has_no_prefix_length() {
    insta::assert_snapshot!(problems(&with_nodes(&[
        r#"name: m1, role: master, address: 10.0.0.11/24, gateway: 10.0.0.1/24"#,
    ])), @r#"
    error: `10.0.0.1/24` is no IPv4 address
     --> cluster.yaml:3:62
      |
    3 |   - {name: m1, role: master, address: 10.0.0.11/24, gateway: 10.0.0.1/24}
      |                                                              ^^^^^^^^^^^
      |
      = help: only the address is needed: `10.0.0.1`
    "#);
}

#[test]
fn a_mac_address_has_six_pairs() {
    insta::assert_snapshot!(problems(&with_nodes(&[
        r#"name: m1, role: master, address: 10.0.0.11/24, mac: "52:54:00:76:00""#,
        r#"name: n1, role: worker, address: 10.0.0.21/24, mac: 5254.0076.0021"#,
    ])), @r#"
    error: `52:54:00:76:00` is no MAC address
     --> cluster.yaml:3:58
      |
    3 |   - {name: m1, role: master, address: 10.0.0.11/24, mac: "52:54:00:76:00"}
      |                                                          ^^^^^^^^^^^^^^^^
      |
      = help: write it as "52:54:00:76:00:11"

    error: `5254.0076.0021` is no MAC address
     --> cluster.yaml:4:58
      |
    4 |   - {name: n1, role: worker, address: 10.0.0.21/24, mac: 5254.0076.0021}
      |                                                          ^^^^^^^^^^^^^^
      |
      = help: did you mean `52:54:00:76:00:21`?
    "#);
}

#[test]
fn a_multicast_address_is_no_network_cards() {
    insta::assert_snapshot!(problems(&with_nodes(&[
        r#"name: m1, role: master, address: 10.0.0.11/24, mac: "01:00:5e:00:00:01""#,
    ])), @r#"
    error: `01:00:5e:00:00:01` is a multicast address, which no network card has
     --> cluster.yaml:3:58
      |
    3 |   - {name: m1, role: master, address: 10.0.0.11/24, mac: "01:00:5e:00:00:01"}
      |                                                          ^^^^^^^^^^^^^^^^^^^
    "#);
}

#[test]
fn a_network_card_is_said_once() {
    insta::assert_snapshot!(problems(&with_nodes(&[
        r#"name: m1, role: master, address: 10.0.0.11/24, mac: "52:54:00:00:00:01", interface: eth0"#,
    ])), @r#"
    error: `interface` and `mac` both say which network card
     --> cluster.yaml:3:79
      |
    3 |   - {name: m1, role: master, address: 10.0.0.11/24, mac: "52:54:00:00:00:01", interface: eth0}
      |                                                          -------------------  ^^^^^^^^^
      |                                                          |
      |                                                          the other
      |
      = help: keep one of them
    "#);
}

#[test]
fn a_network_card_has_a_short_name() {
    insta::assert_snapshot!(problems(&with_nodes(&[
        r#"name: m1, role: master, address: 10.0.0.11/24, interface: "en p1""#,
    ])), @r#"
    error: `en p1` is no name of a network card
     --> cluster.yaml:3:64
      |
    3 |   - {name: m1, role: master, address: 10.0.0.11/24, interface: "en p1"}
      |                                                                ^^^^^^^
      |
      = help: write it as `eth0`, or with a pattern as `en*`
    "#);
}

#[test]
fn an_empty_list_of_network_cards_names_none() {
    insta::assert_snapshot!(problems(&with_nodes(&[
        r#"name: m1, role: master, address: 10.0.0.11/24, interfaces: []"#,
    ])), @r#"
    error: `interfaces` must not be empty
     --> cluster.yaml:3:53
      |
    3 |   - {name: m1, role: master, address: 10.0.0.11/24, interfaces: []}
      |                                                     ^^^^^^^^^^
    "#);
}

#[test]
fn a_role_is_one_that_there_is() {
    insta::assert_snapshot!(problems(&with_nodes(&[
        r#"name: m1, role: master, address: 10.0.0.11/24"#,
        r#"name: n1, role: wroker, address: 10.0.0.21/24"#,
        r#"name: n2, role: node, address: 10.0.0.22/24"#,
    ])), @r#"
    error: `role` cannot be `wroker`
     --> cluster.yaml:4:22
      |
    4 |   - {name: n1, role: wroker, address: 10.0.0.21/24}
      |                      ^^^^^^
      |
      = help: did you mean `worker`?

    error: `role` cannot be `node`
     --> cluster.yaml:5:22
      |
    5 |   - {name: n2, role: node, address: 10.0.0.22/24}
      |                      ^^^^
      |
      = help: it can be `master` or `worker`
    "#);
}

#[test]
fn a_cluster_needs_a_master() {
    insta::assert_snapshot!(problems(&with_nodes(&[
        r#"name: n1, role: worker, address: 10.0.0.21/24"#,
    ])), @r#"
    error: no node has the role `master`
     --> cluster.yaml:2:1
      |
    2 | nodes:
      | ^^^^^
      |
      = help: give one node, or three, `role: master`
    "#);
}

#[test]
fn a_cluster_needs_nodes() {
    insta::assert_snapshot!(problems("kubernetes: {version: 1.34.2}\nnodes: []\n"), @r#"
    error: `nodes` must not be empty
     --> cluster.yaml:2:1
      |
    2 | nodes: []
      | ^^^^^
    "#);
}

#[test]
fn an_even_number_of_masters_is_warned_of() {
    insta::assert_snapshot!(problems(&with_nodes(&[
        r#"name: m1, role: master, address: 10.0.0.11/24"#,
        r#"name: m2, role: master, address: 10.0.0.12/24"#,
    ])), @r#"
    warning[even-masters]: 2 masters are no safer than 1
     --> cluster.yaml:4:22
      |
    4 |   - {name: m2, role: master, address: 10.0.0.12/24}
      |                      ^^^^^^
      |
      = help: etcd wants an odd number: 1 or 3
    "#);
}

#[test]
fn more_than_seven_masters_are_warned_of() {
    insta::assert_snapshot!(problems(&with_nodes(&[
        r#"name: m1, role: master, address: 10.0.0.1/24"#,
        r#"name: m2, role: master, address: 10.0.0.2/24"#,
        r#"name: m3, role: master, address: 10.0.0.3/24"#,
        r#"name: m4, role: master, address: 10.0.0.4/24"#,
        r#"name: m5, role: master, address: 10.0.0.5/24"#,
        r#"name: m6, role: master, address: 10.0.0.6/24"#,
        r#"name: m7, role: master, address: 10.0.0.7/24"#,
        r#"name: m8, role: master, address: 10.0.0.8/24"#,
        r#"name: m9, role: master, address: 10.0.0.9/24"#,
    ])), @r#"
    warning[many-masters]: 9 masters make etcd slow
      --> cluster.yaml:11:22
       |
    11 |   - {name: m9, role: master, address: 10.0.0.9/24}
       |                      ^^^^^^
       |
       = help: three or five are usual, seven the most that etcd advises
    "#);
}

#[test]
fn a_node_of_another_network_needs_a_gateway() {
    insta::assert_snapshot!(problems(&with_nodes(&[
        r#"name: m1, role: master, address: 10.0.0.11/24"#,
        r#"name: n1, role: worker, address: 10.0.1.21/24"#,
    ])), @r#"
    warning[different-networks]: `n1` is in another network and has no gateway
     --> cluster.yaml:4:39
      |
    3 |   - {name: m1, role: master, address: 10.0.0.11/24}
      |                                       ------------ `m1` is in `10.0.0.0/24`
    4 |   - {name: n1, role: worker, address: 10.0.1.21/24}
      |                                       ^^^^^^^^^^^^
      |
      = help: without one it reaches no node outside its own network
    "#);
}

#[test]
fn a_bridge_between_networks_needs_routers_that_know() {
    insta::assert_snapshot!(problems(&with_nodes(&[
        r#"name: m1, role: master, address: 10.0.0.11/24, gateway: 10.0.0.1"#,
        r#"name: n1, role: worker, address: 10.0.1.21/24, gateway: 10.0.1.1"#,
    ])), @r#"
    warning[different-networks]: `n1` is in another network than `m1`
     --> cluster.yaml:4:39
      |
    3 |   - {name: m1, role: master, address: 10.0.0.11/24, gateway: 10.0.0.1}
      |                                       ------------ `m1` is in `10.0.0.0/24`
    4 |   - {name: n1, role: worker, address: 10.0.1.21/24, gateway: 10.0.1.1}
      |                                       ^^^^^^^^^^^^
      |
      = help: with `cni: bridge`, the routers between must know each node's pod range
    "#);
}

#[test]
fn neighbours_agree_on_their_network() {
    insta::assert_snapshot!(problems(&with_nodes(&[
        r#"name: m1, role: master, address: 10.0.0.11/24"#,
        r#"name: n1, role: worker, address: 10.0.0.21/16"#,
    ])), @r#"
    warning[different-networks]: `n1` takes its network for `10.0.0.0/16`, `m1` for another
     --> cluster.yaml:4:39
      |
    3 |   - {name: m1, role: master, address: 10.0.0.11/24}
      |                                       ------------ `m1` is in `10.0.0.0/24`
    4 |   - {name: n1, role: worker, address: 10.0.0.21/16}
      |                                       ^^^^^^^^^^^^
      |
      = help: did you mean `10.0.0.21/24`?
    "#);
}

#[test]
fn an_image_is_one_that_there_is() {
    insta::assert_snapshot!(problems(&with_nodes(&[
        r#"name: m1, role: master, address: 10.0.0.11/24, image: debain-12"#,
        r#"name: n1, role: worker, address: 10.0.0.21/24, image: windows-2022"#,
    ])), @r#"
    error: there is no image `debain-12`
     --> cluster.yaml:3:60
      |
    3 |   - {name: m1, role: master, address: 10.0.0.11/24, image: debain-12}
      |                                                            ^^^^^^^^^
      |
      = help: did you mean `debian-12`?

    error: there is no image `windows-2022`
     --> cluster.yaml:4:60
      |
    4 |   - {name: n1, role: worker, address: 10.0.0.21/24, image: windows-2022}
      |                                                            ^^^^^^^^^^^^
      |
      = help: there are centos-7, centos-stream-9, debian-12, debian-12-selinux, debian-13, oracle-linux-7, ubuntu-22.04, ubuntu-24.04
    "#);
}

#[test]
fn an_image_without_what_kubernetes_needs_is_refused() {
    insta::assert_snapshot!(problems("kubernetes: {version: 1.35.0}\nimage: centos-7\nnodes: [{name: m1, role: master, address: 10.0.0.11/24, interface: eth0}]\n"), @r#"
    error: `centos-7` cannot run Kubernetes 1.35
     --> cluster.yaml:2:8
      |
    1 | kubernetes: {version: 1.35.0}
      |                       ------ 1.31 is the last it can run
    2 | image: centos-7
      |        ^^^^^^^^
      |
      = help: its kernel 3.10 is older than Kubernetes 1.32 and later are checked against (4.19), and kubelets from 1.35 on refuse cgroup v1
    "#);
}

#[test]
fn an_image_that_kubernetes_hardly_takes_is_warned_of() {
    insta::assert_snapshot!(problems(&with_nodes(&[
        r#"name: m1, role: master, address: 10.0.0.11/24, interface: eth0, image: centos-7"#,
    ])), @r#"
    error: `centos-7` cannot run Kubernetes 1.34
     --> cluster.yaml:3:77
      |
    1 | kubernetes: {version: 1.34.2}
      |                       ------ 1.31 is the last it can run
    2 | nodes:
    3 |   - {name: m1, role: master, address: 10.0.0.11/24, interface: eth0, image: centos-7}
      |                                                                             ^^^^^^^^
      |
      = help: its kernel 3.10 is older than Kubernetes 1.32 and later are checked against (4.19), and kubelets from 1.35 on refuse cgroup v1
    "#);
}

#[test]
fn network_scripts_are_told_the_card_itself() {
    insta::assert_snapshot!(problems("kubernetes: {version: 1.18.20}\nimage: centos-7\nnodes: [{name: m1, role: master, address: 10.0.0.11/24}]\n"), @r#"
    error: `centos-7` cannot find its network card: its network scripts know no patterns
     --> cluster.yaml:3:9
      |
    3 | nodes: [{name: m1, role: master, address: 10.0.0.11/24}]
      |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: give the node its `mac`, or the one name as `interface: eth0`
    "#);
}

#[test]
fn a_label_is_a_label() {
    insta::assert_snapshot!(problems(&with_nodes(&[
        r#"name: m1, role: master, address: 10.0.0.11/24, labels: {"a b": 1, rack: "r 1", good: yes, number: 7}"#,
    ])), @r#"
    error: `a b` is no key of a label
     --> cluster.yaml:3:62
      |
    3 |   - {name: m1, role: master, address: 10.0.0.11/24, labels: {"a b": 1, rack: "r 1", good: yes, number: 7}}
      |                                                              ^^^^^
      |
      = help: write it as `example.org/rack` or `rack`, the name with 63 characters at most

    error: `r 1` is no value of a label
     --> cluster.yaml:3:78
      |
    3 |   - {name: m1, role: master, address: 10.0.0.11/24, labels: {"a b": 1, rack: "r 1", good: yes, number: 7}}
      |                                                                              ^^^^^
      |
      = help: use letters, digits, `-`, `_` and `.`, 63 characters at most
    "#);
}

#[test]
fn a_node_does_not_give_itself_restricted_labels() {
    insta::assert_snapshot!(problems(&with_nodes(&[
        r#"name: m1, role: master, address: 10.0.0.11/24, labels: {node-role.kubernetes.io/infra: "", kubernetes.io/hostname: x, app.kubernetes.io/name: y, topology.kubernetes.io/zone: z}"#,
    ])), @r#"
    error: a node cannot give itself the label `node-role.kubernetes.io/infra`
     --> cluster.yaml:3:62
      |
    3 |   - {name: m1, role: master, address: 10.0.0.11/24, labels: {node-role.kubernetes.io/infra: "", kubernetes.io/hostname: x, app.kubern...
      |                                                              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: `role` decides it

    error: a node cannot give itself the label `kubernetes.io/hostname`
     --> cluster.yaml:3:97
      |
    3 |   - {name: m1, role: master, address: 10.0.0.11/24, labels: {node-role.kubernetes.io/infra: "", kubernetes.io/hostname: x, app.kubern...
      |                                                                                                 ^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: `name` decides it

    error: a node cannot give itself the label `app.kubernetes.io/name`
     --> cluster.yaml:3:124
      |
    3 | ...e.kubernetes.io/infra: "", kubernetes.io/hostname: x, app.kubernetes.io/name: y, topology.kubernetes.io/zone: z}}
      |                                                          ^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: Kubernetes keeps this prefix to itself: use one of your own, as `example.org/`
    "#);
}

#[test]
fn a_taint_has_a_key_and_an_effect() {
    insta::assert_snapshot!(problems(&with_nodes(&[
        r#"name: m1, role: master, address: 10.0.0.11/24, taints: [dedicated, "dedicated=db:NoSchedul", "-:NoSchedule", "a=b:NoExecute", "a=c:NoExecute"]"#,
    ])), @r#"
    error: the taint `dedicated` has no effect
     --> cluster.yaml:3:62
      |
    3 |   - {name: m1, role: master, address: 10.0.0.11/24, taints: [dedicated, "dedicated=db:NoSchedul", "-:NoSchedule", "a=b:NoExecute", "a...
      |                                                              ^^^^^^^^^
      |
      = help: did you mean `dedicated:NoSchedule`?

    error: `NoSchedul` is no effect of a taint
     --> cluster.yaml:3:73
      |
    3 |   - {name: m1, role: master, address: 10.0.0.11/24, taints: [dedicated, "dedicated=db:NoSchedul", "-:NoSchedule", "a=b:NoExecute", "a...
      |                                                                         ^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: did you mean `NoSchedule`?

    error: `-` is no key of a taint
     --> cluster.yaml:3:99
      |
    3 |   - {name: m1, role: master, address: 10.0.0.11/24, taints: [dedicated, "dedicated=db:NoSchedul", "-:NoSchedule", "a=b:NoExecute", "a...
      |                                                                                                   ^^^^^^^^^^^^^^

    error: a node has one taint `a` with the effect `NoExecute`
     --> cluster.yaml:3:132
      |
    3 | ...cated, "dedicated=db:NoSchedul", "-:NoSchedule", "a=b:NoExecute", "a=c:NoExecute"]}
      |                                                     ---------------  ^^^^^^^^^^^^^^^
      |                                                     |
      |                                                     first here
    "#);
}

#[test]
fn a_network_card_has_an_address() {
    insta::assert_snapshot!(problems(&with_nodes(&[
        r#"name: m1, role: master, address: 10.0.0.11/24, mac: "00:00:00:00:00:00""#,
    ])), @r#"
    error: `00:00:00:00:00:00` is no network card's address
     --> cluster.yaml:3:58
      |
    3 |   - {name: m1, role: master, address: 10.0.0.11/24, mac: "00:00:00:00:00:00"}
      |                                                          ^^^^^^^^^^^^^^^^^^^
    "#);
}

#[test]
fn a_taint_is_understood() {
    insta::assert_snapshot!(problems(&with_nodes(&[
        r#"name: m1, role: master, address: 10.0.0.11/24, taints: ["a:Never", "a=b c:NoSchedule"]"#,
    ])), @r#"
    error: `Never` is no effect of a taint
     --> cluster.yaml:3:62
      |
    3 |   - {name: m1, role: master, address: 10.0.0.11/24, taints: ["a:Never", "a=b c:NoSchedule"]}
      |                                                              ^^^^^^^^^
      |
      = help: it can be `NoSchedule`, `PreferNoSchedule` or `NoExecute`

    error: `b c` is no value of a taint
     --> cluster.yaml:3:73
      |
    3 |   - {name: m1, role: master, address: 10.0.0.11/24, taints: ["a:Never", "a=b c:NoSchedule"]}
      |                                                                         ^^^^^^^^^^^^^^^^^^
    "#);
}

#[test]
fn some_addresses_belong_to_no_machine() {
    insta::assert_snapshot!(problems(&with_nodes(&[
        r#"name: m1, role: master, address: 0.0.0.1/8"#,
        r#"name: n1, role: worker, address: 169.254.1.1/16"#,
        r#"name: n2, role: worker, address: 224.0.0.5/24"#,
    ])), @r#"
    error: `0.0.0.1/32` cannot be used: addresses in 0.0.0.0/8 belong to no machine
     --> cluster.yaml:3:39
      |
    3 |   - {name: m1, role: master, address: 0.0.0.1/8}
      |                                       ^^^^^^^^^

    error: `169.254.1.1/32` cannot be used: 169.254.0.0/16 is for link-local addresses
     --> cluster.yaml:4:39
      |
    4 |   - {name: n1, role: worker, address: 169.254.1.1/16}
      |                                       ^^^^^^^^^^^^^^

    error: `224.0.0.5/32` cannot be used: addresses from 224.0.0.0 on are multicast or reserved
     --> cluster.yaml:5:39
      |
    5 |   - {name: n2, role: worker, address: 224.0.0.5/24}
      |                                       ^^^^^^^^^^^^
    "#);
}
