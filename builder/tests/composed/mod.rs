//! Whole trees of the nodes of a cluster file, without a base and without programs.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use aws_lc_rs::rand::SystemRandom;
use kimage::blueprint::Blueprints;
use kimage::compose::{self, Materials, Programs, RoleOverlays};
use kimage::overlay::Overlays;
use kimage::tree::Tree;
use kimage::trust::{Secrets, requests};
use kimage::{plan, spec};
use time::macros::datetime;

/// A cluster file of three masters, whose names differ in length, and a worker; `more` is more of it.
pub(crate) fn cluster(version: &str, image: &str, more: &str) -> String {
    format!(
        "{{kubernetes: {{version: {version}}}, image: {image}, nodes: [\
         {{name: m1, role: master, address: 192.0.2.11/24, interface: eth0}}, \
         {{name: m2-longer, role: master, address: 192.0.2.12/24, interface: eth0}}, \
         {{name: m3, role: master, address: 192.0.2.13/24, interface: eth0}}, \
         {{name: w1, role: worker, address: 192.0.2.21/24, interface: eth0}}], {more}}}"
    )
}

/// The trees of all nodes, in the order of the file.
pub(crate) fn composed(text: &str) -> Vec<Tree> {
    let (cluster, _) = spec::parse(text, "cluster.yaml").unwrap_or_else(|error| panic!("{error}"));
    let plan = plan::plan(&cluster, &Blueprints::embedded().unwrap()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
    let secrets = Secrets::at(folder.path().join("secrets"));
    let now = datetime!(2026-11-21 13:00:00 UTC);
    let requests = requests(&cluster, "kubeadm:cluster-admins");
    let issued = secrets
        .ensure(&requests, now, &SystemRandom::new())
        .unwrap();
    let overlays = Overlays::embedded().unwrap();
    let tree = |node: &plan::NodePlan| {
        let declared = cluster.node(&node.name).unwrap();
        let materials = Materials {
            cluster: &cluster,
            accounts: None,
            credentials: &issued.credentials.for_node(declared).unwrap(),
            programs: &Programs::new(),
            images: &[],
            addons: &[],
        };
        let overlays = RoleOverlays::measure(&overlays, &plan, node).unwrap();
        let layers = compose::layers(node, &overlays, &materials).unwrap();
        compose::tree(None, layers, node, &materials).unwrap()
    };
    plan.nodes.iter().map(tree).collect()
}
