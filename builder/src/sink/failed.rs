//! What can go wrong while a tree becomes bytes.

use std::io;
use std::path::PathBuf;

use crate::failure::{Exit, Failure};
use crate::tree::TreePath;

/// Why an image could not be written.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The file that holds an entry's content cannot be read.
    #[error("cannot read `{}`, which holds the content of `{path}`", blob.display())]
    Read {
        /// The entry.
        path: TreePath,
        /// The file on the build machine.
        blob: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file that holds an entry's content is shorter than it was when it was indexed.
    #[error("`{}` ends before byte {end}, up to which it holds the content of `{path}`", blob.display())]
    Short {
        /// The entry.
        path: TreePath,
        /// The file on the build machine.
        blob: PathBuf,
        /// Where the content ends in it.
        end: u64,
    },
    /// The output does not take the bytes.
    #[error("cannot write the image")]
    Write(#[source] io::Error),
    /// The format has no way to store an entry.
    #[error("{format} cannot store `{path}`: {reason}")]
    Unstorable {
        /// The format.
        format: &'static str,
        /// The entry.
        path: TreePath,
        /// What is the matter with it.
        reason: String,
    },
    /// The format refuses the whole.
    #[error("cannot lay out the {format} filesystem: {reason}")]
    Layout {
        /// The format.
        format: &'static str,
        /// What it says.
        reason: String,
    },
    /// The boot code of the base is not what it should be.
    #[error("the boot code cannot be used: {0}")]
    BootCode(String),
}

impl SinkError {
    /// The advice for a disk without room.
    pub(crate) fn full_hint() -> Option<String> {
        Some("make room where the output goes, or let it go elsewhere".into())
    }
}

impl From<io::Error> for SinkError {
    fn from(error: io::Error) -> Self {
        Self::Write(error)
    }
}

impl Failure for SinkError {
    fn exit(&self) -> Exit {
        match self {
            Self::Read { .. } | Self::Write(_) => Exit::Environment,
            Self::Short { .. } | Self::BootCode(_) => Exit::Integrity,
            Self::Unstorable { .. } | Self::Layout { .. } => Exit::UserFiles,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Write(error) if error.kind() == io::ErrorKind::StorageFull => Self::full_hint(),
            Self::Read { .. } | Self::Short { .. } | Self::BootCode(_) => Some(
                "remove that cache entry and prepare the base or fetch the artifact again".into(),
            ),
            _ => None,
        }
    }
}
