//! The content-addressed store below the cache directory.
//!
//! ```text
//! store/sha256/<aa>/<digest>           an entry: exactly the bytes of that digest, mode 0644, never changed
//! store/sha256/<aa>/<digest>.checked   the stamp of the entry when its digest was last computed
//! store/partial/<digest>               what a download has so far (and `.etag`, what the server called it)
//! store/unpacked/<aa>/<digest>.tar     an archive decompressed, with its index in `.index` beside it
//! store/damaged/<digest>               what was not what its name says, set aside
//! ```
//!
//! An entry is believed while its *stamp* holds: size, inode, modification and change time. The kernel moves the
//! change time whenever content, size or times of a file change, and no program can set it; so a truncated or
//! overwritten entry is always found, for the price of one `stat`. What a stamp cannot see, a disk that rots
//! silently, [`Check::Full`] finds: it reads every byte, and `kimage fetch` uses it.

use std::fs::{self, File, Metadata};
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::draft::Draft;
use crate::digest::{Digest, Hasher};
use crate::failure::{Exit, Failure};

/// The store of one cache directory.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
}

/// A whole entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What its bytes are.
    pub digest: Digest,
    /// How many they are.
    pub size: u64,
    /// Where they lie.
    pub path: PathBuf,
}

/// How thoroughly an entry is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// By its stamp; every byte only where that does not hold.
    Stamp,
    /// Every byte.
    Full,
}

/// What the store has under a digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// The entry.
    Whole(Entry),
    /// Nothing.
    Absent,
    /// Something else, which now lies where the path says.
    Damaged(PathBuf),
}

/// The cache directory cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} `{path}`")]
pub struct StoreError {
    /// What was tried, as a verb.
    pub(super) doing: &'static str,
    /// On which file.
    pub(super) path: PathBuf,
    /// What the system says.
    pub(super) source: io::Error,
}

impl Failure for StoreError {
    fn exit(&self) -> Exit {
        Exit::Environment
    }

    fn hint(&self) -> Option<String> {
        match self.source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Some(
                "make room, or name a cache on a larger disk with `--cache`; what is complete is kept"
                    .into(),
            ),
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Some(
                "the cache must be writable: see who owns it, or name another with `--cache`".into(),
            ),
            _ => None,
        }
    }
}

/// Adds what was tried on which file.
pub(super) fn failed<'a>(
    doing: &'static str,
    path: &'a Path,
) -> impl FnOnce(io::Error) -> StoreError + 'a {
    move |source| StoreError {
        doing,
        path: path.to_owned(),
        source,
    }
}

impl Store {
    /// The store below a cache directory; nothing is opened or made yet.
    pub fn new(cache: &Path) -> Self {
        Self {
            root: cache.join("store"),
        }
    }

    /// Where the entry of a digest lies, whether it is there or not.
    pub fn path(&self, digest: &Digest) -> PathBuf {
        self.sharded("sha256", digest, "")
    }

    pub(super) fn unpacked(&self, digest: &Digest, extension: &str) -> PathBuf {
        self.sharded("unpacked", digest, extension)
    }

    fn sharded(&self, kind: &str, digest: &Digest, extension: &str) -> PathBuf {
        let name = digest.to_string();
        self.root.join(kind).join(&name[..2]).join(name + extension)
    }

    pub(super) fn partial(&self, digest: &Digest) -> PathBuf {
        self.root.join("partial").join(digest.to_string())
    }

    /// Where a download goes whose digest nobody knows before.
    pub(super) fn nameless(&self, name: &str) -> PathBuf {
        self.root
            .join("partial")
            .join(format!("name-{}", Digest::of(name.as_bytes())))
    }

    /// Looks for an entry. One that is not what its name says is set aside.
    ///
    /// # Errors
    /// The cache directory cannot be read, or a damaged entry not be moved.
    pub fn look(&self, digest: &Digest, check: Check) -> Result<Found, StoreError> {
        let path = self.path(digest);
        let before = match fs::symlink_metadata(&path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Absent),
            Err(error) => return Err(failed("read", &path)(error)),
        };
        let entry = Entry {
            digest: *digest,
            size: before.len(),
            path,
        };
        if check == Check::Stamp && has_stamp(&entry.path, &before) {
            return Ok(Found::Whole(entry));
        }
        if before.is_file() && digest_of(&entry.path)? == *digest {
            stamp(&entry.path, &before)?;
            Ok(Found::Whole(entry))
        } else {
            self.set_aside(digest).map(Found::Damaged)
        }
    }

    /// Moves a damaged entry out of the way and says where it lies now.
    fn set_aside(&self, digest: &Digest) -> Result<PathBuf, StoreError> {
        let path = self.path(digest);
        let aside = self.root.join("damaged").join(digest.to_string());
        let moved =
            fs::create_dir_all(self.root.join("damaged")).and_then(|()| fs::rename(&path, &aside));
        moved.map_err(failed("set aside", &path))?;
        Ok(aside)
    }

    /// Makes a draft whose digest was computed from its bytes an entry.
    pub(super) fn keep(&self, draft: Draft, digest: &Digest) -> Result<Entry, StoreError> {
        let path = self.path(digest);
        draft.publish(&path).map_err(failed("write", &path))?;
        let metadata = fs::metadata(&path).map_err(failed("read", &path))?;
        stamp(&path, &metadata)?;
        Ok(Entry {
            digest: *digest,
            size: metadata.len(),
            path,
        })
    }
}

/// What a file is, without reading it: when nothing of this changed, nothing in the file did.
fn stamp_of(metadata: &Metadata) -> String {
    format!(
        "{} {} {}.{:09} {}.{:09}\n",
        metadata.len(),
        metadata.ino(),
        metadata.mtime(),
        metadata.mtime_nsec(),
        metadata.ctime(),
        metadata.ctime_nsec()
    )
}

/// The file beside another whose name has this at its end.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Whether a file still has the stamp that it had when its digest was computed.
pub(super) fn has_stamp(path: &Path, metadata: &Metadata) -> bool {
    metadata.is_file()
        && fs::read_to_string(beside(path, ".checked")).is_ok_and(|text| text == stamp_of(metadata))
}

/// Notes that a file is what its name says. `metadata` is from before its bytes were read: a change since then is
/// found the next time.
pub(super) fn stamp(path: &Path, metadata: &Metadata) -> Result<(), StoreError> {
    let stamp = beside(path, ".checked");
    let write = || -> io::Result<()> {
        let mut draft = Draft::open(&beside(&stamp, ".new"))?;
        draft.file.set_len(0)?;
        draft.file.write_all(stamp_of(metadata).as_bytes())?;
        draft.publish(&stamp)
    };
    write().map_err(failed("write", &stamp))
}

/// Reads a file for its digest.
pub(super) fn digest_of(path: &Path) -> Result<Digest, StoreError> {
    let read = || -> io::Result<Digest> {
        let mut hasher = Hasher::new();
        hash(&mut File::open(path)?, &mut hasher)?;
        Ok(hasher.finish())
    };
    read().map_err(failed("read", path))
}

/// Digests what is left of a reader and says how many bytes that were.
pub(super) fn hash(reader: &mut impl Read, hasher: &mut Hasher) -> io::Result<u64> {
    let mut buffer = vec![0; 1 << 18];
    let mut size = 0;
    loop {
        match reader.read(&mut buffer)? {
            0 => return Ok(size),
            count => {
                hasher.update(&buffer[..count]);
                size += count as u64;
            }
        }
    }
}
