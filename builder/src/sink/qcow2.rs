//! QEMU's images: qcow2, version 3 (QEMU's docs/interop/qcow2.txt).
//!
//! The whole allocation is known beforehand from a [`Tally`], so that everything is written once: header, L1 table, L2
//! tables, refcount table and blocks, and then the data clusters in the order in which the guest sees them. Clusters
//! without data are not allocated. The same disk gives the same file; the crates that write qcow2 allocate in the order
//! of the writes, and are asynchronous besides.

use std::fs::File;
use std::io;

use super::region::within;
use super::{DiskLayout, Region, SinkError, Tally, hashed};
use crate::digest::Digest;

const CLUSTER_BITS: u32 = 16;
const CLUSTER: u64 = 1 << CLUSTER_BITS;
/// L2 entries, and refcount table entries, per cluster.
const ENTRIES: u64 = CLUSTER / 8;
/// Refcounts of 16 bits per cluster.
const REFCOUNTS: u64 = CLUSTER / 2;
/// Bit 63 of an L1 or L2 entry: what it points to has one user.
const COPIED: u64 = 1 << 63;
const MAGIC: u32 = u32::from_be_bytes(*b"QFI\xfb");
const VERSION: u32 = 3;
const REFCOUNT_ORDER: u32 = 4;
const HEADER: u32 = 104;

/// Writes a disk into an empty file and answers the file's digest.
pub fn write(layout: &DiskLayout<'_>, file: &File) -> Result<Digest, SinkError> {
    let map = Map::new(&layout.tally()?);
    hashed::write(file, map.file_size(), |region| {
        map.write_tables(region)?;
        layout.write(&mut Guest { map: &map, region })
    })
}

/// Which guest clusters have data, and where they and the tables lie in the file.
struct Map {
    /// Size of the disk that the guest sees, in bytes; whole clusters, because disks are whole MiB.
    disk: u64,
    /// Runs of clusters with data.
    runs: Vec<Run>,
    /// Guest clusters per L2 table that is needed: the L1 indices.
    tables: Vec<u64>,
    l1: u64,
    l2: u64,
    refcount_table: u64,
    refcount_blocks: u64,
    data: u64,
    /// One behind the last cluster of the file.
    end: u64,
}

/// Clusters that follow each other in the guest and in the file.
#[derive(Debug, Clone, Copy)]
struct Run {
    guest: u64,
    file: u64,
    count: u64,
}

impl Map {
    fn new(tally: &Tally) -> Self {
        let disk = tally.size();
        let mut spans: Vec<(u64, u64)> = Vec::new();
        for (start, end) in tally.runs() {
            let (first, last) = (start / CLUSTER, end.div_ceil(CLUSTER));
            match spans.last_mut() {
                Some((_, until)) if first <= *until => *until = last.max(*until),
                _ => spans.push((first, last)),
            }
        }
        let mut tables: Vec<u64> = spans
            .iter()
            .flat_map(|(first, last)| first / ENTRIES..(last - 1) / ENTRIES + 1)
            .collect();
        tables.dedup();

        let l1_clusters = disk
            .div_ceil(CLUSTER)
            .div_ceil(ENTRIES)
            .div_ceil(ENTRIES)
            .max(1);
        let count: u64 = spans.iter().map(|(first, last)| last - first).sum();
        let fixed = 1 + l1_clusters + tables.len() as u64 + count;
        // The blocks count themselves and the table that lists them.
        let (mut blocks, mut table) = (1, 1);
        loop {
            let all = fixed + blocks + table;
            let enough = all.div_ceil(REFCOUNTS);
            if enough <= blocks && blocks <= table * ENTRIES {
                break;
            }
            blocks = enough.max(blocks);
            table = blocks.div_ceil(ENTRIES);
        }
        let l1 = 1;
        let l2 = l1 + l1_clusters;
        let refcount_table = l2 + tables.len() as u64;
        let refcount_blocks = refcount_table + table;
        let data = refcount_blocks + blocks;
        let mut file = data;
        let runs = spans
            .iter()
            .map(|(first, last)| {
                let run = Run {
                    guest: *first,
                    file,
                    count: last - first,
                };
                file += run.count;
                run
            })
            .collect();
        Self {
            disk,
            runs,
            tables,
            l1,
            l2,
            refcount_table,
            refcount_blocks,
            data,
            end: file,
        }
    }

    fn file_size(&self) -> u64 {
        self.end * CLUSTER
    }

