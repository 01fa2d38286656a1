//! `kimage.lock`: every input of the images, pinned.
//!
//! It lies beside the cluster file and belongs under version control. The same pins are always the same text: sorted
//! maps, one line per fact, no dates.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::{Artifact, Drift, Kind};
use crate::digest::Digest;
use crate::failure::{Exit, Failure};

const HEADER: &str = "\
# Every input of the images, pinned. `kimage fetch` writes this file; keep it beside the cluster file, under version control.
# To take an input anew although upstream changed it, delete its lines and fetch again.
";

/// The layout of the file that this program reads and writes.
const VERSION: u32 = 1;

/// Every input, pinned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    version: u32,
    /// Upstream releases by name.
    #[serde(default, deserialize_with = "unique")]
    artifacts: BTreeMap<String, Pin>,
    /// Container images by full name, as OCI archives.
    #[serde(default, deserialize_with = "unique")]
    images: BTreeMap<String, Pin>,
    /// Prepared bases by the name of their blueprint.
    #[serde(default, deserialize_with = "unique")]
    pub bases: BTreeMap<String, Digest>,
}

/// One input, pinned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// Where upstream keeps it, whichever mirror it came from.
    pub url: String,
    /// Its size in bytes.
    pub size: u64,
    /// What its bytes are.
    pub sha256: Digest,
}

/// A lock that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// It is no lock, or was damaged (often by a merge).
    #[error("{place}: not a lock file")]
    Parse {
        /// File, and line and column where they are known.
        place: String,
        /// What is wrong there.
        source: serde_yaml_ng::Error,
    },
    /// Another kimage wrote it.
    #[error("{path}: lock files of version {version} are not known", path = path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// What it says.
        version: u32,
    },
    /// The system refuses.
    #[error("cannot {doing} `{path}`", path = path.display())]
    File {
        /// What was tried, as a verb.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl Failure for LockError {
    fn exit(&self) -> Exit {
        match self {
            Self::Parse { .. } | Self::Version { .. } => Exit::UserFiles,
            Self::File { .. } => Exit::Environment,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Parse { .. } => {
                Some("repair it, or delete it and run `kimage fetch` to pin everything anew".into())
            }
            Self::Version { .. } => Some("use the kimage that wrote it, or a newer one".into()),
            Self::File { .. } => None,
        }
    }
}

impl Default for Lock {
    /// Nothing pinned yet.
    fn default() -> Self {
        Self {
            version: VERSION,
            artifacts: BTreeMap::new(),
            images: BTreeMap::new(),
            bases: BTreeMap::new(),
        }
    }
}

impl Lock {
    /// Reads the lock at a path; where there is none, nothing is pinned.
    ///
    /// # Errors
    /// It cannot be read or is no lock.
    pub fn read(path: &Path) -> Result<Self, LockError> {
        match fs::read_to_string(path) {
            Ok(text) => Self::parse(&text, path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(source) => Err(LockError::File {
                doing: "read",
                path: path.to_owned(),
                source,
            }),
        }
    }

    /// Reads a lock's text; `path` is for messages.
    ///
    /// # Errors
    /// It is no lock.
    pub fn parse(text: &str, path: &Path) -> Result<Self, LockError> {
        let lock: Self = serde_yaml_ng::from_str(text).map_err(|source| {
            let path = path.display();
            let place = match source.location() {
                Some(at) => format!("{path}:{}:{}", at.line(), at.column()),
                None => path.to_string(),
            };
            LockError::Parse { place, source }
        })?;
        if lock.version != VERSION {
            return Err(LockError::Version {
                path: path.to_owned(),
                version: lock.version,
            });
        }
        Ok(lock)
    }

    /// The lock as text.
    pub fn text(&self) -> String {
        let yaml = serde_yaml_ng::to_string(self)
            .expect("strings, numbers and maps of them are always YAML");
        format!("{HEADER}{yaml}")
    }

    /// Writes the lock, unless the file has the same text already.
    ///
    /// # Errors
    /// The folder or the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), LockError> {
        let text = self.text();
        if fs::read_to_string(path).is_ok_and(|there| there == text) {
            return Ok(());
        }
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let write = || -> io::Result<()> {
            let mut file = tempfile::Builder::new()
                .prefix(".kimage.lock.")
                .permissions(Permissions::from_mode(0o644))
                .tempfile_in(folder)?;
            file.write_all(text.as_bytes())?;
            file.as_file().sync_all()?;
            file.persist(path)?;
            Ok(())
        };
        write().map_err(|source| LockError::File {
            doing: "write",
            path: path.to_owned(),
            source,
        })
    }

