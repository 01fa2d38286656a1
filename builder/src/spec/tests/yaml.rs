use super::{cluster, problems, with};

#[test]
fn a_key_is_written_once() {
    insta::assert_snapshot!(problems(&with(
        r#"name: a
name: b
network: {pods: 10.1.0.0/16, pods: 10.2.0.0/16}"#,
    )), @r#"
    error: `name` is written twice
     --> cluster.yaml:7:1
      |
    6 | name: a
      | ---- first here
    7 | name: b
      | ^^^^

    error: `pods` is written twice
     --> cluster.yaml:8:30
      |
    8 | network: {pods: 10.1.0.0/16, pods: 10.2.0.0/16}
      |           ---- first here    ^^^^
    "#);
}

#[test]
fn tabs_are_told_apart_from_spaces() {
    insta::assert_snapshot!(problems(&with(
        r#"network:
	pods: 10.1.0.0/16"#,
    )), @r#"
    error: this is not YAML: tabs disallowed within this context (block indentation)
     --> cluster.yaml:7:2
      |
    7 |     pods: 10.1.0.0/16
      |     ^
      |
      = help: indent with spaces: YAML takes no tabs
    "#);
}

#[test]
fn what_is_no_yaml_is_told_where() {
    insta::assert_snapshot!(problems(&with(
        r#"network: {pods: 10.1.0.0/16"#,
    )), @r#"
    error: this is not YAML: while parsing a flow mapping, did not find expected ',' or '}'
     --> cluster.yaml:7:1
      |
    7 |
      | ^
    "#);
}

#[test]
fn a_merge_key_is_refused() {
    insta::assert_snapshot!(problems(&with(
        r#"a: &a {x: 1}
b: {<<: *a}"#,
    )), @r#"
    error: merge keys are no part of YAML 1.2
     --> cluster.yaml:7:5
      |
    7 | b: {<<: *a}
      |     ^^
      |
      = help: write the values out, or use an anchor for each
    "#);
}

#[test]
fn a_tag_is_refused() {
    insta::assert_snapshot!(problems(&with(
        r#"name: !secret x"#,
    )), @r#"
    error: the tag `!secret` means nothing here
     --> cluster.yaml:6:7
      |
    6 | name: !secret x
      |       ^^^^^^^^^
    "#);
}

#[test]
fn one_file_describes_one_cluster() {
    insta::assert_snapshot!(problems(&with(
        r#"---
name: other"#,
    )), @r#"
    error: this is a second document
     --> cluster.yaml:7:1
      |
    7 | name: other
      | ^
      |
      = help: describe one cluster per file
    "#);
}

#[test]
fn an_empty_file_describes_nothing() {
    insta::assert_snapshot!(problems("# nothing\n"), @r#"
    error: this file describes nothing
     --> cluster.yaml:1:1
      |
    1 | # nothing
      | ^
      |
      = help: `kimage init` prints one to begin with
    "#);
}

#[test]
fn a_list_is_no_cluster() {
    insta::assert_snapshot!(problems("- a\n- b\n"), @r#"
    error: this file must be a mapping of keys, but this is a list
     --> cluster.yaml:1:1
      |
    1 | - a
      | ^^^
    "#);
}

#[test]
fn a_word_is_no_cluster() {
    insta::assert_snapshot!(problems("cluster"), @r#"
    error: this file must be a mapping of keys, but `cluster` is a text
     --> cluster.yaml:1:1
      |
    1 | cluster
      | ^^^^^^^
    "#);
}

#[test]
fn a_list_is_no_key() {
    insta::assert_snapshot!(problems(&with(
        r#"? [a, b]
: c"#,
    )), @r#"
    error: a key must be a word
     --> cluster.yaml:6:3
      |
    6 | ? [a, b]
      |   ^^^^^^
    "#);
}

#[test]
fn an_unclosed_anchor_is_told() {
    insta::assert_snapshot!(problems(&with(
        r#"a: *b"#,
    )), @r#"
    error: this is not YAML: while parsing node, found unknown anchor
     --> cluster.yaml:6:4
      |
    6 | a: *b
      |    ^
    "#);
}
#[test]
fn lines_may_end_as_on_windows() {
    let text = with("name: X");
    let trimmed = |printed: String| -> Vec<String> {
        printed
            .lines()
            .map(|line| line.trim_end().to_owned())
            .collect()
    };
    assert_eq!(
        trimmed(problems(&text.replace('\n', "\r\n"))),
        trimmed(problems(&text))
    );
}

#[test]
fn a_text_may_begin_with_a_byte_order_mark() {
    let text = format!("\u{feff}{}", with("name: ü"));
    insta::assert_snapshot!(problems(&text), @r#"
    error: `ü` is no name for a cluster
     --> cluster.yaml:6:7
      |
    6 | name: ü
      |       ^
      |
      = help: use lower-case letters, digits and `-`, 63 characters at most
    "#);
}

#[test]
fn a_text_in_a_block_may_hold_anything() {
    let cluster = cluster(&with(
        "host:\n  files:\n    - path: /etc/motd\n      content: |\n        a: {b\n        # c\n",
    ));
    assert_eq!(cluster.host.files[0].content, "a: {b\n# c\n");
}

#[test]
fn an_anchor_does_not_hold_itself() {
    insta::assert_snapshot!(problems("a: &a [*a]"), @r#"
    error: this anchor holds itself
     --> cluster.yaml:1:8
      |
    1 | a: &a [*a]
      |        ^^
    "#);
}

#[test]
fn nesting_has_an_end() {
    assert!(problems(&"- ".repeat(100)).starts_with("error: this is nested too deeply"));
}

#[test]
fn a_huge_text_is_refused() {
    let text = format!("{}# {}\n", with(""), "x".repeat(4 << 20));
    assert!(problems(&text).starts_with("error: this text is larger than 4 MiB"));
}
