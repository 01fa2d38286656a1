//! Patterns of paths, as blueprints use them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A pattern of absolute paths: `*` stands for any part of a name, and `**` as the last name for everything below.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pattern(String);

impl Pattern {
    /// Whether the pattern stands for a path.
    pub fn matches(&self, path: &str) -> bool {
        let mut names = path.split('/');
        let mut patterns = self.0.split('/');
        loop {
            match (patterns.next(), names.next()) {
                (Some("**"), Some(_)) => return true,
                (Some(pattern), Some(name))
                    if name_matches(pattern.as_bytes(), name.as_bytes()) => {}
                (None, None) => return true,
                _ => return false,
            }
        }
    }

    /// Whether the pattern may stand for something below a path.
    pub fn reaches_below(&self, path: &str) -> bool {
        let mut patterns = self.0.split('/');
        for name in path.split('/') {
            match patterns.next() {
                Some("**") => return true,
                Some(pattern) if name_matches(pattern.as_bytes(), name.as_bytes()) => {}
                _ => return false,
            }
        }
        patterns.next().is_some()
    }
}

/// Matches one name, going back to the last star only: linear in practice, never exponential.
fn name_matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at, mut in_name, mut star) = (0, 0, None);
    while in_name < name.len() {
        if pattern.get(at) == Some(&b'*') {
            star = Some((at, in_name));
            at += 1;
        } else if pattern.get(at) == Some(&name[in_name]) {
            at += 1;
            in_name += 1;
        } else if let Some((star_at, taken)) = star {
            star = Some((star_at, taken + 1));
            at = star_at + 1;
            in_name = taken + 1;
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

impl TryFrom<String> for Pattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let names = text.strip_prefix('/').map(|rest| rest.split('/').rev());
        let right = names.is_some_and(|mut names| {
            let last = names.next();
            last.is_some_and(|last| !last.is_empty() && (last == "**" || !last.contains("**")))
                && names.all(|name| !name.is_empty() && !name.contains("**"))
        });
        if right {
            Ok(Self(text))
        } else {
            Err(format!(
                "`{text}` is no pattern: it begins with `/`, has no empty name, and `**` only as its last name"
            ))
        }
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.0
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::try_from(text.to_owned()).unwrap()
    }

    #[test]
    fn a_star_stays_within_a_name_and_two_do_not() {
        let matches = |text, path| pattern(text).matches(path);
        assert!(matches(
            "/etc/ssh/ssh_host_*",
            "/etc/ssh/ssh_host_rsa_key.pub"
        ));
        assert!(matches(
            "/usr/share/doc/*/copyright",
            "/usr/share/doc/a/copyright"
        ));
        assert!(!matches(
            "/usr/share/doc/*/copyright",
            "/usr/share/doc/a/b/copyright"
        ));
        assert!(matches("/run/**", "/run/a/b") && !matches("/run/**", "/run"));
        assert!(!matches("/run/**", "/runner/a"));
        assert!(pattern("/usr/share/doc/*/copyright").reaches_below("/usr/share/doc/a"));
        assert!(!pattern("/usr/share/doc/*/copyright").reaches_below("/usr/share/man"));
        for wrong in ["", "etc", "/a//b", "/a/", "/**/b", "/a/x**"] {
            assert!(Pattern::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn a_name_matches_what_was_made_from_the_pattern(parts in prop::collection::vec("[ab*]{0,3}", 1..4), fill in "[ab]{0,4}") {
            let joined = parts.concat();
            let name = joined.replace('*', &fill);
            prop_assert!(name_matches(joined.as_bytes(), name.as_bytes()));
        }
    }
}
