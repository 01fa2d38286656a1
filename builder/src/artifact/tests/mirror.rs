//! A mirror in a folder, made by the test, and a fetcher that takes from it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::artifact::needed::tests::release;
use crate::artifact::*;
use crate::digest::Digest;

/// A mirror with some releases, and a cache that is empty at first.
pub(super) struct Site {
    pub(super) folder: tempfile::TempDir,
    pub(super) store: Store,
}

impl Site {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(&folder.path().join("cache"));
        Self { folder, store }
    }

    /// The folder that the mirror is in.
    pub(super) fn root(&self) -> PathBuf {
        self.folder.path().join("mirror")
    }

    /// The mirror as a cluster file names it.
    pub(super) fn url(&self) -> String {
        format!("file://{}", self.root().display())
    }

    /// Puts a file into the mirror.
    pub(super) fn put(&self, path: &str, bytes: &[u8]) -> PathBuf {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    /// Puts an artifact and its checksum file into the mirror.
    pub(super) fn publish(&self, artifact: &Artifact, bytes: &[u8]) -> PathBuf {
        let line = format!("{}  {}\n", Digest::of(bytes), artifact.file_name());
        self.put(&artifact.checksum_path, line.as_bytes());
        self.put(&artifact.mirror_path, bytes)
    }

    /// Every file of the store, without stamps.
    pub(super) fn stored(&self) -> Vec<String> {
        let mut files = Vec::new();
        list(&self.folder.path().join("cache"), &mut files);
        files.retain(|file| !file.ends_with(".checked"));
        files.sort();
        files
    }
}

fn list(folder: &Path, files: &mut Vec<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            list(&path, files);
        } else {
            files.push(path.display().to_string());
        }
    }
}

/// A fetcher that waits for nothing and shows nothing.
pub(super) fn fetcher<'a>(store: &'a Store, mirror: &'a str) -> Fetcher<'a> {
    Fetcher {
        store,
        mirror: Some(mirror),
        connections: Connections::Allowed,
        pins: Pins::Update,
        check: Check::Full,
        progress: &Silent,
        sleep: &|_: Duration| {},
    }
}

/// A release that is one program.
pub(super) fn runc() -> Artifact {
    release("runc", "1.3.0")
}

/// A release that is an archive.
pub(super) fn etcd() -> Artifact {
    release("etcd", "3.6.5")
}

/// An image.
pub(super) fn pause() -> Artifact {
    Artifact::image("registry.k8s.io/pause:3.10.1".parse().unwrap())
}

/// Bytes that are not all the same, nor compress.
pub(super) fn noise(size: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    let next = move || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[1]
    };
    std::iter::repeat_with(next).take(size).collect()
}

/// A `tar.gz` of files.
pub(super) fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut tar = tar::Builder::new(gz);
    for (path, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o755);
        tar.append_data(&mut header, path, *bytes).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

/// An OCI archive of a config and one layer.
pub(super) fn image() -> Vec<u8> {
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    let mut blob = |bytes: Vec<u8>| {
        let digest = Digest::of(&bytes);
        files.push((format!("blobs/sha256/{digest}"), bytes));
        format!(r#"{{"digest": "sha256:{digest}"}}"#)
    };
    let (config, layer) = (blob(b"{}".to_vec()), blob(noise(5 << 20)));
    let manifest = blob(format!(r#"{{"config": {config}, "layers": [{layer}]}}"#).into_bytes());
    let index = format!(r#"{{"manifests": [{manifest}]}}"#);
    files.push(("index.json".into(), index.into_bytes()));
    files.push((
        "oci-layout".into(),
        br#"{"imageLayoutVersion": "1.0.0"}"#.to_vec(),
    ));
    let mut tar = tar::Builder::new(Vec::new());
    for (path, bytes) in &files {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, path, bytes.as_slice())
            .unwrap();
    }
    tar.into_inner().unwrap()
}

/// The bytes of a slice.
pub(super) fn read(slice: &crate::tree::Slice) -> Vec<u8> {
    let whole = fs::read(slice.blob.path()).unwrap();
    whole[slice.offset as usize..][..slice.size as usize].to_vec()
}

/// A mirror with runc, which was fetched from it.
pub(super) fn with_runc() -> (Site, Vec<Fetched>, Lock) {
    let site = Site::new();
    site.publish(&runc(), b"runc itself");
    let mut lock = Lock::default();
    let fetched = fetcher(&site.store, &site.url())
        .run(&[runc()], &mut lock)
        .unwrap();
    (site, fetched, lock)
}
