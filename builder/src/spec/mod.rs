//! What the user wants: from the text of a cluster file to a [`Cluster`] that cannot be wrong.

mod cluster;
mod name;

pub use cluster::*;
pub use name::{NameError, NodeName, Role};
