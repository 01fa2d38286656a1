//! The comment at the top of a template: for people, and for kimage the lines `Values:`, `Mode:` and `When:`.

use std::collections::BTreeSet;

/// What a template's header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    /// Permission bits of the file.
    pub(super) mode: u16,
    /// The values that the text uses, as `node.name`.
    pub(super) values: BTreeSet<String>,
    /// A value without which the file is not written.
    pub(super) when: Option<String>,
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
            when: None,
        };
        let mut listed = false;
        for line in comment.lines() {
            let Some((key, value)) = line.trim().split_once(": ") else {
                continue;
            };
            match key {
                "Mode" => {
                    header.mode = u16::from_str_radix(value, 8)
                        .map_err(|_| format!("`{value}` is no mode"))?;
                }
                "When" => header.when = Some(value.to_owned()),
                "Values" => {
                    listed = true;
                    header.values = value
                        .split(',')
                        .map(|value| value.trim().to_owned())
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
            if word.starts_with("node.") || word.starts_with("cluster.") {
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
    fn a_header_says_mode_values_and_condition() {
        let text = "{#- A file.\n    Mode: 0600\n    When: cluster.bridge\n    Values: node.name, cluster.pods -#}\nx";
        let header = Header::parse(text).unwrap();
        assert_eq!(
            (header.mode, header.when.as_deref()),
            (0o600, Some("cluster.bridge"))
        );
        assert!(header.is_per_node());
    }

    #[test]
    fn a_template_without_a_list_of_values_is_refused() {
        assert!(Header::parse("{#- A file. -#}\nx").is_err());
        assert!(Header::parse("x").is_err());
    }
}
