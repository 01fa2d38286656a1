//! What can go wrong with a cluster's secrets, one variant per thing that the reader would do about it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use time::Date;

use crate::failure::{Exit, Failure};
use crate::spec::NodeName;

/// Why secrets could not be read or made. Nothing in it quotes a secret.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The file system refused.
    #[error("cannot {doing} `{}`", path.display())]
    Io {
        /// What was tried, as `read`.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Something that running machines depend on was there once.
    #[error("`{}` is gone, while `{}` is there", missing.display(), evidence.display())]
    Lost {
        /// What should be there.
        missing: PathBuf,
        /// What cannot have been made without it.
        evidence: PathBuf,
    },
    /// A file that cannot be made again does not hold what it should.
    #[error("`{}` is damaged: {why}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, without quoting it.
        why: String,
    },
    /// Two files that were made together do not belong together any more.
    #[error("`{}` is not the key of `{}`", key.display(), public.display())]
    Mismatch {
        /// The private half.
        key: PathBuf,
        /// The public half.
        public: PathBuf,
    },
    /// An authority cannot be used as one.
    #[error("`{}` is no authority that kimage can issue with: {why}", path.display())]
    NoAuthority {
        /// Its certificate.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// An authority's time is over, and everybody's trust in it with it.
    #[error("the authority `{}` was valid only until {until}", path.display())]
    Expired {
        /// Its certificate.
        path: PathBuf,
        /// Its last day.
        until: Date,
    },
    /// An authority is there already, and the cluster file calls it something else.
    #[error("the authority `{}` is `{is}`, but the cluster file calls it `{wanted}`", path.display())]
    OtherName {
        /// Its certificate.
        path: PathBuf,
        /// Who it names.
        is: String,
        /// Who it should name.
        wanted: String,
    },
    /// A token is over, or as good as over: the image that it lies in would never join.
    #[error("the token `{}` is good until {until} only", path.display())]
    TokenOver {
        /// Its file.
        path: PathBuf,
        /// Its last day.
        until: Date,
    },
    /// The cluster file asks for something that no certificate can say.
    #[error("cannot issue `{request}`: `{name}` is no name that a certificate can hold")]
    Name {
        /// For whom.
        request: String,
        /// What it should have said.
        name: String,
    },
    /// The cryptographic library failed.
    #[error("cannot make {what}: the cryptographic library failed")]
    Crypto {
        /// What was to be made.
        what: String,
    },
    /// Nothing was requested for a node.
    #[error("nothing was issued for node `{0}`")]
    NotIssued(NodeName),
}

impl TrustError {
    pub(super) fn damaged(path: &Path, why: &dyn fmt::Display) -> Self {
        Self::Damaged {
            path: path.to_owned(),
            why: why.to_string(),
        }
    }

    pub(super) fn crypto(what: &str) -> Self {
        Self::Crypto {
            what: what.to_owned(),
        }
    }
}

impl Failure for TrustError {
    fn exit(&self) -> Exit {
        match self {
            Self::Io { .. } => Exit::Environment,
            Self::Lost { .. } | Self::Damaged { .. } | Self::Mismatch { .. } => Exit::Integrity,
            Self::NoAuthority { .. }
            | Self::Expired { .. }
            | Self::OtherName { .. }
            | Self::TokenOver { .. }
            | Self::Name { .. } => Exit::UserFiles,
            Self::Crypto { .. } | Self::NotIssued(_) => Exit::Other,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                "run kimage as the user who owns the secrets directory"
            }
            Self::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                "make room; what was there before is untouched"
            }
            Self::Lost { .. } | Self::Damaged { .. } | Self::Mismatch { .. } => {
                "put it back from a backup: running machines depend on it. To give the cluster new authorities and \
                 rebuild every node, move the whole secrets directory aside"
            }
            Self::NoAuthority { .. } => {
                "put an authority's certificate there whose key lies beside it, or move both away to have new ones made"
            }
            Self::Expired { .. } => {
                "move the whole secrets directory aside and rebuild every node; the cluster's machines have to be \
                 replaced together"
            }
            Self::OtherName { .. } => {
                "an authority is never replaced: give it its name in `pki.certificates`, or move the whole secrets \
                 directory aside and rebuild every node"
            }
            Self::TokenOver { .. } => {
                "`kimage certs renew --tokens --all` makes new ones. Then build again, masters too; masters that are \
                 running take 05-bootstrap-tokens.yaml or tokens.csv of what `kimage render` writes for them"
            }
            Self::Name { .. } => "correct it in the cluster file",
            Self::Io { .. } | Self::Crypto { .. } | Self::NotIssued(_) => return None,
        };
        Some(hint.to_owned())
    }
}
