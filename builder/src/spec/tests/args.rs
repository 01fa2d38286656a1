use super::{problems, with};

#[test]
fn a_flag_is_written_without_dashes() {
    insta::assert_snapshot!(problems(&with(
        r#"extraArgs:
  kubelet: {--max-pods: 50, max_pods: 50, v: 2}"#,
    )), @r#"
    error: `--max-pods` is no name of a flag
     --> cluster.yaml:7:13
      |
    7 |   kubelet: {--max-pods: 50, max_pods: 50, v: 2}
      |             ^^^^^^^^^^
      |
      = help: did you mean `max-pods`?

    error: `max_pods` is no name of a flag
     --> cluster.yaml:7:29
      |
    7 |   kubelet: {--max-pods: 50, max_pods: 50, v: 2}
      |                             ^^^^^^^^
      |
      = help: did you mean `max-pods`?
    "#);
}

#[test]
fn a_flag_that_kimage_decides_is_refused() {
    insta::assert_snapshot!(problems(&with(
        r#"extraArgs:
  kubelet: {hostname-override: x, config: /etc/k}
  etcd: {name: x}
  kube-apiserver: {service-cluster-ip-range: 10.0.0.0/24}"#,
    )), @r#"
    error: kimage decides `--hostname-override` of kubelet
     --> cluster.yaml:7:13
      |
    7 |   kubelet: {hostname-override: x, config: /etc/k}
      |             ^^^^^^^^^^^^^^^^^
      |
      = help: set `nodes[].name`

    error: kimage decides `--config` of kubelet
     --> cluster.yaml:7:35
      |
    7 |   kubelet: {hostname-override: x, config: /etc/k}
      |                                   ^^^^^^
      |
      = help: other files of the image hold the same value: it cannot be set alone

    error: kimage decides `--name` of etcd
     --> cluster.yaml:8:10
      |
    8 |   etcd: {name: x}
      |          ^^^^
      |
      = help: set `nodes[].name`

    error: kimage decides `--service-cluster-ip-range` of kube-apiserver
     --> cluster.yaml:9:20
      |
    9 |   kube-apiserver: {service-cluster-ip-range: 10.0.0.0/24}
      |                    ^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: set `network.services`
    "#);
}

#[test]
fn a_flag_that_the_version_does_not_know_is_refused() {
    insta::assert_snapshot!(problems(&with(
        r#"extraArgs:
  kube-apiserver: {insecure-port: 0, audit-log-max-age: 3}
  kubelet: {network-plugin: cni}"#,
    )), @r#"
    error: kube-apiserver 1.34.2 has no flag `--insecure-port`: it is gone since 1.24.0
     --> cluster.yaml:7:20
      |
    7 |   kube-apiserver: {insecure-port: 0, audit-log-max-age: 3}
      |                    ^^^^^^^^^^^^^
      |
      = help: use --secure-port (health: GET https://:6443/livez,/readyz; >=1.16) instead

    error: kube-apiserver 1.34.2 has no flag `--audit-log-max-age`
     --> cluster.yaml:7:38
      |
    7 |   kube-apiserver: {insecure-port: 0, audit-log-max-age: 3}
      |                                      ^^^^^^^^^^^^^^^^^
      |
      = help: did you mean `audit-log-maxage`?

    error: kubelet 1.34.2 has no flag `--network-plugin`: it is gone since 1.24.0
     --> cluster.yaml:8:13
      |
    8 |   kubelet: {network-plugin: cni}
      |             ^^^^^^^^^^^^^^
      |
      = help: leave it out
    "#);
}

#[test]
fn a_flag_of_a_later_version_is_refused() {
    insta::assert_snapshot!(problems(&with("extraArgs:\n  kube-apiserver: {authorization-config: /etc/a.yaml}").replace("1.34.2", "1.28.15")), @r#"
    error: kube-apiserver 1.28.15 has no flag `--authorization-config` yet
     --> cluster.yaml:7:20
      |
    7 |   kube-apiserver: {authorization-config: /etc/a.yaml}
      |                    ^^^^^^^^^^^^^^^^^^^^
      |
      = help: it comes with 1.29.0
    "#);
}

#[test]
fn a_deprecated_flag_is_warned_of() {
    insta::assert_snapshot!(problems(&with(
        r#"extraArgs:
  kube-apiserver: {admission-control: NodeRestriction}
  kubelet: {max-pods: 50}"#,
    )), @r#"
    warning[deprecated]: `--admission-control` is deprecated since 1.10.0
     --> cluster.yaml:7:20
      |
    7 |   kube-apiserver: {admission-control: NodeRestriction}
      |                    ^^^^^^^^^^^^^^^^^
      |
      = help: use --enable-admission-plugins / --disable-admission-plugins instead

    warning[deprecated]: `--max-pods` is deprecated since 1.10.0
     --> cluster.yaml:8:13
      |
    8 |   kubelet: {max-pods: 50}
      |             ^^^^^^^^
      |
      = help: use `maxPods` in `extraConfig.kubelet` instead
    "#);
}

#[test]
fn a_component_is_one_that_there_is() {
    insta::assert_snapshot!(problems(&with(
        r#"extraArgs:
  kube-api-server: {v: 2}
  scheduler: {v: 2}"#,
    )), @r#"
    error: unknown key `kube-api-server` in `extraArgs`
     --> cluster.yaml:7:3
      |
    7 |   kube-api-server: {v: 2}
      |   ^^^^^^^^^^^^^^^
      |
      = help: did you mean `kube-apiserver`?

    error: unknown key `scheduler` in `extraArgs`
     --> cluster.yaml:8:3
      |
    8 |   scheduler: {v: 2}
      |   ^^^^^^^^^
      |
      = help: it belongs to `extraArgs.kube-scheduler`
    "#);
}

#[test]
fn a_value_is_on_one_line() {
    insta::assert_snapshot!(problems(&with(
        r#"extraArgs:
  kubelet: {node-status-max-images: "1\n2", v: [1]}"#,
    )), @r#"
    error: the value of `--node-status-max-images` must be on one line
     --> cluster.yaml:7:37
      |
    7 |   kubelet: {node-status-max-images: "1\n2", v: [1]}
      |                                     ^^^^^^

    error: `v` must be a text or a number or `true` or `false`, but this is a list
     --> cluster.yaml:7:45
      |
    7 |   kubelet: {node-status-max-images: "1\n2", v: [1]}
      |                                             ^
    "#);
}
