//! Recipes, one for each kind of image: `images/*.yaml`.
//!
//! A [`Blueprint`] says how a distribution's root filesystem is prepared ([`crate::base`] does it) and what the rest of
//! the program has to know about it: where its kernel lies, what configures its network, which Kubernetes it can run.
//! The files are embedded, and a directory replaces them. To add an image, add a file; nothing else names images.

mod minor;
mod pattern;
mod recipe;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};

pub use minor::{Minor, MinorError};
pub use pattern::Pattern;
pub use recipe::{
    Blueprint, BootFiles, Cgroup, Day, Family, InitrdTool, Kubernetes, Mmdebstrap, Network,
    Selinux, Source, TimeSync, Units, Variant,
};

use crate::failure::{Exit, Failure};

static EMBEDDED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../images");

/// Why there is no blueprint.
#[derive(Debug, thiserror::Error)]
pub enum BlueprintError {
    /// Nobody wrote one of that name.
    #[error("there is no image `{name}`")]
    Unknown {
        /// The name asked for.
        name: String,
        /// The names that there are.
        known: Vec<String>,
    },
    /// A blueprint's text is not right.
    #[error("the blueprint `{file}` is not right")]
    Text {
        /// The file.
        file: String,
        /// Where, and what.
        #[source]
        source: serde_yaml_ng::Error,
    },
    /// A file has another name than the image that it describes.
    #[error("the blueprint `{file}` describes the image `{name}`")]
    Misnamed {
        /// The file.
        file: String,
        /// The name in it.
        name: String,
    },
    /// The directory given cannot be read.
    #[error("cannot read the blueprints in `{path}`")]
    Read {
        /// The directory or file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

impl Failure for BlueprintError {
    fn exit(&self) -> Exit {
        Exit::UserFiles
    }

    fn hint(&self) -> Option<String> {
        let Self::Unknown { name, known } = self else {
            return None;
        };
        let near = known
            .iter()
            .max_by(|a, b| strsim::jaro(a, name).total_cmp(&strsim::jaro(b, name)))
            .filter(|near| strsim::jaro(near, name) > 0.7);
        Some(match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are {}", known.join(", ")),
        })
    }
}

/// All blueprints, by name.
#[derive(Debug, Clone)]
pub struct Blueprints(Vec<Blueprint>);

impl Blueprints {
    /// Those that the program brings along.
    pub fn embedded() -> Result<Self, BlueprintError> {
        Self::read(EMBEDDED.files().filter_map(|file| {
            let name = file.path().file_name()?.to_str()?.to_owned();
            Some((name, file.contents_utf8()?.to_owned()))
        }))
    }

    /// Those of a directory; other files than `*.yaml` are left alone.
    pub fn from_directory(directory: &Path) -> Result<Self, BlueprintError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| BlueprintError::Read { path, source }
        };
        let mut texts = Vec::new();
        for entry in fs::read_dir(directory).map_err(failed(directory))? {
            let path = entry.map_err(failed(directory))?.path();
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
                continue;
            };
            texts.push((
                name.to_owned(),
                if name.ends_with(".yaml") {
                    fs::read_to_string(&path).map_err(failed(&path))?
                } else {
                    continue;
                },
            ));
        }
        Self::read(texts)
    }

    fn read(texts: impl IntoIterator<Item = (String, String)>) -> Result<Self, BlueprintError> {
        let mut blueprints = Vec::new();
        for (file, text) in texts {
            let Some(stem) = file.strip_suffix(".yaml") else {
                continue;
            };
            let blueprint = match Blueprint::parse(&text) {
                Ok(blueprint) => blueprint,
                Err(source) => return Err(BlueprintError::Text { file, source }),
            };
            if blueprint.name != stem {
                let name = blueprint.name;
                return Err(BlueprintError::Misnamed { file, name });
            }
            blueprints.push(blueprint);
        }
        blueprints.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Self(blueprints))
    }

    /// The blueprint of an image.
    pub fn find(&self, name: &str) -> Result<&Blueprint, BlueprintError> {
        self.iter()
            .find(|blueprint| blueprint.name == name)
            .ok_or_else(|| BlueprintError::Unknown {
                name: name.to_owned(),
                known: self.iter().map(|known| known.name.clone()).collect(),
            })
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Blueprint> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_embedded_blueprint_is_right() {
        let blueprints = Blueprints::embedded().unwrap();
        let names: Vec<_> = blueprints.iter().map(|blueprint| &blueprint.name).collect();
        assert_eq!(
            names,
            [
                "centos-7",
                "centos-stream-9",
                "debian-12",
                "debian-12-selinux",
                "debian-13",
                "oracle-linux-7",
                "ubuntu-22.04",
                "ubuntu-24.04"
            ]
        );
    }

    #[test]
    fn an_unknown_image_gets_a_suggestion() {
        let blueprints = Blueprints::embedded().unwrap();
        let hint = |name| blueprints.find(name).unwrap_err().hint().unwrap();
        assert_eq!(hint("debian12"), "did you mean `debian-12`?");
        assert!(hint("windows").starts_with("there are centos-7, "));
    }

    #[test]
    fn a_directory_replaces_the_embedded_ones() {
        let directory = tempfile::tempdir().unwrap();
        let text = EMBEDDED.get_file("debian-12.yaml").unwrap();
        let text = text.contents_utf8().unwrap();
        fs::write(
            directory.path().join("mine.yaml"),
            text.replace("name: debian-12", "name: mine"),
        )
        .unwrap();
        fs::write(directory.path().join("README"), "").unwrap();
        let blueprints = Blueprints::from_directory(directory.path()).unwrap();
        assert!(blueprints.find("mine").is_ok() && blueprints.find("debian-12").is_err());
        fs::write(directory.path().join("other.yaml"), text).unwrap();
        assert!(matches!(
            Blueprints::from_directory(directory.path()),
            Err(BlueprintError::Misnamed { .. })
        ));
    }

    #[test]
    fn a_combination_that_cannot_work_says_why() {
        let blueprints = Blueprints::embedded().unwrap();
        let refusal = |image, minor: &str| {
            blueprints
                .find(image)
                .unwrap()
                .refuses(minor.parse().unwrap())
        };
        assert_eq!(refusal("debian-12", "1.34"), None);
        assert_eq!(refusal("centos-7", "1.10"), None);
        assert!(refusal("centos-7", "1.35").unwrap().contains("cgroup v1"));
        assert!(refusal("debian-12", "1.18").unwrap().contains("cgroup v2"));
    }
}
