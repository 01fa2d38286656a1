//! Why an image cannot be put together.

use crate::failure::{Exit, Failure};
use crate::overlay::OverlayError;
use crate::selinux::SelinuxError;
use crate::tree::{PathError, SealError, TreePath};

/// Why an image cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// An overlay cannot be laid.
    #[error(transparent)]
    Overlay(#[from] OverlayError),
    /// Layers do not fit over each other.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The base's policy cannot be used.
    #[error(transparent)]
    Selinux(#[from] SelinuxError),
    /// A name makes no path inside an image.
    #[error(transparent)]
    Path(#[from] PathError),
    /// A release lacks a program.
    #[error("`{artifact}` does not hold `{member}`")]
    NoProgram {
        /// The artifact's name in the lock.
        artifact: String,
        /// What was looked for.
        member: String,
    },
    /// A text is longer than the slot that all nodes of the role have for it.
    #[error(
        "`{path}` has {size} bytes, more than the {slot} that every node of the role has for it"
    )]
    SlotTooSmall {
        /// The file.
        path: TreePath,
        /// Its size in bytes.
        size: usize,
        /// The slot's size in bytes.
        slot: usize,
    },
    /// An owner or group of a file that the image does not know.
    #[error("`{path}` is to belong to `{name}`, which the image does not know")]
    UnknownOwner {
        /// The file.
        path: TreePath,
        /// The user or group.
        name: String,
    },
    /// A list for what the node does not have.
    #[error("`host.acls` names `{path}`, which the node does not have")]
    AclWithoutFile {
        /// The path.
        path: TreePath,
    },
    /// A list for what can have none.
    #[error("`{path}` cannot have {list}: it is {what}")]
    AclRefused {
        /// The path.
        path: TreePath,
        /// Which list.
        list: &'static str,
        /// What lies there.
        what: String,
    },
    /// A user or group of a list that the image does not know.
    #[error("the access control list of `{path}` names `{name}`, which the image does not know")]
    UnknownInAcl {
        /// The path.
        path: TreePath,
        /// The user or group.
        name: String,
    },
    /// An account whose name or number the base uses for something else.
    #[error("the account `{name}` ({id}) collides with `{line}` of the base")]
    AccountTaken {
        /// The account's name.
        name: String,
        /// Its number.
        id: u32,
        /// The base's line.
        line: String,
    },
}

impl Failure for ComposeError {
    fn exit(&self) -> Exit {
        match self {
            Self::Overlay(error) => error.exit(),
            Self::Seal(error) => error.exit(),
            Self::Selinux(error) => error.exit(),
            Self::NoProgram { .. } => Exit::Integrity,
            Self::SlotTooSmall { .. } => Exit::Other,
            Self::Path(_)
            | Self::UnknownOwner { .. }
            | Self::AclWithoutFile { .. }
            | Self::AclRefused { .. }
            | Self::UnknownInAcl { .. }
            | Self::AccountTaken { .. } => Exit::UserFiles,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Overlay(error) => error.hint(),
            Self::Seal(error) => error.hint(),
            Self::Selinux(error) => error.hint(),
            Self::NoProgram { .. } => Some("compare the mirror's release with upstream's".into()),
            Self::AclWithoutFile { .. } => Some(
                "look for it with `kimage render` or `kimage inspect`; a path has no links in it"
                    .into(),
            ),
            Self::AclRefused { .. } => Some("name what the link leads to, or a directory".into()),
            Self::UnknownOwner { .. } | Self::UnknownInAcl { .. } => {
                Some("declare the user under `host.users`, with a number".into())
            }
            Self::AccountTaken { .. } => {
                Some("choose another name or number under `host.users`".into())
            }
            Self::Path(_) | Self::SlotTooSmall { .. } => None,
        }
    }
}
