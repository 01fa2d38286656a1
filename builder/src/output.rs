//! Finished files: under a temporary name, flushed, renamed.
//!
//! A file appears under its name whole or not at all. Until then it is called `.NAME.XXXXXX.partial`, in the same
//! directory, and locked by the process that writes it. What a killed process left behind is not locked, and the next
//! one to write a file of that name removes it. To add a kind of output, write it through a [`Partial`].

use std::ffi::OsString;
use std::fs::{self, File, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use tempfile::NamedTempFile;

use crate::digest::Digest;
use crate::failure::{Exit, Failure};
use crate::sink::{DiskLayout, SinkError, directory, qcow2, raw, tar};
use crate::tree::Tree;

const SUFFIX: &str = ".partial";

/// Why an output could not be made.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// No file can be made there.
    #[error("cannot create `{}`", path.display())]
    Create {
        /// The file to be.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The bytes could not be made or written.
    #[error("cannot make `{}`", path.display())]
    Make {
        /// The file to be.
        path: PathBuf,
        /// Why.
        #[source]
        source: SinkError,
    },
    /// All bytes are written, but the file does not get its name.
    #[error("cannot finish `{}`", path.display())]
    Finish {
        /// The file to be.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl Failure for OutputError {
    fn exit(&self) -> Exit {
        match self {
            Self::Make { source, .. } => source.exit(),
            Self::Create { .. } | Self::Finish { .. } => Exit::Environment,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Make { source, .. } => source.hint(),
            Self::Create { source, .. } | Self::Finish { source, .. } => match source.kind() {
                io::ErrorKind::StorageFull => SinkError::full_hint(),
                io::ErrorKind::NotFound => Some("create the directory first".into()),
                io::ErrorKind::DirectoryNotEmpty => {
                    Some("remove it first, or choose another name".into())
                }
                _ => None,
            },
        }
    }
}

/// When a file counts as finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// When it has its name: it survives the end of the program, whatever ends it, but a power cut within the next
    /// half minute may lose it.
    Named,
    /// When it is on the disk under its name.
    Synced,
}

/// A file that does not have its name yet. Dropped, it is gone.
#[derive(Debug)]
pub struct Partial {
    file: NamedTempFile,
    target: PathBuf,
}

impl Partial {
    /// Begins a file with exactly these permissions, whatever the umask, and removes what killed processes left of the
    /// same file.
    pub fn create(target: &Path, mode: u32) -> Result<Self, OutputError> {
        let failed = |source| OutputError::Create {
            path: target.to_owned(),
            source,
        };
        let (directory, prefix) = place(target).map_err(failed)?;
        remove_abandoned(directory, prefix.as_encoded_bytes()).map_err(failed)?;
        loop {
            let file = tempfile::Builder::new()
                .prefix(&prefix)
                .suffix(SUFFIX)
                .permissions(Permissions::from_mode(mode & 0o600))
                .tempfile_in(directory)
                .map_err(failed)?;
            flock(file.as_file(), FlockOperation::LockExclusive)
                .map_err(|error| failed(error.into()))?;
            // Another process may have found it in the moment before it was locked, and removed it.
            if file.as_file().metadata().map_err(failed)?.nlink() > 0 {
                file.as_file()
                    .set_permissions(Permissions::from_mode(mode))
                    .map_err(failed)?;
                return Ok(Self {
                    file,
                    target: target.to_owned(),
                });
            }
        }
    }

    /// The file, to be written into.
    pub fn file(&self) -> &File {
        self.file.as_file()
    }

    /// Gives the file its name, in place of what had that name before.
    pub fn finish(self, durability: Durability) -> Result<(), OutputError> {
        let Self { file, target } = self;
        finish(file, &target, durability).map_err(|source| OutputError::Finish {
            path: target,
            source,
        })
    }
}

fn finish(file: NamedTempFile, target: &Path, durability: Durability) -> io::Result<()> {
    if durability == Durability::Synced {
        file.as_file().sync_all()?;
    }
    file.persist(target).map_err(|error| error.error)?;
    if durability == Durability::Synced {
        let directory = target.parent().filter(|path| !path.as_os_str().is_empty());
        File::open(directory.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(())
}

/// Removes the partial files of a name that nobody holds a lock on.
fn remove_abandoned(directory: &Path, prefix: &[u8]) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.as_encoded_bytes();
        if !(name.starts_with(prefix) && name.ends_with(SUFFIX.as_bytes())) {
            continue;
        }
        // What cannot be opened or locked is another's business.
        let Ok(file) = File::open(entry.path()) else {
            continue;
        };
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
            match fs::remove_file(entry.path()) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
    }
    Ok(())
}

/// The formats of disk images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageFormat {
    /// The disk's bytes, sparse.
    Raw,
    /// QEMU's.
    Qcow2,
}

/// A file that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Where it is.
    pub path: PathBuf,
    /// Its size in bytes; of a sparse file, with its holes.
    pub size: u64,
    /// Its digest.
    pub digest: Digest,
}

