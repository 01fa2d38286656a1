//! Reads GPT (UEFI specification 2.10, chapter 5): the primary table, checked by its checksums.
//!
//! The `gpt` library writes our tables; what it does with a hostile one (sizes to allocate, sums that overflow) is not
//! its concern, and here it is ours.

use uuid::Uuid;

use super::bytes::Bytes;
use super::bytes::number::{le16, le32, le64};
use super::{Partition, Refusal, damaged};

const SECTOR: u64 = 512;
const SIGNATURE: &[u8] = b"EFI PART";
const HEADER: usize = 92;
const CHECKSUM: usize = 16;
const ENTRY: usize = 128;
/// More partitions than this are not believed.
const MOST: u32 = 1024;

pub(super) fn partitions(disk: &dyn Bytes) -> Result<Vec<Partition>, Refusal> {
    let mut header = [0; HEADER];
    disk.read_at(SECTOR, &mut header)?;
    if !header.starts_with(SIGNATURE) {
        return damaged("it has no GPT");
    }
    let short = |at| le32(&header, at).unwrap_or_default();
    let long = |at| le64(&header, at).unwrap_or_default();
    let mut zeroed = header;
    zeroed[CHECKSUM..CHECKSUM + 4].fill(0);
    if short(12) as usize != HEADER || crc32fast::hash(&zeroed) != short(CHECKSUM) {
        return damaged("the checksum of its GPT header is wrong");
    }
    let (first, count, size) = (long(72), short(80), short(84));
    if count > MOST || size as usize != ENTRY {
        return damaged(format!("its GPT has {count} entries of {size} bytes"));
    }
    let mut table = vec![0; count as usize * ENTRY];
    disk.read_at(first.saturating_mul(SECTOR), &mut table)?;
    if crc32fast::hash(&table) != short(88) {
        return damaged("the checksum of its GPT entries is wrong");
    }
    let mut partitions = Vec::new();
    for (number, entry) in (1..).zip(table.chunks_exact(ENTRY)) {
        let purpose = guid(entry, 0);
        if purpose.is_nil() {
            continue;
        }
        let (first, last) = (le64(entry, 32), le64(entry, 40));
        let place = first.zip(last).and_then(|(first, last)| {
            let start = first.checked_mul(SECTOR)?;
            let end = last.checked_add(1)?.checked_mul(SECTOR)?;
            (start < end && end <= disk.size()).then_some((start, end - start))
        });
        let Some((start, size)) = place else {
            return damaged(format!("partition {number} is not on the disk"));
        };
        let name: Vec<u16> = (56..ENTRY)
            .step_by(2)
            .filter_map(|at| le16(entry, at))
            .take_while(|unit| *unit != 0)
            .collect();
        partitions.push(Partition {
            number,
            purpose,
            guid: guid(entry, 16),
            name: String::from_utf16_lossy(&name),
            start,
            size,
        });
    }
    Ok(partitions)
}

fn guid(entry: &[u8], at: usize) -> Uuid {
    let bytes = entry.get(at..at + 16).unwrap_or_default();
    Uuid::from_slice_le(bytes).unwrap_or_default()
}
