//! Where prepared bases lie: `<cache>/bases/<image>/`.
//!
//! `base.json` names the base that is in use; beside it lie `<digest>.tar`, `<digest>.index` and `<digest>.boot/`.
//! `base.json` is replaced last, by a rename, so a base is there whole or not at all. The base before is kept, because a
//! build may still be reading it; older ones are removed.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use super::lack::Lack;
use super::pack::{self, PackError};
use super::{BaseError, index, lookup};
use crate::blueprint::{Blueprint, Day};
use crate::digest::{Digest, Hasher};
use crate::sink::BootCode;
use crate::tree::{Blob, Layer};

/// The form of `base.json` that this program writes and reads.
const FORMAT: u32 = 1;

/// What `base.json` says.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Prepared {
    format: u32,
    /// The image.
    pub image: String,
    /// What identifies the base: its tar and its boot code together.
    pub digest: Digest,
    /// The digest of the tar.
    pub tar: Digest,
    /// The size of the tar in bytes.
    pub size: u64,
    /// How many entries it has.
    pub entries: usize,
    /// The digest of the boot code.
    pub boot: Digest,
    /// The digest of the blueprint that it was prepared by.
    pub blueprint: Digest,
    /// The date of that blueprint.
    pub date: Day,
    /// Where it came from: `mmdebstrap`, or the path that was imported.
    pub source: String,
    /// The newest kernel's version.
    pub kernel: Option<String>,
    /// The base before this one, which a build may still be reading.
    pub before: Option<Digest>,
    /// What it lacks, in words.
    pub lacks: Vec<String>,
    /// Installed packages and their versions, as far as the base says.
    pub packages: Vec<String>,
}

/// The directory of an image's bases.
pub(super) fn directory(cache: &Path, image: &str) -> PathBuf {
    cache.join("bases").join(image)
}

/// Paths of one base.
#[derive(Debug)]
pub(super) struct Paths {
    pub tar: PathBuf,
    pub index: PathBuf,
    pub boot: PathBuf,
}

impl Paths {
    pub(super) fn new(directory: &Path, digest: Digest) -> Self {
        Self {
            tar: directory.join(format!("{digest}.tar")),
            index: directory.join(format!("{digest}.index")),
            boot: directory.join(format!("{digest}.boot")),
        }
    }
}

/// Reads `base.json`; `None` when nothing was prepared.
pub(super) fn read(cache: &Path, image: &str) -> Result<Option<Prepared>, BaseError> {
    let path = directory(cache, image).join("base.json");
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(BaseError::machine("read", &path)(error)),
    };
    let damaged = |problem: String| BaseError::Damaged {
        image: image.to_owned(),
        problem,
    };
    let prepared: Prepared = serde_json::from_slice(&text)
        .map_err(|error| damaged(format!("`{}` cannot be read: {error}", path.display())))?;
    if prepared.format != FORMAT || prepared.image != image {
        return Err(damaged(format!(
            "`{}` is from another version of kimage",
            path.display()
        )));
    }
    Ok(Some(prepared))
}

/// A temporary file in the directory of an image's bases; it goes away when it is dropped.
pub(super) fn temporary(cache: &Path, image: &str) -> Result<NamedTempFile, BaseError> {
    let directory = directory(cache, image);
    fs::create_dir_all(&directory).map_err(BaseError::machine("make", &directory))?;
    tempfile::Builder::new()
        .prefix(".partial-")
        .tempfile_in(&directory)
        .map_err(BaseError::machine("write in", &directory))
}

