//! Directories: a tree as files on the build machine, to look at or to copy elsewhere.
//!
//! Owners, devices and attributes other than `user.` ones take root; without it they are left out, and a tar is the better
//! choice. Files are made with no more than their own permissions, so a key is at no moment readable by others.

use std::fs::{self, File, FileTimes, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, lchown, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{CWD, FileType, Mode, XattrFlags, lsetxattr, makedev, mknodat};

use super::SinkError;
use super::source::Source;
use crate::tree::{Entry, Kind, Meta, Tree, TreePath};

/// Writes a tree into an empty directory that nobody else writes to.
pub fn write(tree: &Tree, target: &Path) -> Result<(), SinkError> {
    let privileged = rustix::process::geteuid().is_root();
    let mut source = Source::new();
    let place = |path: &TreePath| -> PathBuf { target.join(&path.as_str()[1..]) };
    let mut directories = Vec::new();
    let mut links = Vec::new();
    for (path, entry) in tree.entries() {
        let at = place(path);
        match &entry.kind {
            Kind::Directory => {
                if !path.is_root() {
                    fs::create_dir(&at)?;
                }
                directories.push((at, entry));
                continue;
            }
            Kind::HardLink(other) => {
                links.push((place(other), at));
                continue;
            }
            Kind::File(content) => {
                let mut file = OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .mode(u32::from(entry.meta.mode & 0o600))
                    .open(&at)?;
                source.pieces(path, content, 0, content.size(), &mut |piece| {
                    file.write_all(piece)
                })?;
            }
            Kind::Symlink(to) => {
                symlink(to, &at)?;
                if privileged {
                    lchown(&at, Some(entry.meta.uid), Some(entry.meta.gid))?;
                }
                continue;
            }
            Kind::CharDevice { major, minor } if privileged => {
                node(&at, FileType::CharacterDevice, *major, *minor)?;
            }
            Kind::BlockDevice { major, minor } if privileged => {
                node(&at, FileType::BlockDevice, *major, *minor)?;
            }
            Kind::CharDevice { .. } | Kind::BlockDevice { .. } => continue,
            Kind::Fifo => node(&at, FileType::Fifo, 0, 0)?,
        }
        dress(&at, entry, privileged)?;
    }
    for (from, to) in links {
        fs::hard_link(from, to)?;
    }
    // From the inside out, because what is made in a directory changes its time and may not be allowed afterwards.
    for (at, entry) in directories.into_iter().rev() {
        dress(&at, entry, privileged)?;
    }
    Ok(())
}

fn node(at: &Path, kind: FileType, major: u32, minor: u32) -> io::Result<()> {
    let device = makedev(major, minor);
    Ok(mknodat(CWD, at, kind, Mode::RUSR | Mode::WUSR, device)?)
}

/// Gives an entry its owner, attributes, permissions and time, in this order: a change of owner takes away set-user-ID bits and
/// capabilities.
fn dress(at: &Path, entry: &Entry, privileged: bool) -> io::Result<()> {
    let Meta {
        mode,
        uid,
        gid,
        mtime,
        xattrs,
    } = &entry.meta;
    if privileged {
        lchown(at, Some(*uid), Some(*gid))?;
    }
    for (name, value) in xattrs {
        if privileged || name.starts_with("user.") {
            match lsetxattr(at, name.as_str(), value, XattrFlags::empty()) {
                // Not every filesystem has every attribute.
                Err(rustix::io::Errno::NOTSUP | rustix::io::Errno::PERM) => {}
                other => other?,
            }
        }
    }
    fs::set_permissions(at, Permissions::from_mode(u32::from(*mode)))?;
    if matches!(entry.kind, Kind::File(_) | Kind::Directory)
        && let Ok(seconds) = u64::try_from(*mtime)
        && let Ok(file) = File::open(at)
    {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        file.set_times(FileTimes::new().set_accessed(time).set_modified(time))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn a_directory_holds_what_the_tree_holds() {
        let out = tempfile::tempdir().unwrap();
        write(&fixture::root("a"), out.path()).unwrap();
        let at = |name: &str| out.path().join(name);
        assert_eq!(fs::read(at("etc/hostname")).unwrap(), b"a\n");
        assert_eq!(fs::read(at("bin/aping")).unwrap(), b"ping");
        assert_eq!(fs::metadata(at("usr/bin/ping")).unwrap().nlink(), 2);
        let mode = |name: &str| fs::metadata(at(name)).unwrap().mode() & 0o7777;
        assert_eq!(mode("etc/key"), 0o600);
        assert_eq!(mode("tmp"), 0o1777);
        assert_eq!(mode("usr/bin/ping"), 0o4750);
        let time = fs::metadata(at("etc")).unwrap().mtime();
        assert_eq!(time, fixture::EPOCH - 5);
        if rustix::process::geteuid().is_root() {
            assert_eq!(fs::metadata(at("usr/bin/ping")).unwrap().uid(), 70_000);
            let device = fs::metadata(at("dev/vda")).unwrap().rdev();
            assert_eq!(device, makedev(254, 0));
        }
    }
}
