//! `kimage plan`: what would be built, fetched and issued. Touches neither network nor disk.

use serde::Serialize;

use super::site::{Site, print, print_json};
use crate::artifact::needed;
use crate::cli::Json;
use crate::facts;
use crate::failure::Outcome;
use crate::spec::Role;
use crate::trust::{self, Request};

#[derive(Serialize)]
struct Planned {
    cluster: String,
    kubernetes: String,
    nodes: Vec<PlannedNode>,
    artifacts: Vec<PlannedArtifact>,
    certificates: Vec<Request>,
}

#[derive(Serialize)]
struct PlannedNode {
    name: String,
    role: Role,
    image: String,
    address: String,
    pods: String,
    disk: String,
}

#[derive(Serialize)]
struct PlannedArtifact {
    name: String,
    url: String,
}

pub(super) fn run(site: &Site, arguments: &Json) -> Outcome {
    let (cluster, plan) = site.plan()?;
    let minor = facts::minor(cluster.kubernetes.version)?;
    let planned = Planned {
        cluster: cluster.name.clone(),
        kubernetes: cluster.kubernetes.version.to_string(),
        nodes: plan
            .nodes
            .iter()
            .map(|node| PlannedNode {
                name: node.name.to_string(),
                role: node.role,
                image: node.image.clone(),
                address: node.values.node.address.clone(),
                pods: node.values.node.pods.clone(),
                disk: node.disk.disk.to_string(),
            })
            .collect(),
        artifacts: needed(&cluster, plan.images.iter().map(String::as_str))?
            .iter()
            .map(|artifact| PlannedArtifact {
                name: artifact.name.clone(),
                url: artifact.upstream.to_string(),
            })
            .collect(),
        certificates: trust::requests(&cluster, &minor.admin_organization).leaves,
    };
    if arguments.json {
        print_json(&planned)?;
    } else {
        print(&text(&planned))?;
    }
    Ok(())
}

fn text(planned: &Planned) -> String {
    let mut text = format!(
        "cluster {}, Kubernetes {}\n\nbuild\n",
        planned.cluster, planned.kubernetes
    );
    for PlannedNode {
        name,
        role,
        image,
        address,
        pods,
        ..
    } in &planned.nodes
    {
        text.push_str(&format!(
            "  {name:<20} {role:<8} {image:<16} {address:<16} pods {pods}\n"
        ));
    }
    text.push_str("\nfetch\n");
    for artifact in &planned.artifacts {
        text.push_str(&format!("  {:<20} {}\n", artifact.name, artifact.url));
    }
    text.push_str("\nissue\n");
    for request in &planned.certificates {
        text.push_str(&format!(
            "  {:<44} {}\n",
            request.file("crt").display(),
            request.subject
        ));
    }
    text
}
