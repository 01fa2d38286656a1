//! Reads qcow2, version 2 and 3 (QEMU's docs/interop/qcow2.txt).
//!
//! Backing files, encryption, compression and external data are refused: kimage writes none of them.

use std::io;
use std::sync::Mutex;

use super::bytes::Bytes;
use super::bytes::number::{be32, be64};
use super::{Refusal, damaged};

const MAGIC: u32 = u32::from_be_bytes(*b"QFI\xfb");
/// The header of version 2; version 3 only adds to it.
const HEADER: usize = 72;
const INCOMPATIBLE: usize = 72;
/// Bits 9 to 55 of an L1 or L2 entry: an offset in the file.
const OFFSET: u64 = 0x00FF_FFFF_FFFF_FE00;
const COMPRESSED: u64 = 1 << 62;
const ALL_ZEROS: u64 = 1;

pub(super) struct Qcow2 {
    file: Box<dyn Bytes>,
    size: u64,
    cluster: u64,
    l1: Vec<u64>,
    /// The L2 table that was used last, and where it lies.
    l2: Mutex<(u64, Vec<u8>)>,
}

impl Qcow2 {
    pub(super) fn recognizes(file: &dyn Bytes) -> Result<bool, Refusal> {
        let mut magic = [0; 4];
        if file.size() < magic.len() as u64 {
            return damaged("it has no bytes to speak of");
        }
        file.read_at(0, &mut magic)?;
        Ok(u32::from_be_bytes(magic) == MAGIC)
    }

    pub(super) fn open(file: Box<dyn Bytes>) -> Result<Self, Refusal> {
        let mut header = [0; HEADER + 8];
        file.read_at(0, &mut header)?;
        let short = |at| be32(&header, at).unwrap_or_default();
        let long = |at| be64(&header, at).unwrap_or_default();
        let (version, bits, size) = (short(4), short(20), long(24));
        if !(2..=3).contains(&version) || !(9..=21).contains(&bits) {
            return damaged("its qcow2 header has an unknown version or cluster size");
        }
        if long(8) != 0 {
            return damaged("it needs a backing file");
        }
        // Bit 0 says that it was not closed, which does no harm to what is read.
        if short(32) != 0 || (version == 3 && long(INCOMPATIBLE) & !1 != 0) {
            return damaged("it is encrypted, or has features that are not known here");
        }
        let cluster = 1u64 << bits;
        let entries = u64::from(short(36));
        if entries > file.size() / 8 || size.div_ceil(cluster).div_ceil(cluster / 8) > entries {
            return damaged("its L1 table does not fit the disk's size");
        }
        let mut table = vec![0; entries as usize * 8];
        file.read_at(long(40), &mut table)?;
        let l1 = table
            .chunks_exact(8)
            .filter_map(|entry| be64(entry, 0))
            .collect();
        Ok(Self {
            file,
            size,
            cluster,
            l1,
            l2: Mutex::new((0, Vec::new())),
        })
    }

    /// Where a cluster of the disk lies in the file, if it does.
    fn find(&self, guest: u64) -> io::Result<Option<u64>> {
        let entries = self.cluster / 8;
        let table = match usize::try_from(guest / entries) {
            Ok(index) => self.l1.get(index).map_or(0, |entry| entry & OFFSET),
            Err(_) => 0,
        };
        if table == 0 {
            return Ok(None);
        }
        let mut held = self
            .l2
            .lock()
            .map_err(|_| io::Error::other("another thread failed while reading"))?;
        if held.0 != table {
            let mut bytes = vec![0; self.cluster as usize];
            self.file.read_at(table, &mut bytes)?;
            *held = (table, bytes);
        }
        let entry = be64(&held.1, (guest % entries) as usize * 8).unwrap_or_default();
        if entry & COMPRESSED != 0 {
            let reason = "it has compressed clusters";
            return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
        }
        let place = entry & OFFSET;
        Ok((entry & ALL_ZEROS == 0 && place != 0).then_some(place))
    }
}

impl Bytes for Qcow2 {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let end = offset.checked_add(buffer.len() as u64);
        if end.is_none_or(|end| end > self.size) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut at = offset;
        let mut rest = buffer;
        while !rest.is_empty() {
            let inside = at % self.cluster;
            let size = (self.cluster - inside).min(rest.len() as u64) as usize;
            let (piece, behind) = rest.split_at_mut(size);
            match self.find(at / self.cluster)? {
                Some(place) => self.file.read_at(place + inside, piece)?,
                None => piece.fill(0),
            }
            rest = behind;
            at += size as u64;
        }
        Ok(())
    }
}
