//! Reads a root filesystem from an OCI image: a layout directory, or an archive of one.
//!
//! Follows the OCI image format specification 1.1 (image-layout, image-index, manifest, layer). Blobs are held against
//! their digests as they are read. The image's configuration says how to run it, which is not our business.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use tempfile::NamedTempFile;

use super::BaseError;
use super::archive::{self, MemberKind};
use super::refusal::Limits;
use super::scan::tree_path;
use super::unpack::{Compression, Unpacker};
use crate::digest::{Digest, Hasher};

/// The largest index or manifest that is read, in bytes.
const LONGEST_JSON: u64 = 4 << 20;
/// How deep indexes may lie in indexes.
const DEEPEST: usize = 4;

/// A blob or file of a layout: some bytes of a file.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    file: PathBuf,
    offset: u64,
    size: u64,
}

impl Piece {
    fn open(&self) -> Result<PieceReader, BaseError> {
        Ok(PieceReader {
            file: File::open(&self.file).map_err(BaseError::machine("read", &self.file))?,
            at: self.offset,
            end: self.offset + self.size,
        })
    }
}

struct PieceReader {
    file: File,
    at: u64,
    end: u64,
}

impl Read for PieceReader {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let size = (bytes.len() as u64).min(self.end - self.at) as usize;
        let size = self.file.read_at(&mut bytes[..size], self.at)?;
        self.at += size as u64;
        Ok(size)
    }
}

/// Where a layout's files are.
#[derive(Debug)]
pub(super) enum Layout {
    /// In a directory.
    Directory(PathBuf),
    /// In an archive, by path.
    Archive(BTreeMap<String, Piece>),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Index {
    #[serde(default)]
    manifests: Vec<Descriptor>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    #[serde(default)]
    layers: Vec<Descriptor>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    #[serde(default)]
    media_type: String,
    digest: String,
    size: u64,
    #[serde(default)]
    platform: Option<Platform>,
}

#[derive(Debug, Deserialize)]
struct Platform {
    architecture: String,
    os: String,
}

impl Layout {
    /// A directory, if it is a layout.
    pub(super) fn in_directory(directory: &Path) -> Option<Self> {
        let is_layout =
            directory.join("oci-layout").is_file() && directory.join("index.json").is_file();
        is_layout.then(|| Self::Directory(directory.to_owned()))
    }

    /// An uncompressed tar, if it holds a layout. What cannot be read is found by whoever reads it as something else.
    pub(super) fn in_archive(archive: &Path, limits: &Limits) -> Result<Option<Self>, BaseError> {
        let file = File::open(archive).map_err(BaseError::machine("read", archive))?;
        let mut pieces = BTreeMap::new();
        let mut is_layout = false;
        let read = archive::read_members(&file, limits, |member| {
            if let (Ok(path), MemberKind::File { offset, size }) =
                (tree_path(&member.name), member.kind)
            {
                is_layout |= path.as_str() == "/oci-layout";
                // Everything in a layout is at the top or below `blobs`.
                if path.as_str().starts_with("/blobs/") || path.names().count() == 1 {
                    let piece = Piece {
                        file: archive.to_owned(),
                        offset,
                        size,
                    };
                    pieces.insert(path.as_str().trim_start_matches('/').to_owned(), piece);
                }
            }
            Ok(())
        });
        Ok((read.is_ok() && is_layout).then_some(Self::Archive(pieces)))
    }

