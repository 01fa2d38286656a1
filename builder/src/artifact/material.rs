//! What a layer takes: the content of an artifact, as slices of store files.

use super::{ArtifactError, Fetched, Kind, Store, Unpacked};
use crate::tree::{Blob, Slice};

/// The content of an artifact.
#[derive(Debug, Clone)]
pub enum Material {
    /// An archive, whose members are used one by one.
    Archive(Unpacked),
    /// One program.
    Binary(Slice),
    /// A container image, an OCI archive to be imported as a whole.
    Image(Slice),
}

impl Fetched {
    /// Opens the artifact. An archive is decompressed the first time, and found decompressed from then on.
    ///
    /// # Errors
    /// An archive that is none or that is hostile; a cache directory that cannot be written.
    pub fn open(&self, store: &Store) -> Result<Material, ArtifactError> {
        let whole = || Slice {
            blob: Blob::new(self.entry.path.clone()),
            offset: 0,
            size: self.entry.size,
        };
        Ok(match self.artifact.kind {
            Kind::Archive => {
                Material::Archive(Unpacked::open(store, &self.artifact.name, &self.entry)?)
            }
            Kind::Binary => Material::Binary(whole()),
            Kind::Image(_) => Material::Image(whole()),
        })
    }
}
