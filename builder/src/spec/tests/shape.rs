use super::{MINIMAL, problems, with, with_nodes};

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

#[test]
fn a_key_at_the_wrong_place_is_sent_to_its_own() {
    insta::assert_snapshot!(problems(&with(
        r#"serviceSubnet: 10.0.0.0/16
domain: x.org
caYears: 5"#,
    )), @r#"
    error: unknown key `serviceSubnet`
     --> cluster.yaml:6:1
      |
    6 | serviceSubnet: 10.0.0.0/16
      | ^^^^^^^^^^^^^
      |
      = help: it belongs to `network.services`

    error: unknown key `domain`
     --> cluster.yaml:7:1
      |
    7 | domain: x.org
      | ^^^^^^
      |
      = help: it belongs to `network.dns.domain`

    error: unknown key `caYears`
     --> cluster.yaml:8:1
      |
    8 | caYears: 5
      | ^^^^^^^
      |
      = help: it belongs to `pki.caYears`
    "#);
}

#[test]
fn an_unknown_key_in_a_section_names_the_section() {
    insta::assert_snapshot!(problems(&with(
        r#"network: {podz: 10.0.0.0/16, zzz: 1}"#,
    )), @r#"
    error: unknown key `podz` in `network`
     --> cluster.yaml:6:11
      |
    6 | network: {podz: 10.0.0.0/16, zzz: 1}
      |           ^^^^
      |
      = help: did you mean `pods`?

    error: unknown key `zzz` in `network`
     --> cluster.yaml:6:30
      |
    6 | network: {podz: 10.0.0.0/16, zzz: 1}
      |                              ^^^
      |
      = help: known here: `calico`, `cni`, `dns`, `flannel`, `nodePrefix`, `pods`, `services` or `timeServers`
    "#);
}

#[test]
fn a_node_without_an_address_is_named() {
    insta::assert_snapshot!(problems(&with_nodes(&[
        r#"name: m1, role: master"#,
        r#"role: worker, address: 10.0.0.12/24"#,
        r#""#,
    ])), @r#"
    error: node `m1` has no `address`
     --> cluster.yaml:3:6
      |
    3 |   - {name: m1, role: master}
      |      ^^^^
      |
      = help: its address with the prefix length of its network, as `192.168.76.11/24`

    error: a node has no `name`
     --> cluster.yaml:4:6
      |
    4 |   - {role: worker, address: 10.0.0.12/24}
      |      ^^^^
      |
      = help: its one name: host name, name in Kubernetes, name in its certificates

    error: a node has no `name`
     --> cluster.yaml:5:5
      |
    5 |   - {}
      |     ^^
      |
      = help: its one name: host name, name in Kubernetes, name in its certificates

    error: a node has no `role`
     --> cluster.yaml:5:5
      |
    5 |   - {}
      |     ^^
      |
      = help: it can be `master` or `worker`

    error: a node has no `address`
     --> cluster.yaml:5:5
      |
    5 |   - {}
      |     ^^
      |
      = help: its address with the prefix length of its network, as `192.168.76.11/24`
    "#);
}

#[test]
fn a_wrong_type_says_both() {
    insta::assert_snapshot!(problems(&with(
        r#"images: docker.io/library/nginx:1.27
network: [1, 2]
pki: {leafDays: "365", caYears: ten}
etcd: {heartbeatInterval: 0}"#,
    )), @r#"
    error: `images` must be a list, but `docker.io/library/nginx:1.27` is a text
     --> cluster.yaml:6:9
      |
    6 | images: docker.io/library/nginx:1.27
      |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: write a list: [docker.io/library/nginx:1.27]

    error: `network` must be a mapping of keys, but this is a list
     --> cluster.yaml:7:1
      |
    7 | network: [1, 2]
      | ^^^^^^^

    error: `leafDays` must be a whole number, but `365` is a text
     --> cluster.yaml:8:17
      |
    8 | pki: {leafDays: "365", caYears: ten}
      |                 ^^^^^
      |
      = help: write it without quotes and without leading zeros

    error: `caYears` must be a whole number, but `ten` is a text
     --> cluster.yaml:8:33
      |
    8 | pki: {leafDays: "365", caYears: ten}
      |                                 ^^^

    error: `heartbeatInterval` must be at least 1, but is `0`
     --> cluster.yaml:9:27
      |
    9 | etcd: {heartbeatInterval: 0}
      |                           ^
    "#);
}

#[test]
fn an_api_version_is_the_one_that_there_is() {
    insta::assert_snapshot!(problems(&with(
        r#"apiVersion: kimage/v1
kind: cluster"#,
    )), @r#"
    error: `apiVersion` cannot be `kimage/v1`
     --> cluster.yaml:6:13
      |
    6 | apiVersion: kimage/v1
      |             ^^^^^^^^^
      |
      = help: it can be `kimage/v1alpha1`

    error: `kind` cannot be `cluster`
     --> cluster.yaml:7:7
      |
    7 | kind: cluster
      |       ^^^^^^^
      |
      = help: did you mean `Cluster`?
    "#);
}

#[test]
fn everything_is_told_in_one_run() {
    insta::assert_snapshot!(problems(&with_nodes(&[
        r#"name: m1, role: master, adress: 10.0.0.11/24, gateway: 10.0.9.1"#,
        r#"name: n1, role: worker, address: 10.0.0.21"#,
        r#"name: n1, role: wrker, address: 10.0.0.22/24, mac: 1"#,
    ])), @r#"
    error: unknown key `adress`
     --> cluster.yaml:3:30
      |
    3 |   - {name: m1, role: master, adress: 10.0.0.11/24, gateway: 10.0.9.1}
      |                              ^^^^^^
      |
      = help: did you mean `address`?

    error: `10.0.0.21` is no address
     --> cluster.yaml:4:39
      |
    4 |   - {name: n1, role: worker, address: 10.0.0.21}
      |                                       ^^^^^^^^^
      |
      = help: the prefix length is missing, as in `10.0.0.21/24`

    error: two nodes are named `n1`
     --> cluster.yaml:5:12
      |
    4 |   - {name: n1, role: worker, address: 10.0.0.21}
      |            -- first here
    5 |   - {name: n1, role: wrker, address: 10.0.0.22/24, mac: 1}
      |            ^^

    error: `role` cannot be `wrker`
     --> cluster.yaml:5:22
      |
    5 |   - {name: n1, role: wrker, address: 10.0.0.22/24, mac: 1}
      |                      ^^^^^
      |
      = help: did you mean `worker`?

    error: `mac` must be a text, but `1` is a whole number
     --> cluster.yaml:5:57
      |
    5 |   - {name: n1, role: wrker, address: 10.0.0.22/24, mac: 1}
      |                                                         ^
      |
      = help: write it in quotes: "1"
    "#);
}
