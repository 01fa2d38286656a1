//! Puts right what `fatfs` 0.3.6 gets wrong in the directories that it makes.
//!
//! It writes long names for `.` and `..`, which then are not the first two entries as the specification demands ("FAT:
//! General Overview of On-Disk Format", 1.03, page 25), and lets the `..` of a first-level directory point to the root's
//! cluster instead of 0. `fsck.vfat` would rename and delete these entries. Its repository has the fix, no release does.

use std::io::{self, Read, Seek, SeekFrom, Write};

use super::page::Pages;

const SECTOR: u64 = 512;
const ENTRY: usize = 32;
const ATTRIBUTES: usize = 11;
const LONG_NAME: u8 = 0x0F;
const DIRECTORY: u8 = 0x10;
const DELETED: u8 = 0xE5;
const CLUSTER_HIGH: usize = 20;
const CLUSTER_LOW: usize = 26;
const DOT: &[u8] = b".          ";
const DOT_DOT: &[u8] = b"..         ";
/// Clusters from here on end a chain.
const END: u32 = 0x0FFF_FFF8;

/// Where things lie in a FAT32.
struct Geometry {
    fat: u64,
    data: u64,
    cluster: u64,
    root: u32,
}

/// Mends all directories of a FAT32.
pub(super) fn mend(pages: &mut Pages) -> io::Result<()> {
    let mut boot = [0; SECTOR as usize];
    read(pages, 0, &mut boot)?;
    let two = |at: usize| u64::from(u16::from_le_bytes([boot[at], boot[at + 1]]));
    let four = |at: usize| u32::from_le_bytes([boot[at], boot[at + 1], boot[at + 2], boot[at + 3]]);
    let fat = two(14) * SECTOR;
    let geometry = Geometry {
        fat,
        data: fat + u64::from(boot[16]) * u64::from(four(36)) * SECTOR,
        cluster: u64::from(boot[13]) * SECTOR,
        root: four(44),
    };
    let mut waiting = vec![geometry.root];
    while let Some(directory) = waiting.pop() {
        for child in geometry.children(pages, directory)? {
            let above = if directory == geometry.root {
                0
            } else {
                directory
            };
            geometry.mend_dots(pages, child, above)?;
            waiting.push(child);
        }
    }
    Ok(())
}

impl Geometry {
    fn place(&self, cluster: u32) -> u64 {
        self.data + u64::from(cluster - 2) * self.cluster
    }

    /// The first clusters of the directories in a directory.
    fn children(&self, pages: &mut Pages, directory: u32) -> io::Result<Vec<u32>> {
        let mut children = Vec::new();
        let mut cluster = directory;
        while (2..END).contains(&cluster) {
            let mut bytes = vec![0; self.cluster as usize];
            read(pages, self.place(cluster), &mut bytes)?;
            for entry in bytes.chunks_exact(ENTRY) {
                let is_directory = entry[0] != 0
                    && entry[0] != DELETED
                    && entry[ATTRIBUTES] != LONG_NAME
                    && entry[ATTRIBUTES] & DIRECTORY != 0;
                if is_directory && !entry.starts_with(DOT) && !entry.starts_with(DOT_DOT) {
                    let two = |at: usize| u32::from(u16::from_le_bytes([entry[at], entry[at + 1]]));
                    children.push(two(CLUSTER_HIGH) << 16 | two(CLUSTER_LOW));
                }
            }
            let mut next = [0; 4];
            read(pages, self.fat + u64::from(cluster) * 4, &mut next)?;
            cluster = u32::from_le_bytes(next) & 0x0FFF_FFFF;
        }
        Ok(children)
    }

    fn mend_dots(&self, pages: &mut Pages, directory: u32, above: u32) -> io::Result<()> {
        let mut entries = [[0u8; ENTRY]; 4];
        read(pages, self.place(directory), entries.as_flattened_mut())?;
        if entries[1].starts_with(DOT) && entries[3].starts_with(DOT_DOT) {
            entries = [entries[1], entries[3], entries[0], entries[2]];
            entries[2][0] = DELETED;
            entries[3][0] = DELETED;
        }
        if entries[1].starts_with(DOT_DOT) {
            let [low, lower, high, higher] = above.to_le_bytes();
            entries[1][CLUSTER_LOW..CLUSTER_LOW + 2].copy_from_slice(&[low, lower]);
            entries[1][CLUSTER_HIGH..CLUSTER_HIGH + 2].copy_from_slice(&[high, higher]);
        }
        pages.seek(SeekFrom::Start(self.place(directory)))?;
        pages.write_all(entries.as_flattened())
    }
}

fn read(pages: &mut Pages, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
    pages.seek(SeekFrom::Start(offset))?;
    pages.read_exact(bytes)
}
