//! What is told about a secrets directory beside errors.

use std::fmt;
use std::path::PathBuf;

use crate::spec::KeyAlgorithm;

/// Something that was done to the secrets directory, or that its owner should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// A file, or a certificate with its key, was made that was not there.
    Made(PathBuf),
    /// A certificate was issued again with a new key.
    Reissued {
        /// The certificate.
        path: PathBuf,
        /// What was wrong with the old one.
        why: String,
    },
    /// A token was made for a node that is new to the cluster, or whose token could not be used.
    NewToken {
        /// The token's file.
        path: PathBuf,
        /// Why there was none.
        why: String,
    },
    /// A token is good for a few days more.
    TokenEnding {
        /// The token's file.
        path: PathBuf,
        /// Its last day.
        until: time::Date,
    },
    /// Others could use the file or folder; now they cannot.
    Tightened {
        /// Which.
        path: PathBuf,
        /// The permissions that it had.
        mode: u32,
    },
    /// A root is of another algorithm than the cluster file asks for, and stays so.
    OtherAlgorithm {
        /// The root's file.
        path: PathBuf,
        /// What it is of.
        is: KeyAlgorithm,
        /// What is asked for.
        wanted: KeyAlgorithm,
    },
}

impl Notice {
    /// Whether this is more than work as usual.
    pub fn is_warning(&self) -> bool {
        !matches!(self, Self::Made(_))
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Made(path) => write!(f, "made `{}`", path.display()),
            Self::Reissued { path, why } => {
                write!(f, "issued `{}` again: {why}", path.display())
            }
            Self::NewToken { path, why } => write!(
                f,
                "made `{}`, because {why}: masters that were built before do not know it",
                path.display()
            ),
            Self::TokenEnding { path, until } => write!(
                f,
                "the token `{}` ends on {until}: `kimage certs renew --tokens` makes a new one",
                path.display()
            ),
            Self::Tightened { path, mode } => write!(
                f,
                "`{}` was open to others (mode {mode:o}): made private",
                path.display()
            ),
            Self::OtherAlgorithm { path, is, wanted } => write!(
                f,
                "`{}` stays {is}, although the cluster file asks for {wanted}: a root is never replaced",
                path.display(),
                is = algorithm_name(*is),
                wanted = algorithm_name(*wanted),
            ),
        }
    }
}

fn algorithm_name(algorithm: KeyAlgorithm) -> &'static str {
    match algorithm {
        KeyAlgorithm::EcdsaP256 => "ecdsa-p256",
        KeyAlgorithm::EcdsaP384 => "ecdsa-p384",
        KeyAlgorithm::EcdsaP521 => "ecdsa-p521",
        KeyAlgorithm::Rsa2048 => "rsa-2048",
        KeyAlgorithm::Rsa3072 => "rsa-3072",
        KeyAlgorithm::Rsa4096 => "rsa-4096",
    }
}
