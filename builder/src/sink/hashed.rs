//! Files that are digested while they are written.
//!
//! Formats write nearly upwards: some metadata first, all over the file, and then the data behind each other. So a second
//! thread follows behind the *frontier*, the end of what is complete from the first byte on. What is written at the
//! frontier is handed over in a few buffers that go to and fro; what was written ahead of it is read back from the page
//! cache. Runs of zeros are neither: they are digested from a constant, and the file is sparse there. The whole takes as
//! long as the slower of the two, which is the digesting, and some tens of MiB of memory: with fewer buffers, the two
//! threads wait for each other more often than they work. A third thread waits for the disk.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, ScopedJoinHandle};

use super::region::{cover, within};
use super::writeback::Writeback;
use super::{Region, SinkError};
use crate::digest::{Digest, Hasher};

/// The digesting thread is told of progress in steps of at least this many bytes: not too often, and soon enough to
/// find the bytes in the cache.
const STEP: u64 = 1 << 20;
/// How many such steps may wait.
const WAITING: usize = 4096;
/// What is handed over or read back at once.
const BUFFER: usize = 512 << 10;
/// How many buffers go to and fro.
const BUFFERS: usize = 64;
/// Less than this is not worth handing over.
const WORTHWHILE: usize = 64 << 10;
static ZEROS: [u8; 64 << 10] = [0; 64 << 10];

/// Makes a file of `size` bytes by `fill`, and answers its digest. The file must be empty; every byte of it must be
/// written once.
pub(super) fn write(
    file: &File,
    size: u64,
    fill: impl FnOnce(&mut dyn Region) -> Result<(), SinkError>,
) -> Result<Digest, SinkError> {
    file.set_len(size)?;
    thread::scope(|scope| {
        let (tell, told) = sync_channel(WAITING);
        let (give_back, buffers) = sync_channel(BUFFERS);
        for _ in 0..BUFFERS {
            // There is room for all of them, and somebody to take them.
            let _ = give_back.send(Vec::new());
        }
        let digesting = scope.spawn(move || digest(file, &told, &give_back));
        let (writeback, asked) = Writeback::new();
        let syncing = scope.spawn(move || asked.serve(file));
        let mut region = Frontier {
            file,
            size,
            covered: BTreeMap::new(),
            data: BTreeMap::new(),
            told: 0,
            tell,
            buffers,
            writeback,
        };
        let filled = fill(&mut region).and_then(|()| Ok(region.finish()?));
        // The threads end when nobody can tell them anything more, whether all went well or not.
        drop(region);
        let digest = joined(digesting);
        let synced = joined(syncing);
        filled?;
        synced?;
        Ok(digest?)
    })
}

fn joined<T>(thread: ScopedJoinHandle<'_, io::Result<T>>) -> io::Result<T> {
    thread
        .join()
        .unwrap_or_else(|_| Err(io::Error::other("a thread that writes an image failed")))
}

/// What the digesting thread is told.
enum Progress {
    /// The file is complete up to `end`; `runs` of it are data and the rest is zero.
    Complete { end: u64, runs: Vec<(u64, u64)> },
    /// These bytes come next.
    Next(Vec<u8>),
}

/// Writes into the file and keeps track of what is complete.
struct Frontier<'a> {
    file: &'a File,
    size: u64,
    covered: BTreeMap<u64, u64>,
    /// Runs of data of which the other thread does not know yet.
    data: BTreeMap<u64, u64>,
    told: u64,
    tell: SyncSender<Progress>,
    buffers: Receiver<Vec<u8>>,
    writeback: Writeback,
}

