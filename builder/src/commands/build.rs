//! `kimage build`: from the cluster file to images.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::{Deserialize, Serialize};

use super::gather::{self, Gathered};
use super::policy::policy;
use super::select::select;
use super::site::{Site, SiteError, print, print_json};
use super::wanted;
use crate::base::Base;
use crate::blueprint::Blueprint;
use crate::cli::{Build, Format};
use crate::compose::{self, AccountFiles, Materials, Policy, RoleOverlays};
use crate::digest::{Digest, Hasher};
use crate::failure::{Failure, Outcome};
use crate::output::{self, ImageFormat};
use crate::plan::{self, NodePlan, SelinuxPlan};
use crate::sink::{Disk, DiskIdentity};
use crate::spec::{Cluster, NodeName, Role};
use crate::tree::Layer;

/// Free space of a root filesystem before it grows to its disk: enough to come up and to grow. Every zero of it is
/// digested in every build.
const HEADROOM: u64 = 128 << 20;

/// When the filesystems say that they were made. Any fixed time would do; this one is before every certificate.
const EPOCH: i64 = 1_577_836_800;

/// What is written beside an image, and printed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Manifest {
    /// The node.
    pub(super) node: NodeName,
    /// Its role.
    pub(super) role: Role,
    /// The image's file name.
    pub(super) file: String,
    /// Its size in bytes.
    pub(super) size: u64,
    /// Its digest.
    pub(super) sha256: Digest,
    /// Digest of everything that went into it.
    pub(super) inputs: Digest,
    /// The base, by name and digest.
    pub(super) base: String,
    /// Kubernetes' version.
    pub(super) kubernetes: String,
    /// When the first of its certificates ends (RFC 3339).
    pub(super) valid_until: String,
    /// Which kimage made it.
    pub(super) kimage: String,
}

/// What all nodes of one role and image share.
struct Shared {
    blueprint: Blueprint,
    base: Base,
    accounts: AccountFiles,
    policy: Option<Policy>,
    overlays: RoleOverlays,
}

