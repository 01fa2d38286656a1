//! The secrets directory as a place: one user at a time, private modes, whole files only.
//!
//! Everything is written under `.new` first, made durable, and renamed; what would be replaced is moved to `old`
//! before. So a kill or a power cut at any moment leaves files that are whole, and nothing is ever overwritten. Knows
//! nothing of keys and certificates.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use zeroize::Zeroizing;

use super::TrustError;
use crate::secret::Secret;

const PRIVATE_FILE: u32 = 0o600;
const PRIVATE_FOLDER: u32 = 0o700;

/// More than any key or bundle of certificates; a file that is larger is something else.
const LARGEST: u64 = 1 << 20;

/// Above this many files one flush of the whole file system is faster than one per file.
const MANY: usize = 64;

const NEW: &str = ".new";
const LOCK: &str = ".lock";
const OLD: &str = "old";

/// The directory, locked: other processes wait until this is dropped.
#[derive(Debug)]
pub(super) struct Directory {
    root: PathBuf,
    _lock: File,
    tightened: Mutex<Vec<(PathBuf, u32)>>,
}

impl Directory {
    /// Makes the directory if need be, waits for its lock and clears what a killed process left half written.
    pub(super) fn open(root: &Path) -> Result<Self, TrustError> {
        create_folder(root)?;
        let path = root.join(LOCK);
        // Another process may make it in between, so: make, else open, and its modes are right from the start.
        let lock = match create_file(&path, b"") {
            Ok(lock) => lock,
            Err(_) if path.exists() => File::open(&path).map_err(failed("lock", &path))?,
            Err(error) => return Err(error),
        };
        lock.lock().map_err(failed("lock", &path))?;
        let directory = Self {
            root: root.to_owned(),
            _lock: lock,
            tightened: Mutex::default(),
        };
        directory.clear()?;
        directory.tighten(root, PRIVATE_FOLDER)?;
        Ok(directory)
    }

    /// The path of a file, for messages.
    pub(super) fn path(&self, relative: &Path) -> PathBuf {
        self.root.join(relative)
    }

    /// Whose modes had to be made private, with the modes that they had.
    pub(super) fn tightened(&self) -> Vec<(PathBuf, u32)> {
        let mut found = std::mem::take(
            &mut *self
                .tightened
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
        found.sort();
        found
    }

    /// A file's content, or `None` if there is no file.
    pub(super) fn read(&self, relative: &Path) -> Result<Option<Secret>, TrustError> {
        let path = self.path(relative);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed("read", &path)(error)),
        };
        self.tighten_if(
            &path,
            &file.metadata().map_err(failed("read", &path))?,
            PRIVATE_FILE,
        )?;
        let mut bytes = Vec::with_capacity(4096);
        file.take(LARGEST)
            .read_to_end(&mut bytes)
            .map_err(failed("read", &path))?;
        Ok(Some(Secret::new(bytes)))
    }

    /// Writes files that belong together, all whole before the first gets its name, which they get in the order
    /// given. What stands there already is moved to `old/<stamp>` first.
    pub(super) fn write(&self, files: &[(PathBuf, &[u8])], stamp: &str) -> Result<(), TrustError> {
        if files.is_empty() {
            return Ok(());
        }
        let staging = self.path(Path::new(NEW));
        create_folder(&staging)?;
        let staged = |index: usize| staging.join(index.to_string());
        let mut written = Vec::new();
        for (index, (_, bytes)) in files.iter().enumerate() {
            let file = create_file(&staged(index), bytes)?;
            if files.len() <= MANY {
                file.sync_all().map_err(failed("write", &staged(index)))?;
            } else if written.is_empty() {
                written.push(file);
            }
        }
        if let Some(file) = written.first() {
            rustix::fs::syncfs(file).map_err(|error| failed("write", &staging)(error.into()))?;
        }
        let mut folders = Vec::new();
        for (relative, _) in files {
            self.set_aside(relative, stamp)?;
            folders.extend(self.folder_of(relative)?);
        }
        for (index, (relative, _)) in files.iter().enumerate() {
            let path = self.path(relative);
            fs::rename(staged(index), &path).map_err(failed("write", &path))?;
        }
        folders.sort();
        folders.dedup();
        if folders.len() <= MANY {
            folders.iter().try_for_each(|folder| sync(folder))?;
        } else if let Ok(root) = File::open(&self.root) {
            rustix::fs::syncfs(root).map_err(|error| failed("write", &self.root)(error.into()))?;
        }
        self.clear()
    }

    /// Makes a folder with files in it, all or nothing.
    pub(super) fn write_folder(
        &self,
        relative: &Path,
        files: &[(&str, &[u8])],
    ) -> Result<(), TrustError> {
        let staging = self.path(Path::new(NEW));
        create_folder(&staging)?;
        let folder = staging.join("folder");
        create_folder(&folder)?;
        for (name, bytes) in files {
            let path = folder.join(name);
            create_file(&path, bytes)?
                .sync_all()
                .map_err(failed("write", &path))?;
        }
        sync(&folder)?;
        let path = self.path(relative);
        fs::rename(&folder, &path).map_err(failed("write", &path))?;
        sync(&self.root)?;
        self.clear()
    }

    /// Moves a file, if it is there, out of the way; two of one stamp do not meet.
    fn set_aside(&self, relative: &Path, stamp: &str) -> Result<(), TrustError> {
        let path = self.path(relative);
        if fs::symlink_metadata(&path).is_err() {
            return Ok(());
        }
        for attempt in 0.. {
            let stamp = match attempt {
                0 => stamp.to_owned(),
                _ => format!("{stamp}-{attempt}"),
            };
            let old = Path::new(OLD).join(stamp).join(relative);
            if fs::symlink_metadata(self.path(&old)).is_err() {
                self.folder_of(&old)?;
                fs::rename(&path, self.path(&old)).map_err(failed("set aside", &path))?;
                break;
            }
        }
        Ok(())
    }

    /// Makes the folders above a file, and says which they are.
    fn folder_of(&self, relative: &Path) -> Result<Vec<PathBuf>, TrustError> {
        let mut folders = vec![self.root.clone()];
        let mut folder = self.root.clone();
        for part in relative.parent().into_iter().flat_map(Path::components) {
            folder.push(part);
            create_folder(&folder)?;
            folders.push(folder.clone());
        }
        Ok(folders)
    }

    fn clear(&self) -> Result<(), TrustError> {
        let staging = self.path(Path::new(NEW));
        match fs::remove_dir_all(&staging) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(failed("remove", &staging)(error))
            }
            _ => Ok(()),
        }
    }

    fn tighten(&self, path: &Path, mode: u32) -> Result<(), TrustError> {
        let metadata = fs::metadata(path).map_err(failed("read", path))?;
        self.tighten_if(path, &metadata, mode)
    }

    fn tighten_if(
        &self,
        path: &Path,
        metadata: &fs::Metadata,
        mode: u32,
    ) -> Result<(), TrustError> {
        let found = metadata.permissions().mode() & 0o7777;
        if found & 0o077 != 0 {
            fs::set_permissions(path, Permissions::from_mode(mode))
                .map_err(failed("make private", path))?;
            self.tightened
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push((path.to_owned(), found));
        }
        Ok(())
    }
}

