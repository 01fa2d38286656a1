//! A seekable device in memory that holds only what was written, for libraries that want to seek.

use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom, Write};

use super::Region;

const PAGE: u64 = 64 << 10;
/// What is looked at for being zero when the pages are written out.
const BLOCK: usize = 4096;

/// `size` bytes, zero where nothing was written.
#[derive(Clone)]
pub(super) struct Pages {
    size: u64,
    position: u64,
    pages: BTreeMap<u64, Box<[u8]>>,
}

impl std::fmt::Debug for Pages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pages({} of {})", self.pages.len(), self.size)
    }
}

impl Pages {
    pub(super) fn new(size: u64) -> Self {
        Self {
            size,
            position: 0,
            pages: BTreeMap::new(),
        }
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Writes the bytes from `start` to `end` into a region that begins with the first of them. Both are multiples of
    /// 512.
    pub(super) fn write(&self, start: u64, end: u64, region: &mut dyn Region) -> io::Result<()> {
        let mut at = start;
        while at < end {
            let until = ((at / PAGE + 1) * PAGE).min(end);
            match self.pages.get(&(at / PAGE)) {
                None => region.zero_at(at - start, until - at)?,
                Some(page) => {
                    let bytes = &page[(at % PAGE) as usize..][..(until - at) as usize];
                    for (index, block) in bytes.chunks(BLOCK).enumerate() {
                        let offset = at - start + (index * BLOCK) as u64;
                        if block.iter().all(|byte| *byte == 0) {
                            region.zero_at(offset, block.len() as u64)?;
                        } else {
                            region.write_at(offset, block)?;
                        }
                    }
                }
            }
            at = until;
        }
        Ok(())
    }
}

impl Read for Pages {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let inside = self.position % PAGE;
        let left = self.size.saturating_sub(self.position).min(PAGE - inside);
        let size = buffer.len().min(left as usize);
        match self.pages.get(&(self.position / PAGE)) {
            Some(page) => buffer[..size].copy_from_slice(&page[inside as usize..][..size]),
            None => buffer[..size].fill(0),
        }
        self.position += size as u64;
        Ok(size)
    }
}

impl Write for Pages {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let inside = self.position % PAGE;
        let left = self.size.saturating_sub(self.position).min(PAGE - inside);
        let size = bytes.len().min(left as usize);
        if size == 0 {
            return Ok(0);
        }
        let number = self.position / PAGE;
        let zero = bytes[..size].iter().all(|byte| *byte == 0);
        if !zero || self.pages.contains_key(&number) {
            let page = self
                .pages
                .entry(number)
                .or_insert_with(|| vec![0; PAGE as usize].into());
            page[inside as usize..][..size].copy_from_slice(&bytes[..size]);
        }
        self.position += size as u64;
        Ok(size)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Pages {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(offset) => self.size.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.position)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Checked, Memory};
    use super::*;

    #[test]
    fn pages_are_written_out_sparsely_and_completely() {
        let mut pages = Pages::new(300_000 / 512 * 512);
        pages.seek(SeekFrom::Start(65_530)).unwrap();
        pages.write_all(&[5; 70_000]).unwrap();
        let mut region = Checked::new(Memory::new(pages.size() as usize));
        pages.write(0, pages.size(), &mut region).unwrap();
        let bytes = region.finish().unwrap().into_bytes();
        assert!(bytes[65_530..135_530].iter().all(|byte| *byte == 5));
        assert_eq!(bytes.iter().filter(|byte| **byte != 0).count(), 70_000);
        assert!(pages.write_all(&[1; 300_000]).is_err());
    }
}
