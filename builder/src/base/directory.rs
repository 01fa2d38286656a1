//! Reads a root filesystem from a directory of this machine.
//!
//! Links are recorded, never followed. Nothing is copied yet: contents are slices of the files themselves until the base is packed.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::BaseError;
use super::filesystem::{Filesystem, Node, NodeKind};
use super::refusal::{Limits, Refusal};
use super::scan::{check_target, is_kept_attribute};
use super::selection::Selection;
use crate::tree::{Blob, Meta, Slice, TreePath};

/// A walk through a directory.
struct Walk<'a> {
    filesystem: &'a mut Filesystem,
    selection: &'a Selection<'a>,
    limits: &'a Limits,
    /// The first path of each file that has several, by device and inode.
    first: BTreeMap<(u64, u64), TreePath>,
    entries: u64,
    bytes: u64,
}

/// Adds what is in a directory.
pub(super) fn add_directory(
    filesystem: &mut Filesystem,
    directory: &Path,
    limits: &Limits,
    selection: &Selection<'_>,
) -> Result<(), BaseError> {
    let mut walk = Walk {
        filesystem,
        selection,
        limits,
        first: BTreeMap::new(),
        entries: 0,
        bytes: 0,
    };
    let meta = fs::metadata(directory).map_err(BaseError::machine("read", directory))?;
    walk.add(directory, TreePath::root(), &meta)
        .map_err(|stop| stop.named(directory))?;
    let mut left = vec![(directory.to_owned(), TreePath::root())];
    while let Some((host, path)) = left.pop() {
        for (host, path) in walk
            .add_below(&host, &path)
            .map_err(|stop| stop.named(directory))?
        {
            left.push((host, path));
        }
    }
    Ok(())
}

enum Stop {
    Refused(Refusal),
    Base(BaseError),
}

impl Stop {
    fn named(self, directory: &Path) -> BaseError {
        match self {
            Self::Refused(source) => BaseError::Refused {
                path: directory.to_owned(),
                source,
            },
            Self::Base(error) => error,
        }
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<BaseError> for Stop {
    fn from(error: BaseError) -> Self {
        Self::Base(error)
    }
}

impl Walk<'_> {
    /// Adds what is directly in a directory, and answers the directories among that.
    fn add_below(
        &mut self,
        host: &Path,
        path: &TreePath,
    ) -> Result<Vec<(PathBuf, TreePath)>, Stop> {
        let mut directories = Vec::new();
        let mut names = Vec::new();
        for entry in fs::read_dir(host).map_err(BaseError::machine("read", host))? {
            let entry = entry.map_err(BaseError::machine("read", host))?;
            names.push(entry.file_name());
        }
        names.sort();
        for name in names {
            let host = host.join(&name);
            let name = name.to_str().ok_or_else(|| Refusal::Path {
                entry: host.display().to_string(),
                problem: "its name is not UTF-8".to_owned(),
            })?;
            let path = path.join(name).map_err(|problem| Refusal::Path {
                entry: host.display().to_string(),
                problem: problem.to_string(),
            })?;
            let meta = fs::symlink_metadata(&host).map_err(BaseError::machine("read", &host))?;
            if self.selection.keeps(path.as_str(), meta.is_dir()) {
                self.add(&host, path.clone(), &meta)?;
                if meta.is_dir() {
                    directories.push((host, path));
                }
            }
        }
        Ok(directories)
    }

    fn add(&mut self, host: &Path, path: TreePath, meta: &Metadata) -> Result<(), Stop> {
        self.entries += 1;
        self.bytes += if meta.is_file() { meta.len() } else { 0 };
        for (count, limit, what) in [
            (self.entries, self.limits.entries, "entries"),
            (self.bytes, self.limits.bytes, "bytes"),
        ] {
            if count > limit {
                return Err(Refusal::TooMuch { limit, what }.into());
            }
        }
        let file_type = meta.file_type();
        let kind = if file_type.is_dir() {
            NodeKind::Directory
        } else if file_type.is_symlink() {
            let target = fs::read_link(host).map_err(BaseError::machine("read", host))?;
            let target = target.to_str().unwrap_or_default();
            check_target(&path, target)?;
            NodeKind::Symlink(target.to_owned())
        } else if file_type.is_file() {
            if meta.nlink() > 1 {
                let id = (meta.dev(), meta.ino());
                if let Some(first) = self.first.get(&id) {
                    return Ok(self.filesystem.link(path, first)?);
                }
                self.first.insert(id, path.clone());
            }
            NodeKind::File(Slice {
                blob: Blob::new(host.to_owned()),
                offset: 0,
                size: meta.len(),
            })
        } else if file_type.is_fifo() {
            NodeKind::Fifo
        } else if file_type.is_socket() {
            // It belongs to a program that runs here, and would be dead in the image.
            return Ok(());
        } else {
            return Err(Refusal::Device { entry: path }.into());
        };
        let meta = Meta {
            mode: (meta.mode() & 0o7777) as u16,
            uid: meta.uid(),
            gid: meta.gid(),
            mtime: meta.mtime().max(0),
            xattrs: attributes(host).map_err(BaseError::machine("read", host))?,
        };
        Ok(self.filesystem.put(path, Node { kind, meta })?)
    }
}

/// The extended attributes of a file, links not followed.
fn attributes(host: &Path) -> io::Result<BTreeMap<String, Vec<u8>>> {
    /// The largest that Linux lets an attribute, and a list of them, become.
    const MOST: usize = 1 << 16;
    let mut attributes = BTreeMap::new();
    let mut names = vec![0; MOST];
    let size = match rustix::fs::llistxattr(host, names.as_mut_slice()) {
        Ok(size) => size,
        Err(rustix::io::Errno::OPNOTSUPP) => return Ok(attributes),
        Err(error) => return Err(error.into()),
    };
    let mut value = vec![0; MOST];
    for name in names[..size].split(|byte| *byte == 0) {
        let Ok(name) = std::str::from_utf8(name) else {
            continue;
        };
        if !name.is_empty() && is_kept_attribute(name) {
            let size = rustix::fs::lgetxattr(host, name, value.as_mut_slice())?;
            attributes.insert(name.to_owned(), value[..size].to_owned());
        }
    }
    Ok(attributes)
}
