use super::{cluster, problems, with};
use crate::spec::Paths;

#[test]
fn folders_are_upstreams_unless_given() {
    assert_eq!(cluster(&with("")).paths, Paths::default());
    let moved = cluster(&with(
        "paths: {binaries: /opt/k8s/bin, kubelet: /data/kubelet}",
    ))
    .paths;
    assert_eq!(
        (
            moved.binaries.as_str(),
            moved.pki.as_str(),
            moved.kubelet.as_str()
        ),
        ("/opt/k8s/bin", "/etc/kubernetes/pki", "/data/kubelet")
    );
}

#[test]
fn a_folder_is_an_absolute_path_without_odd_letters() {
    insta::assert_snapshot!(problems(&with(
        "paths:\n  binaries: opt/k8s/bin\n  pki: /etc/kubernetes/cert/\n  kubelet: \"/data/my $kubelet\"",
    )), @r#"
    error: `opt/k8s/bin` is not an absolute path
     --> cluster.yaml:7:13
      |
    7 |   binaries: opt/k8s/bin
      |             ^^^^^^^^^^^

    error: `/etc/kubernetes/cert/` is not a normal path: it has an empty name, `.` or `..`
     --> cluster.yaml:8:8
      |
    8 |   pki: /etc/kubernetes/cert/
      |        ^^^^^^^^^^^^^^^^^^^^^
      |
      = help: did you mean `/etc/kubernetes/cert`?

    error: `/data/my $kubelet` is no folder for `paths`
     --> cluster.yaml:9:12
      |
    9 |   kubelet: "/data/my $kubelet"
      |            ^^^^^^^^^^^^^^^^^^^
      |
      = help: use letters, digits, `.`, `_` and `-`
    "#);
    insta::assert_snapshot!(problems(&with("paths: {binaries: /}")), @r#"
    error: `/` is the whole system
     --> cluster.yaml:6:19
      |
    6 | paths: {binaries: /}
      |                   ^
      |
      = help: name a folder below it
    "#);
}

#[test]
fn a_folder_is_where_something_can_be_put() {
    insta::assert_snapshot!(problems(&with(
        "paths:\n  binaries: /bin\n  pki: /run/pki\n  kubelet: /proc",
    )), @r#"
    error: `/bin` is a link in most distributions
     --> cluster.yaml:7:13
      |
    7 |   binaries: /bin
      |             ^^^^
      |
      = help: did you mean `/usr/bin`?

    error: nobody would see `/run/pki`: something is mounted over `/run`
     --> cluster.yaml:8:8
      |
    8 |   pki: /run/pki
      |        ^^^^^^^^

    error: nobody would see `/proc`: something is mounted over `/proc`
     --> cluster.yaml:9:12
      |
    9 |   kubelet: /proc
      |            ^^^^^
    "#);
}

#[test]
fn a_folder_of_something_else_is_not_taken() {
    insta::assert_snapshot!(problems(&with(
        "paths:\n  binaries: /root/bin\n  pki: /var/lib/etcd/pki\n  kubelet: /var/lib/kimage",
    )), @r#"
    error: `/root` belongs to root, and other accounts do not get in
     --> cluster.yaml:7:13
      |
    7 |   binaries: /root/bin
      |             ^^^^^^^^^
      |
      = help: name a folder that nothing else uses

    error: `/var/lib/etcd` belongs to etcd
     --> cluster.yaml:8:8
      |
    8 |   pki: /var/lib/etcd/pki
      |        ^^^^^^^^^^^^^^^^^
      |
      = help: name a folder that nothing else uses

    error: `/var/lib/kimage` belongs to kimage
     --> cluster.yaml:9:12
      |
    9 |   kubelet: /var/lib/kimage
      |            ^^^^^^^^^^^^^^^
      |
      = help: name a folder that nothing else uses
    "#);
}

#[test]
fn the_kubelets_folder_holds_nothing_that_others_use() {
    for shared in ["/var/lib", "/usr", "/etc", "/etc/kubernetes", "/opt"] {
        let printed = problems(&with(&format!("paths: {{kubelet: {shared}}}")));
        assert!(printed.contains("error: only root gets"), "{printed}");
    }
    insta::assert_snapshot!(problems(&with("paths: {kubelet: /var/lib}")), @r#"
    error: only root gets into the kubelet's folder, but others use `/var/lib/containerd`
     --> cluster.yaml:6:18
      |
    6 | paths: {kubelet: /var/lib}
      |                  ^^^^^^^^
      |
      = help: name a folder of its own, as `/data/kubelet`
    "#);
}

#[test]
fn no_folder_lies_in_another() {
    insta::assert_snapshot!(problems(&with(
        "paths:\n  binaries: /opt/k8s\n  pki: /opt/k8s/pki",
    )), @r#"
    error: `/opt/k8s/pki` for `pki` lies in `/opt/k8s`, which is for `binaries`
     --> cluster.yaml:8:8
      |
    7 |   binaries: /opt/k8s
      |             -------- the other
    8 |   pki: /opt/k8s/pki
      |        ^^^^^^^^^^^^
      |
      = help: let them lie beside each other
    "#);
    insta::assert_snapshot!(problems(&with("paths: {pki: /var/lib/kubelet/pki}")), @r#"
    error: `/var/lib/kubelet/pki` for `pki` lies in `/var/lib/kubelet`, which is for `kubelet`
     --> cluster.yaml:6:14
      |
    6 | paths: {pki: /var/lib/kubelet/pki}
      |              ^^^^^^^^^^^^^^^^^^^^
      |
      = help: let them lie beside each other
    "#);
    insta::assert_snapshot!(problems(&with("paths: {binaries: /data, kubelet: /data}")), @r#"
    error: `binaries` and `kubelet` are both `/data`
     --> cluster.yaml:6:35
      |
    6 | paths: {binaries: /data, kubelet: /data}
      |                   ----- the other ^^^^^
      |
      = help: let them lie beside each other
    "#);
}

#[test]
fn the_kubelets_flag_leads_to_its_key() {
    insta::assert_snapshot!(problems(&with("extraArgs: {kubelet: {root-dir: /data/kubelet}}")), @r#"
    error: kimage decides `--root-dir` of kubelet
     --> cluster.yaml:6:23
      |
    6 | extraArgs: {kubelet: {root-dir: /data/kubelet}}
      |                       ^^^^^^^^
      |
      = help: set `paths.kubelet`
    "#);
}
