//! What can go wrong with a base.

use std::io;
use std::path::{Path, PathBuf};

use super::lack::Lack;
use super::refusal::Refusal;
use crate::failure::{Exit, Failure};
use crate::program::ProgramError;

/// Why there is no base, or none that can be used.
#[derive(Debug, thiserror::Error)]
pub enum BaseError {
    /// Nobody prepared it yet.
    #[error("the base `{image}` is not prepared")]
    NotPrepared {
        /// The image.
        image: String,
        /// How it can be prepared.
        how: String,
    },
    /// Its blueprint cannot be built, only imported.
    #[error("`{image}` cannot be built here, only imported")]
    ImportOnly {
        /// The image.
        image: String,
        /// What people can do to get one.
        advice: String,
    },
    /// What was given to import is none of the things that can be.
    #[error("`{path}` cannot be imported: {problem}", path = path.display())]
    Unsuitable {
        /// What was given.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Something in an archive or directory must not get into an image.
    #[error("`{path}` is refused", path = path.display())]
    Refused {
        /// What was given.
        path: PathBuf,
        /// The entry, and what it does.
        #[source]
        source: Refusal,
    },
    /// A node cannot run on it.
    #[error("`{image}` lacks what a node cannot do without:{}", listed(lacks))]
    Lacking {
        /// The image.
        image: String,
        /// What it lacks.
        lacks: Vec<Lack>,
    },
    /// A prepared base is not as it was left.
    #[error("the base `{image}` is damaged: {problem}")]
    Damaged {
        /// The image.
        image: String,
        /// What is wrong.
        problem: String,
    },
    /// The machine does not let us.
    #[error("cannot {action} `{path}`", path = path.display())]
    Machine {
        /// What was tried: `read`, `write`.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A program that prepares bases did not do its work.
    #[error("cannot prepare the base `{image}`")]
    Program {
        /// The image.
        image: String,
        /// The program and its last words.
        #[source]
        source: ProgramError,
    },
}

fn listed(lacks: &[Lack]) -> String {
    lacks
        .iter()
        .map(|lack| format!("\n    {lack}"))
        .collect::<String>()
}

impl BaseError {
    pub(super) fn machine(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Machine {
            action,
            path: path.to_owned(),
            source,
        }
    }

    /// The same error, about what the user gave and not about what was made of it.
    pub(super) fn about(self, given: &Path) -> Self {
        match self {
            Self::Refused { source, .. } => Self::Refused {
                path: given.to_owned(),
                source,
            },
            other => other,
        }
    }

    pub(super) fn program(image: &str) -> impl FnOnce(ProgramError) -> Self {
        move |source| Self::Program {
            image: image.to_owned(),
            source,
        }
    }
}

impl Failure for BaseError {
    fn exit(&self) -> Exit {
        match self {
            Self::ImportOnly { .. }
            | Self::Unsuitable { .. }
            | Self::Refused { .. }
            | Self::Lacking { .. } => Exit::UserFiles,
            Self::NotPrepared { .. } | Self::Machine { .. } | Self::Program { .. } => {
                Exit::Environment
            }
            Self::Damaged { .. } => Exit::Integrity,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NotPrepared { how, .. } => Some(how.clone()),
            Self::ImportOnly { image, advice } => Some(format!(
                "get a root filesystem and run `kimage base import {image} PATH`: {advice}"
            )),
            Self::Lacking { .. } => Some("install these in it and import it again".to_owned()),
            Self::Damaged { .. } => Some("prepare it again".to_owned()),
            Self::Program { source, .. } => source.hint(),
            Self::Unsuitable { .. } => Some(
                "a tar (plain, gz, zst or xz), a directory or an OCI archive can be".to_owned(),
            ),
            Self::Refused { .. } | Self::Machine { .. } => None,
        }
    }
}
