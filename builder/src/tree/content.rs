//! What is in a file: bytes in memory, or a slice of a file on the build machine.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::secret::Secret;

/// A file on the build machine that never changes: an entry of the store, or an unpacked base.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Blob {
    path: PathBuf,
}

impl Blob {
    /// Names a file; nothing is opened.
    pub fn new(path: PathBuf) -> Arc<Self> {
        Arc::new(Self { path })
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Some bytes of a [`Blob`]: how a 100 MB kubelet is in a tree without being in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice {
    /// The file that holds the bytes.
    pub blob: Arc<Blob>,
    /// Where they begin in it, in bytes.
    pub offset: u64,
    /// How many they are.
    pub size: u64,
}

/// The content of a file.
#[derive(Debug, Clone)]
pub enum Content {
    /// Bytes that anyone may see.
    Bytes(Arc<[u8]>),
    /// Bytes that must not be shown.
    Secret(Secret),
    /// Bytes of a file on the build machine.
    Slice(Slice),
}

impl Content {
    /// Bytes in memory.
    pub fn bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self::Bytes(bytes.into().into())
    }

    /// The size in bytes.
    pub fn size(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Secret(secret) => secret.size(),
            Self::Slice(slice) => slice.size,
        }
    }
}