    /// The pin of an artifact, if there is one and it is for the URL that is needed.
    pub fn pin(&self, artifact: &Artifact) -> Option<&Pin> {
        let pin = self.pins(artifact).get(&artifact.name)?;
        (pin.url == artifact.upstream.to_string()).then_some(pin)
    }

    /// Where what is needed and what is pinned differ. Pins that nobody needs are no drift.
    pub fn drift(&self, needed: &[Artifact]) -> Vec<Drift> {
        let drift = |artifact: &Artifact| {
            let url = artifact.upstream.to_string();
            let name = artifact.name.clone();
            match self.pins(artifact).get(&artifact.name) {
                None => Some(Drift::NotPinned { name, url }),
                Some(pin) if pin.url != url => Some(Drift::Changed {
                    name,
                    pinned: pin.url.clone(),
                    needed: url,
                }),
                Some(_) => None,
            }
        };
        needed.iter().filter_map(drift).collect()
    }

    /// Pins an artifact, in place of what its name had before.
    pub(super) fn set(&mut self, artifact: &Artifact, pin: Pin) {
        let pins = match artifact.kind {
            Kind::Image(_) => &mut self.images,
            Kind::Archive | Kind::Binary => &mut self.artifacts,
        };
        pins.insert(artifact.name.clone(), pin);
    }

    /// Forgets the pins of artifacts that are not needed. Bases stay.
    pub fn prune(&mut self, needed: &[Artifact]) {
        let is_needed = |name: &String| needed.iter().any(|artifact| &artifact.name == name);
        self.artifacts.retain(|name, _| is_needed(name));
        self.images.retain(|name, _| is_needed(name));
    }

    fn pins(&self, artifact: &Artifact) -> &BTreeMap<String, Pin> {
        match artifact.kind {
            Kind::Image(_) => &self.images,
            Kind::Archive | Kind::Binary => &self.artifacts,
        }
    }
}

/// Reads a map and refuses a key that comes twice, which a merge can leave behind.
fn unique<'de, D, V>(deserializer: D) -> Result<BTreeMap<String, V>, D::Error>
where
    D: Deserializer<'de>,
    V: Deserialize<'de>,
{
    struct Unique<V>(std::marker::PhantomData<V>);

    impl<'de, V: Deserialize<'de>> Visitor<'de> for Unique<V> {
        type Value = BTreeMap<String, V>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a map")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
            let mut map = BTreeMap::new();
            while let Some(key) = access.next_key::<String>()? {
                if map.contains_key(&key) {
                    return Err(A::Error::custom(format!("`{key}` is there twice")));
                }
                map.insert(key, access.next_value()?);
            }
            Ok(map)
        }
    }

    deserializer.deserialize_map(Unique(std::marker::PhantomData))
}

#[cfg(test)]
mod tests {
    use super::super::needed::tests::release;
    use super::*;
    use proptest::prelude::*;

    fn pinned(artifact: &Artifact) -> Pin {
        Pin {
            url: artifact.upstream.to_string(),
            size: 12,
            sha256: Digest::of(b""),
        }
    }

    fn sample() -> Lock {
        let mut lock = Lock::default();
        for artifact in [
            release("runc", "1.3.0"),
            release("etcd", "3.6.5"),
            Artifact::image("registry.k8s.io/pause:3.10.1".parse().unwrap()),
        ] {
            let pin = pinned(&artifact);
            lock.set(&artifact, pin);
        }
        lock.bases.insert("debian-12".into(), Digest::of(b""));
        lock
    }

