use super::{MINIMAL, problems, with};

#[test]
fn pods_and_services_do_not_overlap() {
    insta::assert_snapshot!(problems(&with(
        r#"network:
  pods: 10.96.0.0/12
  services: 10.100.0.0/16"#,
    )), @r#"
    error: `10.96.0.0/12` for pods and `10.100.0.0/16` for Services overlap
     --> cluster.yaml:8:13
      |
    7 |   pods: 10.96.0.0/12
      |         ------------ pods
    8 |   services: 10.100.0.0/16
      |             ^^^^^^^^^^^^^
      |
      = help: give each a range of its own
    "#);
}

#[test]
fn a_range_overlaps_the_default_of_the_other() {
    insta::assert_snapshot!(problems(&with(
        r#"network: {pods: 10.96.0.0/11}"#,
    )), @r#"
    error: `10.96.0.0/11` for pods and `10.96.0.0/16` for Services overlap
     --> cluster.yaml:6:17
      |
    6 | network: {pods: 10.96.0.0/11}
      |                 ^^^^^^^^^^^^
      |
      = help: give each a range of its own
    "#);
}

#[test]
fn the_network_of_the_nodes_overlaps_nothing() {
    insta::assert_snapshot!(problems(&with(
        r#"network: {services: 192.168.0.0/16}"#,
    )), @r#"
    error: the network `192.168.76.0/24` of node `k8s-master-1` and `192.168.0.0/16` for Services overlap
     --> cluster.yaml:4:49
      |
    4 |   - {name: k8s-master-1, role: master, address: 192.168.76.11/24}
      |                                                 ^^^^^^^^^^^^^^^^
    5 |   - {name: k8s-node-1, role: worker, address: 192.168.76.21/24}
    6 | network: {services: 192.168.0.0/16}
      |                     -------------- Services
      |
      = help: set `network.services` to a range that is free
    "#);
}

#[test]
fn nodes_in_the_default_ranges_are_told_so() {
    insta::assert_snapshot!(problems(&MINIMAL.replace("192.168.76.", "10.244.3.")), @r#"
    error: the network `10.244.3.0/24` of node `k8s-master-1` and `10.244.0.0/16` for pods overlap
     --> cluster.yaml:4:49
      |
    4 |   - {name: k8s-master-1, role: master, address: 10.244.3.11/24}
      |                                                 ^^^^^^^^^^^^^^
      |
      = help: set `network.pods` to a range that is free
    "#);
}

#[test]
fn a_range_begins_at_its_first_address() {
    insta::assert_snapshot!(problems(&with(
        r#"network: {pods: 10.244.7.0/16}"#,
    )), @r#"
    error: `10.244.7.0/16` is an address inside a range
     --> cluster.yaml:6:17
      |
    6 | network: {pods: 10.244.7.0/16}
      |                 ^^^^^^^^^^^^^
      |
      = help: did you mean `10.244.0.0/16`?
    "#);
}

#[test]
fn a_range_needs_a_prefix_length() {
    insta::assert_snapshot!(problems(&with(
        r#"network: {pods: 10.244.0.0, services: ten}"#,
    )), @r#"
    error: `10.244.0.0` is no range
     --> cluster.yaml:6:17
      |
    6 | network: {pods: 10.244.0.0, services: ten}
      |                 ^^^^^^^^^^
      |
      = help: the prefix length is missing, as in `10.244.0.0/24`

    error: `ten` is no range
     --> cluster.yaml:6:39
      |
    6 | network: {pods: 10.244.0.0, services: ten}
      |                                       ^^^
      |
      = help: write it as `10.244.0.0/16`
    "#);
}

#[test]
fn a_prefix_length_has_a_limit() {
    insta::assert_snapshot!(problems(&with(
        r#"network: {pods: 10.244.0.0/33}"#,
    )), @r#"
    error: `10.244.0.0/33` is no range
     --> cluster.yaml:6:17
      |
    6 | network: {pods: 10.244.0.0/33}
      |                 ^^^^^^^^^^^^^
      |
      = help: write it as `10.244.0.0/16`
    "#);
}

#[test]
fn ipv6_is_not_supported_yet() {
    insta::assert_snapshot!(problems(&with(
        r#"network: {pods: "fd00:10:244::/56"}"#,
    )), @r#"
    error: `fd00:10:244::/56` is no range
     --> cluster.yaml:6:17
      |
    6 | network: {pods: "fd00:10:244::/56"}
      |                 ^^^^^^^^^^^^^^^^^^
      |
      = help: IPv6 is not supported yet
    "#);
}

#[test]
fn a_range_cannot_be_multicast() {
    insta::assert_snapshot!(problems(&with(
        r#"network: {pods: 239.0.0.0/16}"#,
    )), @r#"
    error: `239.0.0.0/16` cannot be used: addresses from 224.0.0.0 on are multicast or reserved
     --> cluster.yaml:6:17
      |
    6 | network: {pods: 239.0.0.0/16}
      |                 ^^^^^^^^^^^^
    "#);
}

#[test]
fn services_need_a_tenth_address() {
    insta::assert_snapshot!(problems(&with(
        r#"network: {services: 10.96.0.0/29}"#,
    )), @r#"
    error: `10.96.0.0/29` has no tenth address, which is the cluster's DNS
     --> cluster.yaml:6:21
      |
    6 | network: {services: 10.96.0.0/29}
      |                     ^^^^^^^^^^^^
      |
      = help: take a /28 or larger; a /16 is usual
    "#);
}

#[test]
fn services_take_a_twelve_at_most() {
    insta::assert_snapshot!(problems(&with(
        r#"network: {services: 10.0.0.0/8}"#,
    )), @r#"
    error: `10.0.0.0/8` is larger than Kubernetes takes for Services
     --> cluster.yaml:6:21
      |
    6 | network: {services: 10.0.0.0/8}
      |                     ^^^^^^^^^^
      |
      = help: take a /12 or smaller, as `10.0.0.0/12`
    "#);
}

#[test]
fn pods_must_suffice_for_the_nodes() {
    insta::assert_snapshot!(problems(&with(
        r#"network: {pods: 10.244.0.0/24}"#,
    )), @r#"
    error: `10.244.0.0/24` has 1 share of /24, but there are 2 nodes
     --> cluster.yaml:6:17
      |
    6 | network: {pods: 10.244.0.0/24}
      |                 ^^^^^^^^^^^^^
      |
      = help: set `nodePrefix: 25`
    "#);
}

#[test]
fn pods_that_no_prefix_makes_suffice_must_be_more() {
    insta::assert_snapshot!(problems(&with(
        r#"network: {pods: 10.244.0.0/28, nodePrefix: 28}"#,
    )), @r#"
    error: `10.244.0.0/28` has 1 share of /28, but there are 2 nodes
     --> cluster.yaml:6:44
      |
    6 | network: {pods: 10.244.0.0/28, nodePrefix: 28}
      |                                            ^^
      |
      = help: take a /27 or larger for `pods`
    "#);
}

#[test]
fn a_share_is_no_larger_than_the_range() {
    insta::assert_snapshot!(problems(&with(
        r#"network: {pods: 10.244.0.0/20, nodePrefix: 16}"#,
    )), @r#"
    error: a node's share, a /16, is larger than `10.244.0.0/20`
     --> cluster.yaml:6:44
      |
    6 | network: {pods: 10.244.0.0/20, nodePrefix: 16}
      |                 ------------- all pods     ^^
      |
      = help: `nodePrefix` must be 20 at least
    "#);
}

#[test]
fn shares_can_be_too_small_for_kubernetes() {
    insta::assert_snapshot!(problems(&with(
        r#"network: {pods: 172.16.0.0/12, nodePrefix: 29}"#,
    )), @r#"
    error: Kubernetes cannot cut `172.16.0.0/12` into shares of /29
     --> cluster.yaml:6:44
      |
    6 | network: {pods: 172.16.0.0/12, nodePrefix: 29}
      |                 ------------- all pods     ^^
      |
      = help: `nodePrefix` can be 28 at most
    "#);
}

#[test]
fn a_small_share_is_warned_of() {
    insta::assert_snapshot!(problems(&with(
        r#"network: {nodePrefix: 26}"#,
    )), @r#"
    warning[few-pod-addresses]: a /26 has 61 addresses for pods, but a kubelet takes 110 pods
     --> cluster.yaml:6:23
      |
    6 | network: {nodePrefix: 26}
      |                       ^^
      |
      = help: take 25 or less, or set `max-pods: 61` in `extraArgs.kubelet`
    "#);
}

#[test]
fn a_domain_is_a_dns_name() {
    insta::assert_snapshot!(problems(&with(
        r#"network: {dns: {domain: Cluster.Local.}}"#,
    )), @r#"
    error: `Cluster.Local.` is no DNS name
     --> cluster.yaml:6:25
      |
    6 | network: {dns: {domain: Cluster.Local.}}
      |                         ^^^^^^^^^^^^^^
      |
      = help: did you mean `cluster.local`?
    "#);
}

#[test]
fn a_name_server_is_an_address() {
    insta::assert_snapshot!(problems(&with(
        r#"network: {dns: {servers: [dns.example.org, 10.0.0.1/24, 1.1.1.1.1]}}"#,
    )), @r#"
    error: `dns.example.org` is no IPv4 address
     --> cluster.yaml:6:27
      |
    6 | network: {dns: {servers: [dns.example.org, 10.0.0.1/24, 1.1.1.1.1]}}
      |                           ^^^^^^^^^^^^^^^

    error: `10.0.0.1/24` is no IPv4 address
     --> cluster.yaml:6:44
      |
    6 | network: {dns: {servers: [dns.example.org, 10.0.0.1/24, 1.1.1.1.1]}}
      |                                            ^^^^^^^^^^^
      |
      = help: only the address is needed: `10.0.0.1`

    error: `1.1.1.1.1` is no IPv4 address
     --> cluster.yaml:6:57
      |
    6 | network: {dns: {servers: [dns.example.org, 10.0.0.1/24, 1.1.1.1.1]}}
      |                                                         ^^^^^^^^^
    "#);
}

#[test]
fn the_cluster_dns_does_not_ask_itself() {
    insta::assert_snapshot!(problems(&with(
        r#"network: {dns: {servers: [10.96.0.10]}}"#,
    )), @r#"
    error: `10.96.0.10` is the cluster's own DNS, which would ask itself
     --> cluster.yaml:6:27
      |
    6 | network: {dns: {servers: [10.96.0.10]}}
      |                           ^^^^^^^^^^
      |
      = help: name a server outside the cluster
    "#);
}

#[test]
fn a_fourth_name_server_is_never_asked() {
    insta::assert_snapshot!(problems(&with(
        r#"network: {dns: {servers: [10.0.0.1, 10.0.0.2, 10.0.0.3, 10.0.0.4]}}"#,
    )), @r#"
    warning[many-name-servers]: resolvers ask three name servers at most
     --> cluster.yaml:6:57
      |
    6 | network: {dns: {servers: [10.0.0.1, 10.0.0.2, 10.0.0.3, 10.0.0.4]}}
      |                                                         ^^^^^^^^
      |
      = help: leave the others out
    "#);
}

#[test]
fn a_time_server_is_a_host() {
    insta::assert_snapshot!(problems(&with(
        r#"network: {timeServers: [pool.ntp.org, "ntp pool", 10.0.0.1]}"#,
    )), @r#"
    error: `ntp pool` is neither a name nor an IPv4 address
     --> cluster.yaml:6:39
      |
    6 | network: {timeServers: [pool.ntp.org, "ntp pool", 10.0.0.1]}
      |                                       ^^^^^^^^^^
    "#);
}

#[test]
fn an_unknown_pod_network_is_shown_with_the_known() {
    insta::assert_snapshot!(problems(&with(
        r#"network: {cni: weave}"#,
    )), @r#"
    error: `cni` cannot be `weave`
     --> cluster.yaml:6:16
      |
    6 | network: {cni: weave}
      |                ^^^^^
      |
      = help: it can be `bridge`, `flannel`, `calico` or `none`
    "#);
}
