//! Why a cluster cannot be planned.

use crate::blueprint::BlueprintError;
use crate::facts;
use crate::failure::{Exit, Failure};

/// Why a cluster cannot be planned.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A version that kimage has no facts for.
    #[error("cannot plan the cluster")]
    Version(#[from] facts::UnknownVersion),
    /// An image that kimage has no blueprint for.
    #[error("cannot plan the cluster")]
    Image(#[from] BlueprintError),
    /// A flag whose value cannot be made.
    #[error("cannot make the value of `--{flag}`")]
    Argument {
        /// The flag without dashes.
        flag: String,
        /// What the template engine said.
        #[source]
        source: tera::Error,
    },
    /// A field of a configuration file whose value cannot be made.
    #[error("cannot make the value of `{field}`")]
    Field {
        /// The field, as `authorization.mode`.
        field: String,
        /// What the template engine or the reader of its result said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Failure for PlanError {
    fn exit(&self) -> Exit {
        Exit::UserFiles
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Version(_) | Self::Image(_) => {
                Some("`kimage check` shows the place in the cluster file".into())
            }
            Self::Argument { .. } | Self::Field { .. } => None,
        }
    }
}