    #[test]
    fn the_text_is_sorted_and_reads_back() {
        let lock = sample();
        insta::assert_snapshot!(lock.text(), @r"
        # Every input of the images, pinned. `kimage fetch` writes this file; keep it beside the cluster file, under version control.
        # To take an input anew although upstream changed it, delete its lines and fetch again.
        version: 1
        artifacts:
          etcd:
            url: https://github.com/etcd-io/etcd/releases/download/v3.6.5/etcd-v3.6.5-linux-amd64.tar.gz
            size: 12
            sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
          runc:
            url: https://github.com/opencontainers/runc/releases/download/v1.3.0/runc.amd64
            size: 12
            sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
        images:
          registry.k8s.io/pause:3.10.1:
            url: https://registry.k8s.io/v2/pause/manifests/3.10.1
            size: 12
            sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
        bases:
          debian-12: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
        ");
        assert_eq!(
            Lock::parse(&lock.text(), Path::new("kimage.lock")).unwrap(),
            lock
        );
    }

    #[test]
    fn a_mistake_is_reported_with_its_line() {
        for (damage, line) in [
            ("    size: 12\n    sixe: 12\n", 8),
            ("    size: -1\n", 7),
            ("    sha256: abc\n    size: 12\n", 0),
        ] {
            let text = sample().text().replacen("    size: 12\n", damage, 1);
            let error = Lock::parse(&text, Path::new("kimage.lock")).unwrap_err();
            let LockError::Parse { place, source } = &error else {
                panic!("{error}")
            };
            assert!(
                place.starts_with("kimage.lock:")
                    && (line == 0 || place.contains(&format!(":{line}:"))),
                "{place}: {source}"
            );
        }
    }

    #[test]
    fn a_name_that_is_there_twice_is_refused() {
        let text = sample().text();
        let (before, after) = text.split_once("  runc:").unwrap();
        let entry = before.split_once("  etcd:").unwrap().1;
        let twice = format!("{before}  etcd:{entry}  runc:{after}");
        let error = Lock::parse(&twice, Path::new("kimage.lock")).unwrap_err();
        let LockError::Parse { source, .. } = error else {
            panic!("{error}")
        };
        assert!(
            source.to_string().contains("`etcd` is there twice"),
            "{source}"
        );
    }

    #[test]
    fn a_lock_of_another_version_is_refused() {
        let text = sample().text().replace("version: 1", "version: 2");
        assert!(matches!(
            Lock::parse(&text, Path::new("kimage.lock")),
            Err(LockError::Version { version: 2, .. })
        ));
    }

    #[test]
    fn drift_names_what_is_not_pinned_and_what_is_pinned_elsewhere() {
        let needed = [
            release("runc", "1.3.0"),
            release("etcd", "3.6.6"),
            release("containerd", "2.1.4"),
        ];
        let drift: Vec<String> = sample()
            .drift(&needed)
            .iter()
            .map(Drift::to_string)
            .collect();
        insta::assert_snapshot!(drift.join("\n"), @r"
        `etcd` is pinned to https://github.com/etcd-io/etcd/releases/download/v3.6.5/etcd-v3.6.5-linux-amd64.tar.gz, but https://github.com/etcd-io/etcd/releases/download/v3.6.6/etcd-v3.6.6-linux-amd64.tar.gz is needed
        `containerd` is not pinned (https://github.com/containerd/containerd/releases/download/v2.1.4/containerd-2.1.4-linux-amd64.tar.gz)
        ");
    }

    #[test]
    fn an_unchanged_lock_is_not_written_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kimage.lock");
        sample().write(&path).unwrap();
        let before = fs::metadata(&path).unwrap();
        sample().write(&path).unwrap();
        let after = fs::metadata(&path).unwrap();
        assert_eq!(before.modified().unwrap(), after.modified().unwrap());
        assert_eq!(before.permissions().mode() & 0o7777, 0o644);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    proptest! {
        #[test]
        fn a_damaged_text_is_refused_or_read_but_never_panics(at in 0usize..900, with in "\\PC{0,6}|\n|  ") {
            let mut text = sample().text();
            let at = (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            text.insert_str(at, &with);
            if let Ok(lock) = Lock::parse(&text, Path::new("kimage.lock")) {
                prop_assert_eq!(Lock::parse(&lock.text(), Path::new("kimage.lock")).unwrap(), lock);
            }
        }
    }
}
