//! Reads ext4, by `mkext4`, which checks every checksum that it meets.

use std::io;

use mkext4::csum;
use mkext4::reader::{Fs, ReadAt};
use mkext4::spec::inode::FileType;
use mkext4::spec::{Inode, Superblock};

use super::bytes::Bytes;
use super::bytes::number::le32;
use super::{Listed, Refusal, Seen, damaged};

/// How many links are followed on the way to one entry, as in Linux.
const LINKS: u32 = 40;
const ROOT: u32 = 2;
const BLOCK: u64 = 4096;
/// Fields of the superblock, which `mkext4` writes with checksums only.
const BLOCKS_LOW: usize = 0x4;
const FIRST_DATA_BLOCK: usize = 0x14;
const BLOCKS_HIGH: usize = 0x150;
const CHECKSUM: usize = 0x3FC;

struct Source<'a>(&'a dyn Bytes);

impl ReadAt for Source<'_> {
    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.0.read_at(offset, buffer)
    }
}

impl From<mkext4::Error> for Refusal {
    fn from(error: mkext4::Error) -> Self {
        match error {
            mkext4::Error::Io(error) => error.into(),
            other => Self::Damaged(format!("its root filesystem is wrong: {other}")),
        }
    }
}

/// Whether the last name of a path is followed if it is a link.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    Follow,
    Keep,
}

struct Root<'a> {
    fs: Fs<Source<'a>>,
    size: u64,
}

pub(super) fn entries(bytes: &dyn Bytes, path: &str) -> Result<Vec<Listed>, Refusal> {
    let root = Root::open(bytes)?;
    let (path, number) = root.find(path, Last::Keep)?;
    let listed = root.listed(path.clone(), number)?;
    if listed.kind != Seen::Directory {
        return Ok(vec![listed]);
    }
    let above = if path == "/" { "" } else { &path };
    let mut entries = Vec::new();
    for (name, child) in root.directory(number)? {
        if name != b"." && name != b".." {
            let name = String::from_utf8_lossy(&name);
            entries.push(root.listed(format!("{above}/{name}"), child)?);
        }
    }
    entries.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(entries)
}

pub(super) fn file(bytes: &dyn Bytes, path: &str) -> Result<Vec<u8>, Refusal> {
    let root = Root::open(bytes)?;
    let (_, number) = root.find(path, Last::Follow)?;
    if root.inode(number)?.file_type() != FileType::Regular {
        return Err(Refusal::Missing);
    }
    Ok(root.fs.read_file(number)?)
}

pub(super) fn xattrs(bytes: &dyn Bytes, path: &str) -> Result<Vec<(String, Vec<u8>)>, Refusal> {
    let root = Root::open(bytes)?;
    let (_, number) = root.find(path, Last::Keep)?;
    root.inode(number)?;
    let mut found: Vec<(String, Vec<u8>)> = root
        .fs
        .xattrs(number)?
        .into_iter()
        .filter_map(|entry| {
            let name = entry.full_name()?;
            Some((String::from_utf8_lossy(&name).into_owned(), entry.value))
        })
        .collect();
    found.sort();
    Ok(found)
}

impl<'a> Root<'a> {
    fn open(bytes: &'a dyn Bytes) -> Result<Self, Refusal> {
        check_superblock(bytes)?;
        let fs = Fs::open(Source(bytes))?;
        Ok(Self {
            fs,
            size: bytes.size(),
        })
    }

    /// An inode that claims no more than the filesystem could hold, so that nothing of its size is allocated.
    fn inode(&self, number: u32) -> Result<Inode, Refusal> {
        let inode = self.fs.inode(number)?;
        if inode.size > self.size {
            return damaged(format!(
                "inode {number} claims to have {} bytes",
                inode.size
            ));
        }
        Ok(inode)
    }

