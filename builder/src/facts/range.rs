//! The one notation for time in the facts: `1.28..1.31` is 1.28, 1.29 and 1.30, `1.28..` has no end yet.
//!
//! As in Rust, the end is the first version that is *not* meant, which is how release notes put it: "removed in
//! 1.31". A version of two numbers is the first of its kind: `1.31` is 1.31.0.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

use crate::spec::Version;

/// The versions from one on, up to but without another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Range {
    /// The first version that is meant.
    pub since: Version,
    /// The first later one that is not; `None` while there is none.
    pub until: Option<Version>,
}

/// Why a text is no range of versions.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no range of versions, as 1.28..1.31")]
pub struct RangeError(String);

impl Range {
    /// Whether a version is one of these.
    pub fn contains(&self, version: Version) -> bool {
        self.since <= version && self.until.is_none_or(|until| version < until)
    }
}

impl FromStr for Range {
    type Err = RangeError;

    fn from_str(text: &str) -> Result<Self, RangeError> {
        let wrong = || RangeError(text.to_owned());
        let (since, until) = text.split_once("..").ok_or_else(wrong)?;
        let since = short_version(since).ok_or_else(wrong)?;
        let until = match until {
            "" => None,
            until => Some(short_version(until).ok_or_else(wrong)?),
        };
        if until.is_some_and(|until| until <= since) {
            return Err(wrong());
        }
        Ok(Self { since, until })
    }
}

impl TryFrom<String> for Range {
    type Error = RangeError;

    fn try_from(text: String) -> Result<Self, RangeError> {
        text.parse()
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..", Short(self.since))?;
        self.until.map_or(Ok(()), |until| Short(until).fmt(f))
    }
}

/// A version as the data writes it: the third number may be left out.
pub(super) fn short_version(text: &str) -> Option<Version> {
    text.parse()
        .or_else(|_| format!("{text}.0").parse())
        .ok()
        .filter(|_| !text.starts_with('v'))
}

/// Shows a version without a third number that is zero.
pub(super) struct Short(pub(super) Version);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Version {
            major,
            minor,
            patch,
        } = self.0;
        match patch {
            0 => write!(f, "{major}.{minor}"),
            _ => write!(f, "{major}.{minor}.{patch}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    #[test]
    fn the_end_of_a_range_is_the_first_version_outside() {
        let range: Range = "1.28..1.31".parse().unwrap();
        for inside in ["1.28.0", "1.28.15", "1.30.99"] {
            assert!(range.contains(version(inside)), "{inside}");
        }
        for outside in ["1.27.16", "1.31.0", "2.0.0"] {
            assert!(!range.contains(version(outside)), "{outside}");
        }
    }

    #[test]
    fn a_range_without_an_end_goes_on() {
        let range: Range = "3.5.9..".parse().unwrap();
        assert!(range.contains(version("3.5.9")) && range.contains(version("9.0.0")));
        assert!(!range.contains(version("3.5.8")));
    }

    #[test]
    fn what_cannot_be_a_range_is_refused() {
        for text in [
            "",
            "..",
            "1.28",
            "1.31..1.28",
            "1.28..1.28",
            "v1.28..",
            "1.28...1.29",
            "a..b",
            "1..2",
        ] {
            assert_eq!(text.parse::<Range>(), Err(RangeError(text.to_owned())));
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back(major in 0u32..4, minor in 0u32..40, patch in 0u32..3, length in 0u32..9) {
            let since = Version { major, minor, patch };
            let until = (length > 0).then(|| Version { minor: minor + length, ..since });
            let range = Range { since, until };
            prop_assert_eq!(range.to_string().parse::<Range>(), Ok(range));
        }
    }
}
