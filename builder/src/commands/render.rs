//! `kimage render`: a node's files without an operating system under them, to look at or to lay over a machine.

use super::gather;
use super::select::select;
use super::site::Site;
use crate::cli::{Render, Selection};
use crate::compose::{self, Materials, RoleOverlays};
use crate::failure::Outcome;
use crate::output;

pub(super) fn run(site: &Site, arguments: &Render) -> Outcome {
    let (cluster, plan) = site.plan()?;
    let selection = Selection {
        role: None,
        nodes: vec![arguments.node.clone()],
        all: false,
    };
    let nodes = select(&plan, &selection)?;
    let gathered = gather::gather(
        site,
        &cluster,
        &plan,
        &nodes,
        &arguments.sources,
        &Default::default(),
    )?;
    let overlays = site.overlays()?;
    for node in nodes {
        let Some(declared) = cluster.node(&node.name) else {
            continue;
        };
        let credentials = gathered.credentials.for_node(declared)?;
        let materials = Materials {
            cluster: &cluster,
            accounts: None,
            policy: None,
            credentials: &credentials,
            programs: &gathered.programs,
            images: &gathered.images,
            addons: &gathered.addons,
            audit_policy: gathered.audit_policy.as_deref(),
        };
        let layers = compose::layers(
            node,
            &RoleOverlays::measure(&overlays, &plan, node)?,
            &materials,
        )?;
        let tree = compose::tree(None, layers, node, &materials)?;
        if arguments.out.extension().is_some_and(|end| end == "tar") {
            output::archive(&arguments.out, 0o600, &tree)?;
        } else {
            output::tree(&arguments.out, &tree)?;
        }
        site.report.step(&format!(
            "wrote {} ({} entries)",
            arguments.out.display(),
            tree.count()
        ));
    }
    Ok(())
}