/// How an operation's failure is told.
pub(super) fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> TrustError {
    let path = path.to_owned();
    move |source| TrustError::Io {
        doing,
        path,
        source,
    }
}

/// A private folder, whatever the umask; one that is there stays as it is.
fn create_folder(path: &Path) -> Result<(), TrustError> {
    match DirBuilder::new().mode(PRIVATE_FOLDER).create(path) {
        Ok(()) => fs::set_permissions(path, Permissions::from_mode(PRIVATE_FOLDER)),
        Err(_) if path.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
    .map_err(failed("create", path))
}

/// A private file, from its first moment and whatever the umask.
fn create_file(path: &Path, bytes: &[u8]) -> Result<File, TrustError> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(PRIVATE_FILE)
        .open(path)
        .and_then(|mut file| {
            file.set_permissions(Permissions::from_mode(PRIVATE_FILE))?;
            file.write_all(bytes)?;
            Ok(file)
        })
        .map_err(failed("write", path))
}

fn sync(folder: &Path) -> Result<(), TrustError> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(failed("write", folder))
}

/// The text of secret bytes: hexadecimal digits, and a checksum by which damage is found.
pub(super) fn encode(bytes: &[u8]) -> Zeroizing<String> {
    let digest = crate::digest::Digest::of(bytes);
    let digits = Zeroizing::new(hex::encode(bytes));
    Zeroizing::new(format!("{}\n# sha256 {digest}\n", *digits))
}

/// The bytes of such a text; without the second line they are taken as they are. `None` if it is damaged.
pub(super) fn decode(text: &[u8], size: usize) -> Option<Secret> {
    let mut lines = text.split(|byte| *byte == b'\n');
    let bytes = Zeroizing::new(hex::decode(lines.next()?.trim_ascii()).ok()?);
    let digest = crate::digest::Digest::of(&bytes).to_string();
    let intact = match lines.next() {
        None | Some(b"") => true,
        Some(line) => {
            line.strip_prefix(b"# sha256 ").map(<[u8]>::trim_ascii) == Some(digest.as_bytes())
        }
    };
    (intact && bytes.len() == size).then(|| Secret::new(bytes.to_vec()))
}