    fn directory(&self, number: u32) -> Result<Vec<(Vec<u8>, u32)>, Refusal> {
        if self.inode(number)?.file_type() != FileType::Dir {
            return Err(Refusal::Missing);
        }
        let entries = self.fs.read_dir(number)?;
        Ok(entries
            .into_iter()
            .filter(|entry| entry.inode != 0)
            .map(|entry| (entry.name, entry.inode))
            .collect())
    }

    /// The inode at a path, and the path without links.
    fn find(&self, path: &str, last: Last) -> Result<(String, u32), Refusal> {
        // Names that are still to be followed, the next one last.
        let mut names: Vec<String> = names(path);
        let mut at: Vec<(String, u32)> = Vec::new();
        let mut links = 0;
        while let Some(name) = names.pop() {
            if name == ".." {
                at.pop();
                continue;
            }
            let above = at.last().map_or(ROOT, |(_, number)| *number);
            let found = self
                .directory(above)?
                .into_iter()
                .find(|(other, _)| *other == name.as_bytes());
            let (_, number) = found.ok_or(Refusal::Missing)?;
            let is_link = self.inode(number)?.file_type() == FileType::Symlink;
            if is_link && (last == Last::Follow || !names.is_empty()) {
                links += 1;
                if links > LINKS {
                    return Err(Refusal::Missing);
                }
                let target = self.target(number)?;
                if target.starts_with('/') {
                    at.clear();
                }
                names.extend(self::names(&target));
            } else {
                at.push((name, number));
            }
        }
        let number = at.last().map_or(ROOT, |(_, number)| *number);
        let path: String = at.iter().map(|(name, _)| format!("/{name}")).collect();
        Ok((if path.is_empty() { "/".into() } else { path }, number))
    }

    fn target(&self, number: u32) -> Result<String, Refusal> {
        let target = self.fs.symlink_target(number)?;
        Ok(String::from_utf8_lossy(&target).into_owned())
    }

    fn listed(&self, path: String, number: u32) -> Result<Listed, Refusal> {
        let inode = self.inode(number)?;
        let device = || inode.dev_numbers().unwrap_or_default();
        let kind = match inode.file_type() {
            FileType::Regular => Seen::File,
            FileType::Dir => Seen::Directory,
            FileType::Symlink => Seen::Symlink(self.target(number)?),
            FileType::CharDev => Seen::CharDevice(device().0, device().1),
            FileType::BlockDev => Seen::BlockDevice(device().0, device().1),
            FileType::Fifo => Seen::Fifo,
            FileType::Socket => Seen::Socket,
            FileType::Unknown => return damaged(format!("`{path}` is nothing that is known")),
        };
        let (mtime, _) = Inode::timestamp(inode.mtime, inode.mtime_extra);
        Ok(Listed {
            path,
            size: if kind == Seen::File { inode.size } else { 0 },
            kind,
            mode: inode.mode & 0o7777,
            uid: inode.uid,
            gid: inode.gid,
            mtime,
        })
    }
}

/// Looks at what `mkext4` calculates with before it has checked it.
fn check_superblock(bytes: &dyn Bytes) -> Result<(), Refusal> {
    let mut block = [0; Superblock::LEN];
    bytes.read_at(1024, &mut block)?;
    let number = |at| le32(&block, at).unwrap_or_default();
    let blocks = u64::from(number(BLOCKS_LOW)) | (u64::from(number(BLOCKS_HIGH)) << 32);
    let sound = csum::superblock(&block) == number(CHECKSUM)
        && number(FIRST_DATA_BLOCK) == 0
        && blocks
            .checked_mul(BLOCK)
            .is_some_and(|size| size <= bytes.size());
    if sound {
        return Ok(());
    }
    damaged("the superblock of its root filesystem is wrong")
}

/// The names of a path, the first one last.
fn names(path: &str) -> Vec<String> {
    path.split('/')
        .rev()
        .filter(|name| !name.is_empty() && *name != ".")
        .map(str::to_owned)
        .collect()
}
