//! Files with the flags of programs, where the cluster file wants them beside the units.

use super::{ComposeError, Materials};
use crate::plan::NodePlan;
use crate::tree::{Content, Layer, Meta, Origin};

/// The stage.
pub(super) fn layer(node: &NodePlan, _: &Materials<'_>) -> Result<Layer, ComposeError> {
    let mut layer = Layer::new(Origin::new("stage flags"));
    for file in &node.environment_files {
        layer.node_file(
            file.path.clone(),
            Meta::root(0o644),
            Content::bytes(file.text.clone()),
        );
    }
    Ok(layer)
}
