//! Brings artifacts into the store and pins them.
//!
//! For each artifact: the lock's digest, or else upstream's checksum file, says what the bytes must be; if the store
//! has them, that is all. Otherwise they are downloaded to a draft that is named by the digest, so that a later run
//! goes on where this one ended, and become an entry only when their digest is right. Up to four come at a time.
//!
//! What helps is tried again (a reset, a server that is busy); what does not (a wrong checksum, a refusal) is an error
//! at once.

use std::fs;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use super::draft::Draft;
use super::source::{Location, Source, Transfer, Trouble};
use super::store::{Check, Entry, Found, Store, beside, failed, hash};
use super::{Artifact, ArtifactError, Kind, Lock, Pin, Progress, checksum, oci};
use crate::digest::{Digest, Hasher};

/// Whether servers may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connections {
    /// As needed.
    Allowed,
    /// Not one: `--offline`. A mirror in a folder is no server.
    Forbidden,
}

/// What may happen to the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pins {
    /// What is not pinned yet is pinned; what is not needed any more is forgotten.
    Update,
    /// Nothing: any difference is an error (`--locked`).
    Keep,
}

/// Brings artifacts into the store.
pub struct Fetcher<'a> {
    /// Where they go.
    pub store: &'a Store,
    /// What stands in for upstream's hosts.
    pub mirror: Option<&'a str>,
    /// Whether servers may be asked.
    pub connections: Connections,
    /// What may happen to the lock.
    pub pins: Pins,
    /// How thoroughly entries that are there already are looked at.
    pub check: Check,
    /// Who is told about it.
    pub progress: &'a dyn Progress,
    /// How to wait before asking again; `std::thread::sleep`, except in tests.
    pub sleep: &'a (dyn Fn(Duration) + Sync),
}

/// An artifact in the store.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// What it is.
    pub artifact: Artifact,
    /// What it is pinned to.
    pub pin: Pin,
    /// Where it lies.
    pub entry: Entry,
}

/// How many come at a time. More would help no server, and no disk.
const AT_A_TIME: usize = 4;
/// How often a file is asked for without getting on.
const ATTEMPTS: u32 = 5;
/// The longest wait, whatever a server says.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// Getting on by this much makes the attempts count from the start again.
const GETTING_ON: u64 = 1 << 20;
/// No checksum file is larger.
const LARGEST_CHECKSUM_FILE: u64 = 1 << 20;

