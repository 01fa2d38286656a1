//! Brings artifacts into the store and pins them.
//!
//! For each artifact: the lock's digest, or else upstream's checksum file, says what the bytes must be; if the store
//! has them, that is all. Otherwise they are downloaded to a draft that is named by the digest, so that a later run
//! goes on where this one ended, and become an entry only when their digest is right. Up to four come at a time.
//!
//! What helps is tried again (a reset, a server that is busy); what does not (a wrong checksum, a refusal) is an error
//! at once.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use super::download::{Download, Patience};
use super::needed::Published;
use super::registry::Pull;
use super::source::{Source, Trouble};
use super::store::{Check, Entry, Found, Store};
use super::{Artifact, ArtifactError, Kind, Lock, Pin, Progress, checksum};
use crate::digest::Digest;

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
        let image = match &artifact.kind {
            Kind::Image(reference) => Some(reference),
            Kind::Archive | Kind::Binary => None,
        };
        if let Some(reference) = image
            && !source.has_mirror()
        {
            let pull = Pull::new(self, source, reference);
            return self.told(artifact, pull.run(pin)).map(fetched);
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
            name: &artifact.name,
            location,
            expected,
            size: pin.map(|pin| pin.size),
        };
        self.told(artifact, download.run(image)).map(fetched)
    }

    /// Tells how it ended.
    fn told(
        &self,
        artifact: &Artifact,
        outcome: Result<Entry, ArtifactError>,
    ) -> Result<Entry, ArtifactError> {
        match &outcome {
            Ok(entry) => self.progress.finished(&artifact.name, entry.size),
            Err(_) => self.progress.failed(&artifact.name),
        }
        outcome
    }

    /// What upstream says that the digest is, or a mirror. A container image in a mirror may come without: its own
    /// blobs are checked instead. Docker and cri-dockerd publish no digests of their archives: TLS says whose the first
    /// one is.
    fn published_digest(
        &self,
        source: &Source,
        artifact: &Artifact,
    ) -> Result<Option<Digest>, ArtifactError> {
        let optional = artifact.published == Published::InMirrors;
        if optional && !source.has_mirror() {
            return Ok(None);
        }
        let location = source.locate(&artifact.checksum_path);
        let mut patience = Patience::new(self, &artifact.name, &location);
        let text = loop {
            match source.text(&location, LARGEST_CHECKSUM_FILE) {
                Ok(text) => break String::from_utf8_lossy(&text).into_owned(),
                Err(Trouble::Missing) if optional => return Ok(None),
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