/// Keeps a layer as the image's base from now on. `listed` are its packages and versions where it does not say them
/// itself.
pub(super) fn keep(
    cache: &Path,
    blueprint: &Blueprint,
    layer: Layer,
    code: &BootCode,
    lacks: &[Lack],
    source: String,
    listed: Option<&str>,
) -> Result<Prepared, BaseError> {
    let image = blueprint.name.as_str();
    let directory = directory(cache, image);
    let packages = match listed {
        Some(list) => in_order(list.lines().map(str::to_owned)),
        None => packages(&layer),
    };
    let kernel = lookup::kernels(&layer).into_iter().next();

    let mut file = temporary(cache, image)?;
    let blob = Blob::new(file.path().to_owned());
    let packed = pack::pack(layer, file.as_file_mut(), &blob).map_err(
        |PackError {
             path,
             action,
             source,
         }| BaseError::Machine {
            action,
            path,
            source,
        },
    )?;
    let boot = boot_digest(code);
    let digest = identity(packed.digest, boot);
    let paths = Paths::new(&directory, digest);
    persist(file, &paths.tar)?;

    let mut file = temporary(cache, image)?;
    write(&mut file, &index::encode(&packed.layer, packed.size))?;
    persist(file, &paths.index)?;

    fs::create_dir_all(&paths.boot).map_err(BaseError::machine("make", &paths.boot))?;
    for (name, bytes) in boot_files(code) {
        let mut file = temporary(cache, image)?;
        write(&mut file, bytes)?;
        persist(file, &paths.boot.join(name))?;
    }

    let before =
        read(cache, image)
            .ok()
            .flatten()
            .and_then(|prepared| match prepared.digest == digest {
                true => prepared.before,
                false => Some(prepared.digest),
            });
    let prepared = Prepared {
        format: FORMAT,
        image: image.to_owned(),
        digest,
        tar: packed.digest,
        size: packed.size,
        entries: packed.layer.entries().count(),
        boot,
        blueprint: blueprint.digest(),
        date: blueprint.date,
        source,
        kernel,
        before,
        lacks: lacks.iter().map(Lack::to_string).collect(),
        packages,
    };
    let json = serde_json::to_vec_pretty(&prepared).expect("text keys and finite values");
    let mut file = temporary(cache, image)?;
    write(&mut file, &json)?;
    persist(file, &directory.join("base.json"))?;
    remove_older(&directory, &prepared)?;
    Ok(prepared)
}

