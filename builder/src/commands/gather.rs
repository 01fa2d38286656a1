//! Everything that a build needs from outside the plan: read, fetched, verified, issued.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;

use super::addons::{self, Addon};
use super::audit_policy;
use super::site::Site;
use crate::artifact::{
    Artifact, Bars, Check, Connections, Fetched, Fetcher, ImageLayout, ImageReference, Lines, Lock,
    Material, Pins, Progress, Store, needed,
};
use crate::cli::Sources;
use crate::compose::{PreloadedImage, Programs};
use crate::digest::Digest;
use crate::facts;
use crate::failure::{Exit, Failure, Outcome};
use crate::plan::{NodePlan, Plan};
use crate::spec::Cluster;
use crate::trust::{self, Credentials, Notice, Renewal, Requests, Secrets};

/// What was brought for a cluster.
pub(super) struct Gathered {
    /// Programs by the name of their artifact.
    pub(super) programs: Programs,
    /// Container images.
    pub(super) images: Vec<PreloadedImage>,
    /// Certificates and keys of the nodes that were asked for.
    pub(super) credentials: Credentials,
    /// The cluster file's manifests: name and text.
    pub(super) addons: Vec<(String, Vec<u8>)>,
    /// The audit policy that the cluster file names.
    pub(super) audit_policy: Option<String>,
}

/// Brings everything that the images of `nodes` need, but their bases.
pub(super) fn gather(
    site: &Site,
    cluster: &Cluster,
    plan: &Plan,
    nodes: &[&NodePlan],
    sources: &Sources,
    bases: &BTreeMap<String, Digest>,
) -> Outcome<Gathered> {
    let addons = addons::read(site, cluster)?;
    let addons = addons.into_iter().map(Addon::into_file).collect();
    let audit_policy = audit_policy::read(site, cluster)??;
    let store = Store::new(&site.cache);
    let mut programs = Programs::new();
    let mut archives = BTreeMap::new();
    let want = Want {
        artifacts: &artifacts(cluster, plan)?,
        bases,
        check: Check::Stamp,
    };
    for fetched in fetch(site, cluster, sources, &store, &want)? {
        match fetched.open(&store)? {
            Material::Image(slice) => {
                archives.insert(fetched.artifact.name.clone(), slice);
            }
            program => {
                programs.insert(fetched.artifact.name.clone(), program);
            }
        }
    }
    let mut images = Vec::new();
    for reference in &plan.images {
        // In full, as containerd calls it: `docker.io/library/busybox:1`, not `busybox:1`.
        let reference = reference.parse::<ImageReference>()?.to_string();
        let Some(archive) = archives.get(&reference).cloned() else {
            unreachable!("`{reference}` is among the plan's artifacts")
        };
        let layout = match cluster.runtime.engine.docker() {
            Some(_) => Some(ImageLayout::read(&reference, archive.blob.path())?),
            None => None,
        };
        images.push(PreloadedImage {
            reference,
            archive,
            layout,
        });
    }
    let credentials = credentials(site, cluster, nodes)?;
    Ok(Gathered {
        programs,
        images,
        credentials,
        addons,
        audit_policy,
    })
}

/// Every artifact of a cluster.
pub(super) fn artifacts(cluster: &Cluster, plan: &Plan) -> Outcome<Vec<Artifact>> {
    Ok(needed(cluster, plan.images.iter().map(String::as_str))?)
}

/// What the store and the lock must have.
pub(super) struct Want<'a> {
    /// What is fetched unless the store has it.
    pub(super) artifacts: &'a [Artifact],
    /// Bases by image: pinned, or held against the lock.
    pub(super) bases: &'a BTreeMap<String, Digest>,
    /// How closely the store's own files are looked at.
    pub(super) check: Check,
}

