//! Puts a node's image together.
//!
//! An image is layers, laid in this order: the *base*, the *overlays* (files people wrote) and the *stages* (files
//! computed from the plan and the materials, one function each). No layer sees another, or the tree. Where one must
//! replace another's file it says so; only who owns what is decided over all of them, at the end (`readers`), and what
//! is said by path (`host.acls`, SELinux's labels) is laid on the sealed tree. Nothing here opens a file: materials are read before.
//!
//! To add a stage, write the function and add it to [`STAGES`].

mod accounts;
mod acls;
mod boot;
mod credentials;
mod error;
mod fingerprint;
mod flags;
mod host;
mod preload;
mod programs;
mod readers;
mod selinux;
mod system;
#[cfg(test)]
mod tests;
mod tokens;
mod units;

pub use accounts::AccountFiles;
pub use boot::esp;
pub use error::ComposeError;
pub use fingerprint::fingerprint;
pub use host::ZONES;
pub use preload::PreloadedImage;
pub use programs::Programs;
pub use selinux::{LocalContexts, Policy, added_contexts};
pub use system::DISTRIBUTION_UNITS;

use crate::overlay::{self, Overlays, Slots};
use crate::plan::{NodePlan, Plan};
use crate::spec::{Cluster, Role, ServingCertificates};
use crate::tree::{Layer, Tree};
use crate::trust::NodeCredentials;

/// What was read, fetched and issued for one node.
pub struct Materials<'a> {
    /// The cluster, for what people wrote into its file.
    pub cluster: &'a Cluster,
    /// Files of the base that stages add to; `None` where there is no base (`kimage render`).
    pub accounts: Option<&'a AccountFiles>,
    /// The base's SELinux policy; `None` where nothing is labelled.
    pub policy: Option<&'a Policy>,
    /// Certificates and keys.
    pub credentials: &'a NodeCredentials,
    /// Programs out of upstream's releases.
    pub programs: &'a Programs,
    /// Container images.
    pub images: &'a [PreloadedImage],
    /// Manifests that people wrote: file name and text, in the order of the cluster file.
    pub addons: &'a [(String, Vec<u8>)],
    /// The audit policy that people wrote; `None` leaves kimage's own.
    pub audit_policy: Option<&'a str>,
}

/// Computes one layer from the plan and the materials.
type Stage = fn(&NodePlan, &Materials<'_>) -> Result<Layer, ComposeError>;

/// The stages, in the order their layers are laid.
const STAGES: &[Stage] = &[
    system::layer,
    accounts::layer,
    programs::layer,
    credentials::layer,
    flags::layer,
    preload::layer,
    host::layer,
    selinux::layer,
];

/// The overlays of one role, with the sizes that all its nodes share.
pub struct RoleOverlays {
    overlays: Vec<(&'static str, overlay::Overlay, Slots)>,
}

impl RoleOverlays {
    /// Measures the overlays over all nodes that share a layout with `node`.
    ///
    /// # Errors
    ///
    /// When a template uses a value that does not exist.
    pub fn measure(
        overlays: &Overlays,
        plan: &Plan,
        node: &NodePlan,
    ) -> Result<Self, ComposeError> {
        let serving = node.values.cluster.serving_certificates;
        let names: &[&str] = match (node.role, serving) {
            (Role::Master, ServingCertificates::Issued) => &["node", "master"],
            (Role::Master, ServingCertificates::Approved) => &["node", "master", "approver"],
            (Role::Master, ServingCertificates::SelfSigned) => &["node", "master", "kubeadm"],
            (Role::Worker, ServingCertificates::SelfSigned) => &["node", "worker", "kubeadm"],
            (Role::Worker, _) => &["node", "worker"],
        };
        let mut measured = Vec::new();
        for name in names {
            let overlay = overlays.named(name);
            let slots =
                Slots::measure(&overlay, plan.siblings(node).map(|sibling| &sibling.values))?;
            measured.push((*name, overlay, slots));
        }
        Ok(Self { overlays: measured })
    }
}

/// Everything of a node but its base: overlays, then stages.
///
/// # Errors
///
/// When a material lacks something that the node needs.
pub fn layers(
    node: &NodePlan,
    overlays: &RoleOverlays,
    materials: &Materials<'_>,
) -> Result<Vec<Layer>, ComposeError> {
    let mut layers = Vec::new();
    for (name, overlay, slots) in &overlays.overlays {
        layers.push(overlay::layer(name, overlay, &node.values, slots)?);
    }
    for stage in STAGES {
        layers.push(stage(node, materials)?);
    }
    readers::own(&mut layers, node, materials)?;
    Ok(layers)
}

/// A node's whole root filesystem: sealed, then given what the cluster file and the policy say by path.
///
/// # Errors
///
/// When two layers want one path, or one does not fit over another; when something is said of a path that is not there.
pub fn tree(
    base: Option<Layer>,
    layers: Vec<Layer>,
    node: &NodePlan,
    materials: &Materials<'_>,
) -> Result<Tree, ComposeError> {
    let mut tree = Tree::seal(base.into_iter().chain(layers))?;
    acls::apply(&mut tree, node, materials)?;
    if let Some(policy) = materials.policy {
        crate::selinux::label(&mut tree, &policy.contexts)?;
    }
    Ok(tree)
}