impl Frontier<'_> {
    fn frontier(&self) -> u64 {
        self.covered.get(&0).copied().unwrap_or(0)
    }

    /// Hands over bytes that were written at the frontier.
    fn hand_over(&mut self, offset: u64, bytes: &[u8]) {
        if self.told < offset {
            self.tell(offset);
        }
        for piece in bytes.chunks(BUFFER) {
            // If the other thread has stopped, it has failed, and says so when it is joined.
            let Ok(mut buffer) = self.buffers.recv() else {
                return;
            };
            buffer.clear();
            buffer.extend_from_slice(piece);
            let _ = self.tell.send(Progress::Next(buffer));
        }
        self.told = offset + bytes.len() as u64;
    }

    fn advance(&mut self, offset: u64, size: u64) -> io::Result<()> {
        if size > 0 && cover(&mut self.covered, offset, offset + size) {
            return Err(io::Error::other(format!(
                "{size} bytes at {offset} were written before"
            )));
        }
        let frontier = self.frontier();
        if frontier >= self.told + STEP {
            self.tell(frontier);
        }
        Ok(())
    }

    fn tell(&mut self, frontier: u64) {
        let mut runs = Vec::new();
        while let Some(run) = self.data.first_entry() {
            let (start, end) = (*run.key(), *run.get());
            if start >= frontier {
                break;
            }
            run.remove();
            runs.push((start, end.min(frontier)));
            if end > frontier {
                self.data.insert(frontier, end);
            }
        }
        self.told = frontier;
        let end = frontier;
        let _ = self.tell.send(Progress::Complete { end, runs });
    }

    fn finish(&mut self) -> io::Result<()> {
        let frontier = self.frontier();
        if frontier != self.size {
            return Err(io::Error::other(format!(
                "of {} bytes only the first {frontier} were all written",
                self.size
            )));
        }
        self.tell(frontier);
        Ok(())
    }
}

impl Region for Frontier<'_> {
    fn size(&self) -> u64 {
        self.size
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let size = bytes.len() as u64;
        within(self.size, offset, size)?;
        self.file.write_all_at(bytes, offset)?;
        self.writeback.wrote(size);
        if bytes.len() >= WORTHWHILE && offset == self.frontier() {
            self.hand_over(offset, bytes);
        } else if size > 0 {
            cover(&mut self.data, offset, offset + size);
        }
        self.advance(offset, size)
    }

    fn zero_at(&mut self, offset: u64, size: u64) -> io::Result<()> {
        within(self.size, offset, size)?;
        self.advance(offset, size)
    }
}

fn digest(
    file: &File,
    told: &Receiver<Progress>,
    give_back: &SyncSender<Vec<u8>>,
) -> io::Result<Digest> {
    let mut hasher = Hasher::new();
    let mut buffer = vec![0; BUFFER];
    let mut at = 0;
    for progress in told {
        let (end, runs) = match progress {
            Progress::Next(bytes) => {
                hasher.update(&bytes);
                at += bytes.len() as u64;
                // At the end nobody wants it back.
                let _ = give_back.send(bytes);
                continue;
            }
            Progress::Complete { end, runs } => (end, runs),
        };
        for (start, end) in runs {
            zeros(&mut hasher, start - at);
            at = start;
            while at < end {
                let size = buffer.len().min((end - at) as usize);
                file.read_exact_at(&mut buffer[..size], at)?;
                hasher.update(&buffer[..size]);
                at += size as u64;
            }
        }
        zeros(&mut hasher, end - at);
        at = end;
    }
    Ok(hasher.finish())
}

fn zeros(hasher: &mut Hasher, mut size: u64) {
    while size > 0 {
        let piece = size.min(ZEROS.len() as u64);
        hasher.update(&ZEROS[..piece as usize]);
        size -= piece;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn a_file_written_in_any_order_has_the_digest_of_its_bytes(
            pieces in proptest::collection::vec((1usize..900_000, any::<bool>()), 1..12),
            seed in any::<u64>(),
        ) {
            let file = tempfile::tempfile().unwrap();
            let size: usize = pieces.iter().map(|(size, _)| size).sum();
            let mut bytes = vec![0; size];
            let mut placed = Vec::new();
            let mut at = 0;
            for (length, data) in pieces {
                if data {
                    bytes[at..at + length].fill((at % 250) as u8 + 1);
                }
                placed.push((at, length, data));
                at += length;
            }
            placed.sort_by_key(|(at, _, _)| (*at as u64).wrapping_mul(seed | 1));
            let digest = write(&file, size as u64, |region| {
                for (at, length, data) in &placed {
                    if *data {
                        region.write_at(*at as u64, &bytes[*at..at + length])?;
                    } else {
                        region.zero_at(*at as u64, *length as u64)?;
                    }
                }
                Ok(())
            })
            .unwrap();
            let mut written = vec![0; size];
            file.read_exact_at(&mut written, 0).unwrap();
            prop_assert!(written == bytes);
            prop_assert_eq!(digest, Digest::of(&bytes));
        }
    }

    #[test]
    fn a_gap_is_an_error_and_not_a_digest() {
        let file = tempfile::tempfile().unwrap();
        let error = write(&file, 100, |region| {
            region.write_at(0, &[1; 50])?;
            Ok(region.write_at(60, &[1; 40])?)
        });
        assert!(error.is_err());
    }
}