/// Sees to it that the store has all of it, and the lock too.
pub(super) fn fetch(
    site: &Site,
    cluster: &Cluster,
    sources: &Sources,
    store: &Store,
    want: &Want<'_>,
) -> Outcome<Vec<Fetched>> {
    let mut lock = Lock::read(&site.lock)?;
    pin_bases(&mut lock, want.bases, sources.locked)?;
    let bars = Bars::new();
    let report = site.report;
    let lines = Lines(move |line: &str| report.step(line));
    let progress: &dyn Progress = if std::io::stderr().is_terminal() {
        &bars
    } else {
        &lines
    };
    let fetcher = Fetcher {
        store,
        mirror: sources.mirror.as_deref().or(cluster.mirror.as_deref()),
        connections: if sources.offline {
            Connections::Forbidden
        } else {
            Connections::Allowed
        },
        pins: if sources.locked {
            Pins::Keep
        } else {
            Pins::Update
        },
        check: want.check,
        progress,
        sleep: &std::thread::sleep,
    };
    let fetched = fetcher.run(want.artifacts, &mut lock)?;
    if !sources.locked {
        lock.write(&site.lock)?;
    }
    Ok(fetched)
}

/// A base that is not the one that the lock pins.
#[derive(Debug, thiserror::Error)]
#[error("the base `{image}` is {is}, but the lock pins {pinned}")]
struct BaseDrift {
    image: String,
    is: String,
    pinned: String,
}

impl Failure for BaseDrift {
    fn exit(&self) -> Exit {
        Exit::UserFiles
    }

    fn hint(&self) -> Option<String> {
        Some("bring the base that was pinned, or build without `--locked`".into())
    }
}

/// Pins bases in the lock, or holds them against it.
fn pin_bases(
    lock: &mut Lock,
    bases: &BTreeMap<String, Digest>,
    locked: bool,
) -> Result<(), BaseDrift> {
    for (image, digest) in bases {
        let pinned = lock.bases.insert(image.clone(), *digest);
        if locked && pinned != Some(*digest) {
            let pinned = pinned.map_or_else(|| "none".into(), |digest| digest.short());
            return Err(BaseDrift {
                image: image.clone(),
                is: digest.short(),
                pinned,
            });
        }
    }
    Ok(())
}

/// Issues what is missing for the nodes.
pub(super) fn credentials(
    site: &Site,
    cluster: &Cluster,
    nodes: &[&NodePlan],
) -> Outcome<Credentials> {
    let random = aws_lc_rs::rand::SystemRandom::new();
    let ensured =
        Secrets::at(&site.secrets).ensure(&requests(cluster, nodes)?, site.now(), &random)?;
    tell(site, &ensured.notices);
    if let Some(until) = ensured.credentials.tokens_until() {
        site.report.step(&format!(
            "nodes can join by their tokens until {}",
            until.date()
        ));
    }
    Ok(ensured.credentials)
}

/// Issues everything that the nodes hold again, or only makes their tokens again.
pub(super) fn renew(
    site: &Site,
    cluster: &Cluster,
    nodes: &[&NodePlan],
    only_tokens: bool,
) -> Outcome {
    let random = aws_lc_rs::rand::SystemRandom::new();
    let renewal = Renewal {
        certificates: !only_tokens,
        tokens: nodes.iter().map(|node| node.name.clone()).collect(),
    };
    let requests = requests(cluster, nodes)?;
    let secrets = Secrets::at(&site.secrets);
    let ensured = secrets.renew(&requests, &renewal, site.now(), &random)?;
    for notice in &ensured.notices {
        site.report.step(&notice.to_string());
    }
    Ok(())
}

fn requests(cluster: &Cluster, nodes: &[&NodePlan]) -> Outcome<Requests> {
    let minor = facts::minor(cluster.kubernetes.version)?;
    let names: Vec<_> = nodes.iter().map(|node| &node.name).collect();
    Ok(trust::requests(cluster, &minor.admin_organization).only(&names))
}

fn tell(site: &Site, notices: &[Notice]) {
    let made = notices.iter().filter(|notice| !notice.is_warning()).count();
    if made > 0 {
        site.report.step(&format!(
            "issued {made} keys and certificates into {}",
            site.secrets.display()
        ));
    }
    for notice in notices.iter().filter(|notice| notice.is_warning()) {
        site.report.warning(&notice.to_string());
    }
}
