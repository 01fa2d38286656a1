//! One thing in a tree.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::{Content, TreePath};

/// One thing in a tree.
#[derive(Debug, Clone)]
pub struct Entry {
    /// What it is.
    pub kind: Kind,
    /// Who owns it and who may use it.
    pub meta: Meta,
    /// Who put it there.
    pub origin: Origin,
    /// Which nodes have the same one.
    pub sharing: Sharing,
}

/// What an entry is.
#[derive(Debug, Clone)]
pub enum Kind {
    /// A directory.
    Directory,
    /// A regular file.
    File(Content),
    /// A symbolic link and its target, as it is stored: relative, absolute or dangling.
    Symlink(String),
    /// Another name for the file at the path; in a sealed tree that is a [`Kind::File`].
    HardLink(TreePath),
    /// A character device.
    CharDevice {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
    /// A block device.
    BlockDevice {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
    /// A named pipe.
    Fifo,
}

/// Who owns an entry and who may use it. Always numbers: names are resolved against the image's own `/etc/passwd`,
/// never the build machine's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meta {
    /// Permission bits, `0o7777` at most.
    pub mode: u16,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Modification time, in seconds since 1970.
    pub mtime: i64,
    /// Extended attributes by full name (`security.selinux`), as raw bytes.
    pub xattrs: BTreeMap<String, Vec<u8>>,
}

impl Meta {
    /// Owned by root, with a mode, from 1970 on and without attributes.
    pub fn root(mode: u16) -> Self {
        Self {
            mode,
            uid: 0,
            gid: 0,
            mtime: 0,
            xattrs: BTreeMap::new(),
        }
    }
}

/// Who put an entry into a tree, for people: `base debian-12`, `overlay common`, `stage units`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin(Arc<str>);

impl Origin {
    /// An origin by its name.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self(name.into())
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which nodes of a role have the same bytes at a path.
///
/// Two nodes of a role have the same paths with the same sizes; only the content of [`Sharing::Node`] files differs.
/// A sink that declares shared entries first gives them all one layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sharing {
    /// All nodes of the role.
    Role,
    /// This node alone.
    Node,
}