pub(super) fn run(site: &Site, arguments: &Build) -> Outcome {
    let (cluster, plan) = site.plan()?;
    let nodes = select(&plan, &arguments.selection)?;
    let shared = shared(site, &cluster, &plan, &nodes)?;
    let bases = shared
        .values()
        .map(|shared| (shared.base.image.clone(), shared.base.digest))
        .collect();
    let gathered = gather::gather(site, &cluster, &plan, &nodes, &arguments.sources, &bases)?;
    std::fs::create_dir_all(&arguments.out).map_err(|source| SiteError::Write {
        path: arguments.out.clone(),
        source,
    })?;

    let next = AtomicUsize::new(0);
    let failed: Mutex<Option<Box<dyn Failure>>> = Mutex::new(None);
    let built = Mutex::new(BTreeMap::new());
    let work = || {
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(node) = nodes.get(place) else { return };
            let done = failed.lock().map(|failed| failed.is_some()).unwrap_or(true);
            if done {
                return;
            }
            let shared = &shared[&(node.role, node.image.clone())];
            match build(&cluster, node, shared, &gathered, arguments) {
                Ok((manifest, state)) => {
                    if !arguments.json {
                        // A closed standard output is found again when the command ends.
                        let _ = print(&line(&arguments.out, &manifest, state));
                    }
                    if let Ok(mut built) = built.lock() {
                        built.insert(place, manifest);
                    }
                }
                Err(error) => {
                    if let Ok(mut failed) = failed.lock() {
                        failed.get_or_insert(error);
                    }
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..arguments.jobs.clamp(1, nodes.len()) {
            scope.spawn(work);
        }
        work();
    });
    if let Some(error) = failed.into_inner().ok().flatten() {
        return Err(error);
    }
    if arguments.json {
        let manifests: Vec<Manifest> = built
            .into_inner()
            .unwrap_or_default()
            .into_values()
            .collect();
        print_json(&manifests)?;
    }
    Ok(())
}

/// Opens bases and measures overlays, once per role and image.
fn shared(
    site: &Site,
    cluster: &Cluster,
    plan: &plan::Plan,
    nodes: &[&NodePlan],
) -> Outcome<BTreeMap<(Role, String), Shared>> {
    let overlays = site.overlays()?;
    let blueprints = site.blueprints()?;
    let mut shared = BTreeMap::new();
    let mut lacks = Vec::new();
    for node in nodes {
        let key = (node.role, node.image.clone());
        if shared.contains_key(&key) {
            continue;
        }
        let blueprint = blueprints.find(&node.image)?.clone();
        let base = Base::open(&site.cache, &node.image)?;
        lacks.extend(wanted::lacks(cluster, node, &blueprint, &base));
        let accounts = accounts(&base)?;
        let policy = policy(cluster, node, &base)?;
        let overlays = RoleOverlays::measure(&overlays, plan, node)?;
        shared.insert(
            key,
            Shared {
                blueprint,
                base,
                accounts,
                policy,
                overlays,
            },
        );
    }
    if !lacks.is_empty() {
        return Err(site.objections(&lacks)?.into());
    }
    Ok(shared)
}

/// The account files of a base.
pub(super) fn accounts(base: &Base) -> Outcome<AccountFiles> {
    let text = |path: &str| -> Outcome<String> {
        Ok(String::from_utf8_lossy(&base.read_file(path)?.unwrap_or_default()).into_owned())
    };
    let shadow = base
        .layer
        .entries()
        .find(|(path, _)| path.as_str() == "/etc/shadow");
    let (shadow_mode, shadow_gid) = shadow.map_or((0o640, 0), |(_, layered)| {
        (layered.entry.meta.mode, layered.entry.meta.gid)
    });
    Ok(AccountFiles {
        passwd: text("/etc/passwd")?,
        group: text("/etc/group")?,
        shadow: text("/etc/shadow")?,
        gshadow: text("/etc/gshadow")?,
        shadow_gid,
        shadow_mode,
    })
}

/// Whether an image had to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Built,
    UpToDate,
}

