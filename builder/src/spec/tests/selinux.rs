use super::{cluster, problems, with};
use crate::spec::SelinuxMode;

#[test]
fn a_type_is_given_to_paths() {
    let cluster = cluster(&with(
        r#"image: debian-12-selinux
host:
  selinux:
    mode: permissive
    fileContexts:
      - {path: "/data/kubelet(/.*)?", type: container_file_t}
      - {path: "/opt/x", type: bin_t, kind: file}"#,
    ));
    let selinux = cluster.host.selinux;
    assert_eq!(selinux.mode, Some(SelinuxMode::Permissive));
    assert_eq!(selinux.file_contexts[0].kind, None);
    assert_eq!(selinux.file_contexts[1].kind, Some("--"));
}

#[test]
fn an_image_without_a_policy_cannot_enforce_one() {
    insta::assert_snapshot!(problems(&with("host: {selinux: {mode: enforcing}}")), @r#"
    error: `debian-12` has no SELinux policy
     --> cluster.yaml:6:8
      |
    6 | host: {selinux: {mode: enforcing}}
      |        ^^^^^^^
      |
      = help: images that have one: `centos-7`, `centos-stream-9`, `debian-12-selinux` or `oracle-linux-7`
    "#);
    assert_eq!(problems(&with("host: {selinux: {mode: disabled}}")), "");
}

#[test]
fn a_rule_that_restorecon_could_not_read_is_told() {
    insta::assert_snapshot!(problems(&with(
        r#"image: debian-12-selinux
host:
  selinux:
    fileContexts:
      - {path: "data/kubelet(/.*)?", type: bin_t}
      - {path: "/a b", type: system_u:object_r:bin_t:s0}
      - {path: "/a(?!b)", type: "bin t"}
      - {path: "/a*+b", type: bin_t}
      - {path: "/c", type: bin_t, kind: link}
      - {path: "/c", type: etc_t, kind: link}
      - {path: "/c", type: etc_t}"#,
    )), @r#"
    error: `data/kubelet(/.*)?` is no pattern of paths
      --> cluster.yaml:10:16
       |
    10 |       - {path: "data/kubelet(/.*)?", type: bin_t}
       |                ^^^^^^^^^^^^^^^^^^^^
       |
       = help: begin it with `/`, without spaces and in ASCII, as `/data/kubelet(/.*)?`

    error: `/a b` is no pattern of paths
      --> cluster.yaml:11:16
       |
    11 |       - {path: "/a b", type: system_u:object_r:bin_t:s0}
       |                ^^^^^^
       |
       = help: begin it with `/`, without spaces and in ASCII, as `/data/kubelet(/.*)?`

    error: `system_u:object_r:bin_t:s0` is no type
      --> cluster.yaml:11:30
       |
    11 |       - {path: "/a b", type: system_u:object_r:bin_t:s0}
       |                              ^^^^^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: write the type alone: `bin_t`

    error: `/a(?!b)` is no regular expression without look-around and back-references
      --> cluster.yaml:12:16
       |
    12 |       - {path: "/a(?!b)", type: "bin t"}
       |                ^^^^^^^^^

    error: `bin t` is no type
      --> cluster.yaml:12:33
       |
    12 |       - {path: "/a(?!b)", type: "bin t"}
       |                                 ^^^^^^^
       |
       = help: write it as `bin_t`

    error: `/a*+b` has a possessive quantifier
      --> cluster.yaml:13:16
       |
    13 |       - {path: "/a*+b", type: bin_t}
       |                ^^^^^^^

    error: `/c` has two types
      --> cluster.yaml:15:16
       |
    14 |       - {path: "/c", type: bin_t, kind: link}
       |                ---- the other
    15 |       - {path: "/c", type: etc_t, kind: link}
       |                ^^^^
    "#);
}

#[test]
fn the_mode_is_said_in_one_place() {
    insta::assert_snapshot!(problems(&with(
        r#"image: debian-12-selinux
host: {selinux: {mode: enforcing}, kernelArguments: [quiet, selinux=0]}"#,
    )), @r#"
    error: `selinux=0` is what `host.selinux.mode` says
     --> cluster.yaml:7:61
      |
    7 | host: {selinux: {mode: enforcing}, kernelArguments: [quiet, selinux=0]}
      |                        --------- here                       ^^^^^^^^^
      |
      = help: leave it out
    "#);
}
