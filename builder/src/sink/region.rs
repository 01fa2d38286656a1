//! Where a format's bytes go.

use std::collections::BTreeMap;
use std::io;

/// A fixed run of bytes to fill, each byte exactly once.
pub trait Region {
    /// How many bytes there are to fill.
    fn size(&self) -> u64;

    /// Puts bytes at an offset.
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Puts `size` zero bytes at an offset; sparse outputs skip them.
    fn zero_at(&mut self, offset: u64, size: u64) -> io::Result<()>;
}

pub(super) fn within(size: u64, offset: u64, bytes: u64) -> io::Result<()> {
    match offset.checked_add(bytes) {
        Some(end) if end <= size => Ok(()),
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("{bytes} bytes at {offset} do not fit into {size}"),
        )),
    }
}

/// Part of a region: a partition seen from inside.
pub struct Window<'a> {
    outer: &'a mut dyn Region,
    start: u64,
    size: u64,
}

impl<'a> Window<'a> {
    /// The `size` bytes of `outer` from `start` on.
    pub fn new(outer: &'a mut dyn Region, start: u64, size: u64) -> io::Result<Self> {
        within(outer.size(), start, size)?;
        Ok(Self { outer, start, size })
    }
}

impl Region for Window<'_> {
    fn size(&self) -> u64 {
        self.size
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        within(self.size, offset, bytes.len() as u64)?;
        self.outer.write_at(self.start + offset, bytes)
    }

    fn zero_at(&mut self, offset: u64, size: u64) -> io::Result<()> {
        within(self.size, offset, size)?;
        self.outer.zero_at(self.start + offset, size)
    }
}

/// A region in memory, for tests and small formats.
#[derive(Debug, Clone)]
pub struct Memory {
    bytes: Vec<u8>,
}

impl Memory {
    /// `size` zero bytes.
    pub fn new(size: usize) -> Self {
        Self {
            bytes: vec![0; size],
        }
    }

    /// What was written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

impl Region for Memory {
    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        within(self.size(), offset, bytes.len() as u64)?;
        let start = offset as usize;
        self.bytes[start..start + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }

    fn zero_at(&mut self, offset: u64, size: u64) -> io::Result<()> {
        within(self.size(), offset, size)?;
        self.bytes[offset as usize..(offset + size) as usize].fill(0);
        Ok(())
    }
}

/// Keeps nothing but the runs that hold data: what a sparse format must store, known before a byte is written.
#[derive(Debug, Clone)]
pub struct Tally {
    size: u64,
    /// Runs of data, start to end, disjoint and not adjacent.
    runs: BTreeMap<u64, u64>,
}

impl Tally {
    /// A region of `size` bytes that forgets what it is given.
    pub fn new(size: u64) -> Self {
        Self {
            size,
            runs: BTreeMap::new(),
        }
    }

    /// Notes that `size` bytes of data will be at an offset, without having them.
    pub fn expect(&mut self, offset: u64, size: u64) -> io::Result<()> {
        within(self.size, offset, size)?;
        if size > 0 {
            cover(&mut self.runs, offset, offset + size);
        }
        Ok(())
    }

    /// The runs of data as (start, end), in order.
    pub fn runs(&self) -> impl Iterator<Item = (u64, u64)> {
        self.runs.iter().map(|(start, end)| (*start, *end))
    }
}

impl Region for Tally {
    fn size(&self) -> u64 {
        self.size
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.expect(offset, bytes.len() as u64)
    }

    fn zero_at(&mut self, offset: u64, size: u64) -> io::Result<()> {
        within(self.size, offset, size)
    }
}

/// Adds a run and joins it with its neighbours. Answers whether it overlapped what was there.
pub(super) fn cover(runs: &mut BTreeMap<u64, u64>, start: u64, end: u64) -> bool {
    let (mut low, mut high, mut overlapped) = (start, end, false);
    while let Some((&before, &until)) = runs.range(..=high).next_back() {
        if until < low {
            break;
        }
        overlapped |= until > start && before < end;
        low = low.min(before);
        high = high.max(until);
        runs.remove(&before);
    }
    runs.insert(low, high);
    overlapped
}

/// Refuses a byte written twice, and on [`Checked::finish`] a byte never written. Wrapped round every image in tests.
pub struct Checked<R> {
    inner: R,
    covered: BTreeMap<u64, u64>,
}

impl<R: Region> Checked<R> {
    /// Watches over `inner`.
    pub fn new(inner: R) -> Self {
        Self {
            inner,
            covered: BTreeMap::new(),
        }
    }

    /// Gives the region back, if every byte of it was written.
    pub fn finish(self) -> io::Result<R> {
        let size = self.inner.size();
        let whole = size == 0 || (self.covered.len() == 1 && self.covered.get(&0) == Some(&size));
        if whole {
            return Ok(self.inner);
        }
        Err(io::Error::other(format!(
            "of {size} bytes only these were written: {:?}",
            self.covered
        )))
    }

    fn mark(&mut self, offset: u64, size: u64) -> io::Result<()> {
        if size > 0 && cover(&mut self.covered, offset, offset + size) {
            return Err(io::Error::other(format!(
                "{size} bytes at {offset} were written before"
            )));
        }
        Ok(())
    }
}

impl<R: Region> Region for Checked<R> {
    fn size(&self) -> u64 {
        self.inner.size()
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.mark(offset, bytes.len() as u64)?;
        self.inner.write_at(offset, bytes)
    }

    fn zero_at(&mut self, offset: u64, size: u64) -> io::Result<()> {
        self.mark(offset, size)?;
        self.inner.zero_at(offset, size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_and_an_overlap_are_found() {
        let mut gap = Checked::new(Memory::new(10));
        gap.write_at(0, b"abc").unwrap();
        gap.zero_at(4, 6).unwrap();
        assert!(gap.finish().is_err());

        let mut overlap = Checked::new(Memory::new(10));
        overlap.write_at(0, b"abc").unwrap();
        assert!(overlap.write_at(2, b"x").is_err());
    }

    #[test]
    fn bytes_in_any_order_cover_the_whole() {
        let mut region = Checked::new(Memory::new(10));
        region.zero_at(5, 5).unwrap();
        region.write_at(0, b"ab").unwrap();
        region.write_at(2, b"cde").unwrap();
        assert_eq!(region.finish().unwrap().into_bytes(), b"abcde\0\0\0\0\0");
    }

    #[test]
    fn a_window_does_not_reach_beyond_itself() {
        let mut memory = Memory::new(10);
        let mut window = Window::new(&mut memory, 4, 3).unwrap();
        assert!(window.write_at(1, b"abc").is_err());
        window.write_at(0, b"abc").unwrap();
        assert_eq!(memory.into_bytes(), b"\0\0\0\0abc\0\0\0");
    }

    #[test]
    fn a_tally_joins_neighbouring_runs() {
        let mut tally = Tally::new(100);
        tally.write_at(10, &[1; 5]).unwrap();
        tally.write_at(20, &[1; 5]).unwrap();
        tally.write_at(15, &[1; 5]).unwrap();
        tally.zero_at(50, 50).unwrap();
        assert_eq!(tally.runs().collect::<Vec<_>>(), [(10, 25)]);
    }
}
