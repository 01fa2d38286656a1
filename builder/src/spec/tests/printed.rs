use std::error::Error;

use super::with;
use crate::failure::{Exit, Failure};
use crate::spec::{Severity, parse};

#[test]
fn programs_read_problems_as_json() {
    let error = parse(&with("name: Ünß\nnetz: 1"), "dir/cluster.yaml").unwrap_err();
    insta::assert_snapshot!(serde_json::to_string_pretty(error.problems()).unwrap(), @r#"
    [
      {
        "file": "dir/cluster.yaml",
        "line": 6,
        "column": 7,
        "severity": "error",
        "message": "`Ünß` is no name for a cluster",
        "suggestion": "use lower-case letters, digits and `-`, 63 characters at most",
        "pointer": "/name"
      },
      {
        "file": "dir/cluster.yaml",
        "line": 7,
        "column": 1,
        "severity": "error",
        "message": "unknown key `netz`",
        "suggestion": "known here: `addons`, `allow`, `apiVersion`, `bootstrap`, `components`, `controlPlane`, `etcd`, `extraArgs`, `extraConfig`, `featureGates`, `host`, `image`, `images`, `join`, `kind`, `kubeProxy`, `kubernetes`, `mirror`, `name`, `network`, `nodes`, `paths`, `pki` or `runtime`",
        "pointer": "/netz"
      }
    ]
    "#);
}

#[test]
fn a_column_counts_characters() {
    let error = parse(&with("controlPlane: {sans: [\"ü ü\", \"ä ä\"]}"), "c").unwrap_err();
    let second = error.problems().iter().nth(1).unwrap();
    assert_eq!(error.problems().position(second), (6, 30));
}

#[test]
fn an_error_says_how_much_is_wrong_and_then_what() {
    let error = parse(
        &with("name: A\npki: {leafDays: 7}\nkind: B"),
        "cluster.yaml",
    )
    .unwrap_err();
    assert_eq!(error.summary(), "2 errors and 1 warning in `cluster.yaml`");
    assert!(
        error
            .to_string()
            .starts_with("2 errors and 1 warning in `cluster.yaml`\n\nerror: `A`")
    );
    assert_eq!(error.exit(), Exit::UserFiles);
    assert!(error.source().is_none());
}

#[test]
fn warnings_come_beside_a_cluster() {
    let (_, warnings) = parse(&with("pki: {leafDays: 7}"), "cluster.yaml").unwrap();
    assert_eq!(warnings.count(Severity::Warning), 1);
    assert_eq!(warnings.count(Severity::Error), 0);
    assert!(warnings.styled().contains("\u{1b}["));
    assert!(!warnings.to_string().contains('\u{1b}'));
}

#[test]
fn problems_stand_in_the_order_of_the_file() {
    let error = parse(&with("zzz: 1\nkind: x\nname: A"), "cluster.yaml").unwrap_err();
    let problems = error.problems();
    let lines: Vec<usize> = problems
        .iter()
        .map(|problem| problems.position(problem).0)
        .collect();
    assert_eq!(lines, [6, 7, 8]);
}

#[test]
fn a_terminal_obeys_no_code_from_the_file() {
    let text = with("name: \"a\\e[31mb\\nc\"");
    let printed = parse(&text, "cluster.yaml").unwrap_err().to_string();
    assert!(!printed.contains('\u{1b}'), "{printed}");
    assert!(
        printed.contains("error: `a\\u{1b}[31mb\\nc` is no name"),
        "{printed}"
    );
}

#[test]
fn what_is_secret_is_printed_nowhere() {
    for lines in [
        "mirror: https://user:hunter2@mirror.example.org",
        "host: {sshKeys: [\"-----BEGIN OPENSSH PRIVATE KEY-----\\nhunter2\"]}",
        "host:\n  sshKeys: |\n    -----BEGIN OPENSSH PRIVATE KEY-----\n    hunter2\n",
    ] {
        let error = parse(&with(lines), "cluster.yaml").unwrap_err();
        let json = serde_json::to_string(error.problems()).unwrap();
        assert!(!error.to_string().contains("hunter2"), "{error}");
        assert!(!json.contains("hunter2"), "{json}");
    }
}
