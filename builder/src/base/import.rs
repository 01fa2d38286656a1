//! Imports a root filesystem that was made elsewhere.

use std::path::Path;

use super::filesystem::Filesystem;
use super::refusal::Limits;
use super::scan::Wanted;
use super::selection::Selection;
use super::store::Prepared;
use super::{BaseError, exists, grub, read_archive, settle};
use crate::blueprint::Blueprint;
use crate::report::Report;
use crate::tree::Blob;

/// Imports the base of an image from a path and keeps it in the cache.
pub fn import(
    blueprint: &Blueprint,
    cache: &Path,
    path: &Path,
    limits: &Limits,
    report: &Report,
) -> Result<Prepared, BaseError> {
    exists(path)?;
    let code = grub::boot_code(&blueprint.name)?;
    let selection = Selection::new(blueprint);
    let mut filesystem = Filesystem::new();
    let blob = Blob::new(path.to_owned());
    read_archive(&mut filesystem, &blob, limits, Wanted::Selected(&selection))?;
    settle(
        cache,
        blueprint,
        filesystem,
        &code,
        path.display().to_string(),
        report,
    )
}
