//! Whole nodes without a base: everything that kimage itself puts into an image.

#![allow(dead_code)] // Each test uses some of it.

use aws_lc_rs::rand::SystemRandom;
use kimage::artifact::{self, ImageLayout, Material, needed};
use kimage::blueprint::Blueprints;
use kimage::compose::{self, Materials, PreloadedImage, Programs, RoleOverlays};
use kimage::facts;
use kimage::overlay::Overlays;
use kimage::plan::{self, Plan};
use kimage::spec::{self, Cluster};
use kimage::tree::{Blob, Content, Kind, Slice, Tree};
use kimage::trust::{self, Secrets};
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

/// The trees of all nodes of a cluster file, in its order.
pub(crate) fn trees(file: &str) -> Vec<Tree> {
    trees_with(file, None)
}

/// The same with an audit policy that lies beside the file.
pub(crate) fn trees_with(file: &str, audit_policy: Option<&str>) -> Vec<Tree> {
    let (cluster, _) = spec::parse(file, "cluster.yaml").unwrap_or_else(|error| panic!("{error}"));
    let plan = plan::plan(&cluster, &Blueprints::embedded().unwrap()).unwrap();
    compose(&cluster, &plan, audit_policy, None)
}

/// The same with container images that are real.
pub(crate) fn trees_with_images(file: &str, images: &[PreloadedImage]) -> Vec<Tree> {
    let (cluster, _) = spec::parse(file, "cluster.yaml").unwrap_or_else(|error| panic!("{error}"));
    let plan = plan::plan(&cluster, &Blueprints::embedded().unwrap()).unwrap();
    compose(&cluster, &plan, None, Some(images))
}

fn compose(
    cluster: &Cluster,
    plan: &Plan,
    audit_policy: Option<&str>,
    images: Option<&[PreloadedImage]>,
) -> Vec<Tree> {
    let folder = tempfile::tempdir().unwrap();
    let minor = facts::minor(cluster.kubernetes.version).unwrap();
    let ensured = Secrets::at(folder.path().join("secrets"))
        .ensure(
            &trust::requests(cluster, &minor.admin_organization),
            datetime!(2026-11-21 13:00:00 UTC),
            &SystemRandom::new(),
        )
        .unwrap();
    let slice = Slice {
        blob: Blob::new(folder.path().join("program")),
        offset: 0,
        size: 1,
    };
    // A program stands for its whole release: nothing is fetched.
    let programs: Programs = needed(cluster, [])
        .unwrap()
        .into_iter()
        .filter(|artifact| !matches!(artifact.kind, artifact::Kind::Image(_)))
        .map(|artifact| (artifact.name, Material::Binary(slice.clone())))
        .collect();
    let standing_in: Vec<PreloadedImage> = plan
        .images
        .iter()
        .map(|reference| PreloadedImage {
            reference: reference.clone(),
            archive: slice.clone(),
            layout: cluster.runtime.engine.docker().map(|_| ImageLayout {
                config: "blobs/sha256/c".to_owned(),
                layers: vec!["blobs/sha256/a".to_owned(), "blobs/sha256/b".to_owned()],
            }),
        })
        .collect();
    let overlays = Overlays::embedded().unwrap();
    let nodes = plan.nodes.iter().zip(&cluster.nodes);
    nodes
        .map(|(node, declared)| {
            let credentials = ensured.credentials.for_node(declared).unwrap();
            let materials = Materials {
                cluster,
                accounts: None,
                credentials: &credentials,
                programs: &programs,
                images: images.unwrap_or(&standing_in),
                addons: &[],
                audit_policy,
                policy: None,
            };
            let overlays = RoleOverlays::measure(&overlays, plan, node).unwrap();
            let layers = compose::layers(node, &overlays, &materials).unwrap();
            compose::tree(None, layers, node, &materials).unwrap()
        })
        .collect()
}

/// The text of a file; `None` where the tree has no such file, or only a slice of a release.
pub(crate) fn text(tree: &Tree, path: &str) -> Option<String> {
    let bytes = match &tree.get(path)?.kind {
        Kind::File(Content::Bytes(bytes)) => bytes.to_vec(),
        Kind::File(Content::Secret(secret)) => secret.expose().to_vec(),
        _ => return None,
    };
    Some(String::from_utf8(bytes).unwrap())
}