/// Writes a disk image. It is on the disk when it has its name: its manifest vouches for it from then on.
pub fn image(
    target: &Path,
    mode: u32,
    format: ImageFormat,
    layout: &DiskLayout<'_>,
) -> Result<Written, OutputError> {
    let partial = Partial::create(target, mode)?;
    let written = match format {
        ImageFormat::Raw => raw::write(layout, partial.file()),
        ImageFormat::Qcow2 => qcow2::write(layout, partial.file()),
    };
    let digest = written.map_err(|source| OutputError::Make {
        path: target.to_owned(),
        source,
    })?;
    let size = partial
        .file()
        .metadata()
        .map_err(|source| OutputError::Finish {
            path: target.to_owned(),
            source,
        })?
        .len();
    partial.finish(Durability::Synced)?;
    Ok(Written {
        path: target.to_owned(),
        size,
        digest,
    })
}

/// Writes a tree as a tar archive.
pub fn archive(target: &Path, mode: u32, tree: &Tree) -> Result<(), OutputError> {
    let partial = Partial::create(target, mode)?;
    let mut writer = BufWriter::with_capacity(1 << 20, partial.file());
    tar::write(tree, &mut writer)
        .and_then(|()| Ok(writer.flush()?))
        .map_err(|source| OutputError::Make {
            path: target.to_owned(),
            source,
        })?;
    drop(writer);
    partial.finish(Durability::Named)
}

/// Writes a tree as a directory, which must not exist yet or be empty.
pub fn tree(target: &Path, tree: &Tree) -> Result<(), OutputError> {
    let failed = |source| OutputError::Create {
        path: target.to_owned(),
        source,
    };
    let (directory, prefix) = place(target).map_err(failed)?;
    let partial = tempfile::Builder::new()
        .prefix(&prefix)
        .suffix(SUFFIX)
        .permissions(Permissions::from_mode(0o700))
        .tempdir_in(directory)
        .map_err(failed)?;
    directory::write(tree, partial.path()).map_err(|source| OutputError::Make {
        path: target.to_owned(),
        source,
    })?;
    fs::rename(partial.path(), target).map_err(|source| OutputError::Finish {
        path: target.to_owned(),
        source,
    })?;
    // It has its name and is not to be removed.
    let _ = partial.keep();
    Ok(())
}

/// The directory that a file is to be in, and what its temporary name begins with.
fn place(target: &Path) -> io::Result<(&Path, OsString)> {
    let name = target
        .file_name()
        .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidFilename))?;
    let directory = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut prefix = OsString::from(".");
    prefix.push(name);
    prefix.push(".");
    Ok((directory, prefix))
}

/// Writes a small file.
pub fn bytes(target: &Path, mode: u32, bytes: &[u8]) -> Result<Written, OutputError> {
    let partial = Partial::create(target, mode)?;
    partial
        .file()
        .write_all(bytes)
        .map_err(|error| OutputError::Make {
            path: target.to_owned(),
            source: error.into(),
        })?;
    partial.finish(Durability::Synced)?;
    Ok(Written {
        path: target.to_owned(),
        size: bytes.len() as u64,
        digest: Digest::of(bytes),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_gets_its_name_when_it_is_finished_and_the_mode_that_was_asked_for() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("n.raw");
        let partial = Partial::create(&target, 0o666).unwrap();
        partial.file().write_all(b"x").unwrap();
        assert!(!target.exists());
        partial.finish(Durability::Synced).unwrap();
        assert_eq!(names(directory.path()), ["n.raw"]);
        let mode = fs::metadata(&target).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o666);
    }

    #[test]
    fn a_file_that_is_not_finished_is_gone() {
        let directory = tempfile::tempdir().unwrap();
        drop(Partial::create(&directory.path().join("n.raw"), 0o600).unwrap());
        assert!(names(directory.path()).is_empty());
    }

    #[test]
    fn what_a_killed_process_left_is_removed_and_what_a_living_one_writes_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("n.raw");
        fs::write(directory.path().join(".n.raw.abcdef.partial"), b"dead").unwrap();
        fs::write(directory.path().join(".other.raw.abcdef.partial"), b"?").unwrap();
        let first = Partial::create(&target, 0o600).unwrap();
        let second = Partial::create(&target, 0o600).unwrap();
        assert_eq!(names(directory.path()).len(), 3);
        first.finish(Durability::Named).unwrap();
        second.finish(Durability::Named).unwrap();
        assert_eq!(
            names(directory.path()),
            [".other.raw.abcdef.partial", "n.raw"]
        );
    }

    #[test]
    fn a_tree_gets_its_name_when_it_is_whole_and_replaces_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("n");
        let content = crate::sink::fixture::esp();
        tree(&target, &content).unwrap();
        assert!(target.join("EFI/kimage/grub.cfg").exists());
        let error = tree(&target, &content).unwrap_err();
        assert!(matches!(error, OutputError::Finish { .. }), "{error}");
        assert_eq!(names(directory.path()), ["n"]);
    }

    #[test]
    fn a_missing_directory_is_named() {
        let error = Partial::create(Path::new("/nonexistent/n.raw"), 0o600).unwrap_err();
        assert_eq!(error.to_string(), "cannot create `/nonexistent/n.raw`");
        assert_eq!(error.exit(), Exit::Environment);
    }

    #[test]
    fn a_full_disk_is_a_named_error_and_leaves_nothing() {
        let partial = File::options().write(true).open("/dev/full").unwrap();
        let error = (&partial).write_all(b"x").unwrap_err();
        let error = OutputError::Make {
            path: "n.raw".into(),
            source: error.into(),
        };
        assert_eq!(error.exit(), Exit::Environment);
        assert!(error.hint().unwrap().contains("make room"));
    }
}