impl Fetcher<'_> {
    /// Sees to it that the store has all of them, and the lock too. The answer is in the order of `needed`. On
    /// failure the lock is as it was, and what did come stays in the store.
    ///
    /// # Errors
    /// The first artifact, in order, that cannot be had.
    pub fn run(&self, needed: &[Artifact], lock: &mut Lock) -> Result<Vec<Fetched>, ArtifactError> {
        if self.pins == Pins::Keep {
            let drift = lock.drift(needed);
            if !drift.is_empty() {
                return Err(ArtifactError::Drift(drift));
            }
        }
        let source = Source::new(self.mirror, self.connections == Connections::Allowed)?;
        let fetched = in_parallel(needed, |artifact| {
            self.bring(&source, artifact, lock.pin(artifact))
        })?;
        if self.pins == Pins::Update {
            lock.prune(needed);
            for one in &fetched {
                lock.set(&one.artifact, one.pin.clone());
            }
        }
        Ok(fetched)
    }

    /// Sees to it that the store has one artifact.
    fn bring(
        &self,
        source: &Source,
        artifact: &Artifact,
        pin: Option<&Pin>,
    ) -> Result<Fetched, ArtifactError> {
        let location = source.locate(&artifact.mirror_path);
        let fetched = |entry: Entry| Fetched {
            artifact: artifact.clone(),
            pin: Pin {
                url: artifact.upstream.to_string(),
                size: entry.size,
                sha256: entry.digest,
            },
            entry,
        };
        let mut aside = None;
        if let Some(pin) = pin {
            match self.store.look(&pin.sha256, self.check)? {
                Found::Whole(entry) if entry.size != pin.size => {
                    return Err(ArtifactError::WrongSize {
                        name: artifact.name.clone(),
                        url: pin.url.clone(),
                        expected: pin.size,
                        found: entry.size,
                    });
                }
                Found::Whole(entry) => return Ok(fetched(entry)),
                Found::Absent => {}
                Found::Damaged(path) => aside = Some(path),
            }
        }
        if !source.may_ask(&location) {
            let name = artifact.name.clone();
            return Err(match aside {
                Some(aside) => ArtifactError::Damaged { name, aside },
                None => ArtifactError::Offline { name },
            });
        }
        if matches!(artifact.kind, Kind::Image(_)) && !source.has_mirror() {
            return Err(ArtifactError::Unreachable {
                name: artifact.name.clone(),
                url: artifact.upstream.to_string(),
                source: "container images are only taken from a `mirror` so far".into(),
            });
        }
        let expected = match pin {
            Some(pin) => Some(pin.sha256),
            None => self.published_digest(source, artifact)?,
        };
        if pin.is_none()
            && let Some(digest) = &expected
            && let Found::Whole(entry) = self.store.look(digest, self.check)?
        {
            return Ok(fetched(entry));
        }
        let download = Download {
            fetcher: self,
            source,
            artifact,
            location,
            expected,
            size: pin.map(|pin| pin.size),
        };
        let outcome = download.run();
        match &outcome {
            Ok(entry) => self.progress.finished(&artifact.name, entry.size),
            Err(_) => self.progress.failed(&artifact.name),
        }
        outcome.map(fetched)
    }

    /// What upstream says that the digest is. A container image in a mirror may come without: its own blobs are
    /// checked instead.
    fn published_digest(
        &self,
        source: &Source,
        artifact: &Artifact,
    ) -> Result<Option<Digest>, ArtifactError> {
        let location = source.locate(&artifact.checksum_path);
        let mut patience = Patience::new(self, artifact, &location);
        let text = loop {
            let read = source.open(&location, 0, None).and_then(|transfer| {
                let mut bytes = Vec::new();
                transfer
                    .body
                    .take(LARGEST_CHECKSUM_FILE)
                    .read_to_end(&mut bytes)
                    .map_err(|error| Trouble::Again(error.into(), None))?;
                Ok(String::from_utf8_lossy(&bytes).into_owned())
            });
            match read {
                Ok(text) => break text,
                Err(Trouble::Missing) if matches!(artifact.kind, Kind::Image(_)) => {
                    return Ok(None);
                }
                Err(trouble) => patience.wait(trouble, 0)?,
            }
        };
        match checksum::find(&text, artifact.file_name()) {
            Some(digest) => Ok(Some(digest)),
            None => Err(ArtifactError::ChecksumFile {
                name: artifact.name.clone(),
                url: location.shown(),
                file: artifact.file_name().to_owned(),
            }),
        }
    }
}

/// One file on its way into the store.
struct Download<'a> {
    fetcher: &'a Fetcher<'a>,
    source: &'a Source,
    artifact: &'a Artifact,
    location: Location,
    expected: Option<Digest>,
    size: Option<u64>,
}

/// What is there of a file.
struct Bytes {
    draft: Draft,
    hasher: Hasher,
    count: u64,
}

/// Which side of a copy failed.
enum CopyError {
    Read(io::Error),
    Write(io::Error),
}

