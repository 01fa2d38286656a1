use super::{cluster, problems, with};
use crate::spec::Join;

/// The least that one must write, by kubeadm, with more lines.
fn kubeadm(lines: &str) -> String {
    with(lines).replace("version: 1.34.2\n", "version: 1.34.2\n  install: kubeadm\n")
}

#[test]
fn kubeadm_brings_nodes_in_with_certificates_of_their_own() {
    assert_eq!(cluster(&kubeadm("")).join, Join::Kubeadm);
    assert_eq!(cluster(&kubeadm("join: certificate")).join, Join::Kubeadm);
    assert_eq!(cluster(&with("")).join, Join::Certificate);
    let explicit = with("").replace("1.34.2\n", "1.34.2\n  install: binaries\n");
    assert_eq!(cluster(&explicit).join, Join::Certificate);
}

#[test]
fn a_version_is_one_that_kimage_can_configure_kubeadm_of() {
    let text = kubeadm("").replace("1.34.2", "1.21.14");
    insta::assert_snapshot!(problems(&text), @r#"
    error: kimage cannot write what kubeadm 1.21 reads
     --> cluster.yaml:2:12
      |
    2 |   version: 1.21.14
      |            ^^^^^^^
    3 |   install: kubeadm
      |            ------- kubeadm
      |
      = help: from 1.22 on it can; before, say `install: binaries`
    "#);
}

#[test]
fn no_token_is_needed() {
    insta::assert_snapshot!(problems(&kubeadm("join: bootstrap")), @r#"
    error: with kubeadm no node needs a token
     --> cluster.yaml:7:7
      |
    3 |   install: kubeadm
      |            ------- kubeadm
    ...
    7 | join: bootstrap
      |       ^^^^^^^^^
      |
      = help: leave it out: a node asks `kubeadm join` in with a certificate of its own, which lies in its image
    "#);
    insta::assert_snapshot!(problems(&kubeadm("bootstrap: {days: 30}")), @r#"
    error: with kubeadm no node needs a token
     --> cluster.yaml:7:1
      |
    3 |   install: kubeadm
      |            ------- kubeadm
    ...
    7 | bootstrap: {days: 30}
      | ^^^^^^^^^
      |
      = help: leave it out
    "#);
}

#[test]
fn the_kubelet_is_where_kubeadm_looks_for_it() {
    insta::assert_snapshot!(problems(&kubeadm("paths: {kubelet: /data/kubelet}")), @r#"
    error: kubeadm knows no other folder than /var/lib/kubelet
     --> cluster.yaml:7:18
      |
    3 |   install: kubeadm
      |            ------- kubeadm
    ...
    7 | paths: {kubelet: /data/kubelet}
      |                  ^^^^^^^^^^^^^
      |
      = help: leave it out
    "#);
    let others =
        "paths: {kubelet: /var/lib/kubelet, binaries: /opt/k8s/bin, pki: /etc/kubernetes/cert}";
    assert_eq!(problems(&kubeadm(others)), "");
}

#[test]
fn what_runs_in_pods_is_started_by_no_unit() {
    insta::assert_snapshot!(problems(&kubeadm("\
host: {users: [{name: kube, id: 200}]}
components:
  etcd: {environment: {A: b}}
  kube-apiserver: {user: kube}
  kubelet: {environment: {A: b}, environmentFile: {path: /etc/kubernetes/kubelet, variable: ARGS}}
  kube-proxy: {environment: {A: b}}
")), @r#"
    error: no unit starts etcd: it runs in a pod of kubeadm's, as root
     --> cluster.yaml:9:3
      |
    3 |   install: kubeadm
      |            ------- kubeadm
    ...
    9 |   etcd: {environment: {A: b}}
      |   ^^^^
      |
      = help: leave it out

    error: no unit starts kube-apiserver: it runs in a pod of kubeadm's, as root
      --> cluster.yaml:10:3
       |
     3 |   install: kubeadm
       |            ------- kubeadm
    ...
    10 |   kube-apiserver: {user: kube}
       |   ^^^^^^^^^^^^^^
       |
       = help: leave it out

    error: kubeadm writes the kubelet's flags, into a file of its own
      --> cluster.yaml:11:34
       |
     3 |   install: kubeadm
       |            ------- kubeadm
    ...
    11 |   kubelet: {environment: {A: b}, environmentFile: {path: /etc/kubernetes/kubelet, variable: ARGS}}
       |                                  ^^^^^^^^^^^^^^^
       |
       = help: leave it out: `extraArgs.kubelet` gets there

    error: no unit starts kube-proxy: it runs in a pod of kubeadm's, as root
      --> cluster.yaml:12:3
       |
     3 |   install: kubeadm
       |            ------- kubeadm
    ...
    12 |   kube-proxy: {environment: {A: b}}
       |   ^^^^^^^^^^
       |
       = help: leave it out
    "#);
}

#[test]
fn flags_of_kube_proxy_have_no_place() {
    insta::assert_snapshot!(problems(&kubeadm("extraArgs: {kube-proxy: {v: 2}, kube-scheduler: {v: 2}}")), @r#"
    error: kubeadm has no place for flags of kube-proxy
     --> cluster.yaml:7:13
      |
    3 |   install: kubeadm
      |            ------- kubeadm
    ...
    7 | extraArgs: {kube-proxy: {v: 2}, kube-scheduler: {v: 2}}
      |             ^^^^^^^^^^
      |
      = help: set fields of its configuration: `extraConfig.kube-proxy`
    "#);
}

#[test]
fn a_file_that_no_pod_sees_is_told() {
    insta::assert_snapshot!(problems(&kubeadm("\
extraArgs:
  kube-apiserver:
    audit-log-path: /data/audit.log
    oidc-ca-file: /etc/kubernetes/pki/oidc.crt
  kube-scheduler: {tls-cert-file: /var/log/kubernetes/a}
")), @r#"
    error: the pod of kube-apiserver does not see `/data/audit.log`
     --> cluster.yaml:9:21
      |
    3 |   install: kubeadm
      |            ------- kubeadm
    ...
    9 |     audit-log-path: /data/audit.log
      |                     ^^^^^^^^^^^^^^^
      |
      = help: it sees `/etc/kubernetes/pki`, `/etc/ssl/certs`, `/var/log/kubernetes`

    error: the pod of kube-scheduler does not see `/var/log/kubernetes/a`
      --> cluster.yaml:11:35
       |
     3 |   install: kubeadm
       |            ------- kubeadm
    ...
    11 |   kube-scheduler: {tls-cert-file: /var/log/kubernetes/a}
       |                                   ^^^^^^^^^^^^^^^^^^^^^
       |
       = help: it sees `/etc/kubernetes/pki`, `/etc/ssl/certs`
    "#);
    let seen = "extraArgs: {kube-apiserver: {audit-log-path: /var/log/kubernetes/a.log}}";
    assert_eq!(problems(&kubeadm(seen)), "");
}

#[test]
fn crictl_is_there() {
    insta::assert_snapshot!(problems(&kubeadm("runtime: {crictl: none}")), @r#"
    error: kubeadm does not start without crictl
     --> cluster.yaml:7:19
      |
    3 |   install: kubeadm
      |            ------- kubeadm
    ...
    7 | runtime: {crictl: none}
      |                   ^^^^
      |
      = help: leave it out, or name a version
    "#);
}

#[test]
fn certificates_that_nothing_uses_are_not_described() {
    insta::assert_snapshot!(problems(&kubeadm("\
pki:
  certificates:
    kube-proxy: {subject: {country: CN}}
    kubelet-serving: {subject: {country: CN}}
    admin: {commonName: boss}
")), @r#"
    error: with kubeadm there is no certificate `kube-proxy`: kube-proxy runs in pods, and has a token
     --> cluster.yaml:9:5
      |
    3 |   install: kubeadm
      |            ------- kubeadm
    ...
    9 |     kube-proxy: {subject: {country: CN}}
      |     ^^^^^^^^^^
      |
      = help: leave it out

    error: with kubeadm there is no certificate `kubelet-serving`: kubelets sign their certificates as servers themselves
      --> cluster.yaml:10:5
       |
     3 |   install: kubeadm
       |            ------- kubeadm
    ...
    10 |     kubelet-serving: {subject: {country: CN}}
       |     ^^^^^^^^^^^^^^^
       |
       = help: leave it out
    "#);
}

#[test]
fn the_name_server_is_where_kubeadm_puts_it() {
    insta::assert_snapshot!(problems(&kubeadm("network: {dns: {address: 10.96.0.2}}")), @r#"
    error: kubeadm gives the name server the tenth address of `10.96.0.0/16`
     --> cluster.yaml:7:26
      |
    3 |   install: kubeadm
      |            ------- kubeadm
    ...
    7 | network: {dns: {address: 10.96.0.2}}
      |                          ^^^^^^^^^
      |
      = help: leave it out: that is `10.96.0.10`
    "#);
    insta::assert_snapshot!(problems(&kubeadm("network: {dns: {image: \"registry.example.org/dns:1.11.1\"}}")), @r#"
    error: kubeadm would not find `registry.example.org/dns:1.11.1`: it puts the name `coredns` together itself
     --> cluster.yaml:7:24
      |
    3 |   install: kubeadm
      |            ------- kubeadm
    ...
    7 | network: {dns: {image: "registry.example.org/dns:1.11.1"}}
      |                        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: name an image as `registry.example.org/mirror/coredns:v1.11.1`
    "#);
    let usual =
        "network: {dns: {address: 10.96.0.10, image: \"registry.example.org/coredns:v1.11.1\"}}";
    assert_eq!(problems(&kubeadm(usual)), "");
}

#[test]
fn the_api_has_one_address_for_all_nodes() {
    insta::assert_snapshot!(problems(&kubeadm("controlPlane: {loadBalancer: {kind: nginx}}")), @r#"
    error: kubeadm gives all nodes one address of the API, and every nginx is its own node's
     --> cluster.yaml:7:37
      |
    3 |   install: kubeadm
      |            ------- kubeadm
    ...
    7 | controlPlane: {loadBalancer: {kind: nginx}}
      |                                     ^^^^^
      |
      = help: `haproxy-keepalived` and `external` have one for all
    "#);
}
