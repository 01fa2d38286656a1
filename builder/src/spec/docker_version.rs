//! Docker's versions, as Docker writes them.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use super::Version;

/// A version of Docker. Until 20.10 it is a year and a month of two digits, `17.06.2`; its archive has the zero in its
/// name too, so the text is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DockerVersion {
    text: String,
    numbers: Version,
}

/// The first version that is no year and month.
const NUMBERED: u32 = 21;

impl DockerVersion {
    /// Its numbers, to compare: 17.6.2 for `17.06.2`.
    pub fn numbers(&self) -> Version {
        self.numbers
    }
}

/// As Docker writes the numbers of a version.
impl From<Version> for DockerVersion {
    fn from(numbers: Version) -> Self {
        let Version {
            major,
            minor,
            patch,
        } = numbers;
        let text = match major < NUMBERED {
            true => format!("{major}.{minor:02}.{patch}"),
            false => numbers.to_string(),
        };
        Self { text, numbers }
    }
}

/// Why a text is no version of Docker.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no version of Docker")]
pub struct DockerVersionError {
    text: String,
    /// How Docker writes what was probably meant.
    pub meant: Option<String>,
}

impl FromStr for DockerVersion {
    type Err = DockerVersionError;

    fn from_str(text: &str) -> Result<Self, DockerVersionError> {
        let bare = text.strip_prefix('v').unwrap_or(text);
        let bare = bare.strip_suffix("-ce").unwrap_or(bare);
        let meant = bare.parse().ok().map(|numbers: Version| numbers.into());
        match meant {
            Some(Self { text: right, .. }) if right != text => Err(Some(right)),
            Some(version) => Ok(version),
            None => Err(None),
        }
        .map_err(|meant| DockerVersionError {
            text: text.to_owned(),
            meant,
        })
    }
}

impl fmt::Display for DockerVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for DockerVersion {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_kept() {
        for text in ["17.06.2", "18.09.9", "19.03.15", "20.10.24", "24.0.7"] {
            let version: DockerVersion = text.parse().unwrap();
            assert_eq!(version.to_string(), text);
        }
        let version: DockerVersion = "17.06.2".parse().unwrap();
        assert_eq!(version.numbers(), "17.6.2".parse().unwrap());
    }

    #[test]
    fn another_spelling_is_refused_with_dockers() {
        for (text, meant) in [
            ("17.6.2", Some("17.06.2")),
            ("18.09.09", Some("18.09.9")),
            ("18.06.3-ce", Some("18.06.3")),
            ("24.00.7", Some("24.0.7")),
            ("v24.0.7", Some("24.0.7")),
            ("24.0", None),
            ("5:24.0.7-1~debian", None),
        ] {
            let error = text.parse::<DockerVersion>().unwrap_err();
            assert_eq!(error.meant.as_deref(), meant, "{text}");
        }
    }
}
