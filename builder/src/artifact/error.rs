//! What can go wrong between an artifact's name and its bytes.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;

use super::StoreError;
use crate::digest::Digest;
use crate::failure::{Exit, Failure};

/// Why an artifact cannot be had. URLs in it carry no user or password.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// What is needed is not what the lock has.
    #[error("kimage.lock does not have what the cluster needs: {}", list(.0))]
    Drift(Vec<Drift>),
    /// It would have to be fetched, and that was forbidden.
    #[error("`{name}` is not in the store, and nothing may be fetched")]
    Offline {
        /// The artifact.
        name: String,
    },
    /// The store's entry is not what its name says, and fetching it again was forbidden.
    #[error("`{name}` in the store is damaged, and nothing may be fetched; it was set aside as `{}`", aside.display())]
    Damaged {
        /// The artifact.
        name: String,
        /// Where the damaged file is now.
        aside: PathBuf,
    },
    /// The server knows who asks, or wants to, and says no.
    #[error("`{name}`: {url} is forbidden (HTTP {status})")]
    Denied {
        /// The artifact.
        name: String,
        /// What was asked for.
        url: String,
        /// 401, 403 or 407.
        status: u16,
    },
    /// There is no such file.
    #[error("`{name}`: there is no {url}")]
    Missing {
        /// The artifact.
        name: String,
        /// What was asked for.
        url: String,
    },
    /// No answer, or none that helps, even after trying again.
    #[error("`{name}`: cannot fetch {url}")]
    Unreachable {
        /// The artifact.
        name: String,
        /// What was asked for.
        url: String,
        /// What happened the last time.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The mirror's URL is not one.
    #[error("`{0}` is no mirror: `https://`, `http://` or `file://` and a place make one")]
    Mirror(String),
    /// Upstream's checksum file says nothing about the artifact.
    #[error("`{name}`: {url} has no sha256 of `{file}`")]
    ChecksumFile {
        /// The artifact.
        name: String,
        /// The checksum file.
        url: String,
        /// The file that it should have a line for.
        file: String,
    },
    /// The bytes are whole but others.
    #[error("`{name}`: {url} has sha256 {found}, but {expected} is expected")]
    WrongChecksum {
        /// The artifact.
        name: String,
        /// Where the bytes came from.
        url: String,
        /// What the lock or upstream's checksum file says.
        expected: Digest,
        /// What came.
        found: Digest,
    },
    /// There are fewer or more bytes than the lock says.
    #[error("`{name}`: {url} has {found} bytes, but {expected} are expected")]
    WrongSize {
        /// The artifact.
        name: String,
        /// Where the bytes came from.
        url: String,
        /// What the lock says.
        expected: u64,
        /// What came.
        found: u64,
    },
    /// An archive is not one, although its digest is right.
    #[error("`{name}` is no archive that can be used: {why}")]
    Archive {
        /// The artifact.
        name: String,
        /// What is wrong, with the member.
        why: String,
    },
    /// The cache directory cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// One difference between what is needed and what is pinned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Drift {
    /// Nothing is pinned under the name.
    NotPinned {
        /// The artifact.
        name: String,
        /// Where it would come from.
        url: String,
    },
    /// Another version, or another place, is pinned.
    Changed {
        /// The artifact.
        name: String,
        /// The URL in the lock.
        pinned: String,
        /// The URL that the cluster needs.
        needed: String,
    },
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPinned { name, url } => write!(f, "`{name}` is not pinned ({url})"),
            Self::Changed {
                name,
                pinned,
                needed,
            } => write!(f, "`{name}` is pinned to {pinned}, but {needed} is needed"),
        }
    }
}

fn list(drifts: &[Drift]) -> String {
    let drifts: Vec<String> = drifts.iter().map(Drift::to_string).collect();
    drifts.join("; ")
}

impl Failure for ArtifactError {
    fn exit(&self) -> Exit {
        match self {
            Self::Drift(_) | Self::Mirror(_) => Exit::UserFiles,
            Self::Offline { .. }
            | Self::Denied { .. }
            | Self::Missing { .. }
            | Self::Unreachable { .. } => Exit::Network,
            Self::Damaged { .. }
            | Self::ChecksumFile { .. }
            | Self::WrongChecksum { .. }
            | Self::WrongSize { .. }
            | Self::Archive { .. } => Exit::Integrity,
            Self::Store(error) => error.exit(),
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Drift(_) => "run `kimage fetch` to pin it, and look at what changed".into(),
            Self::Mirror(_) => "correct `mirror` in the cluster file".into(),
            Self::Offline { .. } | Self::Damaged { .. } => {
                "run `kimage fetch` once where the mirror or the internet is reachable".into()
            }
            Self::Denied { .. } => {
                "the mirror may want a user and password (`https://user:password@host/...`), or a proxy may stand in between".into()
            }
            Self::Missing { .. } => {
                "check the version in the cluster file; a mirror needs upstream's hosts and paths below its own".into()
            }
            Self::Unreachable { .. } => {
                "set `mirror` in the cluster file if the internet is not reachable; what came so far is kept, and the next run goes on from there".into()
            }
            Self::ChecksumFile { .. } => "complete the checksum file in the mirror".into(),
            Self::WrongChecksum { .. } | Self::WrongSize { .. } => {
                "the file may be damaged or was replaced; if upstream did that on purpose, delete its lines in kimage.lock and fetch again".into()
            }
            Self::Archive { .. } => "take another version, or report it to whoever made it".into(),
            Self::Store(error) => return error.hint(),
        })
    }
}
