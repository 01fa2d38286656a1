//! Writes YAML that every reader takes for the same, be its YAML 1.1 or 1.2, and that people like to read.
//!
//! A mapping or a list of plain values stays on the line of its key; what holds more than that gets a line for each
//! member. Texts are quoted where some reader could take them for something else: `1:30`, `off`, `0x10`.

use std::fmt::Write as _;

use serde_yaml_ng::{Mapping, Value};

/// A mapping as YAML, without a line break at the end.
pub(super) fn written(mapping: &Mapping) -> String {
    let mut lines = Vec::new();
    members(mapping, 0, &mut lines);
    lines.join("\n")
}

/// A text as a value, wherever it stands.
pub(super) fn text(text: &str) -> String {
    flow(&Value::from(text))
}

/// The members of a mapping in block style.
fn members(mapping: &Mapping, depth: usize, lines: &mut Vec<String>) {
    let indent = "  ".repeat(depth);
    for (key, value) in mapping {
        let key = format!("{indent}{}:", flow(key));
        match value {
            Value::Mapping(below) if below.values().any(is_nested) => {
                lines.push(key);
                members(below, depth + 1, lines);
            }
            Value::Sequence(items) if items.iter().any(is_nested) => {
                lines.push(key);
                lines.extend(items.iter().map(|item| format!("{indent}- {}", flow(item))));
            }
            Value::String(text) if is_plain(text) => lines.push(format!("{key} {text}")),
            _ => lines.push(format!("{key} {}", flow(value))),
        }
    }
}

fn is_nested(value: &Value) -> bool {
    value.is_mapping() || value.is_sequence()
}

/// A value on one line.
fn flow(value: &Value) -> String {
    let list = |items: Vec<String>| items.join(", ");
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(truth) => truth.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) if is_word(text) => text.clone(),
        Value::String(text) => quoted(text),
        Value::Sequence(items) => format!("[{}]", list(items.iter().map(flow).collect())),
        Value::Mapping(mapping) => {
            let member = |(key, value)| format!("{}: {}", flow(key), flow(value));
            format!("{{{}}}", list(mapping.iter().map(member).collect()))
        }
        Value::Tagged(tagged) => flow(&tagged.value),
    }
}

/// Whether a text can stand without quotes, outside of brackets.
fn is_plain(text: &str) -> bool {
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"./:%_-".contains(&byte);
    text.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '/')
        && !text.ends_with(':')
        && text.bytes().all(safe)
        && !is_ambiguous(text)
}

/// Whether a text can stand without quotes between brackets: old readers stop at a colon there.
fn is_word(text: &str) -> bool {
    is_plain(text) && !text.contains(':') && (text.starts_with('/') || !text.contains('/'))
}

/// Whether some reader could take it for a number, a time, a truth value or nothing.
fn is_ambiguous(text: &str) -> bool {
    const WORDS: [&str; 9] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];
    let numeric = |byte: u8| byte.is_ascii_hexdigit() || b"._:-+xXoOtTzZ".contains(&byte);
    WORDS.contains(&text.to_ascii_lowercase().as_str())
        || text.starts_with(|first: char| first.is_ascii_digit())
            && text.bytes().all(numeric)
            // No number has two points, but every address has.
            && text.matches('.').count() < 2
}

/// A text in quotes; what is not printable ASCII is escaped.
fn quoted(text: &str) -> String {
    let mut out = "\"".to_owned();
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            ' '..='~' => out.push(c),
            // Writing to a text cannot fail.
            _ => drop(write!(out, "\\U{:08X}", u32::from(c))),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Mapping {
        serde_yaml_ng::from_str(text).unwrap()
    }

    #[test]
    fn what_fits_stays_on_one_line() {
        let text = "{a: {b: {c: 1}, d: [x, 10.0.0.1]}, e: {f: 100Mi, g.h: 10%}, i: [], j: {}, \
                    k: [{l: 'm:n', o: {p: 2}}], q: 'r:1/s'}";
        insta::assert_snapshot!(written(&read(text)), @r#"
        a:
          b: {c: 1}
          d: [x, 10.0.0.1]
        e: {f: 100Mi, g.h: 10%}
        i: []
        j: {}
        k:
        - {l: "m:n", o: {p: 2}}
        q: r:1/s
        "#);
    }

    #[test]
    fn what_some_reader_takes_for_something_else_is_quoted() {
        for text in [
            "",
            "~",
            "null",
            "yes",
            "Off",
            "y",
            "1",
            "0x1F",
            "0o7",
            "0777",
            "1_000",
            "1:30",
            "1e3",
            "1.5",
            ".5",
            "-1",
            "2026-01-01",
            "2026-01-01T00:00:00Z",
            "a b",
            "a: b",
            "a:",
            "#a",
            "a\nb",
            "é",
            "[a]",
            "*a",
            "%a",
        ] {
            let mapping = Mapping::from_iter([(Value::from("k"), Value::from(text))]);
            let written = written(&mapping);
            assert!(written.starts_with("k: \""), "{written}");
            assert_eq!(read(&written), mapping);
        }
        for text in [
            "systemd",
            "/a/b",
            "10.96.0.10",
            "10.244.0.0/16",
            "127.0.0.1:10256",
            "4h0m0s",
            "100Mi",
            "unix:///a",
        ] {
            let mapping = Mapping::from_iter([(Value::from("k"), Value::from(text))]);
            assert_eq!(written(&mapping), format!("k: {text}"));
        }
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            "[0-9a-fx:._-]{1,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Sequence),
                prop::collection::vec((any::<String>(), inner), 0..4).prop_map(|members| {
                    let members = members.into_iter();
                    Value::Mapping(
                        members
                            .map(|(key, value)| (Value::from(key), value))
                            .collect(),
                    )
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(value in value()) {
            let mapping = Mapping::from_iter([(Value::from("k"), value)]);
            prop_assert_eq!(read(&written(&mapping)), mapping);
        }
    }
}
