use super::{cluster, problems, with};

#[test]
fn a_list_is_written_as_setfacl_takes_it() {
    let cluster = cluster(&with(
        r#"host: {acls: [{path: /etc/kubernetes/kube-proxy.conf, entries: ["u:kube:r", "group::rx", "d:o::-"]}]}"#,
    ));
    let entries = &cluster.host.acls[0].entries;
    let entries: Vec<String> = entries.iter().map(ToString::to_string).collect();
    let whole = ["user:kube:r--", "group::r-x", "default:other::---"];
    assert_eq!(entries, whole);
}

#[test]
fn what_setfacl_would_not_take_is_told_at_its_place() {
    insta::assert_snapshot!(problems(&with(
        r#"host:
  acls:
    - {path: etc/key, entries: ["u:kube"]}
    - {path: /etc/key, entries: ["u:kube:rwz", "x:kube:r", "u:kube:r", "user:kube:rw"]}
    - {path: /etc/key, entries: []}"#,
    )), @r#"
    error: `etc/key` is not an absolute path
     --> cluster.yaml:8:14
      |
    8 |     - {path: etc/key, entries: ["u:kube"]}
      |              ^^^^^^^

    error: `u:kube` is no entry of an access control list
     --> cluster.yaml:8:33
      |
    8 |     - {path: etc/key, entries: ["u:kube"]}
      |                                 ^^^^^^^^
      |
      = help: write it as `u:NAME:r`, `g:NAME:rx` or `d:u:NAME:rwx`

    error: `u:kube:rwz` is no entry of an access control list
     --> cluster.yaml:9:34
      |
    9 |     - {path: /etc/key, entries: ["u:kube:rwz", "x:kube:r", "u:kube:r", "user:kube:rw"]}
      |                                  ^^^^^^^^^^^^
      |
      = help: write it as `u:NAME:r`, `g:NAME:rx` or `d:u:NAME:rwx`

    error: `x:kube:r` is no entry of an access control list
     --> cluster.yaml:9:48
      |
    9 |     - {path: /etc/key, entries: ["u:kube:rwz", "x:kube:r", "u:kube:r", "user:kube:rw"]}
      |                                                ^^^^^^^^^^
      |
      = help: write it as `u:NAME:r`, `g:NAME:rx` or `d:u:NAME:rwx`

    error: this list has an entry for the same already
     --> cluster.yaml:9:72
      |
    9 |     - {path: /etc/key, entries: ["u:kube:rwz", "x:kube:r", "u:kube:r", "user:kube:rw"]}
      |                                                            ----------  ^^^^^^^^^^^^^^
      |                                                            |
      |                                                            first here

    error: `/etc/key` has two lists
      --> cluster.yaml:10:14
       |
     9 |     - {path: /etc/key, entries: ["u:kube:rwz", "x:kube:r", "u:kube:r", "user:kube:rw"]}
       |              -------- the other
    10 |     - {path: /etc/key, entries: []}
       |              ^^^^^^^^

    error: `entries` must not be empty
      --> cluster.yaml:10:24
       |
    10 |     - {path: /etc/key, entries: []}
       |                        ^^^^^^^
    "#);
}
