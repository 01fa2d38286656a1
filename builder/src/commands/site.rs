//! Where a command runs: the cluster file, what lies beside it, the cache, the clock.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::addons;
use crate::blueprint::Blueprints;
use crate::cli::Cli;
use crate::failure::{Exit, Failure, Outcome};
use crate::overlay::Overlays;
use crate::plan::{self, Plan};
use crate::report::Report;
use crate::spec::{self, Cluster, Objection, SpecError};

/// Where a command runs.
pub(super) struct Site {
    /// The cluster file.
    pub(super) file: PathBuf,
    /// The cache.
    pub(super) cache: PathBuf,
    /// The private keys.
    pub(super) secrets: PathBuf,
    /// The lock.
    pub(super) lock: PathBuf,
    /// A directory of overlays instead of the embedded ones.
    overlays: Option<PathBuf>,
    /// A directory of blueprints instead of the embedded ones.
    images: Option<PathBuf>,
    /// Standard error.
    pub(super) report: Report,
}

/// A file or directory of the command itself that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum SiteError {
    /// Neither `--cache` nor a home directory.
    #[error("there is no place for the cache")]
    NoCache,
    /// The cluster file, or a file that it names, cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// A result cannot be written.
    #[error("cannot write `{}`", path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// Standard output cannot be written.
    #[error("cannot write to standard output")]
    Output(#[source] std::io::Error),
}

impl Failure for SiteError {
    fn exit(&self) -> Exit {
        match self {
            Self::Read { .. } => Exit::UserFiles,
            Self::NoCache | Self::Write { .. } | Self::Output(_) => Exit::Environment,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoCache => Some("give `--cache`, or set XDG_CACHE_HOME".into()),
            Self::Read { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
                Some("`kimage init` writes one to begin with; `--file` names another".into())
            }
            _ => None,
        }
    }
}

impl Site {
    pub(super) fn new(cli: &Cli) -> Outcome<Self> {
        let folder = match cli.file.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        Ok(Self {
            secrets: cli
                .secrets
                .clone()
                .unwrap_or_else(|| folder.join("secrets")),
            lock: folder.join("kimage.lock"),
            cache: cli
                .cache
                .clone()
                .or_else(default_cache)
                .ok_or(SiteError::NoCache)?,
            file: cli.file.clone(),
            overlays: cli.overlays.clone(),
            images: cli.images.clone(),
            report: Report::to_stderr(),
        })
    }

    /// The cluster; its warnings are shown.
    pub(super) fn cluster(&self) -> Outcome<Cluster> {
        self.cluster_of(&self.blueprints()?)
    }

    /// The cluster and what will be built for it; warnings are shown.
    pub(super) fn plan(&self) -> Outcome<(Cluster, Plan)> {
        let blueprints = self.blueprints()?;
        let mut cluster = self.cluster_of(&blueprints)?;
        addons::preload(self, &mut cluster)?;
        let plan = plan::plan(&cluster, &blueprints)?;
        Ok((cluster, plan))
    }

    fn cluster_of(&self, blueprints: &Blueprints) -> Outcome<Cluster> {
        let text = self.read(&self.file)?;
        let (cluster, warnings) =
            spec::parse_with(&text, &self.file.display().to_string(), blueprints)?;
        if !warnings.is_empty() {
            self.report.plain(&warnings.styled());
        }
        Ok(cluster)
    }

    /// Objections of later phases, at their places in the cluster file.
    pub(super) fn objections(&self, list: &[Objection]) -> Result<SpecError, SiteError> {
        let text = self.read(&self.file)?;
        let name = self.file.display().to_string();
        Ok(spec::objections(&text, &name, list))
    }

    /// The text of the cluster file or of a file beside it.
    pub(super) fn read(&self, path: &Path) -> Result<String, SiteError> {
        std::fs::read_to_string(path).map_err(|source| SiteError::Read {
            path: path.to_owned(),
            source,
        })
    }

    /// A path as the cluster file writes it: beside the cluster file.
    pub(super) fn beside(&self, path: &Path) -> PathBuf {
        self.file
            .parent()
            .map_or_else(|| path.to_owned(), |folder| folder.join(path))
    }

    /// The blueprints to choose from.
    pub(super) fn blueprints(&self) -> Outcome<Blueprints> {
        Ok(match &self.images {
            Some(directory) => Blueprints::from_directory(directory)?,
            None => Blueprints::embedded()?,
        })
    }

    /// The overlays to lay.
    pub(super) fn overlays(&self) -> Outcome<Overlays> {
        Ok(match &self.overlays {
            Some(directory) => Overlays::from_directory(directory)?,
            None => Overlays::embedded()?,
        })
    }

    /// Now. Certificates begin here.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where the clock enters"
    )]
    pub(super) fn now(&self) -> time::OffsetDateTime {
        std::time::SystemTime::now().into()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place where the environment enters"
)]
fn default_cache() -> Option<PathBuf> {
    let set = |name| {
        std::env::var(name)
            .ok()
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    set("XDG_CACHE_HOME")
        .or_else(|| Some(set("HOME")?.join(".cache")))
        .map(|cache| cache.join("kimage"))
}

/// Writes a result to standard output.
pub(super) fn print(text: &str) -> Result<(), SiteError> {
    print_bytes(text.as_bytes())
}

/// Writes bytes to standard output.
pub(super) fn print_bytes(bytes: &[u8]) -> Result<(), SiteError> {
    let mut output = std::io::stdout().lock();
    match output.write_all(bytes).and_then(|()| output.flush()) {
        // Whoever reads has seen enough, as `head` does.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(SiteError::Output),
    }
}

/// Writes a result as JSON to standard output.
pub(super) fn print_json<T: serde::Serialize>(value: &T) -> Result<(), SiteError> {
    let text =
        serde_json::to_string_pretty(value).map_err(|error| SiteError::Output(error.into()))?;
    print(&(text + "\n"))
}
