//! Joins small writes that follow each other.
//!
//! A filesystem hands out its metadata block by block and its files one by one; a system call for each would cost
//! more than the copying. Big pieces go through untouched.

use std::io;

use super::Region;

/// What is joined at most.
const CAPACITY: usize = 512 << 10;
/// Pieces of this size go through without being copied.
const DIRECT: usize = 64 << 10;
/// Zeros up to this size behind a write are joined to it: the padding of a file's last block.
const PADDING: u64 = 4096;

/// A region that collects writes before it hands them on. [`Joined::finish`] hands on the last of them.
pub(super) struct Joined<'a> {
    inner: &'a mut dyn Region,
    start: u64,
    held: Vec<u8>,
}

impl<'a> Joined<'a> {
    pub(super) fn new(inner: &'a mut dyn Region) -> Self {
        Self {
            inner,
            start: 0,
            held: Vec::with_capacity(CAPACITY),
        }
    }

    pub(super) fn finish(mut self) -> io::Result<()> {
        self.hand_on()
    }

    fn hand_on(&mut self) -> io::Result<()> {
        if !self.held.is_empty() {
            self.inner.write_at(self.start, &self.held)?;
            self.start += self.held.len() as u64;
            self.held.clear();
        }
        Ok(())
    }

    /// Makes room for `size` bytes at `offset` behind what is held.
    fn reach(&mut self, offset: u64, size: usize) -> io::Result<()> {
        let follows = offset == self.start + self.held.len() as u64;
        if !follows || self.held.len() + size > CAPACITY {
            self.hand_on()?;
            self.start = offset;
        }
        Ok(())
    }
}

impl Region for Joined<'_> {
    fn size(&self) -> u64 {
        self.inner.size()
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        if bytes.len() >= DIRECT {
            self.hand_on()?;
            return self.inner.write_at(offset, bytes);
        }
        self.reach(offset, bytes.len())?;
        self.held.extend_from_slice(bytes);
        Ok(())
    }

    fn zero_at(&mut self, offset: u64, size: u64) -> io::Result<()> {
        let follows = offset == self.start + self.held.len() as u64;
        if size < PADDING && follows && !self.held.is_empty() {
            let size = size as usize;
            self.reach(offset, size)?;
            self.held.resize(self.held.len() + size, 0);
            return Ok(());
        }
        self.inner.zero_at(offset, size)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Checked, Memory};
    use super::*;

    #[test]
    fn joined_writes_are_the_same_bytes() {
        let mut region = Checked::new(Memory::new(700_000));
        let mut joined = Joined::new(&mut region);
        for at in 0..100u64 {
            joined.write_at(at * 4096, &[at as u8 + 1; 4000]).unwrap();
            joined.zero_at(at * 4096 + 4000, 96).unwrap();
        }
        joined.write_at(409_600, &[7; 200_000]).unwrap();
        joined.zero_at(609_600, 90_400).unwrap();
        joined.finish().unwrap();
        let bytes = region.finish().unwrap().into_bytes();
        for at in 0..100usize {
            assert!(
                bytes[at * 4096..at * 4096 + 4000]
                    .iter()
                    .all(|byte| *byte == at as u8 + 1)
            );
        }
        assert_eq!(bytes.iter().filter(|byte| **byte != 0).count(), 600_000);
    }
}
