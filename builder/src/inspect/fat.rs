//! Reads FAT32 ("FAT: General Overview of On-Disk Format", 1.03).
//!
//! `fatfs` writes our ESPs, but trusts what it reads: a chain of clusters that bites its own tail is read forever, and a
//! wrong cluster number underflows.

use super::bytes::Bytes;
use super::bytes::number::{le16, le32};
use super::{Listed, Refusal, Seen, damaged};

const ENTRY: usize = 32;
const ATTRIBUTES: usize = 11;
const LONG_NAME: u8 = 0x0F;
const VOLUME: u8 = 0x08;
const DIRECTORY: u8 = 0x10;
const DELETED: u8 = 0xE5;
/// Clusters from here on end a chain.
const END: u32 = 0x0FFF_FFF8;
/// Where a long-name entry has its 13 characters.
const CHARACTERS: [usize; 13] = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30];

pub(super) struct Fat<'a> {
    bytes: &'a dyn Bytes,
    fat: u64,
    data: u64,
    cluster: u64,
    root: u32,
    /// How many clusters there are; no chain is longer.
    clusters: u32,
}

struct Found {
    name: String,
    directory: bool,
    first: u32,
    size: u32,
}

impl<'a> Fat<'a> {
    pub(super) fn open(bytes: &'a dyn Bytes) -> Result<Self, Refusal> {
        let mut boot = [0; 512];
        bytes.read_at(0, &mut boot)?;
        let short = |at| u64::from(le16(&boot, at).unwrap_or_default());
        let long = |at| u64::from(le32(&boot, at).unwrap_or_default());
        let (sector, per_cluster) = (short(11), u64::from(boot[13]));
        let sound = [512, 1024, 2048, 4096].contains(&sector)
            && per_cluster.is_power_of_two()
            && short(14) > 0
            && (1..=2).contains(&boot[16])
            && short(22) == 0
            && long(36) > 0
            && boot[510..] == [0x55, 0xAA];
        if !sound {
            return damaged("its EFI system partition is no FAT32");
        }
        let fat = short(14) * sector;
        let data = fat + u64::from(boot[16]) * long(36) * sector;
        let cluster = sector * per_cluster;
        let clusters = bytes.size().saturating_sub(data) / cluster;
        Ok(Self {
            bytes,
            fat,
            data,
            cluster,
            root: long(44) as u32,
            clusters: u32::try_from(clusters).unwrap_or(u32::MAX).min(END),
        })
    }

    pub(super) fn entries(&self, path: &str) -> Result<Vec<Listed>, Refusal> {
        let Some((path, found)) = self.find(path)? else {
            return self.list("", self.root);
        };
        if found.directory {
            return self.list(&path, found.first);
        }
        Ok(vec![listed(path, &found)])
    }

    pub(super) fn file(&self, path: &str) -> Result<Vec<u8>, Refusal> {
        match self.find(path)? {
            Some((_, found)) if !found.directory => self.chain(found.first, Some(found.size)),
            _ => Err(Refusal::Missing),
        }
    }

    fn list(&self, path: &str, directory: u32) -> Result<Vec<Listed>, Refusal> {
        let mut entries: Vec<Listed> = self
            .directory(directory)?
            .iter()
            .map(|found| listed(format!("{path}/{}", found.name), found))
            .collect();
        entries.sort_by(|left, right| left.path.cmp(&right.path));
        Ok(entries)
    }

    /// The entry at a path, names in any case, with the path as it is written on the disk; `None` for the root.
    fn find(&self, path: &str) -> Result<Option<(String, Found)>, Refusal> {
        let mut at: Option<(String, Found)> = None;
        for name in path.split('/').filter(|name| !name.is_empty()) {
            let (above, directory) = match &at {
                None => (String::new(), self.root),
                Some((path, found)) if found.directory => (path.clone(), found.first),
                Some(_) => return Err(Refusal::Missing),
            };
            let found = self
                .directory(directory)?
                .into_iter()
                .find(|found| found.name.eq_ignore_ascii_case(name))
                .ok_or(Refusal::Missing)?;
            at = Some((format!("{above}/{}", found.name), found));
        }
        Ok(at)
    }

    fn directory(&self, first: u32) -> Result<Vec<Found>, Refusal> {
        let bytes = self.chain(first, None)?;
        let mut entries = Vec::new();
        let mut long: Vec<u16> = Vec::new();
        for entry in bytes.chunks_exact(ENTRY) {
            let attributes = entry[ATTRIBUTES];
            match entry[0] {
                0 => break,
                DELETED => long.clear(),
                _ if attributes & 0x3F == LONG_NAME => {
                    // The pieces come last first.
                    let units = CHARACTERS.iter().filter_map(|at| le16(entry, *at));
                    let mut piece: Vec<u16> = units.take_while(|unit| *unit != 0).collect();
                    piece.append(&mut long);
                    long = piece;
                }
                _ if attributes & VOLUME != 0 => long.clear(),
                _ => {
                    let long = std::mem::take(&mut long);
                    let name = if long.is_empty() {
                        short_name(&entry[..ATTRIBUTES])
                    } else {
                        String::from_utf16_lossy(&long)
                    };
                    if name == "." || name == ".." {
                        continue;
                    }
                    let high = u32::from(le16(entry, 20).unwrap_or_default());
                    let low = u32::from(le16(entry, 26).unwrap_or_default());
                    entries.push(Found {
                        name,
                        directory: attributes & DIRECTORY != 0,
                        first: (high << 16) | low,
                        size: le32(entry, 28).unwrap_or_default(),
                    });
                }
            }
        }
        Ok(entries)
    }

    /// The bytes of a chain of clusters, up to a size.
    fn chain(&self, first: u32, size: Option<u32>) -> Result<Vec<u8>, Refusal> {
        let mut bytes = Vec::new();
        let (mut at, mut followed) = (first, 0);
        while size.is_none_or(|size| bytes.len() < size as usize) && at < END {
            let Some(number) = at.checked_sub(2).filter(|number| *number < self.clusters) else {
                return damaged(format!("cluster {at} is not in its EFI system partition"));
            };
            if followed >= self.clusters {
                return damaged("a file in its EFI system partition has no end");
            }
            followed += 1;
            let from = bytes.len();
            bytes.resize(from + self.cluster as usize, 0);
            let place = self.data + u64::from(number) * self.cluster;
            self.bytes.read_at(place, &mut bytes[from..])?;
            let mut next = [0; 4];
            self.bytes
                .read_at(self.fat + u64::from(at) * 4, &mut next)?;
            at = u32::from_le_bytes(next) & 0x0FFF_FFFF;
        }
        if let Some(size) = size {
            if bytes.len() < size as usize {
                return damaged("a file in its EFI system partition ends too early");
            }
            bytes.truncate(size as usize);
        }
        Ok(bytes)
    }
}

fn short_name(raw: &[u8]) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
    let (name, extension) = raw.split_at(8.min(raw.len()));
    match text(extension).as_str() {
        "" => text(name),
        extension => format!("{}.{extension}", text(name)),
    }
}

fn listed(path: String, found: &Found) -> Listed {
    let (kind, mode) = if found.directory {
        (Seen::Directory, 0o755)
    } else {
        (Seen::File, 0o644)
    };
    Listed {
        path,
        kind,
        mode,
        uid: 0,
        gid: 0,
        mtime: 0,
        size: u64::from(found.size),
    }
}
