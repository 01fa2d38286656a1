use super::{cluster, problems, with};

fn certificates(lines: &str) -> String {
    with(&format!("pki:\n  certificates:\n    {lines}"))
}

#[test]
fn what_is_given_about_certificates_is_kept_by_their_names() {
    let text = certificates(
        "apiserver: {commonName: kubernetes, subject: &guide {country: CN, organization: k8s}}
    front-proxy-client: {commonName: aggregator, subject: *guide}
    admin: {owner: kube-admin}
host: {users: [{name: kube-admin, id: 902}]}",
    );
    let given = cluster(&text).pki.certificates;
    assert_eq!(
        given.keys().copied().collect::<Vec<_>>(),
        ["admin", "apiserver", "front-proxy-client"]
    );
    assert_eq!(given["admin"].owner.as_deref(), Some("kube-admin"));
    let proxy = &given["front-proxy-client"];
    assert_eq!(proxy.common_name.as_deref(), Some("aggregator"));
    assert_eq!(proxy.subject.country.as_deref(), Some("CN"));
    assert_eq!(proxy.subject, given["apiserver"].subject);
    assert!(cluster(&with("")).pki.certificates.is_empty());
}

#[test]
fn names_that_kubernetes_knows_cannot_be_others() {
    insta::assert_snapshot!(problems(&certificates("scheduler: {commonName: scheduler}")), @r#"
    error: Kubernetes knows `scheduler` by the name `system:kube-scheduler`
     --> cluster.yaml:8:29
      |
    8 |     scheduler: {commonName: scheduler}
      |                             ^^^^^^^^^
      |
      = help: leave `commonName` out
    "#);
    insta::assert_snapshot!(problems(&certificates(
        "kubelet: {subject: {organization: nodes}}"
    )), @r#"
    error: Kubernetes knows `kubelet` by the organization `system:nodes`
     --> cluster.yaml:8:39
      |
    8 |     kubelet: {subject: {organization: nodes}}
      |                                       ^^^^^
      |
      = help: leave `organization` out
    "#);
    let same = certificates("kubelet: {subject: {organization: \"system:nodes\", locality: Bonn}}");
    assert_eq!(problems(&same), "");
}

#[test]
fn nobody_is_named_like_a_part_of_kubernetes() {
    insta::assert_snapshot!(problems(&certificates(
        "apiserver-kubelet-client: {commonName: \"system:kube-controller-manager\"}"
    )), @r#"
    error: `system:kube-controller-manager` is a name that Kubernetes gives rights to
     --> cluster.yaml:8:44
      |
    8 |     apiserver-kubelet-client: {commonName: "system:kube-controller-manager"}
      |                                            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: take one that does not begin with `system:`
    "#);
}

#[test]
fn who_may_do_everything_is_told() {
    insta::assert_snapshot!(problems(&certificates(
        "apiserver-kubelet-client: {subject: {organization: \"system:masters\"}}"
    )), @r#"
    warning[administrators-key]: `system:masters` makes whoever has the key of `apiserver-kubelet-client` an administrator
     --> cluster.yaml:8:56
      |
    8 |     apiserver-kubelet-client: {subject: {organization: "system:masters"}}
      |                                                        ^^^^^^^^^^^^^^^^
      |
      = help: leave it out: bindings give each identity what it needs
    "#);
    let admin = certificates("admin: {subject: {organization: \"system:masters\"}}");
    assert_eq!(problems(&admin), "");
}

#[test]
fn attributes_must_fit_into_a_certificate() {
    insta::assert_snapshot!(problems(&certificates(
        "apiserver: {commonName: \"\", subject: {country: Germany, locality: \"a\\nb\", organization: \" a\"}}"
    )), @r#"
    error: `` is no `commonName` of a certificate
     --> cluster.yaml:8:29
      |
    8 |     apiserver: {commonName: "", subject: {country: Germany, locality: "a\nb", organization: " a"}}
      |                             ^^
      |
      = help: use a text on one line, without blanks around it

    error: `Germany` is no country
     --> cluster.yaml:8:52
      |
    8 |     apiserver: {commonName: "", subject: {country: Germany, locality: "a\nb", organization: " a"}}
      |                                                    ^^^^^^^
      |
      = help: use its two letters (ISO 3166), as `DE`

    error: `a\nb` is no `locality` of a certificate
     --> cluster.yaml:8:71
      |
    8 |     apiserver: {commonName: "", subject: {country: Germany, locality: "a\nb", organization: " a"}}
      |                                                                       ^^^^^^
      |
      = help: use a text on one line, without blanks around it

    error: ` a` is no `organization` of a certificate
     --> cluster.yaml:8:93
      |
    8 |     apiserver: {commonName: "", subject: {country: Germany, locality: "a\nb", organization: " a"}}
      |                                                                                             ^^^^
      |
      = help: use a text on one line, without blanks around it
    "#);
    let long = "a".repeat(65);
    insta::assert_snapshot!(problems(&certificates(&format!("etcd-peer: {{commonName: {long}}}"))), @r#"
    error: `commonName` is longer than 64 characters
     --> cluster.yaml:8:29
      |
    8 |     etcd-peer: {commonName: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}
      |                             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: no certificate holds more (RFC 5280)
    "#);
}

#[test]
fn names_that_stand_in_flags_and_bindings_are_words() {
    insta::assert_snapshot!(problems(&certificates("front-proxy-client: {commonName: \"a,b\"}")), @r#"
    error: `a,b` cannot be written into flags and bindings
     --> cluster.yaml:8:38
      |
    8 |     front-proxy-client: {commonName: "a,b"}
      |                                      ^^^^^
      |
      = help: use letters, digits, `-`, `.`, `_`, `@` and `:` between them
    "#);
    insta::assert_snapshot!(problems(&certificates(
        "apiserver-kubelet-client: {commonName: the API}"
    )), @r#"
    error: `the API` cannot be written into flags and bindings
     --> cluster.yaml:8:44
      |
    8 |     apiserver-kubelet-client: {commonName: the API}
      |                                            ^^^^^^^
      |
      = help: use letters, digits, `-`, `.`, `_`, `@` and `:` between them
    "#);
    assert_eq!(
        problems(&certificates("apiserver: {commonName: the API}")),
        ""
    );
}

#[test]
fn an_owner_is_a_declared_user_and_an_authority_has_none() {
    insta::assert_snapshot!(problems(&certificates("admin: {owner: kube-admin}")), @r#"
    error: there is no user `kube-admin`
     --> cluster.yaml:8:20
      |
    8 |     admin: {owner: kube-admin}
      |                    ^^^^^^^^^^
      |
      = help: declare the user under `host.users`, with a number
    "#);
    insta::assert_snapshot!(problems(&certificates("etcd-ca: {owner: root}")), @r#"
    error: an authority's key is root's
     --> cluster.yaml:8:15
      |
    8 |     etcd-ca: {owner: root}
      |               ^^^^^
      |
      = help: leave `owner` out
    "#);
}

#[test]
fn an_unknown_certificate_is_shown_with_what_was_probably_meant() {
    insta::assert_snapshot!(problems(&certificates("api-server: {commonName: a}")), @r#"
    error: unknown key `api-server` in `certificates`
     --> cluster.yaml:8:5
      |
    8 |     api-server: {commonName: a}
      |     ^^^^^^^^^^
      |
      = help: did you mean `apiserver`?
    "#);
}