    fn piece(&self, path: &str) -> Option<Piece> {
        match self {
            Self::Archive(pieces) => pieces.get(path).cloned(),
            Self::Directory(directory) => {
                let file = directory.join(path);
                let size = file.metadata().ok().filter(|meta| meta.is_file())?.len();
                Some(Piece {
                    file,
                    offset: 0,
                    size,
                })
            }
        }
    }
}

/// Unpacks the layers of the one image for this architecture, the lowest first.
pub(super) fn layers(
    layout: &Layout,
    architecture: &str,
    unpacker: &Unpacker<'_>,
) -> Result<Vec<NamedTempFile>, BaseError> {
    let unsuitable = |problem: String| BaseError::Unsuitable {
        path: unpacker.given.to_owned(),
        problem,
    };
    let index = layout
        .piece("index.json")
        .ok_or_else(|| unsuitable("the OCI layout has no `index.json`".to_owned()))?;
    if index.size > LONGEST_JSON {
        return Err(unsuitable("`index.json` is too long".to_owned()));
    }
    let mut text = Vec::new();
    index
        .open()?
        .read_to_end(&mut text)
        .map_err(BaseError::machine("read", &index.file))?;
    let mut manifest = text;
    for _ in 0..DEEPEST {
        let index: Index = serde_json::from_slice(&manifest)
            .map_err(|error| unsuitable(format!("its index cannot be read: {error}")))?;
        let descriptor = choose(&index, architecture).map_err(unsuitable)?;
        manifest = read_json(layout, descriptor, unpacker)?;
        if descriptor.media_type.contains("index")
            || descriptor.media_type.contains("manifest.list")
        {
            continue;
        }
        let manifest: Manifest = serde_json::from_slice(&manifest)
            .map_err(|error| unsuitable(format!("its manifest cannot be read: {error}")))?;
        if manifest.layers.is_empty() {
            return Err(unsuitable("the image has no layers".to_owned()));
        }
        return manifest
            .layers
            .iter()
            .map(|layer| unpack(layout, layer, unpacker))
            .collect();
    }
    Err(unsuitable("its indexes lie too deep".to_owned()))
}

/// The manifest of an index that is for an architecture.
fn choose<'a>(index: &'a Index, architecture: &str) -> Result<&'a Descriptor, String> {
    let fits = |descriptor: &&Descriptor| match &descriptor.platform {
        Some(platform) => platform.architecture == architecture && platform.os == "linux",
        None => true,
    };
    let fitting: Vec<_> = index.manifests.iter().filter(fits).collect();
    match fitting.as_slice() {
        [one] => Ok(one),
        [] => Err(format!("it holds no image for linux on {architecture}")),
        several => Err(format!(
            "it holds {} images for linux on {architecture}; one is wanted",
            several.len()
        )),
    }
}

/// The blob that a descriptor names, and its digest.
fn blob(
    layout: &Layout,
    descriptor: &Descriptor,
    unpacker: &Unpacker<'_>,
) -> Result<(Piece, Digest), BaseError> {
    let unsuitable = |problem: String| BaseError::Unsuitable {
        path: unpacker.given.to_owned(),
        problem,
    };
    let digest: Digest = descriptor
        .digest
        .strip_prefix("sha256:")
        .and_then(|digits| digits.parse().ok())
        .ok_or_else(|| unsuitable(format!("`{}` is no sha256 digest", descriptor.digest)))?;
    let piece = layout
        .piece(&format!("blobs/sha256/{digest}"))
        .ok_or_else(|| unsuitable(format!("its blob `{digest}` is missing")))?;
    if piece.size != descriptor.size {
        return Err(unsuitable(format!(
            "its blob `{digest}` has {} bytes, not {}",
            piece.size, descriptor.size
        )));
    }
    Ok((piece, digest))
}

fn read_json(
    layout: &Layout,
    descriptor: &Descriptor,
    unpacker: &Unpacker<'_>,
) -> Result<Vec<u8>, BaseError> {
    let (piece, digest) = blob(layout, descriptor, unpacker)?;
    if piece.size > LONGEST_JSON {
        return Err(BaseError::Unsuitable {
            path: unpacker.given.to_owned(),
            problem: format!("its manifest `{digest}` is too long"),
        });
    }
    let mut text = Vec::new();
    piece
        .open()?
        .read_to_end(&mut text)
        .map_err(BaseError::machine("read", &piece.file))?;
    if Digest::of(&text) != digest {
        return Err(changed(unpacker, digest));
    }
    Ok(text)
}

fn unpack(
    layout: &Layout,
    descriptor: &Descriptor,
    unpacker: &Unpacker<'_>,
) -> Result<NamedTempFile, BaseError> {
    let (piece, digest) = blob(layout, descriptor, unpacker)?;
    let mut first = Vec::new();
    piece
        .open()?
        .take(8)
        .read_to_end(&mut first)
        .map_err(BaseError::machine("read", &piece.file))?;
    // What is hashed is what is unpacked: one pass.
    let mut reader = Hashed {
        inner: piece.open()?,
        hasher: Hasher::new(),
    };
    let unpacked = unpacker.unpack(Compression::of(&first), &mut reader, piece.size);
    let drained = io::copy(&mut reader, &mut io::sink());
    drained.map_err(BaseError::machine("read", &piece.file))?;
    // A blob that is not what it should be explains whatever else is wrong with it.
    if reader.hasher.finish() != digest {
        return Err(changed(unpacker, digest));
    }
    unpacked
}

fn changed(unpacker: &Unpacker<'_>, digest: Digest) -> BaseError {
    BaseError::Unsuitable {
        path: unpacker.given.to_owned(),
        problem: format!("its blob `{digest}` is damaged: the bytes have another digest"),
    }
}

struct Hashed<R> {
    inner: R,
    hasher: Hasher,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let size = self.inner.read(bytes)?;
        self.hasher.update(&bytes[..size]);
        Ok(size)
    }
}
