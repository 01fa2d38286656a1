//! Imports a root filesystem that was made elsewhere: a tar, a directory or an OCI image.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use tempfile::NamedTempFile;

use super::filesystem::Filesystem;
use super::oci::{self, Layout};
use super::refusal::Limits;
use super::scan::{Form, Wanted};
use super::selection::Selection;
use super::store::Prepared;
use super::unpack::{Compression, Unpacker};
use super::{BaseError, directory, grub, read_archive, settle};
use crate::blueprint::Blueprint;
use crate::report::Report;
use crate::tree::Blob;

/// Where a tar says what it is, and how it says so.
const USTAR: (usize, &[u8]) = (257, b"ustar");

/// Imports the base of an image from a path and keeps it in the cache. Everything that is missing is reported in one
/// run; the base is refused when a node could not run without it.
pub fn import(
    blueprint: &Blueprint,
    cache: &Path,
    path: &Path,
    limits: &Limits,
    report: &Report,
) -> Result<Prepared, BaseError> {
    let code = grub::boot_code(&blueprint.name)?;
    let selection = Selection::new(blueprint);
    let mut filesystem = Filesystem::new();
    // What was unpacked is read again when the base is packed, and removed after.
    let _unpacked = read(
        &mut filesystem,
        blueprint,
        cache,
        path,
        limits,
        &selection,
        report,
    )?;
    let source = path.display().to_string();
    let listed = list_beside(path)?;
    settle(
        cache,
        blueprint,
        filesystem,
        &code,
        source,
        listed.as_deref(),
        report,
    )
}

pub(super) fn read(
    filesystem: &mut Filesystem,
    blueprint: &Blueprint,
    cache: &Path,
    path: &Path,
    limits: &Limits,
    selection: &Selection<'_>,
    report: &Report,
) -> Result<Vec<NamedTempFile>, BaseError> {
    let unpacker = Unpacker {
        cache,
        image: &blueprint.name,
        limits,
        given: path,
    };
    let image = &blueprint.name;
    let meta = fs::metadata(path).map_err(BaseError::machine("read", path))?;
    if meta.is_dir() {
        if let Some(layout) = Layout::in_directory(path) {
            report.step(&format!("{image}: reading an OCI layout"));
            return read_layers(filesystem, blueprint, &layout, &unpacker, selection);
        }
        report.step(&format!("{image}: reading a directory"));
        directory::add_directory(filesystem, path, limits, selection)?;
        if meta.uid() != 0 {
            report.warning(&format!(
                "`{}` belongs to user {}, and will in the image: a tar made by root, or with `tar --owner=0 --group=0`, keeps the owners",
                path.display(),
                meta.uid()
            ));
        }
        return Ok(Vec::new());
    }
    let compression = Compression::of_file(path)?;
    let mut unpacked = Vec::new();
    let tar = if compression == Compression::None {
        path
    } else {
        report.step(&format!("{image}: unpacking `{}`", path.display()));
        let mut file = File::open(path).map_err(BaseError::machine("read", path))?;
        unpacked.push(unpacker.unpack(compression, &mut file, meta.len())?);
        unpacked[0].path()
    };
    if !is_tar(tar)? {
        return Err(BaseError::Unsuitable {
            path: path.to_owned(),
            problem: "it is no tar, no directory and no OCI image".to_owned(),
        });
    }
    if let Some(layout) = Layout::in_archive(tar, limits)? {
        report.step(&format!("{image}: reading an OCI archive"));
        return read_layers(filesystem, blueprint, &layout, &unpacker, selection);
    }
    read_archive(
        filesystem,
        &Blob::new(tar.to_owned()),
        limits,
        Wanted::Selected(selection),
        Form::Archive,
    )
    .map_err(|error| error.about(path))?;
    Ok(unpacked)
}

fn read_layers(
    filesystem: &mut Filesystem,
    blueprint: &Blueprint,
    layout: &Layout,
    unpacker: &Unpacker<'_>,
    selection: &Selection<'_>,
) -> Result<Vec<NamedTempFile>, BaseError> {
    let layers = oci::layers(layout, &blueprint.architecture, unpacker)?;
    for layer in &layers {
        filesystem.next_layer();
        read_archive(
            filesystem,
            &Blob::new(layer.path().to_owned()),
            unpacker.limits,
            Wanted::Selected(selection),
            Form::Layer,
        )
        .map_err(|error| error.about(unpacker.given))?;
    }
    Ok(layers)
}

/// What lies beside `root.tar` as `root.tar.packages`: a line `NAME VERSION` a package, for bases whose own records are
/// a database.
fn list_beside(path: &Path) -> Result<Option<String>, BaseError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".packages");
    let path = Path::new(&name);
    match fs::read_to_string(path) {
        Ok(list) => Ok(Some(list)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(BaseError::machine("read", path)(error)),
    }
}

fn is_tar(path: &Path) -> Result<bool, BaseError> {
    let mut header = Vec::new();
    File::open(path)
        .and_then(|file| file.take(512).read_to_end(&mut header))
        .map_err(BaseError::machine("read", path))?;
    let (at, magic) = USTAR;
    // Tars from before POSIX say nothing; their first header's checksum does, when it is read.
    Ok(header.len() == 512 && (header[at..].starts_with(magic) || header[at] == 0))
}