impl Download<'_> {
    fn run(&self) -> Result<Entry, ArtifactError> {
        let store = self.fetcher.store;
        let path = match &self.expected {
            Some(digest) => store.partial(digest),
            None => store.nameless(&self.artifact.mirror_path),
        };
        let write_error = |error| failed("write", &path)(error);
        let etag_path = beside(&path, ".etag");
        let mut bytes = Bytes {
            draft: Draft::open(&path).map_err(write_error)?,
            hasher: Hasher::new(),
            count: 0,
        };
        // While we waited for the draft, another process may have brought it.
        if let Some(digest) = &self.expected
            && let Found::Whole(entry) = store.look(digest, Check::Stamp)?
        {
            bytes.draft.discard().map_err(write_error)?;
            return Ok(entry);
        }
        let mut etag = None;
        if self.expected.is_some() && matches!(self.location, Location::Http(_)) {
            bytes.count =
                hash(&mut bytes.draft.file, &mut bytes.hasher).map_err(failed("read", &path))?;
            etag = fs::read_to_string(&etag_path).ok();
        }
        let mut inherited = bytes.count > 0;
        let mut patience = Patience::new(self.fetcher, self.artifact, &self.location);
        loop {
            let before = bytes.count;
            match self.source.open(&self.location, before, etag.as_deref()) {
                Ok(transfer) => {
                    if transfer.from != bytes.count || bytes.count == 0 {
                        bytes.restart().map_err(write_error)?;
                        inherited = false;
                    }
                    if let Err(error) = self.refuse_size(transfer.total) {
                        remember(&etag_path, None);
                        bytes.draft.discard().map_err(write_error)?;
                        return Err(error);
                    }
                    etag.clone_from(&transfer.etag);
                    remember(&etag_path, etag.as_deref());
                    match self.receive(transfer, &mut bytes) {
                        Ok(()) => {}
                        Err(CopyError::Write(error)) => return Err(write_error(error).into()),
                        Err(CopyError::Read(error)) => {
                            let got_on = bytes.count.saturating_sub(before);
                            patience.wait(Trouble::Again(error.into(), None), got_on)?;
                            continue;
                        }
                    }
                }
                Err(Trouble::FromStart) if bytes.count > 0 => {
                    bytes.restart().map_err(write_error)?;
                    inherited = false;
                    continue;
                }
                Err(trouble) => {
                    patience.wait(trouble, 0)?;
                    continue;
                }
            }
            let found = bytes.hasher.clone().finish();
            let wrong = self.wrong(found, bytes.count);
            match wrong {
                None => {
                    remember(&etag_path, None);
                    if let Kind::Image(reference) = &self.artifact.kind {
                        let checked = oci::check(&mut bytes.draft.file, reference);
                        if let Err(why) = checked {
                            bytes.draft.discard().map_err(write_error)?;
                            return Err(ArtifactError::Archive {
                                name: self.artifact.name.clone(),
                                why: why.to_string(),
                            });
                        }
                    }
                    return Ok(store.keep(bytes.draft, &found)?);
                }
                // The part that an earlier run left may be what is wrong: once more, from the start.
                Some(_) if inherited => {
                    bytes.restart().map_err(write_error)?;
                    inherited = false;
                    etag = None;
                }
                Some(error) => {
                    remember(&etag_path, None);
                    bytes.draft.discard().map_err(write_error)?;
                    return Err(error);
                }
            }
        }
    }

    /// Takes what a server sends.
    fn receive(&self, mut transfer: Transfer, bytes: &mut Bytes) -> Result<(), CopyError> {
        let name = &self.artifact.name;
        let progress = self.fetcher.progress;
        progress.started(name, bytes.count, transfer.total);
        let mut buffer = vec![0; 1 << 17];
        loop {
            let count = match transfer.body.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(CopyError::Read(error)),
            };
            bytes
                .draft
                .file
                .write_all(&buffer[..count])
                .map_err(CopyError::Write)?;
            bytes.hasher.update(&buffer[..count]);
            bytes.count += count as u64;
            progress.advanced(name, count as u64);
            if self.size.is_some_and(|size| bytes.count > size) {
                break;
            }
        }
        match transfer.total {
            Some(total) if bytes.count < total => Err(CopyError::Read(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                format!(
                    "the connection ended after {} of {total} bytes",
                    bytes.count
                ),
            ))),
            _ => Ok(()),
        }
    }

    /// Does not begin when the size is wrong already.
    fn refuse_size(&self, total: Option<u64>) -> Result<(), ArtifactError> {
        match (self.size, total) {
            (Some(expected), Some(found)) if expected != found => {
                Err(self.wrong_size(expected, found))
            }
            _ => Ok(()),
        }
    }

    /// What is wrong with the bytes that came, if anything.
    fn wrong(&self, found: Digest, count: u64) -> Option<ArtifactError> {
        match (self.expected, self.size) {
            (Some(expected), _) if expected == found => None,
            (None, _) => None,
            (_, Some(size)) if size != count => Some(self.wrong_size(size, count)),
            (Some(expected), _) => Some(ArtifactError::WrongChecksum {
                name: self.artifact.name.clone(),
                url: self.location.shown(),
                expected,
                found,
            }),
        }
    }

    fn wrong_size(&self, expected: u64, found: u64) -> ArtifactError {
        ArtifactError::WrongSize {
            name: self.artifact.name.clone(),
            url: self.location.shown(),
            expected,
            found,
        }
    }
}

