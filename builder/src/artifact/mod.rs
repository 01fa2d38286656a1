//! Inputs known by digest: where upstream keeps them, what pins them, and the store that holds them.
//!
//! The one idea: a name leads to a URL, the lock leads from there to a digest, and everything after that knows only
//! the digest. [`needed`] says which artifacts a cluster is made of (no network, no files); [`Fetcher`] brings each
//! of them into the [`Store`] and pins it in the [`Lock`]; [`Fetched::open`] gives what a layer takes, slices of store
//! files, so that a 100 MB kubelet is never in memory.
//!
//! What it does not do: choose versions (that is the cluster file), keep prepared bases (`base`; only their digests
//! are in the lock), or read the clock. Waiting before a retry is a function that the caller passes in.
//!
//! To fetch one more upstream release, add a line to `RELEASES` in `needed.rs`.

mod checksum;
mod download;
mod draft;
mod error;
mod fetch;
mod layout;
mod lock;
mod manifest;
mod material;
mod needed;
mod oci;
mod progress;
mod reference;
mod registry;
mod source;
mod store;
mod unpacked;

#[cfg(test)]
mod tests;

pub use error::{ArtifactError, Drift};
pub use fetch::{Connections, Fetched, Fetcher, Pins};
pub use layout::ImageLayout;
pub use lock::{Lock, LockError, Pin};
pub use manifest::{ManifestError, images_of_manifest};
pub use material::Material;
pub use needed::{Artifact, Kind, Upstream, needed};
pub use progress::{Bars, Lines, Progress, Silent};
pub use reference::{ImageReference, ReferenceError};
pub use store::{Check, Entry, Found, Store, StoreError};
pub use unpacked::Unpacked;
