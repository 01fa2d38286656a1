//! Why a policy gives no labels.

use super::PatternError;
use crate::failure::{Exit, Failure};

/// Why a policy gives no labels.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SelinuxError {
    /// A line that libselinux would not read either.
    #[error("line {line} of `{file}` is no file context: {problem}")]
    Line {
        /// The file, as `file_contexts`.
        file: &'static str,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        problem: &'static str,
    },
    /// A pattern that cannot be matched.
    #[error("line {line} of `{file}` has a pattern that cannot be matched")]
    Pattern {
        /// The file.
        file: &'static str,
        /// The line, from 1.
        line: usize,
        /// Why not.
        #[source]
        source: PatternError,
    },
    /// A rule for paths that are looked up as others, so that it never matches.
    #[error(
        "`host.selinux.fileContexts` has `{pattern}`, but the policy looks such paths up as `{alias}`"
    )]
    Aliased {
        /// The rule.
        pattern: String,
        /// What it has to be.
        alias: String,
    },
    /// A base without a policy.
    #[error("the base `{image}` has no SELinux policy: `{path}` is missing")]
    NoPolicy {
        /// The image.
        image: String,
        /// What was looked for.
        path: String,
    },
    /// A type that the policy does not have: whatever has it counts as not labelled at all.
    #[error("the policy of the base `{image}` has no type `{name}`")]
    UnknownType {
        /// The image.
        image: String,
        /// The type.
        name: String,
    },
}

impl Failure for SelinuxError {
    fn exit(&self) -> Exit {
        match self {
            Self::Line { .. } | Self::Pattern { .. } => Exit::Integrity,
            Self::Aliased { .. } | Self::NoPolicy { .. } | Self::UnknownType { .. } => {
                Exit::UserFiles
            }
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Line { .. } | Self::Pattern { .. } => {
                "mend it in the base's policy, and prepare the base again".into()
            }
            Self::Aliased { alias, .. } => format!("write `{alias}`"),
            Self::NoPolicy { .. } => {
                "install the distribution's policy in it, and prepare it again".into()
            }
            Self::UnknownType { .. } => {
                "install the package that brings it, as `container-selinux`, in the base".into()
            }
        })
    }
}
