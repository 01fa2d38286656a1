//! The cluster file's add-ons: manifests that lie in files of their own, and the images that they run.

use std::path::{Path, PathBuf};

use super::site::{Site, SiteError};
use crate::artifact::{ManifestError, images_of_manifest};
use crate::failure::{Exit, Failure, Outcome};
use crate::spec::Cluster;

/// A manifest that cannot be applied.
#[derive(Debug, thiserror::Error)]
#[error("cannot use the manifest `{}`", path.display())]
struct AddonError {
    path: PathBuf,
    #[source]
    source: ManifestError,
}

impl Failure for AddonError {
    fn exit(&self) -> Exit {
        self.source.exit()
    }

    fn hint(&self) -> Option<String> {
        self.source.hint()
    }
}

/// One manifest.
pub(super) struct Addon {
    path: PathBuf,
    text: Vec<u8>,
}

impl Addon {
    /// Its name on a node, and its text.
    pub(super) fn into_file(self) -> (String, Vec<u8>) {
        let stem = self.path.file_stem().unwrap_or_default();
        (format!("{}.yaml", stem.to_string_lossy()), self.text)
    }
}

/// The manifests, in the cluster file's order; a directory means all `.yaml` and `.yml` in it, by name.
pub(super) fn read(site: &Site, cluster: &Cluster) -> Result<Vec<Addon>, SiteError> {
    let failed = |path: &Path, source| SiteError::Read {
        path: path.to_owned(),
        source,
    };
    let mut addons = Vec::new();
    for path in cluster.addons.iter().map(|path| site.beside(path)) {
        let mut files = vec![path.clone()];
        if path.is_dir() {
            files.clear();
            for entry in std::fs::read_dir(&path).map_err(|error| failed(&path, error))? {
                let file = entry.map_err(|error| failed(&path, error))?.path();
                if file
                    .extension()
                    .is_some_and(|end| end == "yaml" || end == "yml")
                {
                    files.push(file);
                }
            }
            files.sort();
        }
        for path in files {
            let text = std::fs::read(&path).map_err(|error| failed(&path, error))?;
            addons.push(Addon { path, text });
        }
    }
    Ok(addons)
}

/// Preloads what the add-ons run, beside the images that the cluster file lists.
pub(super) fn preload(site: &Site, cluster: &mut Cluster) -> Outcome {
    for Addon { path, text } in read(site, cluster)? {
        let images = images_of_manifest(&text).map_err(|source| AddonError { path, source })?;
        cluster
            .images
            .extend(images.iter().map(ToString::to_string));
    }
    Ok(())
}
