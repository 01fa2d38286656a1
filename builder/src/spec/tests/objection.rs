use super::with;
use crate::spec::{Objection, objections};

#[test]
fn what_a_later_phase_finds_is_told_at_its_line() {
    let objection = |pointer: &str, what: &str| Objection {
        pointer: pointer.to_owned(),
        message: format!("the base `debian-12` has no {what}"),
        suggestion: "prepare another".to_owned(),
    };
    let error = objections(
        &with("host:\n  packages:\n    - ipset\n    - ipvsadm\n  timezone: Asia/Tokyo"),
        "cluster.yaml",
        &[
            objection("/host/timezone", "time zone `Asia/Tokyo`"),
            objection("/host/packages/1", "package `ipvsadm`"),
        ],
    );
    insta::assert_snapshot!(error.problems(), @r#"
    error: the base `debian-12` has no package `ipvsadm`
     --> cluster.yaml:9:7
      |
    9 |     - ipvsadm
      |       ^^^^^^^
      |
      = help: prepare another

    error: the base `debian-12` has no time zone `Asia/Tokyo`
      --> cluster.yaml:10:13
       |
    10 |   timezone: Asia/Tokyo
       |             ^^^^^^^^^^
       |
       = help: prepare another
    "#);
}
