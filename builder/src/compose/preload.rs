//! Container images that a node holds before it has ever seen a network.

use super::{ComposeError, Materials};
use crate::artifact::ImageLayout;
use crate::plan::NodePlan;
use crate::tree::{Content, Layer, Meta, Origin, Slice};

/// A container image, as an OCI archive.
#[derive(Debug, Clone)]
pub struct PreloadedImage {
    /// The full reference, as pods name it.
    pub reference: String,
    /// The archive.
    pub archive: Slice,
    /// What is in it, for a runtime that does not read that for itself.
    pub layout: Option<ImageLayout>,
}

/// Where the archives lie on a node.
const DIRECTORY: &str = "/var/lib/kimage/images";

/// The stage. `kimage-images.service` reads the list and gives the archives to the runtime.
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
        if let Some(layout) = &image.layout {
            layer.file(
                format!("{DIRECTORY}/{name}.manifest").parse()?,
                Meta::root(0o644),
                Content::bytes(docker_manifest(&image.reference, layout)),
            );
        }
    }
    layer.file(
        "/etc/kimage/images".parse()?,
        Meta::root(0o644),
        Content::bytes(list),
    );
    Ok(layer)
}

/// The beginning of an archive that `docker load` reads, where the rest is an OCI archive: the one file that those lack, with
/// paths of theirs in it. There is no mark of an end behind it, so that the two, one after the other, are one tar.
///
/// See the specification of Docker's images, version 1.2, "Combined Image JSON + Filesystem Changeset Format".
fn docker_manifest(reference: &str, layout: &ImageLayout) -> Vec<u8> {
    let manifest = serde_json::json!([{
        "Config": layout.config,
        "RepoTags": [reference],
        "Layers": layout.layers,
    }]);
    let text = manifest.to_string();
    let mut header = tar::Header::new_ustar();
    header
        .set_path("manifest.json")
        .expect("the name is short and relative");
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(text.len() as u64);
    header.set_cksum();
    let mut member = header.as_bytes().to_vec();
    member.extend_from_slice(text.as_bytes());
    member.resize(member.len().next_multiple_of(512), 0);
    member
}
