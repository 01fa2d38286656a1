//! Absolute, normal paths inside an image.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An absolute path inside an image: `/`, or `/` and names joined by `/`. No name is empty, `.`, `..`, longer than
/// 255 bytes, or holds a NUL. Names are UTF-8, because the ext4 writer takes nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TreePath(String);

/// Why a text is no [`TreePath`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// It does not begin with `/`.
    #[error("`{0}` is not an absolute path")]
    Relative(String),
    /// A name in it is empty, `.` or `..`.
    #[error("`{0}` is not a normal path: it has an empty name, `.` or `..`")]
    NotNormal(String),
    /// A name in it cannot be stored.
    #[error("`{0}` has a name that no filesystem takes: over 255 bytes, or with a NUL")]
    Name(String),
}

impl TreePath {
    /// The root, `/`.
    pub fn root() -> Self {
        Self("/".to_owned())
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is `/`.
    pub fn is_root(&self) -> bool {
        self.0 == "/"
    }

    /// The directory that holds it; `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        let at = self.0.rfind('/')?;
        Some(if at == 0 {
            Self::root()
        } else {
            Self(self.0[..at].to_owned())
        })
    }

    /// The last name; empty for the root.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or("")
    }

    /// This path with a relative one, as `etc/hosts`, behind it.
    pub fn join(&self, relative: &str) -> Result<Self, PathError> {
        let joined = if self.is_root() {
            format!("/{relative}")
        } else {
            format!("{}/{relative}", self.0)
        };
        joined.parse()
    }

    /// The names from the root down.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').filter(|name| !name.is_empty())
    }

    /// Whether this path is `other` or lies below it.
    pub fn is_under(&self, other: &TreePath) -> bool {
        other.is_root()
            || self.0 == other.0
            || (self.0.starts_with(&other.0) && self.0.as_bytes().get(other.0.len()) == Some(&b'/'))
    }
}

impl FromStr for TreePath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        if text == "/" {
            return Ok(Self::root());
        }
        let Some(rest) = text.strip_prefix('/') else {
            return Err(PathError::Relative(text.to_owned()));
        };
        for name in rest.split('/') {
            if name.is_empty() || name == "." || name == ".." {
                return Err(PathError::NotNormal(text.to_owned()));
            }
            if name.len() > 255 || name.contains('\0') {
                return Err(PathError::Name(text.to_owned()));
            }
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for TreePath {
    type Error = PathError;

    fn try_from(text: String) -> Result<Self, PathError> {
        text.parse()
    }
}

impl From<TreePath> for String {
    fn from(path: TreePath) -> Self {
        path.0
    }
}

impl Borrow<str> for TreePath {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn whatever_parses_is_normal_and_prints_as_it_was_read(text in "[/.a-c\\x00]{0,12}") {
            if let Ok(path) = text.parse::<TreePath>() {
                prop_assert_eq!(path.as_str(), text.as_str());
                prop_assert!(path.names().all(|name| !name.is_empty() && name != "." && name != ".."));
                if let Some(parent) = path.parent() {
                    prop_assert!(path.is_under(&parent) && parent.join(path.name()) == Ok(path));
                }
            }
        }
    }
}
