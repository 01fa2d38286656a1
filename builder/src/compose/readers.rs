//! Gives files that nobody else may read to the accounts of the components that read them.
//!
//! Layers are made as if everything ran as root. Where the cluster file gives a component an account, what its flags
//! name becomes that account's: keys, kubeconfigs, the directory that its log goes to. What everybody may read stays as
//! it is, so that no program can change its own configuration further than it must.

use super::{ComposeError, Materials, accounts};
use crate::plan::NodePlan;
use crate::tree::{Layer, TreePath};

/// Gives the files of all layers to their readers.
pub(super) fn own(
    layers: &mut [Layer],
    node: &NodePlan,
    materials: &Materials<'_>,
) -> Result<(), ComposeError> {
    for (path, user) in &node.readers {
        let id = accounts::number(user, None, materials.cluster).ok_or_else(|| {
            ComposeError::UnknownOwner {
                path: path.clone(),
                name: user.clone(),
            }
        })?;
        let has = |path: &TreePath| {
            layers
                .iter()
                .any(|layer| layer.get(path.as_str()).is_some())
        };
        // What is not there, the program makes.
        let place = match path.parent() {
            Some(parent) if !has(path) => parent,
            _ => path.clone(),
        };
        for layer in &mut *layers {
            if layer
                .get(place.as_str())
                .is_some_and(|entry| entry.meta.mode & 0o007 == 0)
            {
                layer.belongs_to(&place, id);
            }
        }
    }
    Ok(())
}
