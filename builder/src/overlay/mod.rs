//! Overlays: directories that people wrote, laid over a base.
//!
//! A file's path in an overlay is its path in the image. A name that ends in `.tera` is a template; its header says with
//! which mode and when it is written, and which values it uses. Static files that begin with `#!` are executable (0755),
//! all others are 0644. A unit that says `WantedBy=` is enabled. Logic does not belong here but in [`crate::plan`].
//!
//! To add a file, put it into `overlays/node` (every node), `overlays/master` or `overlays/worker`; `overlays/approver` is
//! laid over masters that approve certificates of kubelets as servers.

mod enable;
mod error;
mod header;
mod render;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};

pub use enable::enable;
pub use error::OverlayError;
pub use render::{Slots, layer, pad};

use crate::tree::TreePath;
use header::Header;

static EMBEDDED: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../overlays");

/// All overlays by name: `node`, `master`, `worker`, `approver`.
#[derive(Debug, Clone)]
pub struct Overlays {
    overlays: BTreeMap<String, Overlay>,
}

/// One overlay: its files by their path in the image.
#[derive(Debug, Clone, Default)]
pub struct Overlay {
    files: BTreeMap<TreePath, Source>,
    /// The texts of the templates, compiled, by the path in the image.
    templates: tera::Tera,
}

/// A file of an overlay.
#[derive(Debug, Clone)]
enum Source {
    Static(Vec<u8>),
    Template(Header),
}

impl Overlays {
    /// The overlays that the program carries.
    ///
    /// # Errors
    ///
    /// When a template's header is wrong, which a test rules out for the embedded ones.
    pub fn embedded() -> Result<Self, OverlayError> {
        let mut overlays = Self {
            overlays: BTreeMap::new(),
        };
        let mut directories = vec![&EMBEDDED];
        while let Some(directory) = directories.pop() {
            directories.extend(directory.dirs());
            for file in directory.files() {
                overlays.add(file.path(), file.contents().to_vec())?;
            }
        }
        Ok(overlays)
    }

    /// The overlays of a directory instead of the embedded ones.
    ///
    /// # Errors
    ///
    /// When the directory cannot be read or a template's header is wrong.
    pub fn from_directory(root: &Path) -> Result<Self, OverlayError> {
        let read = |path: &Path, source| OverlayError::Read {
            path: path.to_owned(),
            source,
        };
        let mut overlays = Self {
            overlays: BTreeMap::new(),
        };
        let mut directories = vec![root.to_owned()];
        while let Some(directory) = directories.pop() {
            for entry in std::fs::read_dir(&directory).map_err(|error| read(&directory, error))? {
                let path = entry.map_err(|error| read(&directory, error))?.path();
                if path.is_dir() {
                    directories.push(path);
                    continue;
                }
                let bytes = std::fs::read(&path).map_err(|error| read(&path, error))?;
                overlays.add(path.strip_prefix(root).unwrap_or(&path), bytes)?;
            }
        }
        Ok(overlays)
    }

    /// The overlay of a name; an empty one where there is none.
    pub fn named(&self, name: &str) -> Overlay {
        self.overlays.get(name).cloned().unwrap_or_default()
    }

    /// Adds the file at `node/etc/hosts.tera` or alike.
    fn add(&mut self, path: &Path, bytes: Vec<u8>) -> Result<(), OverlayError> {
        let wrong = || OverlayError::Path {
            path: path.to_owned(),
        };
        let (overlay, inside) = path
            .to_str()
            .and_then(|path| path.split_once('/'))
            .ok_or_else(wrong)?;
        let target: TreePath = format!("/{}", inside.strip_suffix(".tera").unwrap_or(inside))
            .parse()
            .map_err(|_| wrong())?;
        let overlay = self.overlays.entry(overlay.to_owned()).or_default();
        let source = if inside.ends_with(".tera") {
            let text = String::from_utf8(bytes).map_err(|_| wrong())?;
            let header = Header::parse(&text).map_err(|reason| OverlayError::Header {
                path: PathBuf::from(path),
                reason,
            })?;
            overlay
                .templates
                .add_raw_template(target.as_str(), &text)
                .map_err(|source| OverlayError::Render {
                    path: target.clone(),
                    source,
                })?;
            Source::Template(header)
        } else {
            Source::Static(bytes)
        };
        overlay.files.insert(target, source);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_header_lists_exactly_the_values_that_its_text_uses() {
        let mut directories = vec![&EMBEDDED];
        while let Some(directory) = directories.pop() {
            directories.extend(directory.dirs());
            for file in directory
                .files()
                .filter(|file| file.path().extension().is_some_and(|end| end == "tera"))
            {
                let text = file.contents_utf8().unwrap();
                let header = Header::parse(text).unwrap();
                assert_eq!(
                    header::used(text),
                    header.values,
                    "{}",
                    file.path().display()
                );
            }
        }
    }

    #[test]
    fn a_file_beside_the_overlays_is_refused_by_its_name() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("stray"), "").unwrap();
        let error = Overlays::from_directory(directory.path()).unwrap_err();
        assert!(error.to_string().contains("stray"), "{error}");
    }
}
