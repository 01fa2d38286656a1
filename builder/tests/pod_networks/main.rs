//! Pod networks that are programs themselves: what kimage writes for them, for every minor, and whether a real API takes it.

#![allow(clippy::unwrap_used)] // All of this is test code.
#![expect(
    clippy::disallowed_methods,
    reason = "the real programs are run as a node would"
)]

mod api;
mod calico;
mod flannel;
mod manifest;
#[path = "../rendered/mod.rs"]
mod rendered;

use kimage::blueprint::Blueprints;
use kimage::plan::{self, Plan};
use kimage::spec::{self, Version};

/// The plan of a master and a worker, of Debian 12 where that runs this Kubernetes. `more` is more of the cluster file, as `network: {cni: flannel}`.
fn planned(version: Version, more: &str) -> Plan {
    let blueprints = Blueprints::embedded().unwrap();
    let minor = format!("{}.{}", version.major, version.minor);
    let image = blueprints
        .iter()
        .filter(|image| image.refuses(minor.parse().unwrap()).is_none())
        .max_by_key(|image| image.name == "debian-12");
    let image = &image.unwrap_or_else(|| panic!("no image for {minor}")).name;
    let text = format!(
        "{{kubernetes: {{version: {version}}}, image: {image}, nodes: [\
         {{name: m, role: master, address: 192.0.2.11/24, interface: eth0}}, \
         {{name: w, role: worker, address: 192.0.2.21/24, interface: eth0}}], {more}}}"
    );
    let (cluster, _) = spec::parse(&text, "cluster.yaml").unwrap_or_else(|error| panic!("{error}"));
    plan::plan(&cluster, &blueprints).unwrap()
}