impl Bytes {
    /// Forgets what is there.
    fn restart(&mut self) -> io::Result<()> {
        self.draft.file.set_len(0)?;
        self.draft.file.seek(SeekFrom::Start(0))?;
        self.hasher = Hasher::new();
        self.count = 0;
        Ok(())
    }
}

/// Notes what a server calls the file of a draft. A note that is lost costs at most a second download.
fn remember(path: &std::path::Path, etag: Option<&str>) {
    let _ = match etag {
        Some(etag) => fs::write(path, etag),
        None => fs::remove_file(path),
    };
}

/// How often a place was asked in vain.
struct Patience<'a> {
    fetcher: &'a Fetcher<'a>,
    name: &'a str,
    location: &'a Location,
    attempts: u32,
}

impl<'a> Patience<'a> {
    fn new(fetcher: &'a Fetcher<'a>, artifact: &'a Artifact, location: &'a Location) -> Self {
        Self {
            fetcher,
            name: &artifact.name,
            location,
            attempts: 0,
        }
    }

    /// Waits before the next attempt, or says why there is none. `got_on` bytes came in the last one.
    fn wait(&mut self, trouble: Trouble, got_on: u64) -> Result<(), ArtifactError> {
        let (name, url) = (self.name.to_owned(), self.location.shown());
        let (source, after) = match trouble {
            Trouble::Denied(status) => return Err(ArtifactError::Denied { name, url, status }),
            Trouble::Missing => return Err(ArtifactError::Missing { name, url }),
            Trouble::Hopeless(source) => {
                return Err(ArtifactError::Unreachable { name, url, source });
            }
            Trouble::FromStart => ("the server sends another part than asked for".into(), None),
            Trouble::Again(source, after) => (source, after),
        };
        if got_on >= GETTING_ON {
            self.attempts = 0;
        }
        self.attempts += 1;
        if self.attempts == ATTEMPTS {
            return Err(ArtifactError::Unreachable { name, url, source });
        }
        let wait = after
            .unwrap_or(Duration::from_secs(1 << (self.attempts - 1)))
            .min(LONGEST_WAIT);
        self.fetcher
            .progress
            .waiting(self.name, &source.to_string(), wait);
        (self.fetcher.sleep)(wait);
        Ok(())
    }
}

/// Does a thing for each of some inputs, up to [`AT_A_TIME`] at once; outputs in the order of inputs. After a failure
/// nothing new begins, and of several failures the first in order is the answer.
fn in_parallel<I: Sync, O: Send>(
    inputs: &[I],
    work: impl Fn(&I) -> Result<O, ArtifactError> + Sync,
) -> Result<Vec<O>, ArtifactError> {
    let next = AtomicUsize::new(0);
    let stop = AtomicBool::new(false);
    let outputs: Vec<Mutex<Option<Result<O, ArtifactError>>>> =
        inputs.iter().map(|_| Mutex::new(None)).collect();
    std::thread::scope(|scope| {
        for _ in 0..AT_A_TIME.min(inputs.len()) {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(input) = inputs.get(at) else { break };
                    let output = work(input);
                    if output.is_err() {
                        stop.store(true, Ordering::Relaxed);
                    }
                    *outputs[at]
                        .lock()
                        .expect("nothing panics with the lock held") = Some(output);
                }
            });
        }
    });
    // What was not begun comes after what failed, so collecting ends at the failure.
    outputs
        .into_iter()
        .filter_map(|output| {
            output
                .into_inner()
                .expect("nothing panics with the lock held")
        })
        .collect()
}
