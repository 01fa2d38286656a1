//! Looks whether an OCI archive is what its name says.
//!
//! It follows the image-layout specification: `oci-layout`, `index.json`, and blobs that are named by their digest.
//! Every blob is read and digested, so an archive that passes is whole.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use serde::Deserialize;

use super::ImageReference;
use super::store::hash;
use crate::digest::{Digest, Hasher};

/// Why a file is not the OCI archive that was asked for.
#[derive(Debug, thiserror::Error)]
pub(super) enum OciError {
    #[error("it cannot be read: {0}")]
    Read(#[from] io::Error),
    #[error("it has no `{0}`")]
    Lacks(String),
    #[error("`{0}` is not what its name says")]
    Blob(String),
    #[error("`{0}` is no JSON as an OCI layout has it: {1}")]
    Json(String, serde_json::Error),
    #[error("it holds {0}, not the digest in its name")]
    Other(String),
}

#[derive(Deserialize)]
pub(super) struct Index {
    pub(super) manifests: Vec<Descriptor>,
}

#[derive(Deserialize)]
pub(super) struct Manifest {
    pub(super) config: Option<Descriptor>,
    #[serde(default)]
    pub(super) layers: Vec<Descriptor>,
}

#[derive(Deserialize)]
pub(super) struct Descriptor {
    pub(super) digest: String,
}

/// Texts of a layout are small; anything larger is a layer.
pub(super) const LARGEST_TEXT: u64 = 4 << 20;

/// Reads a whole archive.
pub(super) fn check(file: &mut File, reference: &ImageReference) -> Result<(), OciError> {
    file.seek(SeekFrom::Start(0))?;
    let mut texts = BTreeMap::new();
    let mut names = std::collections::BTreeSet::new();
    let mut archive = tar::Archive::new(io::BufReader::with_capacity(1 << 18, file));
    for entry in archive.entries()? {
        let mut entry = entry?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let name = name.strip_prefix("./").unwrap_or(&name).to_owned();
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let mut hasher = Hasher::new();
        if entry.size() <= LARGEST_TEXT {
            let mut text = Vec::new();
            entry.read_to_end(&mut text)?;
            hasher.update(&text);
            texts.insert(name.clone(), text);
        } else {
            hash(&mut entry, &mut hasher)?;
        }
        if let Some(digest) = name.strip_prefix("blobs/sha256/")
            && digest.parse::<Digest>().ok() != Some(hasher.finish())
        {
            return Err(OciError::Blob(name));
        }
        names.insert(name);
    }
    if !names.contains("oci-layout") {
        return Err(OciError::Lacks("oci-layout".into()));
    }
    let index: Index = json(&texts, "index.json")?;
    if index.manifests.is_empty() {
        return Err(OciError::Lacks("manifest".into()));
    }
    if let Some(digest) = reference.digest() {
        let wanted = format!("sha256:{digest}");
        let held: Vec<&str> = index
            .manifests
            .iter()
            .map(|one| one.digest.as_str())
            .collect();
        if !held.contains(&wanted.as_str()) {
            return Err(OciError::Other(held.join(", ")));
        }
    }
    for manifest in &index.manifests {
        let manifest: Manifest = json(&texts, &blob(&manifest.digest))?;
        for descriptor in manifest.config.iter().chain(&manifest.layers) {
            let name = blob(&descriptor.digest);
            if !names.contains(&name) {
                return Err(OciError::Lacks(name));
            }
        }
    }
    Ok(())
}

/// The path of a blob in a layout.
pub(super) fn blob(digest: &str) -> String {
    format!("blobs/{}", digest.replacen(':', "/", 1))
}

pub(super) fn json<T: for<'de> Deserialize<'de>>(
    texts: &BTreeMap<String, Vec<u8>>,
    name: &str,
) -> Result<T, OciError> {
    let text = texts
        .get(name)
        .ok_or_else(|| OciError::Lacks(name.into()))?;
    serde_json::from_slice(text).map_err(|error| OciError::Json(name.into(), error))
}
