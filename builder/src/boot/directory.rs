//! What a run leaves on this machine: one directory, and in it one per node.
//!
//! A run that was killed leaves its files; the next one in the same directory starts by replacing them. The names here
//! are what tests and people look for, so they are told in the manual.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::BootError;
use crate::spec::NodeName;

/// The directory of a run, held against other runs.
pub(super) struct Directory {
    path: PathBuf,
    lock: File,
}

/// Where the files of one node are.
#[derive(Debug, Clone)]
pub(super) struct NodeFiles(PathBuf);

impl Directory {
    pub(super) fn open(path: &Path) -> Result<Self, BootError> {
        make(path).map_err(file_error(path))?;
        let path = path.canonicalize().map_err(file_error(path))?;
        let lock_path = path.join("lock");
        let lock = private(&lock_path).map_err(file_error(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, lock }),
            Err(TryLockError::WouldBlock) => Err(BootError::Busy { directory: path }),
            Err(TryLockError::Error(source)) => Err(BootError::File {
                path: lock_path,
                source,
            }),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The administrator's kubeconfig, good while the machines run.
    pub(super) fn kubeconfig(&self) -> PathBuf {
        self.path.join("admin.kubeconfig")
    }

    pub(super) fn node(&self, name: &NodeName) -> Result<NodeFiles, BootError> {
        let path = self.path.join(name.as_str());
        make(&path).map_err(file_error(&path))?;
        Ok(NodeFiles(path))
    }
}

impl Drop for Directory {
    /// Unlocked, not only closed: a program that another thread is just starting has the file for a moment longer.
    fn drop(&mut self) {
        // A lock that cannot be given up is given up with the process.
        let _ = self.lock.unlock();
    }
}

impl NodeFiles {
    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// The overlay on the image: it holds the node's keys as soon as the node wrote them.
    pub(super) fn disk(&self) -> PathBuf {
        self.0.join("disk.qcow2")
    }

    /// Which build of the image the overlay lies over.
    pub(super) fn lies_over(&self) -> PathBuf {
        self.0.join("disk.lies-over")
    }

    /// What UEFI remembers.
    pub(super) fn nvram(&self) -> PathBuf {
        self.0.join("nvram.fd")
    }

    /// What the guest says on its first serial port.
    pub(super) fn console(&self) -> PathBuf {
        self.0.join("console.log")
    }

    /// What QEMU itself says.
    pub(super) fn words(&self) -> PathBuf {
        self.0.join("qemu.log")
    }

    /// The screen as it was when the nodes had not become Ready in time.
    pub(super) fn screen(&self) -> PathBuf {
        self.0.join("screen.png")
    }

    /// QEMU's process number: to kill it is to cut the power.
    pub(super) fn process(&self) -> PathBuf {
        self.0.join("pid")
    }

    /// The boots of this node that the API has seen: one identifier a line.
    pub(super) fn boots(&self) -> PathBuf {
        self.0.join("boots")
    }

    /// Removes what must not outlive a run: disks hold keys.
    pub(super) fn remove_disk(&self) {
        for path in [self.disk(), self.lies_over(), self.nvram(), self.boots()] {
            // What is not there need not be removed; what cannot be is replaced by the next run.
            let _ = fs::remove_file(path);
        }
    }
}

/// Writes a file that only its owner reads, whole or not at all.
pub(super) fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    use std::io::Write;
    let next = path.with_extension("next");
    let _ = fs::remove_file(&next);
    private(&next)?.write_all(bytes)?;
    fs::rename(&next, path)
}

/// Opens a file for writing that only its owner reads, made if it is not there.
pub(super) fn private(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
}

pub(super) fn file_error(path: &Path) -> impl FnOnce(io::Error) -> BootError {
    let path = path.to_owned();
    |source| BootError::File { path, source }
}

fn make(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_serves_one_run_at_a_time() {
        let place = tempfile::tempdir().unwrap();
        let first = Directory::open(place.path()).unwrap();
        assert!(matches!(
            Directory::open(place.path()),
            Err(BootError::Busy { .. })
        ));
        drop(first);
        assert!(Directory::open(place.path()).is_ok());
    }
}
