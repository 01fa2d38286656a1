//! A filesystem in memory, before anyone has chosen a format for it.
//!
//! A [`Layer`] holds the entries that one origin contributes. [`Tree::seal`] lays layers over each other and checks
//! the result; a sealed [`Tree`] is rooted, every parent is a directory, and it is in path order. That is all that a
//! sink sees. Nothing here knows Kubernetes, opens a file or reads a clock.

mod accounts;
pub mod acl;
mod content;
mod entry;
mod layer;
mod path;
mod sealed;

pub use accounts::account_number;
pub use content::{Blob, Content, Slice};
pub use entry::{Entry, Kind, Meta, Origin, Sharing};
pub use layer::{Layer, Layered, Overwrite};
pub use path::{PathError, TreePath};
pub use sealed::{SealError, Tree};
