//! What an archive may not hold, and how much.

use crate::tree::TreePath;

/// Something in an archive or directory that must not get into an image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The archive's own structure is broken.
    #[error("the archive is damaged at byte {offset}: {problem}")]
    Damaged {
        /// Where, in bytes.
        offset: u64,
        /// What is wrong.
        problem: String,
    },
    /// A path that leaves the root, or that no filesystem takes.
    #[error("entry `{entry}` has no path inside the root: {problem}")]
    Path {
        /// The path as it is in the archive.
        entry: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A path that leads through something that is no directory: writing it would write elsewhere.
    #[error("entry `{entry}` lies below `{parent}`, which is no directory")]
    BelowNonDirectory {
        /// The entry.
        entry: TreePath,
        /// What should have been a directory.
        parent: TreePath,
    },
    /// The same path twice, as two different things.
    #[error("entry `{entry}` comes twice, as {first} and as {second}")]
    TwoKinds {
        /// The entry.
        entry: TreePath,
        /// What it was.
        first: &'static str,
        /// What it became.
        second: &'static str,
    },
    /// A hard link to what is not in the archive, or comes after it.
    #[error("entry `{entry}` is a hard link to `{target}`, which is not in the archive before it")]
    HardLink {
        /// The entry.
        entry: TreePath,
        /// Its target as it is in the archive.
        target: String,
    },
    /// A link whose target cannot be stored.
    #[error("entry `{entry}` is a link with an unusable target: {problem}")]
    LinkTarget {
        /// The entry.
        entry: TreePath,
        /// What is wrong with the target.
        problem: &'static str,
    },
    /// A device; those below `/dev` are made by the kernel and left out.
    #[error("entry `{entry}` is a device")]
    Device {
        /// The entry.
        entry: TreePath,
    },
    /// A kind of entry, or a way to store one, that is not read.
    #[error("entry `{entry}` is {what}, which kimage does not read")]
    Unsupported {
        /// The entry.
        entry: String,
        /// What it is.
        what: String,
    },
    /// An access control list that is none, or that names an account of which there is no number.
    #[error("entry `{entry}` has an access control list that cannot be read: {problem}")]
    AccessList {
        /// The entry.
        entry: TreePath,
        /// What is wrong.
        problem: String,
    },
    /// More than any root filesystem needs.
    #[error("it holds more than {limit} {what}")]
    TooMuch {
        /// How many are allowed.
        limit: u64,
        /// Of what.
        what: &'static str,
    },
}

/// How much an archive may hold. The defaults are far beyond any root filesystem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Entries, whether they are kept or dropped.
    pub entries: u64,
    /// Bytes in files, and of an archive that is unpacked.
    pub bytes: u64,
    /// How many times larger unpacking may make something, once it is over a GiB.
    pub ratio: u64,
}

impl Limits {
    /// Two million entries, 64 GiB, 100 times.
    pub const USUAL: Self = Self {
        entries: 2_000_000,
        bytes: 64 << 30,
        ratio: 100,
    };
}
