//! The attributes of `/lost+found`, which `mkext4` makes by itself and without any.
//!
//! They are put into the inode's own space while its block is written: a header, an entry of 16 bytes and the name for each
//! attribute, the values from the end (<https://docs.kernel.org/filesystems/ext4/attributes.html>). The inode's
//! checksum is made again.

use std::io;

use mkext4::spec::{BLOCK_SIZE, INODE_SIZE};
use mkext4::{RegionSink, csum};

/// The inode of `/lost+found`, on every ext4; the first one is 1.
const INODE: usize = 11;
/// Where an inode's space for attributes begins: behind 128 bytes of old and 32 of new fields.
const AREA: usize = 160;
const MAGIC: [u8; 4] = 0xEA02_0000_u32.to_le_bytes();
/// The number for `security.`.
const SECURITY: u8 = 6;
/// Where the low and the high half of an inode's checksum are.
const CHECKSUM: (usize, usize) = (0x7C, 0x82);
/// Where the first group's descriptor says where its inodes are, in blocks.
const INODE_TABLE: usize = BLOCK_SIZE + 8;

/// The space for attributes of an inode with one `security.` attribute; `None` when that is too long.
fn area(name: &str, value: &[u8]) -> Option<[u8; INODE_SIZE - AREA]> {
    let mut area = [0; INODE_SIZE - AREA];
    let entry = 4;
    let end = entry + 16 + name.len().next_multiple_of(4) + 4;
    // Counted from behind the header, and there from the end.
    let at = area.len().checked_sub(value.len().next_multiple_of(4))?;
    if at < end {
        return None;
    }
    area[..4].copy_from_slice(&MAGIC);
    area[entry] = name.len() as u8;
    area[entry + 1] = SECURITY;
    area[entry + 2..entry + 4].copy_from_slice(&((at - entry) as u16).to_le_bytes());
    area[entry + 8..entry + 12].copy_from_slice(&(value.len() as u32).to_le_bytes());
    area[entry + 16..entry + 16 + name.len()].copy_from_slice(name.as_bytes());
    area[at..at + value.len()].copy_from_slice(value);
    Some(area)
}

/// A change to what is written of a filesystem: the label of `/lost+found`.
#[derive(Debug, Clone)]
pub(super) struct Label {
    /// Where its inode is, in bytes.
    at: u64,
    area: [u8; INODE_SIZE - AREA],
    seed: u32,
}

impl Label {
    /// The change that gives it `security.NAME`; `None` when the value is too long for an inode. `beginning` is that of the
    /// filesystem, with its first group's descriptor.
    pub(super) fn new(beginning: &[u8], uuid: &[u8; 16], name: &str, value: &[u8]) -> Option<Self> {
        let table = beginning.get(INODE_TABLE..INODE_TABLE + 4)?;
        let table = u32::from_le_bytes(table.try_into().ok()?);
        Some(Self {
            at: u64::from(table) * BLOCK_SIZE as u64 + ((INODE - 1) * INODE_SIZE) as u64,
            area: area(name, value)?,
            seed: csum::fs_seed(uuid),
        })
    }

    /// Changes what is about to be written, if the inode is in it.
    fn changed(&self, offset: u64, bytes: &[u8]) -> Option<Vec<u8>> {
        let from = usize::try_from(self.at.checked_sub(offset)?).ok()?;
        let mut inode: [u8; INODE_SIZE] = bytes.get(from..from + INODE_SIZE)?.try_into().ok()?;
        inode[AREA..].copy_from_slice(&self.area);
        let checksum = csum::inode(self.seed, INODE as u32, 0, &inode).to_le_bytes();
        inode[CHECKSUM.0..][..2].copy_from_slice(&checksum[..2]);
        inode[CHECKSUM.1..][..2].copy_from_slice(&checksum[2..]);
        let mut changed = bytes.to_vec();
        changed[from..from + INODE_SIZE].copy_from_slice(&inode);
        Some(changed)
    }
}

/// Lets a writer's bytes through, changed.
pub(super) struct Labelled<'a, S> {
    pub sink: S,
    pub label: Option<&'a Label>,
}

impl<S: RegionSink> RegionSink for Labelled<'_, S> {
    fn data(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        match self.label.and_then(|label| label.changed(offset, bytes)) {
            Some(changed) => self.sink.data(offset, &changed),
            None => self.sink.data(offset, bytes),
        }
    }

    fn zeros(&mut self, offset: u64, size: u64) -> io::Result<()> {
        self.sink.zeros(offset, size)
    }
}
