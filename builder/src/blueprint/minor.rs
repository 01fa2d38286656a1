//! A minor version of Kubernetes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A minor version of Kubernetes, as `1.34`; ordered as versions are, not as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Minor {
    /// The first number.
    pub major: u32,
    /// The second number.
    pub minor: u32,
}

/// Why a text is no [`Minor`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no minor version: `1.34` is one")]
pub struct MinorError(String);

impl FromStr for Minor {
    type Err = MinorError;

    fn from_str(text: &str) -> Result<Self, MinorError> {
        let parsed = text
            .split_once('.')
            .and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
        parsed
            .map(|(major, minor)| Self { major, minor })
            .ok_or_else(|| MinorError(text.to_owned()))
    }
}

impl TryFrom<String> for Minor {
    type Error = MinorError;

    fn try_from(text: String) -> Result<Self, MinorError> {
        text.parse()
    }
}

impl From<Minor> for String {
    fn from(minor: Minor) -> Self {
        minor.to_string()
    }
}

impl fmt::Display for Minor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}