/// The files of a base's boot code.
fn boot_files(code: &BootCode) -> [(&'static str, &[u8]); 3] {
    [
        ("boot.img", &code.mbr),
        ("core.img", &code.core),
        ("BOOTX64.EFI", &code.efi),
    ]
}

/// Reads a base's boot code and holds it against its digest.
pub(super) fn read_boot(paths: &Paths, prepared: &Prepared) -> Result<BootCode, BaseError> {
    let read = |name| {
        let path = paths.boot.join(name);
        fs::read(&path).map_err(BaseError::machine("read", &path))
    };
    let code = BootCode {
        mbr: read("boot.img")?,
        core: read("core.img")?,
        efi: read("BOOTX64.EFI")?,
    };
    if boot_digest(&code) == prepared.boot {
        return Ok(code);
    }
    Err(BaseError::Damaged {
        image: prepared.image.clone(),
        problem: format!("the boot code in `{}` was changed", paths.boot.display()),
    })
}

fn boot_digest(code: &BootCode) -> Digest {
    let mut hasher = Hasher::new();
    for (name, bytes) in boot_files(code) {
        hasher.update(format!("{name} {}\n", bytes.len()).as_bytes());
        hasher.update(bytes);
    }
    hasher.finish()
}

fn identity(tar: Digest, boot: Digest) -> Digest {
    Digest::of(format!("kimage base\ntar {tar}\nboot {boot}\n").as_bytes())
}

/// Packages and versions from dpkg's records; rpm's are in a database that is not read.
fn packages(layer: &Layer) -> Vec<String> {
    let status = match lookup::read(layer, "/var/lib/dpkg/status") {
        Ok(Some(status)) => status,
        Ok(None) | Err(_) => return Vec::new(),
    };
    let mut packages = Vec::new();
    for paragraph in String::from_utf8_lossy(&status).split("\n\n") {
        let field = |name: &str| {
            paragraph
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
        };
        // What was removed but for its configuration is in the records, too.
        let installed = field("Status").is_none_or(|status| status.ends_with(" installed"));
        if let (Some(name), Some(version), true) = (field("Package"), field("Version"), installed) {
            packages.push(format!("{name} {version}"));
        }
    }
    in_order(packages)
}

fn in_order(lines: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut lines: Vec<String> = lines.into_iter().filter(|line| !line.is_empty()).collect();
    lines.sort();
    lines
}

pub(super) fn write(file: &mut NamedTempFile, bytes: &[u8]) -> Result<(), BaseError> {
    let path = file.path().to_owned();
    file.write_all(bytes)
        .map_err(BaseError::machine("write", &path))
}

pub(super) fn persist(file: NamedTempFile, path: &Path) -> Result<(), BaseError> {
    file.as_file()
        .sync_all()
        .map_err(BaseError::machine("write", path))?;
    file.persist(path)
        .map(|_: File| ())
        .map_err(|error| BaseError::machine("write", path)(error.error))
}

/// Removes bases that are neither in use nor the one before, and what interrupted runs left behind.
fn remove_older(directory: &Path, prepared: &Prepared) -> Result<(), BaseError> {
    let failed = || BaseError::machine("clean up", directory);
    for entry in fs::read_dir(directory).map_err(failed())? {
        let entry = entry.map_err(failed())?;
        let name = entry.file_name();
        let Some((digest, _)) = name.to_str().and_then(|name| name.split_once('.')) else {
            continue;
        };
        let Ok(digest) = digest.parse::<Digest>() else {
            continue;
        };
        if digest == prepared.digest || Some(digest) == prepared.before {
            continue;
        }
        let removed = if entry.path().is_dir() {
            fs::remove_dir_all(entry.path())
        } else {
            fs::remove_file(entry.path())
        };
        removed.map_err(failed())?;
    }
    Ok(())
}

/// The entries of a base: from its index, or, when that is damaged, from its tar, which is then held against its digest.
pub(super) fn read_layer(
    paths: &Paths,
    prepared: &Prepared,
    from_tar: impl FnOnce(&Arc<Blob>) -> Result<Layer, BaseError>,
    origin: crate::tree::Origin,
) -> Result<Layer, BaseError> {
    let damaged = |problem: String| BaseError::Damaged {
        image: prepared.image.clone(),
        problem,
    };
    let size = fs::metadata(&paths.tar)
        .map_err(BaseError::machine("read", &paths.tar))?
        .len();
    if size != prepared.size {
        return Err(damaged(format!(
            "`{}` has {size} bytes, not {}",
            paths.tar.display(),
            prepared.size
        )));
    }
    let blob = Blob::new(paths.tar.clone());
    if let Ok(bytes) = fs::read(&paths.index)
        && let Some(layer) = index::decode(&bytes, origin, &blob, size)
    {
        return Ok(layer);
    }
    if digest_of(&paths.tar)? != prepared.tar {
        return Err(damaged(format!("`{}` was changed", paths.tar.display())));
    }
    let layer = from_tar(&blob)?;
    let directory = paths.index.parent().unwrap_or(Path::new("."));
    // An index is a convenience: where the cache cannot be written, the next run reads the tar again.
    let _ = tempfile::NamedTempFile::new_in(directory)
        .map_err(BaseError::machine("write", directory))
        .and_then(|mut file| {
            write(&mut file, &index::encode(&layer, size))?;
            persist(file, &paths.index)
        });
    Ok(layer)
}

/// The digest of a file.
pub(super) fn digest_of(path: &Path) -> Result<Digest, BaseError> {
    let mut hasher = Hasher::new();
    let mut file = File::open(path).map_err(BaseError::machine("read", path))?;
    std::io::copy(&mut file, &mut hasher).map_err(BaseError::machine("read", path))?;
    Ok(hasher.finish())
}
