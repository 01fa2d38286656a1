use super::{cluster, problems, with};
use crate::spec::parse;

#[test]
fn a_warning_that_is_meant_is_not_shown() {
    let lived = "pki: {leafDays: 5475, caYears: 15}";
    insta::assert_snapshot!(problems(&with(lived)), @r#"
    warning[long-lived-certificates]: certificates of 5475 days cannot be revoked
     --> cluster.yaml:6:17
      |
    6 | pki: {leafDays: 5475, caYears: 15}
      |                 ^^^^
      |
      = help: Kubernetes has no revocation lists: 365 days are usual
    "#);
    cluster(&with(&format!("{lived}\nallow: [long-lived-certificates]")));
}

#[test]
fn only_what_is_named_is_silenced() {
    insta::assert_snapshot!(problems(&with(
        "pki: {algorithm: rsa-2048, leafDays: 7}\nallow: [short-keys]",
    )), @r#"
    warning[short-lived-certificates]: certificates die 7 days after the build
     --> cluster.yaml:6:38
      |
    6 | pki: {algorithm: rsa-2048, leafDays: 7}
      |                                      ^
      |
      = help: an image that lies in a drawer for longer cannot join any more
    "#);
}

#[test]
fn a_name_that_silences_nothing_is_told() {
    insta::assert_snapshot!(problems(&with(
        "allow: [short-keys, moving-image, short-keys]",
    )), @r#"
    warning[unused-allow]: `short-keys` silences nothing
     --> cluster.yaml:6:9
      |
    6 | allow: [short-keys, moving-image, short-keys]
      |         ^^^^^^^^^^
      |
      = help: leave it out

    warning[unused-allow]: `moving-image` silences nothing
     --> cluster.yaml:6:21
      |
    6 | allow: [short-keys, moving-image, short-keys]
      |                     ^^^^^^^^^^^^
      |
      = help: leave it out

    warning[listed-twice]: `short-keys` is in the list twice
     --> cluster.yaml:6:35
      |
    6 | allow: [short-keys, moving-image, short-keys]
      |         ---------- first here     ^^^^^^^^^^
    "#);
    cluster(&with("allow: [short-keys, unused-allow]"));
    insta::assert_snapshot!(problems(&with("allow: [unused-allow]")), @r#"
    warning[unused-allow]: `unused-allow` silences nothing
     --> cluster.yaml:6:9
      |
    6 | allow: [unused-allow]
      |         ^^^^^^^^^^^^
      |
      = help: leave it out
    "#);
}

#[test]
fn a_name_that_no_warning_has_is_an_error() {
    insta::assert_snapshot!(problems(&with("allow: [short-key, everything]")), @r#"
    error: an item of `allow` cannot be `short-key`
     --> cluster.yaml:6:9
      |
    6 | allow: [short-key, everything]
      |         ^^^^^^^^^
      |
      = help: did you mean `short-keys`?

    error: an item of `allow` cannot be `everything`
     --> cluster.yaml:6:20
      |
    6 | allow: [short-key, everything]
      |                    ^^^^^^^^^^
      |
      = help: it can be `administrators-key`, `deprecated`, `different-networks`, `endpoint-of-no-master`, `even-masters`, `endless-tokens`, `few-pod-addresses`, `listed-twice`, `long-lived-certificates`, `long-lived-tokens`, `many-masters`, `many-name-servers`, `moving-image`, `no-node-for-pods`, `short-keys`, `short-lived-certificates`, `short-lived-tokens` or `unused-allow`
    "#);
}

#[test]
fn an_error_is_never_silenced_and_hides_what_is_unused() {
    insta::assert_snapshot!(problems(&with(
        "pki: {leafDays: 7000}\nallow: [long-lived-certificates]",
    )), @r#"
    error: certificates of 7000 days outlive their authority, which is valid for 3650 days
     --> cluster.yaml:6:17
      |
    6 | pki: {leafDays: 7000}
      |                 ^^^^
      |
      = help: 3650 days at most, or more `caYears`
    "#);
}

#[test]
fn programs_read_the_names_of_warnings() {
    let (_, warnings) = parse(&with("pki: {leafDays: 7}"), "cluster.yaml").unwrap();
    let json = serde_json::to_value(&warnings).unwrap();
    assert_eq!(json[0]["warning"], "short-lived-certificates");
    let error = parse(&with("name: A"), "cluster.yaml").unwrap_err();
    let json = serde_json::to_value(error.problems()).unwrap();
    assert!(json[0].get("warning").is_none());
}
