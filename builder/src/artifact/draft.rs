//! A file under a temporary name, until it is whole.
//!
//! The temporary name is always the same for the same final file, so that an interrupted process leaves at most one
//! piece and the next one goes on with it. Two processes do not write one draft at a time: the second waits for the
//! first, by `flock`, which the kernel lifts however a process ends.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

/// A file that is being written.
pub(super) struct Draft {
    pub(super) file: File,
    path: PathBuf,
}

impl Draft {
    /// Opens the draft at a path, with whatever an earlier process left in it. Waits until no other process has it.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        loop {
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(path)?;
            flock(&file, FlockOperation::LockExclusive)?;
            // Whoever had it before may have published or removed it while we waited.
            match fs::metadata(path) {
                Ok(there) if there.ino() == file.metadata()?.ino() => {
                    return Ok(Self {
                        file,
                        path: path.to_owned(),
                    });
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Gives the file its final name: durable first, visible then.
    pub(super) fn publish(self, path: &Path) -> io::Result<()> {
        self.file.set_permissions(Permissions::from_mode(0o644))?;
        self.file.sync_all()?;
        let folder = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        fs::rename(&self.path, path)?;
        File::open(folder)?.sync_all()
    }

    /// Removes what was written.
    pub(super) fn discard(self) -> io::Result<()> {
        fs::remove_file(&self.path)
    }
}