    /// Writes everything before the data, cluster by cluster.
    fn write_tables(&self, region: &mut dyn Region) -> io::Result<()> {
        let mut header = Vec::with_capacity(HEADER as usize);
        let l1_size = self.disk.div_ceil(CLUSTER).div_ceil(ENTRIES) as u32;
        header.extend(MAGIC.to_be_bytes());
        header.extend(VERSION.to_be_bytes());
        header.extend(0u64.to_be_bytes()); // backing file: offset
        header.extend(0u32.to_be_bytes()); // backing file: length of the name
        header.extend(CLUSTER_BITS.to_be_bytes());
        header.extend(self.disk.to_be_bytes());
        header.extend(0u32.to_be_bytes()); // not encrypted
        header.extend(l1_size.to_be_bytes());
        header.extend((self.l1 * CLUSTER).to_be_bytes());
        header.extend((self.refcount_table * CLUSTER).to_be_bytes());
        header.extend(((self.refcount_blocks - self.refcount_table) as u32).to_be_bytes());
        header.extend(0u32.to_be_bytes()); // snapshots: count
        header.extend(0u64.to_be_bytes()); // snapshots: offset
        header.extend(0u64.to_be_bytes()); // features that must be understood
        header.extend(0u64.to_be_bytes()); // features that need not
        header.extend(0u64.to_be_bytes()); // features that are cleared where not understood
        header.extend(REFCOUNT_ORDER.to_be_bytes());
        header.extend(HEADER.to_be_bytes());
        // Behind it, eight zero bytes: the end of the (empty) list of extensions.
        put(region, 0, &header, 1)?;

        let mut l1 = vec![0; (l1_size as usize) * 8];
        for (table, index) in (self.l2..).zip(&self.tables) {
            let entry = (table * CLUSTER) | COPIED;
            l1[*index as usize * 8..][..8].copy_from_slice(&entry.to_be_bytes());
        }
        put(region, self.l1, &l1, self.l2 - self.l1)?;

        let mut runs = self.runs.iter().peekable();
        for (table, index) in (self.l2..).zip(&self.tables) {
            let mut l2 = vec![0; CLUSTER as usize];
            let (low, high) = (index * ENTRIES, (index + 1) * ENTRIES);
            while let Some(run) = runs.peek() {
                for guest in run.guest.max(low)..(run.guest + run.count).min(high) {
                    let entry = ((run.file + guest - run.guest) * CLUSTER) | COPIED;
                    let at = ((guest - low) * 8) as usize;
                    l2[at..at + 8].copy_from_slice(&entry.to_be_bytes());
                }
                if run.guest + run.count > high {
                    break;
                }
                runs.next();
            }
            put(region, table, &l2, 1)?;
        }

        let blocks = self.data - self.refcount_blocks;
        let table: Vec<u8> = (self.refcount_blocks..self.data)
            .flat_map(|block| (block * CLUSTER).to_be_bytes())
            .collect();
        let clusters = self.refcount_blocks - self.refcount_table;
        put(region, self.refcount_table, &table, clusters)?;
        for block in 0..blocks {
            let used = self.end.saturating_sub(block * REFCOUNTS).min(REFCOUNTS);
            let counts = [0, 1].repeat(used as usize);
            put(region, self.refcount_blocks + block, &counts, 1)?;
        }
        Ok(())
    }

    /// Where a guest cluster lies in the file, and how many clusters from it on lie there together; or how many
    /// clusters from it on lie nowhere.
    fn find(&self, guest: u64) -> Result<(u64, u64), u64> {
        let after = self.runs.partition_point(|run| run.guest <= guest);
        if let Some(run) = after.checked_sub(1).and_then(|at| self.runs.get(at))
            && guest < run.guest + run.count
        {
            let into = guest - run.guest;
            return Ok((run.file + into, run.count - into));
        }
        Err(self.runs.get(after).map_or(u64::MAX, |next| next.guest) - guest)
    }
}

/// Writes a table at a cluster and zeros up to the end of its clusters.
fn put(region: &mut dyn Region, cluster: u64, bytes: &[u8], clusters: u64) -> io::Result<()> {
    let offset = cluster * CLUSTER;
    region.write_at(offset, bytes)?;
    let size = bytes.len() as u64;
    region.zero_at(offset + size, clusters * CLUSTER - size)
}

/// The disk as the guest sees it, inside the file.
struct Guest<'a> {
    map: &'a Map,
    region: &'a mut dyn Region,
}

impl Guest<'_> {
    /// Cuts a range where the file's order changes: pieces with their place in the file, or without one.
    fn pieces(
        &mut self,
        offset: u64,
        size: u64,
        mut take: impl FnMut(&mut dyn Region, Option<u64>, u64, u64) -> io::Result<()>,
    ) -> io::Result<()> {
        within(self.map.disk, offset, size)?;
        let mut at = offset;
        let end = offset + size;
        while at < end {
            let inside = at % CLUSTER;
            let (place, clusters) = match self.map.find(at / CLUSTER) {
                Ok((file, clusters)) => (Some(file * CLUSTER + inside), clusters),
                Err(clusters) => (None, clusters),
            };
            let piece = clusters
                .saturating_mul(CLUSTER)
                .saturating_sub(inside)
                .min(end - at);
            take(&mut *self.region, place, at - offset, piece)?;
            at += piece;
        }
        Ok(())
    }
}

