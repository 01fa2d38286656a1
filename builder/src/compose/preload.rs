//! Container images that a node holds before it has ever seen a network.

use super::{ComposeError, Materials};
use crate::plan::NodePlan;
use crate::tree::{Content, Layer, Meta, Origin, Slice};

/// A container image, as an OCI archive.
#[derive(Debug, Clone)]
pub struct PreloadedImage {
    /// The full reference, as pods name it.
    pub reference: String,
    /// The archive.
    pub archive: Slice,
}

/// Where the archives lie on a node.
const DIRECTORY: &str = "/var/lib/kimage/images";

/// The stage. `kimage-images.service` reads the list and gives the archives to containerd.
pub(super) fn layer(node: &NodePlan, materials: &Materials<'_>) -> Result<Layer, ComposeError> {
    let mut layer = Layer::new(Origin::new("stage preload"));
    let mut list = String::new();
    let foreign = |image: &&PreloadedImage| node.images_of_others.contains(&image.reference);
    for image in materials.images.iter().filter(|image| !foreign(image)) {
        let name: String = image
            .reference
            .chars()
            .map(|letter| {
                if letter.is_ascii_alphanumeric() || letter == '.' || letter == '-' {
                    letter
                } else {
                    '_'
                }
            })
            .collect();
        let path = format!("{DIRECTORY}/{name}.tar");
        list.push_str(&format!("{path} {}\n", image.reference));
        layer.file(
            path.parse()?,
            Meta::root(0o644),
            Content::Slice(image.archive.clone()),
        );
    }
    layer.file(
        "/etc/kimage/images".parse()?,
        Meta::root(0o644),
        Content::bytes(list),
    );
    Ok(layer)
}
