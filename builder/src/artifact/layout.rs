//! What an OCI archive says of the image in it, for runtimes that do not read such archives by themselves.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use super::ArtifactError;
use super::oci::{Index, LARGEST_TEXT, Manifest, OciError, blob, json};

/// The parts of a container image, as paths in its OCI archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageLayout {
    /// Its configuration.
    pub config: String,
    /// Its layers, the lowest first.
    pub layers: Vec<String>,
}

impl ImageLayout {
    /// Reads an archive that was fetched before; `name` is for messages. Of several images in it, the first counts that is
    /// there: a name by digest may lead to an index of more.
    ///
    /// # Errors
    /// A file that cannot be read, or without an image.
    pub fn read(name: &str, archive: &Path) -> Result<Self, ArtifactError> {
        find(archive).map_err(|why| ArtifactError::Archive {
            name: name.to_owned(),
            why: why.to_string(),
        })
    }
}

fn find(archive: &Path) -> Result<ImageLayout, OciError> {
    let texts = texts(File::open(archive)?)?;
    let mut wanted = vec!["index.json".to_owned()];
    while let Some(name) = wanted.pop() {
        if !texts.contains_key(&name) {
            continue;
        }
        let manifest: Manifest = json(&texts, &name)?;
        if let Some(config) = manifest.config {
            let layers = manifest.layers.iter();
            return Ok(ImageLayout {
                config: blob(&config.digest),
                layers: layers.map(|layer| blob(&layer.digest)).collect(),
            });
        }
        let index: Index = json(&texts, &name)?;
        let names = index.manifests.iter().rev();
        wanted.extend(names.map(|manifest| blob(&manifest.digest)));
    }
    Err(OciError::Lacks("manifest".into()))
}

/// The small files of an archive, by path.
fn texts(file: File) -> Result<BTreeMap<String, Vec<u8>>, OciError> {
    let mut texts = BTreeMap::new();
    let mut archive = tar::Archive::new(file);
    for entry in archive.entries_with_seek()? {
        let mut entry = entry?;
        if entry.header().entry_type().is_file() && entry.size() <= LARGEST_TEXT {
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let mut text = Vec::new();
            entry.read_to_end(&mut text)?;
            let name = name.strip_prefix("./").unwrap_or(&name).to_owned();
            texts.insert(name, text);
        }
    }
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found in an archive of these files.
    fn found(files: &[(&str, &str)]) -> Result<ImageLayout, ArtifactError> {
        let mut tar = tar::Builder::new(Vec::new());
        for (path, text) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, path, text.as_bytes()).unwrap();
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("image.tar");
        std::fs::write(&path, tar.into_inner().unwrap()).unwrap();
        ImageLayout::read("pause", &path)
    }

    const MANIFEST: &str = r#"{"config": {"digest": "sha256:c"}, "layers": [{"digest": "sha256:1"}, {"digest": "sha256:2"}]}"#;

    #[test]
    fn an_image_may_lie_behind_an_index_of_more_than_is_there() {
        let layout = ImageLayout {
            config: "blobs/sha256/c".to_owned(),
            layers: vec!["blobs/sha256/1".to_owned(), "blobs/sha256/2".to_owned()],
        };
        let plain = [
            ("index.json", r#"{"manifests": [{"digest": "sha256:m"}]}"#),
            ("blobs/sha256/m", MANIFEST),
        ];
        assert_eq!(found(&plain).unwrap(), layout);
        let nested = [
            ("./index.json", r#"{"manifests": [{"digest": "sha256:i"}]}"#),
            (
                "./blobs/sha256/i",
                r#"{"manifests": [{"digest": "sha256:arm"}, {"digest": "sha256:m"}]}"#,
            ),
            ("./blobs/sha256/m", MANIFEST),
        ];
        assert_eq!(found(&nested).unwrap(), layout);
    }

    #[test]
    fn an_archive_without_an_image_is_refused() {
        let files = [("index.json", r#"{"manifests": [{"digest": "sha256:m"}]}"#)];
        let error = found(&files).unwrap_err();
        assert!(error.to_string().contains("pause"), "{error}");
    }
}
