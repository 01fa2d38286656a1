//! Problems of versions, seen as people see them.

use super::{MINIMAL, problems, with};
use crate::blueprint::Blueprints;
use crate::spec::parse_with;

#[test]
fn an_unknown_kubernetes_is_refused() {
    insta::assert_snapshot!(problems(&MINIMAL.replace("1.34.2", "1.9.11")), @r#"
    error: Kubernetes 1.9.11 is not supported
     --> cluster.yaml:2:12
      |
    2 |   version: 1.9.11
      |            ^^^^^^
      |
      = help: 1.10 to 1.36 are
    "#);
}

#[test]
fn a_kubernetes_from_the_future_is_refused() {
    insta::assert_snapshot!(problems(&MINIMAL.replace("1.34.2", "1.44.0")), @r#"
    error: Kubernetes 1.44.0 is not supported
     --> cluster.yaml:2:12
      |
    2 |   version: 1.44.0
      |            ^^^^^^
      |
      = help: 1.10 to 1.36 are
    "#);
}

#[test]
fn a_version_has_three_numbers() {
    insta::assert_snapshot!(problems(&MINIMAL.replace("1.34.2", "1.34.x")), @r#"
    error: `1.34.x` is no version of three numbers
     --> cluster.yaml:2:12
      |
    2 |   version: 1.34.x
      |            ^^^^^^
      |
      = help: write it as `1.34.2`
    "#);
}

#[test]
fn a_version_that_yaml_takes_for_a_number_is_asked_for_in_quotes() {
    insta::assert_snapshot!(problems(&MINIMAL.replace("1.34.2", "1.34")), @r#"
    error: `version` must be a text, but `1.34` is a number with a point
     --> cluster.yaml:2:12
      |
    2 |   version: 1.34
      |            ^^^^
      |
      = help: a version has three numbers, as `1.34.2`
    "#);
}

#[test]
fn a_missing_version_is_named() {
    insta::assert_snapshot!(problems(&MINIMAL.replace("version: 1.34.2", "install: binaries")), @r#"
    error: `version` is missing in `kubernetes`
     --> cluster.yaml:1:1
      |
    1 | kubernetes:
      | ^^^^^^^^^^
      |
      = help: the full version, as `1.34.2`
    "#);
}

#[test]
fn an_unknown_runtime_is_no_runtime() {
    insta::assert_snapshot!(problems(&with(
        r#"runtime: {name: contained}"#,
    )), @r#"
    error: `name` cannot be `contained`
     --> cluster.yaml:6:17
      |
    6 | runtime: {name: contained}
      |                 ^^^^^^^^^
      |
      = help: did you mean `containerd`?
    "#);
}

#[test]
fn an_old_containerd_is_refused() {
    insta::assert_snapshot!(problems(&with(
        r#"runtime: {version: 1.5.11, runc: latest}"#,
    )), @r#"
    error: containerd 1.5.11 is too old for Kubernetes 1.34
     --> cluster.yaml:6:20
      |
    6 | runtime: {version: 1.5.11, runc: latest}
      |                    ^^^^^^
      |
      = help: 1.6.0 is the oldest that works with it; 2.1.4 is usual

    error: `latest` is no version of three numbers
     --> cluster.yaml:6:34
      |
    6 | runtime: {version: 1.5.11, runc: latest}
      |                                  ^^^^^^
      |
      = help: write it as `1.3.3`
    "#);
}

#[test]
fn a_containerd_that_has_left_the_kubelet_behind_is_refused() {
    let text = with("runtime: {version: 2.1.4}").replace("1.34.2", "1.22.17");
    insta::assert_snapshot!(problems(&text), @r#"
    error: containerd 2.1.4 is too new for Kubernetes 1.22
     --> cluster.yaml:6:20
      |
    6 | runtime: {version: 2.1.4}
      |                    ^^^^^
      |
      = help: 2.0.0 is the first that no longer speaks what the kubelet does; 1.7.28 is usual
    "#);
}

#[test]
fn an_old_etcd_is_refused() {
    insta::assert_snapshot!(problems(&with(
        r#"etcd: {version: 3.4.13}"#,
    )), @r#"
    error: etcd 3.4.13 is not supported with Kubernetes 1.34
     --> cluster.yaml:6:17
      |
    6 | etcd: {version: 3.4.13}
      |                 ^^^^^^
      |
      = help: 3.x from 3.5.0 on is; 3.6.5 is usual
    "#);
}

#[test]
fn an_old_kubernetes_may_have_an_old_etcd() {
    let text = with("etcd: {version: 3.4.13}\nruntime: {version: 1.5.18}");
    let text = text.replace("1.34.2", "1.19.16");
    assert!(crate::spec::parse(&text, "cluster.yaml").is_ok());
}

#[test]
fn elections_leave_time_for_heartbeats() {
    insta::assert_snapshot!(problems(&with(
        r#"etcd:
  heartbeatInterval: 500
  electionTimeout: 1000"#,
    )), @r#"
    error: etcd's election timeout must be at least five heartbeats
     --> cluster.yaml:8:20
      |
    7 |   heartbeatInterval: 500
      |                      --- every 500 ms
    8 |   electionTimeout: 1000
      |                    ^^^^
      |
      = help: 5000 ms are
    "#);
}

#[test]
fn a_long_heartbeat_alone_is_fine_until_the_default_election_is_too_short() {
    insta::assert_snapshot!(problems(&with(
        r#"etcd: {heartbeatInterval: 9999999}"#,
    )), @r#"
    error: `heartbeatInterval` must be at most 10000, but is `9999999`
     --> cluster.yaml:6:27
      |
    6 | etcd: {heartbeatInterval: 9999999}
      |                           ^^^^^^^
    "#);
}

#[test]
fn images_may_be_others_than_those_that_kimage_brings_along() {
    let directory = tempfile::tempdir().unwrap();
    let text = include_str!("../../../../images/debian-12.yaml");
    let text = text.replace("from: \"1.19\"", "from: \"1.35\"");
    std::fs::write(directory.path().join("debian-12.yaml"), text).unwrap();
    let blueprints = Blueprints::from_directory(directory.path()).unwrap();
    let text = with("image: debian-12");
    let error = parse_with(&text, "cluster.yaml", &blueprints).unwrap_err();
    insta::assert_snapshot!(error.problems(), @r#"
    error: `debian-12` cannot run Kubernetes 1.34
     --> cluster.yaml:6:8
      |
    2 |   version: 1.34.2
      |            ------ 1.35 is the first it can run
    ...
    6 | image: debian-12
      |        ^^^^^^^^^
      |
      = help: kubelets before 1.19 do not know cgroup v2
    "#);
}
