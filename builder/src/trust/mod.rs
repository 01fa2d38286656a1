//! Who may talk to whom: keys and certificates of a cluster.
//!
//! A cluster has three *trust domains*, each one authority and all that verifies against it, and *identities*: key and
//! certificate of one subject in one domain. What a cluster needs is decided first and purely ([`requests`]); what is
//! missing is then issued into the [`Secrets`] directory, and what is there is reused, so that building a node again
//! changes nothing. [`Credentials`] are what an image gets of it, by role: a worker's have no place for an
//! authority's key.
//!
//! Nothing here reads the clock. Serial numbers and secret bytes come from a source that the caller hands in; keys
//! come from AWS-LC's own generator. To add an identity, add a variant to [`Identity`], its request in
//! `request.rs` and its field in `credentials.rs`.

mod certificate;
mod credentials;
mod directory;
mod error;
mod identity;
mod inventory;
mod key;
pub mod kubeconfig;
mod leaves;
mod notice;
mod parallel;
mod request;
mod roots;
mod secrets;
#[cfg(test)]
mod subject_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod token_tests;
mod tokens;

pub use certificate::Certificate;
pub use credentials::{
    ControlPlane, Credentials, KubeletIdentity, NodeCredentials, Pair, ServiceAccount,
};
pub use error::TrustError;
pub use identity::{Domain, Identity, Usage};
pub use inventory::{Kind, Placement, Row, Status, placements};
pub use notice::Notice;
pub use request::{Names, Owner, Place, Request, Requests, Subject, TokenRequest, requests};
pub use secrets::{Ensured, Renewal, Secrets};
pub use tokens::Token;