fn build(
    cluster: &Cluster,
    node: &NodePlan,
    shared: &Shared,
    gathered: &Gathered,
    arguments: &Build,
) -> Outcome<(Manifest, State)> {
    let credentials = match cluster.node(&node.name) {
        Some(node) => gathered.credentials.for_node(node)?,
        None => unreachable!("a plan's nodes are the cluster's"),
    };
    let materials = Materials {
        cluster,
        accounts: Some(&shared.accounts),
        policy: shared.policy.as_ref(),
        credentials: &credentials,
        programs: &gathered.programs,
        images: &gathered.images,
        addons: &gathered.addons,
        audit_policy: gathered.audit_policy.as_deref(),
    };
    let layers = compose::layers(node, &shared.overlays, &materials)?;
    let boot = &shared.blueprint.boot;
    let esp = compose::esp(node, &boot.kernel, &boot.initrd)?;

    let (format, extension) = match arguments.format {
        Format::Raw => (ImageFormat::Raw, "raw"),
        Format::Qcow2 => (ImageFormat::Qcow2, "qcow2"),
    };
    let file = format!("{}.{extension}", node.name);
    let target = arguments.out.join(&file);
    let inputs = inputs(cluster, node, &shared.base, &layers, &esp, extension);
    if !arguments.force
        && let Some(manifest) = up_to_date(&target, &inputs)
    {
        return Ok((manifest, State::UpToDate));
    }

    let tree = compose::tree(Some(shared.base.layer.clone()), layers, node, &materials)?;
    let role = node.role.to_string();
    let filesystem = plan::filesystem(&role, &shared.base.digest.to_string());
    let disk = Disk {
        root: &tree,
        esp: &esp,
        boot: &shared.base.boot,
        identity: DiskIdentity {
            disk: node.disk.disk,
            bios: node.disk.bios,
            esp: node.disk.esp,
            root: node.disk.root,
            filesystem,
            fat: filesystem.as_fields().0,
        },
        epoch: EPOCH,
        headroom: HEADROOM,
    };
    let layout = disk.layout()?;
    let written = output::image(&target, 0o600, format, &layout)?;
    let manifest = Manifest {
        node: node.name.clone(),
        role: node.role,
        file,
        size: written.size,
        sha256: written.digest,
        inputs,
        base: format!("{}@{}", shared.base.image, shared.base.digest),
        kubernetes: node.values.cluster.kubernetes.clone(),
        valid_until: rfc3339(credentials.valid_until),
        kimage: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let text = serde_json::to_vec_pretty(&manifest).map_err(|error| SiteError::Write {
        path: manifest_path(&target),
        source: error.into(),
    })?;
    output::bytes(&manifest_path(&target), 0o644, &text)?;
    Ok((manifest, State::Built))
}

fn rfc3339(time: time::OffsetDateTime) -> String {
    time.format(&time::format_description::well_known::Rfc3339)
        .unwrap_or_default()
}

/// Everything that an image depends on, as one digest.
fn inputs(
    cluster: &Cluster,
    node: &NodePlan,
    base: &Base,
    layers: &[Layer],
    esp: &crate::tree::Tree,
    extension: &str,
) -> Digest {
    let mut hasher = Hasher::new();
    let disk = &node.disk;
    let parts = [
        env!("CARGO_PKG_VERSION").to_owned(),
        extension.to_owned(),
        base.digest.to_string(),
        Digest::of(&base.boot.core).to_string(),
        Digest::of(&base.boot.efi).to_string(),
        format!("{} {} {} {}", disk.disk, disk.bios, disk.esp, disk.root),
        format!("{HEADROOM} {EPOCH}"),
        compose::fingerprint(layers).to_string(),
    ];
    for part in parts {
        hasher.update(part.as_bytes());
        hasher.update(b"\n");
    }
    for (path, entry) in esp.entries() {
        hasher.update(format!("{path} {:?}\n", entry.kind).as_bytes());
    }
    // What is laid on the sealed tree is in no layer. The rest of it follows from the base.
    for acl in &cluster.host.acls {
        hasher.update(format!("{acl:?}\n").as_bytes());
    }
    if node.selinux.as_ref().is_some_and(SelinuxPlan::labels) {
        hasher.update(format!("labels {:?}\n", cluster.host.selinux).as_bytes());
    }
    hasher.finish()
}

/// The manifest of an image that was made from the same inputs and not touched since.
fn up_to_date(target: &Path, inputs: &Digest) -> Option<Manifest> {
    let beside = manifest_path(target);
    let manifest: Manifest = serde_json::from_slice(&std::fs::read(&beside).ok()?).ok()?;
    let modified = |path: &Path| -> io::Result<_> { std::fs::metadata(path)?.modified() };
    let untouched = modified(target).ok()? <= modified(&beside).ok()?;
    let whole = std::fs::metadata(target).ok()?.len() == manifest.size;
    (untouched && whole && manifest.inputs == *inputs).then_some(manifest)
}

/// Where the manifest of an image lies.
pub(super) fn manifest_path(target: &Path) -> PathBuf {
    let mut name = target.as_os_str().to_owned();
    name.push(".json");
    name.into()
}

fn line(out: &Path, manifest: &Manifest, state: State) -> String {
    let state = match state {
        State::Built => "",
        State::UpToDate => "  (up to date)",
    };
    format!(
        "{}  {}  sha256:{}  valid until {}{state}\n",
        out.join(&manifest.file).display(),
        indicatif::BinaryBytes(manifest.size),
        manifest.sha256,
        manifest
            .valid_until
            .get(..10)
            .unwrap_or(&manifest.valid_until),
    )
}