impl Region for Guest<'_> {
    fn size(&self) -> u64 {
        self.map.disk
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.pieces(offset, bytes.len() as u64, |region, place, from, size| {
            let place = place.ok_or_else(|| {
                io::Error::other(format!("data at {} was not announced", offset + from))
            })?;
            region.write_at(place, &bytes[from as usize..(from + size) as usize])
        })
    }

    fn zero_at(&mut self, offset: u64, size: u64) -> io::Result<()> {
        self.pieces(offset, size, |region, place, _, size| match place {
            None => Ok(()),
            Some(place) => region.zero_at(place, size),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{self, oracle};
    use super::super::{Checked, Memory, raw};
    use super::*;
    use proptest::prelude::*;
    use std::io::Write;
    use std::os::unix::fs::FileExt;
    use tempfile::NamedTempFile;

    fn images() -> (NamedTempFile, NamedTempFile) {
        let (root, esp, boot) = (fixture::root("a"), fixture::esp(), fixture::boot());
        let layout = fixture::disk(&root, &esp, &boot, 1).layout().unwrap();
        let (plain, own) = (NamedTempFile::new().unwrap(), NamedTempFile::new().unwrap());
        let digest = raw::write(&layout, plain.as_file()).unwrap();
        assert_eq!(digest, Digest::of(&std::fs::read(plain.path()).unwrap()));
        let digest = write(&layout, own.as_file()).unwrap();
        assert_eq!(digest, Digest::of(&std::fs::read(own.path()).unwrap()));
        (plain, own)
    }

    #[test]
    fn qemu_finds_nothing_to_complain_about_and_sees_the_raw_disk() {
        let (plain, own) = images();
        let said = oracle("qemu-img", &["check", "-f", "qcow2"], own.path());
        assert!(said.contains("No errors were found"), "{said}");
        let plain = plain.path().to_str().unwrap();
        let said = oracle(
            "qemu-img",
            &["compare", "-f", "raw", "-F", "qcow2", plain],
            own.path(),
        );
        assert!(said.contains("Images are identical"), "{said}");
    }

    #[test]
    fn both_formats_are_the_same_bytes_each_time_and_sparse() {
        use std::os::unix::fs::MetadataExt;
        let ((plain, own), (again, own_again)) = (images(), images());
        for (first, second) in [(&plain, &again), (&own, &own_again)] {
            let bytes = std::fs::read(first.path()).unwrap();
            assert!(bytes == std::fs::read(second.path()).unwrap());
        }
        let metadata = plain.as_file().metadata().unwrap();
        assert!(metadata.blocks() * 512 < metadata.len() / 4);
        assert!(own.as_file().metadata().unwrap().len() < metadata.len() / 4);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]
        #[test]
        fn any_allocation_is_what_qemu_reads(
            size in 1u64..40,
            writes in proptest::collection::vec((0u64..40 << 20, 1usize..300_000), 0..8),
            far in any::<bool>(),
        ) {
            // Far: behind the first L2 table, which covers 512 MiB.
            let base = if far { 511 << 20 } else { 0 };
            let disk = base + (size << 20);
            let mut plain = vec![0; (size << 20) as usize];
            let mut tally = Tally::new(disk);
            let mut placed = Vec::new();
            for (offset, length) in writes {
                let offset = offset % (size << 20);
                let length = length.min(((size << 20) - offset) as usize);
                plain[offset as usize..offset as usize + length].fill((length % 255) as u8 + 1);
                tally.expect(base + offset, length as u64).unwrap();
            }
            let runs: Vec<(u64, u64)> = tally.runs().collect();
            let map = Map::new(&tally);
            let mut region = Checked::new(Memory::new(map.file_size() as usize));
            map.write_tables(&mut region).unwrap();
            let mut guest = Guest { map: &map, region: &mut region };
            let mut at = 0;
            for (start, end) in runs {
                guest.zero_at(at, start - at).unwrap();
                guest.write_at(start, &plain[(start - base) as usize..(end - base) as usize]).unwrap();
                placed.push(start);
                at = end;
            }
            guest.zero_at(at, disk - at).unwrap();
            if at < disk {
                let unallocated = map.find((disk - 1) / CLUSTER).is_err();
                prop_assert_eq!(guest.write_at(disk - 1, &[1]).is_err() && unallocated, unallocated);
            }
            let mut own = NamedTempFile::new().unwrap();
            let bytes = match region.finish() {
                Ok(memory) => memory.into_bytes(),
                Err(error) => return Err(TestCaseError::fail(error.to_string())),
            };
            own.write_all(&bytes).unwrap();
            oracle("qemu-img", &["check", "-f", "qcow2"], own.path());
            let other = NamedTempFile::new().unwrap();
            let target = own.path().to_str().unwrap();
            oracle("qemu-img", &["convert", "-f", "qcow2", "-O", "raw", target], other.path());
            prop_assert_eq!(other.as_file().metadata().unwrap().len(), disk);
            let mut read = vec![0; plain.len()];
            other.as_file().read_exact_at(&mut read, base).unwrap();
            prop_assert!(read == plain);
        }
    }
}
