//! The comment at the top of a template: for people, and for kimage the lines `Values:`, `Mode:` and `When:`.

use std::collections::BTreeSet;

/// What a template's header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    /// Permission bits of the file.
    pub(super) mode: u16,
    /// The values that the text uses, as `node.name`.
    pub(super) values: BTreeSet<String>,
    /// What must hold, all of it, for the file to be written.
    pub(super) when: Vec<Condition>,
}

/// A line `When:`: a value that must be true, as `cluster.bridge`, or must be one of some words, as
/// `base.network = networkd netplan`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Condition {
    /// The value, as `base.network`.
    pub(super) value: String,
    /// What it may be; empty if it is to be true.
    pub(super) words: Vec<String>,
}

impl Header {
    /// Reads the header of a template's text.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let comment = text
            .strip_prefix("{#-")
            .and_then(|rest| rest.split_once("-#}"))
            .map(|(comment, _)| comment)
            .ok_or("it does not begin with a comment `{#- ... -#}`")?;
        let mut header = Self {
            mode: 0o644,
            values: BTreeSet::new(),
            when: Vec::new(),
        };
        let mut listed = false;
        for line in comment.lines() {
            let Some((key, value)) = line.trim().split_once(':') else {
                continue;
            };
            let value = value.trim();
            match key {
                "Mode" => {
                    header.mode = u16::from_str_radix(value, 8)
                        .map_err(|_| format!("`{value}` is no mode"))?;
                }
                "When" => {
                    let (value, words) = value.split_once('=').unwrap_or((value, ""));
                    header.when.push(Condition {
                        value: value.trim().to_owned(),
                        words: words.split_whitespace().map(str::to_owned).collect(),
                    });
                }
                "Values" => {
                    listed = true;
                    header.values = value
                        .split(',')
                        .map(|value| value.trim().to_owned())
                        .filter(|value| !value.is_empty())
                        .collect();
                }
                _ => {}
            }
        }
        if listed {
            Ok(header)
        } else {
            Err("it has no line `Values:`".into())
        }
    }

    /// Whether the file differs between the nodes of a role.
    pub(super) fn is_per_node(&self) -> bool {
        self.values.iter().any(|value| value.starts_with("node."))
    }
}

/// The values that the text behind the header uses, found by their spelling.
#[cfg(test)]
pub(super) fn used(text: &str) -> BTreeSet<String> {
    let body = text.split_once("-#}").map_or(text, |(_, body)| body);
    let mut used = BTreeSet::new();
    for tag in body.split("{{").flat_map(|part| part.split("{%")).skip(1) {
        let code = tag
            .split("}}")
            .next()
            .and_then(|code| code.split("%}").next())
            .unwrap_or("");
        for word in
            code.split(|byte: char| !(byte.is_ascii_alphanumeric() || byte == '_' || byte == '.'))
        {
            if ["node.", "cluster.", "base."]
                .iter()
                .any(|key| word.starts_with(key))
            {
                used.insert(word.to_owned());
            }
        }
    }
    used
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_says_mode_values_and_conditions() {
        let text = "{#- A file.\n    Mode: 0600\n    When: cluster.bridge\n    When: base.network = networkd netplan\n    Values: node.name, cluster.pods -#}\nx";
        let header = Header::parse(text).unwrap();
        let condition = |value: &str, words: &[&str]| Condition {
            value: value.into(),
            words: words.iter().map(|word| (*word).into()).collect(),
        };
        assert_eq!(
            (header.mode, header.when.as_slice()),
            (
                0o600,
                [
                    condition("cluster.bridge", &[]),
                    condition("base.network", &["networkd", "netplan"])
                ]
                .as_slice()
            )
        );
        assert!(header.is_per_node());
    }

    #[test]
    fn a_template_may_use_no_value() {
        let header = Header::parse("{#- A file.\n    Values:\n    Read by: x -#}\nx").unwrap();
        assert!(header.values.is_empty() && !header.is_per_node());
    }

    #[test]
    fn a_template_without_a_list_of_values_is_refused() {
        assert!(Header::parse("{#- A file. -#}\nx").is_err());
        assert!(Header::parse("x").is_err());
    }
}
