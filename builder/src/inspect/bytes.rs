//! The bytes of a disk, wherever they lie.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Bytes that can be read in any order.
pub trait Bytes: Send + Sync {
    /// How many there are.
    fn size(&self) -> u64;

    /// Fills the whole buffer from an offset on; an error of kind `UnexpectedEof` beyond the end.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;
}

fn within(size: u64, offset: u64, wanted: usize) -> io::Result<()> {
    match offset.checked_add(wanted as u64) {
        Some(end) if end <= size => Ok(()),
        _ => Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            format!("{wanted} bytes at {offset} are beyond the end at {size}"),
        )),
    }
}

/// A file as it is.
pub(super) struct Plain {
    file: File,
    size: u64,
}

impl Plain {
    pub(super) fn new(file: File) -> io::Result<Self> {
        let size = file.metadata()?.len();
        Ok(Self { file, size })
    }
}

impl Bytes for Plain {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        within(self.size, offset, buffer.len())?;
        self.file.read_exact_at(buffer, offset)
    }
}

/// Part of other bytes: a partition.
pub(super) struct Part<'a> {
    whole: &'a dyn Bytes,
    start: u64,
    size: u64,
}

impl<'a> Part<'a> {
    pub(super) fn new(whole: &'a dyn Bytes, start: u64, size: u64) -> Self {
        Self { whole, start, size }
    }
}

impl Bytes for Part<'_> {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        within(self.size, offset, buffer.len())?;
        self.whole
            .read_at(self.start.saturating_add(offset), buffer)
    }
}

/// Big-endian and little-endian numbers at a place in a buffer; `None` beyond its end.
pub(super) mod number {
    pub(in super::super) fn be32(bytes: &[u8], at: usize) -> Option<u32> {
        Some(u32::from_be_bytes(
            bytes.get(at..)?.get(..4)?.try_into().ok()?,
        ))
    }

    pub(in super::super) fn be64(bytes: &[u8], at: usize) -> Option<u64> {
        Some(u64::from_be_bytes(
            bytes.get(at..)?.get(..8)?.try_into().ok()?,
        ))
    }

    pub(in super::super) fn le16(bytes: &[u8], at: usize) -> Option<u16> {
        Some(u16::from_le_bytes(
            bytes.get(at..)?.get(..2)?.try_into().ok()?,
        ))
    }

    pub(in super::super) fn le32(bytes: &[u8], at: usize) -> Option<u32> {
        Some(u32::from_le_bytes(
            bytes.get(at..)?.get(..4)?.try_into().ok()?,
        ))
    }

    pub(in super::super) fn le64(bytes: &[u8], at: usize) -> Option<u64> {
        Some(u64::from_le_bytes(
            bytes.get(at..)?.get(..8)?.try_into().ok()?,
        ))
    }
}
