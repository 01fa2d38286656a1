//! One file on its way into the store.
//!
//! It grows in a draft that is named by its digest, so that a later run goes on where this one ended. What helps is
//! tried again, by [`Patience`]; the digest decides in the end, whatever servers say about ranges and versions.

use std::fs;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::draft::Draft;
use super::source::{Location, Source, Transfer, Trouble};
use super::store::{Check, Entry, Found, beside, failed, hash};
use super::{ArtifactError, Fetcher, ImageReference, oci};
use crate::digest::{Digest, Hasher};
use crate::failure::{Exit, Failure};

/// How often a file is asked for without getting on.
const ATTEMPTS: u32 = 5;
/// The longest wait, whatever a server says.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// Getting on by this much makes the attempts count from the start again.
const GETTING_ON: u64 = 1 << 20;
/// One file on its way into the store.
pub(super) struct Download<'a> {
    pub(super) fetcher: &'a Fetcher<'a>,
    pub(super) source: &'a Source,
    /// The artifact that it is, or is a part of.
    pub(super) name: &'a str,
    pub(super) location: Location,
    /// What its bytes must be, where that is known.
    pub(super) expected: Option<Digest>,
    /// How many they must be, where that is known.
    pub(super) size: Option<u64>,
}

/// What is there of a file.
pub(super) struct Bytes {
    pub(super) draft: Draft,
    hasher: Hasher,
    count: u64,
}

/// Which side of a copy failed.
enum CopyError {
    Read(io::Error),
    Write(io::Error),
}

impl Download<'_> {
    /// Brings the file into the store. An `image` must be an OCI archive of that name.
    pub(super) fn run(&self, image: Option<&ImageReference>) -> Result<Entry, ArtifactError> {
        let store = self.fetcher.store;
        let draft = self.draft()?;
        // While we waited for the draft, another process may have brought it.
        if let Some(digest) = &self.expected
            && let Found::Whole(entry) = store.look(digest, Check::Stamp)?
        {
            draft.discard().map_err(failed("remove", &self.path()))?;
            return Ok(entry);
        }
        let mut bytes = self.fill(draft)?;
        if let Some(reference) = image
            && let Err(why) = oci::check(&mut bytes.draft.file, reference)
        {
            bytes
                .draft
                .discard()
                .map_err(failed("remove", &self.path()))?;
            return Err(ArtifactError::Archive {
                name: self.name.to_owned(),
                why: why.to_string(),
            });
        }
        let digest = bytes.hasher.finish();
        Ok(store.keep(bytes.draft, &digest)?)
    }

    /// Where the draft is.
    fn path(&self) -> PathBuf {
        match &self.expected {
            Some(digest) => self.fetcher.store.partial(digest),
            None => self.fetcher.store.nameless(&self.location.shown()),
        }
    }

    /// The draft, once no other process has it.
    pub(super) fn draft(&self) -> Result<Draft, ArtifactError> {
        let path = self.path();
        Ok(Draft::open(&path).map_err(failed("write", &path))?)
    }

    /// Fetches what a draft lacks. Where that fails, what came is kept if it can be of use to a later run.
    pub(super) fn fill(&self, draft: Draft) -> Result<Bytes, ArtifactError> {
        let path = self.path();
        let etag_path = beside(&path, ".etag");
        let mut bytes = Bytes {
            draft,
            hasher: Hasher::new(),
            count: 0,
        };
        match self.complete(&mut bytes, &path, &etag_path) {
            Ok(()) => {
                remember(&etag_path, None);
                Ok(bytes)
            }
            Err(error) => {
                if bytes.count == 0 || error.exit() == Exit::Integrity {
                    remember(&etag_path, None);
                    bytes.draft.discard().map_err(failed("remove", &path))?;
                }
                Err(error)
            }
        }
    }

    fn complete(
        &self,
        bytes: &mut Bytes,
        path: &Path,
        etag_path: &Path,
    ) -> Result<(), ArtifactError> {
        let write_error = |error| failed("write", path)(error);
        let mut etag = None;
        if self.expected.is_some() && !matches!(self.location, Location::File(_)) {
            bytes.count =
                hash(&mut bytes.draft.file, &mut bytes.hasher).map_err(failed("read", path))?;
            etag = fs::read_to_string(etag_path).ok();
        }
        let mut inherited = bytes.count > 0;
        if inherited && self.wrong(bytes).is_none() {
            return Ok(());
        }
        let mut patience = Patience::new(self.fetcher, self.name, &self.location);
        loop {
            let before = bytes.count;
            match self.source.open(&self.location, before, etag.as_deref()) {
                Ok(transfer) => {
                    if transfer.from != bytes.count || bytes.count == 0 {
                        bytes.restart().map_err(write_error)?;
                        inherited = false;
                    }
                    self.refuse_size(transfer.total)?;
                    etag.clone_from(&transfer.etag);
                    remember(etag_path, etag.as_deref());
                    match self.receive(transfer, bytes) {
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
            match self.wrong(bytes) {
                None => return Ok(()),
                // The part that an earlier run left may be what is wrong: once more, from the start.
                Some(_) if inherited => {
                    bytes.restart().map_err(write_error)?;
                    inherited = false;
                    etag = None;
                }
                Some(error) => return Err(error),
            }
        }
    }

    /// Takes what a server sends.
    fn receive(&self, mut transfer: Transfer, bytes: &mut Bytes) -> Result<(), CopyError> {
        let name = self.name;
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

    /// What is wrong with the bytes that are there, if anything.
    fn wrong(&self, bytes: &Bytes) -> Option<ArtifactError> {
        let expected = self.expected?;
        let found = bytes.hasher.clone().finish();
        match self.size {
            _ if expected == found => None,
            Some(size) if size != bytes.count => Some(self.wrong_size(size, bytes.count)),
            _ => Some(ArtifactError::WrongChecksum {
                name: self.name.to_owned(),
                url: self.location.shown(),
                expected,
                found,
            }),
        }
    }

    fn wrong_size(&self, expected: u64, found: u64) -> ArtifactError {
        ArtifactError::WrongSize {
            name: self.name.to_owned(),
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
fn remember(path: &Path, etag: Option<&str>) {
    let _ = match etag {
        Some(etag) => fs::write(path, etag),
        None => fs::remove_file(path),
    };
}

/// How often a place was asked in vain.
pub(super) struct Patience<'a> {
    fetcher: &'a Fetcher<'a>,
    name: &'a str,
    location: &'a Location,
    attempts: u32,
}

impl<'a> Patience<'a> {
    pub(super) fn new(fetcher: &'a Fetcher<'a>, name: &'a str, location: &'a Location) -> Self {
        Self {
            fetcher,
            name,
            location,
            attempts: 0,
        }
    }

    /// Waits before the next attempt, or says why there is none. `got_on` bytes came in the last one.
    pub(super) fn wait(&mut self, trouble: Trouble, got_on: u64) -> Result<(), ArtifactError> {
        let (name, url) = (self.name.to_owned(), self.location.shown());
        let (source, after) = match trouble {
            Trouble::Challenge(_) => {
                let status = 401;
                return Err(ArtifactError::Denied { name, url, status });
            }
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
