//! `kimage boot`: try in QEMU what was built.

use std::collections::BTreeMap;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::gather::{self, Want};
use super::select::select;
use super::site::{Site, SiteError, print, print_json};
use crate::artifact::{Check, Material, Store};
use crate::boot::{self, ApiAccess, BootNode, BootRequest, Disks, Progress, Then};
use crate::cli::{Boot, Sources};
use crate::failure::{Exit, Failure, Outcome};
use crate::output::{Durability, Partial};
use crate::plan::Plan;
use crate::spec::{Cluster, NodeName};
use crate::trust::Domain;

/// Why there is nothing to boot.
#[derive(Debug, thiserror::Error)]
enum BootFault {
    #[error("there is no image of node `{node}` in `{}`", out.display())]
    NoImage { node: NodeName, out: PathBuf },
    #[error("Ctrl-C cannot be caught")]
    Signal(#[source] ctrlc::Error),
    #[error("no administrator was issued")]
    NoAdmin,
}

impl Failure for BootFault {
    fn exit(&self) -> Exit {
        match self {
            Self::NoImage { .. } => Exit::UserFiles,
            Self::Signal(_) => Exit::Environment,
            Self::NoAdmin => Exit::Other,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoImage { node, .. } => Some(format!("`kimage build --node {node}` makes it")),
            Self::Signal(_) | Self::NoAdmin => None,
        }
    }
}

pub(super) fn run(site: &Site, arguments: &Boot) -> Outcome {
    let (cluster, plan) = site.plan()?;
    let nodes = select(&plan, &arguments.selection)?;
    let mut machines = Vec::new();
    for node in &nodes {
        let image = ["qcow2", "raw"]
            .iter()
            .map(|format| arguments.out.join(format!("{}.{format}", node.name)))
            .find(|image| image.is_file())
            .ok_or_else(|| BootFault::NoImage {
                node: node.name.clone(),
                out: arguments.out.clone(),
            })?;
        if let Some(declared) = cluster.node(&node.name) {
            machines.push(BootNode::new(declared, &image, arguments.memory));
        }
    }
    let credentials = gather::credentials(site, &cluster, &nodes)?;
    let admin = credentials.admin().ok_or(BootFault::NoAdmin)?;
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    ctrlc::set_handler(move || stopped.store(true, Ordering::SeqCst)).map_err(BootFault::Signal)?;

    let directory = arguments
        .dir
        .clone()
        .unwrap_or_else(|| arguments.out.join("boot"));
    let progress = Progress::to_stderr(nodes.iter().map(|node| &node.name));
    let request = BootRequest {
        api: ApiAccess {
            port: cluster.control_plane.port,
            server_name: format!("kubernetes.default.svc.{}", cluster.network.domain),
            authority: credentials.authority(Domain::Kubernetes).pem().to_owned(),
            certificate: admin.certificate.pem().to_owned(),
            key: admin.key.clone(),
        },
        nodes: machines,
        firmware: arguments.firmware,
        disk_size: Some(arguments.disk << 30),
        accelerator: None,
        disks: if arguments.keep {
            Disks::Kept
        } else {
            Disks::ThrownAway
        },
        timeout: Duration::from_secs(arguments.timeout),
        then: match (arguments.command.is_empty(), arguments.once) {
            (false, _) => Then::Run(arguments.command.clone()),
            (true, true) => Then::PowerOff,
            (true, false) => Then::Stay,
        },
        programs: kubectl(site, &cluster, &plan, &directory)?,
        directory,
        stop,
    };
    let booted = boot::boot(&request, &progress)?;
    if arguments.json {
        print_json(&booted)?;
    } else {
        for node in &booted.nodes {
            print(&format!(
                "{}  {:?} after {:.0} s\n",
                node.name, node.state, node.seconds
            ))?;
        }
    }
    Ok(())
}

/// Puts the cluster's own kubectl beside the disks, for what is run once all nodes are Ready. The build machine need
/// not have one; where the store does not, the build machine's is taken.
fn kubectl(
    site: &Site,
    cluster: &Cluster,
    plan: &Plan,
    directory: &Path,
) -> Outcome<Option<PathBuf>> {
    let store = Store::new(&site.cache);
    let sources = Sources {
        mirror: None,
        offline: true,
        locked: true,
    };
    let mut artifacts = gather::artifacts(cluster, plan)?;
    artifacts.retain(|artifact| artifact.name == "kubernetes");
    let want = Want {
        artifacts: &artifacts,
        bases: &BTreeMap::new(),
        check: Check::Stamp,
    };
    let Ok(fetched) = gather::fetch(site, cluster, &sources, &store, &want) else {
        return Ok(None);
    };
    let Some(one) = fetched.first() else {
        return Ok(None);
    };
    let Material::Archive(archive) = one.open(&store)? else {
        return Ok(None);
    };
    let Some(slice) = archive.member("kubernetes/server/bin/kubectl") else {
        return Ok(None);
    };
    let programs = directory.join("bin");
    let target = programs.join("kubectl");
    let write = |source| SiteError::Write {
        path: target.clone(),
        source,
    };
    std::fs::create_dir_all(&programs).map_err(write)?;
    let mut file = std::fs::File::open(slice.blob.path()).map_err(write)?;
    file.seek(SeekFrom::Start(slice.offset)).map_err(write)?;
    let partial = Partial::create(&target, 0o755)?;
    std::io::copy(&mut file.take(slice.size), &mut partial.file()).map_err(write)?;
    partial.finish(Durability::Named)?;
    Ok(Some(programs))
}
