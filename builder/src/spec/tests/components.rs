use super::{cluster, problems, with};
use crate::spec::Component;

const USER: &str = "host: {users: [{name: kube, id: 200}, {name: other, id: 201}]}\n";

#[test]
fn a_component_has_an_account_an_environment_and_a_file_for_its_flags() {
    let cluster = cluster(&with(&format!(
        "{USER}components:
  kube-apiserver:
    user: kube
    environmentFile: {{path: /etc/kubernetes/apiserver, variable: KUBE_API_ARGS}}
    environment: {{GODEBUG: x509sha1=0, NUMBER: 1}}
  kubelet: {{}}"
    )));
    let service = &cluster.components[&Component::KubeApiserver];
    insta::assert_snapshot!(serde_json::to_string_pretty(service).unwrap(), @r#"
    {
      "user": "kube",
      "environment_file": {
        "path": "/etc/kubernetes/apiserver",
        "variable": "KUBE_API_ARGS"
      },
      "environment": {
        "GODEBUG": "x509sha1=0",
        "NUMBER": "1"
      }
    }
    "#);
}

#[test]
fn an_account_is_declared_and_not_roots_work() {
    insta::assert_snapshot!(problems(&with(&format!(
        "{USER}components:
  kube-scheduler: {{user: kubes}}
  kubelet: {{user: kube}}
  etcd: {{user: nobody}}"
    ))), @r#"
    error: `host.users` has no `kubes`
     --> cluster.yaml:8:26
      |
    8 |   kube-scheduler: {user: kubes}
      |                          ^^^^^
      |
      = help: declare it there, with a number, or leave it out: kube-scheduler then runs as root

    error: kubelet needs root
     --> cluster.yaml:9:19
      |
    9 |   kubelet: {user: kube}
      |                   ^^^^
      |
      = help: leave it out: it changes the machine's network, mounts or control groups

    error: `host.users` has no `nobody`
      --> cluster.yaml:10:16
       |
    10 |   etcd: {user: nobody}
       |                ^^^^^^
       |
       = help: declare it there, with a number, or leave it out: etcd then runs as etcd
    "#);
}

#[test]
fn a_key_has_one_owner() {
    insta::assert_snapshot!(problems(&with(&format!(
        "{USER}components:
  kube-apiserver: {{user: kube}}
  kube-controller-manager: {{user: other}}"
    ))), @r#"
    error: kube-controller-manager must read sa.key, which belongs to `kube`
     --> cluster.yaml:9:35
      |
    8 |   kube-apiserver: {user: kube}
      |                          ---- reads sa.key, too
    9 |   kube-controller-manager: {user: other}
      |                                   ^^^^^
      |
      = help: let both run as `kube`
    "#);
}

#[test]
fn before_the_api_signs_tokens_the_controllers_have_their_key_alone() {
    let text = format!(
        "kubernetes: {{version: 1.15.3}}
image: centos-7
nodes: [{{name: m1, role: master, address: 192.168.20.31/24, interface: ens160}}]
{USER}components:
  kube-apiserver: {{user: kube}}
  kube-controller-manager: {{user: other}}
"
    );
    assert_eq!(cluster(&text).components.len(), 2);
}

#[test]
fn a_low_port_is_roots() {
    insta::assert_snapshot!(problems(&with(&format!(
        "{USER}controlPlane: {{port: 443}}
components:
  kube-apiserver: {{user: kube}}"
    ))), @r#"
    error: only root may listen on port 443
     --> cluster.yaml:9:26
      |
    7 | controlPlane: {port: 443}
      |                      --- kube-apiserver's port
    8 | components:
    9 |   kube-apiserver: {user: kube}
      |                          ^^^^
      |
      = help: choose a port from 1024 on
    "#);
}

#[test]
fn a_variable_has_a_name_and_a_file_has_a_path_of_its_own() {
    insta::assert_snapshot!(problems(&with(
        "host: {files: [{path: /etc/kubernetes/a, content: x}]}
components:
  etcd: {environmentFile: {path: etcd, variable: A}}
  kube-apiserver: {environmentFile: {path: /etc/kubernetes/a, variable: KUBE-API-ARGS}}
  kube-scheduler: {environmentFile: {path: /etc/kubernetes/b, variable: A}}
  kubelet: {environmentFile: {path: /etc/kubernetes/b, variable: A}, environment: {1A: x, B: \"x\\ny\"}}
  kube-proxy: {environmentFile: {path: /run/kube-proxy, variable: A}}",
    )), @r#"
    error: `etcd` is not an absolute path
     --> cluster.yaml:8:34
      |
    8 |   etcd: {environmentFile: {path: etcd, variable: A}}
      |                                  ^^^^

    error: `/etc/kubernetes/a` is described twice
     --> cluster.yaml:9:44
      |
    6 | host: {files: [{path: /etc/kubernetes/a, content: x}]}
      |                       ----------------- the other
    ...
    9 |   kube-apiserver: {environmentFile: {path: /etc/kubernetes/a, variable: KUBE-API-ARGS}}
      |                                            ^^^^^^^^^^^^^^^^^

    error: `KUBE-API-ARGS` is no name of a variable
     --> cluster.yaml:9:73
      |
    9 |   kube-apiserver: {environmentFile: {path: /etc/kubernetes/a, variable: KUBE-API-ARGS}}
      |                                                                         ^^^^^^^^^^^^^
      |
      = help: use letters, digits and `_`, as `KUBELET_ARGS`

    error: two components have `/etc/kubernetes/b`
      --> cluster.yaml:11:37
       |
    10 |   kube-scheduler: {environmentFile: {path: /etc/kubernetes/b, variable: A}}
       |                                            ----------------- first here
    11 |   kubelet: {environmentFile: {path: /etc/kubernetes/b, variable: A}, environment: {1A: x, B: "x\ny"}}
       |                                     ^^^^^^^^^^^^^^^^^

    error: `1A` is no name of a variable
      --> cluster.yaml:11:88
       |
    11 |   kubelet: {environmentFile: {path: /etc/kubernetes/b, variable: A}, environment: {1A: x, B: "x\ny"}}
       |                                                                                        ^
       |
       = help: use letters, digits and `_`, as `KUBELET_ARGS`

    error: `B` must be on one line
      --> cluster.yaml:11:94
       |
    11 |   kubelet: {environmentFile: {path: /etc/kubernetes/b, variable: A}, environment: {1A: x, B: "x\ny"}}
       |                                                                                              ^^^^^^

    error: nobody would see `/run/kube-proxy`: something is mounted over `/run`
      --> cluster.yaml:12:40
       |
    12 |   kube-proxy: {environmentFile: {path: /run/kube-proxy, variable: A}}
       |                                        ^^^^^^^^^^^^^^^
    "#);
}

#[test]
fn a_flag_in_an_environment_file_has_nothing_that_systemd_splits() {
    insta::assert_snapshot!(problems(&with(
        "extraArgs:
  kube-apiserver: {event-ttl: 1 h, external-hostname: \"$HOME\", v: 2}
  kube-scheduler: {vmodule: a b}
components:
  kube-apiserver: {environmentFile: {path: /etc/kubernetes/apiserver, variable: ARGS}}",
    )), @r#"
    error: the value of `--event-ttl` has a space, which no environment file can hold
      --> cluster.yaml:7:31
       |
     7 |   kube-apiserver: {event-ttl: 1 h, external-hostname: "$HOME", v: 2}
       |                               ^^^
    ...
    10 |   kube-apiserver: {environmentFile: {path: /etc/kubernetes/apiserver, variable: ARGS}}
       |                    --------------- flags go there
       |
       = help: leave out the `environmentFile` of kube-apiserver

    error: the value of `--external-hostname` has `$`, which no environment file can hold
      --> cluster.yaml:7:55
       |
     7 |   kube-apiserver: {event-ttl: 1 h, external-hostname: "$HOME", v: 2}
       |                                                       ^^^^^^^
    ...
    10 |   kube-apiserver: {environmentFile: {path: /etc/kubernetes/apiserver, variable: ARGS}}
       |                    --------------- flags go there
       |
       = help: leave out the `environmentFile` of kube-apiserver
    "#);
}
