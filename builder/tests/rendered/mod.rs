//! What kimage writes into a master for a version of Kubernetes, and whether the facts have it.

#![allow(dead_code)] // Each test uses some of it.

use kimage::blueprint::Blueprints;
use kimage::facts::{self, ConfigurationKind};
use kimage::overlay::{Overlays, Slots};
use kimage::plan::{self, NodePlan};
use kimage::spec::{self, Version};
use kimage::tree::{Content, Kind};
use serde_json::Value;

/// A file of a tainted master, as an overlay renders it for a version; `None` where the version has no such file. `more`
/// is more of its cluster file, as `featureGates: {A: true}`.
pub(crate) fn written(more: &str, overlay: &str, path: &str, version: Version) -> Option<String> {
    let minor = format!("{}.{}", version.major, version.minor);
    let blueprints = Blueprints::embedded().unwrap();
    let image = blueprints
        .iter()
        .find(|image| image.refuses(minor.parse().unwrap()).is_none());
    let image = &image.unwrap_or_else(|| panic!("no image for {minor}")).name;
    let cluster = format!(
        "{{apiVersion: kimage/v1alpha1, kind: Cluster, name: lab, kubernetes: {{version: {version}}}, image: {image}, \
         nodes: [{{name: k8s-master-1, role: master, address: 192.0.2.11/24, interface: eth0}}, \
         {{name: k8s-node-1, role: worker, address: 192.0.2.21/24, interface: eth0}}], \
         network: {{dns: {{servers: [192.0.2.53]}}}}, {more}}}"
    );
    let (cluster, _) =
        spec::parse(&cluster, "cluster.yaml").unwrap_or_else(|error| panic!("{error}"));
    let node = &plan::plan(&cluster, &Blueprints::embedded().unwrap())
        .unwrap()
        .nodes[0];
    file(overlay, node, path)
}

/// A file of a node, as an overlay renders it for that node alone; `None` where the node has no such file.
pub(crate) fn file(overlay: &str, node: &NodePlan, path: &str) -> Option<String> {
    let overlays = Overlays::embedded().unwrap().named(overlay);
    let slots = Slots::measure(&overlays, [&node.values]).unwrap();
    let layer = kimage::overlay::layer(overlay, &overlays, &node.values, &slots).unwrap();
    match &layer.get(path)?.kind {
        Kind::File(Content::Bytes(bytes)) => Some(String::from_utf8(bytes.to_vec()).unwrap()),
        other => panic!("{path}: {other:?}"),
    }
}

/// A mapping whose keys are no fields: old kubeadms write the thresholds that are there by themselves.
const MAPPING: &str = "evictionHard.";

/// The fields of a configuration that the facts do not have.
pub(crate) fn unknown_paths(kind: ConfigurationKind, text: &str, version: Version) -> Vec<String> {
    let paths = paths(&serde_yaml_ng::from_str(text).unwrap());
    assert!(paths.len() > 5, "{text}");
    paths
        .into_iter()
        .filter(|path| !["apiVersion", "kind"].contains(&path.as_str()))
        .filter(|path| !path.starts_with(MAPPING))
        .filter(|path| !facts::field(kind, path, version).is_accepted())
        .map(|path| format!("{} {version} has `{path}`", kind.name()))
        .collect()
}

/// The paths of all fields of a configuration.
fn paths(value: &Value) -> Vec<String> {
    let Value::Object(map) = value else {
        return Vec::new();
    };
    map.iter()
        .flat_map(|(name, value)| {
            let below = paths(value)
                .into_iter()
                .map(move |path| format!("{name}.{path}"));
            std::iter::once(name.clone())
                .chain(below)
                .collect::<Vec<_>>()
        })
        .collect()
}
