//! Distributions' root filesystems, prepared once and indexed.
//!
//! A base comes from packages ([`build()`]) or from something that was made elsewhere ([`import()`]). Either way it is read
//! entry by entry (`scan`, into a `filesystem`), judged (`lack`), and kept as one uncompressed tar with an index and
//! the boot loader beside it (`pack`, `index`, `grub`, `store`). [`Base::open`] then reads the index alone, and files
//! are slices of the tar. Foreign bytes are read, checked and copied; they are never unpacked to the build machine's
//! filesystem, and no link in them is ever followed there.

mod acls;
mod archive;
mod build;
mod directory;
mod error;
mod filesystem;
mod grub;
mod import;
mod index;
mod initrd;
mod lack;
mod lookup;
mod oci;
mod pack;
mod refusal;
mod scan;
mod selection;
mod store;
mod unpack;

#[cfg(test)]
mod tests;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

pub use build::{BuildOptions, build};
pub use error::BaseError;
pub use import::import;
pub use lack::{Lack, Need};
pub use refusal::{Limits, Refusal};
pub use store::Prepared;

use crate::blueprint::{Blueprint, Blueprints, Source};
use crate::digest::Digest;
use crate::report::Report;
use crate::sink::BootCode;
use crate::tree::{Blob, Layer, Origin, TreePath};

use archive::ReadError;
use filesystem::Filesystem;
use scan::{Form, Wanted};

/// A distribution's root filesystem, ready to be laid under everything else.
#[derive(Debug)]
pub struct Base {
    /// The image that it is of.
    pub image: String,
    /// What identifies it: another one as soon as a byte of its files or of its boot loader changes.
    pub digest: Digest,
    /// Its entries. Contents are slices of its tar.
    pub layer: Layer,
    /// Its boot loader.
    pub boot: BootCode,
    /// How it was prepared.
    pub prepared: Prepared,
}

impl Base {
    /// Opens a prepared base. Reads its index and boot loader, not its tar, unless the index is damaged.
    pub fn open(cache: &Path, image: &str) -> Result<Self, BaseError> {
        let prepared = store::read(cache, image)?.ok_or_else(|| BaseError::NotPrepared {
            image: image.to_owned(),
            how: format!("run `kimage base build {image}`, or `kimage base import {image} PATH`"),
        })?;
        let paths = store::Paths::new(&store::directory(cache, image), prepared.digest);
        let origin = Origin::new(format!("base {image}"));
        let from_tar = |blob: &Arc<Blob>| {
            let mut filesystem = Filesystem::new();
            read_archive(
                &mut filesystem,
                blob,
                &Limits::USUAL,
                Wanted::All,
                Form::Archive,
            )?;
            Ok(filesystem.into_layer(origin.clone()))
        };
        Ok(Self {
            image: image.to_owned(),
            digest: prepared.digest,
            layer: store::read_layer(&paths, &prepared, from_tar, origin.clone())?,
            boot: store::read_boot(&paths, &prepared)?,
            prepared,
        })
    }

    /// Where the kernel lies, links followed; `None` when it has none.
    pub fn kernel(&self, blueprint: &Blueprint) -> Option<TreePath> {
        self.boot_file(&blueprint.boot.kernel)
    }

    /// Where the initrd lies, links followed; `None` when it has none.
    pub fn initrd(&self, blueprint: &Blueprint) -> Option<TreePath> {
        self.boot_file(&blueprint.boot.initrd)
    }

    fn boot_file(&self, template: &str) -> Option<TreePath> {
        let version = self.prepared.kernel.as_deref().unwrap_or_default();
        lookup::find(&self.layer, &template.replace("{version}", version)).map(|(path, _)| path)
    }

    /// Whether it has something at a path, links followed inside the image.
    pub fn has(&self, path: &str) -> bool {
        lookup::find(&self.layer, path).is_some()
    }

    /// Reads a whole file of it, links followed inside the image; `None` when it has none.
    pub fn read_file(&self, path: &str) -> Result<Option<Vec<u8>>, BaseError> {
        lookup::read(&self.layer, path).map_err(BaseError::machine("read", Path::new(path)))
    }

    /// Reads all of its tar and holds it against its digest.
    pub fn verify(cache: &Path, image: &str) -> Result<(), BaseError> {
        let base = Self::open(cache, image)?;
        let paths = store::Paths::new(&store::directory(cache, image), base.digest);
        if store::digest_of(&paths.tar)? == base.prepared.tar {
            return Ok(());
        }
        Err(BaseError::Damaged {
            image: image.to_owned(),
            problem: format!("`{}` was changed", paths.tar.display()),
        })
    }
}

/// What is prepared of each image.
#[derive(Debug)]
pub struct Listed<'a> {
    /// The image.
    pub blueprint: &'a Blueprint,
    /// Its base; `None` when nobody prepared one, and an error when it cannot be used.
    pub prepared: Result<Option<Prepared>, BaseError>,
}

impl Listed<'_> {
    /// Whether the blueprint says something else today than when the base was prepared.
    pub fn is_outdated(&self) -> bool {
        matches!(&self.prepared, Ok(Some(prepared)) if prepared.blueprint != self.blueprint.digest())
    }

    /// Whether this machine can build it.
    pub fn can_be_built(&self) -> bool {
        matches!(self.blueprint.source, Source::Mmdebstrap(_))
    }
}

/// All images, and what of them is prepared.
pub fn list<'a>(cache: &Path, blueprints: &'a Blueprints) -> Vec<Listed<'a>> {
    let listed = |blueprint: &'a Blueprint| Listed {
        blueprint,
        prepared: store::read(cache, &blueprint.name),
    };
    blueprints.iter().map(listed).collect()
}

/// Adds the entries of an uncompressed tar.
fn read_archive(
    filesystem: &mut Filesystem,
    blob: &Arc<Blob>,
    limits: &Limits,
    wanted: Wanted<'_>,
    form: Form,
) -> Result<(), BaseError> {
    let path = blob.path();
    let file = File::open(path).map_err(BaseError::machine("read", path))?;
    scan::add_archive(filesystem, &file, blob, limits, wanted, form)
        .and_then(|()| acls::resolve(filesystem))
        .map_err(|error| match error {
            ReadError::Refused(source) => BaseError::Refused {
                path: path.to_owned(),
                source,
            },
            ReadError::Io(error) => BaseError::machine("read", path)(error),
        })
}

/// Judges what was read, reports what it lacks, and keeps it.
fn settle(
    cache: &Path,
    blueprint: &Blueprint,
    filesystem: Filesystem,
    code: &BootCode,
    source: String,
    listed: Option<&str>,
    report: &Report,
) -> Result<Prepared, BaseError> {
    let image = &blueprint.name;
    let layer = filesystem.into_layer(Origin::new(format!("base {image}")));
    let lacks =
        lack::lacks(blueprint, &layer).map_err(BaseError::machine("read", Path::new(&source)))?;
    let (essential, useful): (Vec<_>, Vec<_>) = lacks
        .iter()
        .cloned()
        .partition(|lack| lack.need == Need::Essential);
    for lack in &useful {
        report.warning(&format!("`{image}` lacks {lack}"));
    }
    if !essential.is_empty() {
        return Err(BaseError::Lacking {
            image: image.clone(),
            lacks: essential,
        });
    }
    let prepared = store::keep(cache, blueprint, layer, code, &lacks, source, listed)?;
    report.step(&format!(
        "{image} is prepared: {} entries, {} MB, digest {}",
        prepared.entries,
        prepared.size / 1_000_000,
        prepared.digest.short()
    ));
    Ok(prepared)
}
