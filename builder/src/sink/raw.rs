//! Raw images: the disk's bytes as they are, in a sparse file.

use std::fs::File;

use super::{DiskLayout, SinkError, hashed};
use crate::digest::Digest;

/// Writes a disk into an empty file and answers the file's digest.
pub fn write(layout: &DiskLayout<'_>, file: &File) -> Result<Digest, SinkError> {
    hashed::write(file, layout.size(), |region| layout.write(region))
}
