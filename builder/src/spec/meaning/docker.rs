//! Docker: its version, and the keys that are laid over those of its configuration.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::syntax::image_reference;
use super::{Checker, Finding, runtime};
use crate::blueprint::Cgroup;
use crate::facts::{self, DockerTrait, FlagStatus, Minor};
use crate::spec::DockerVersion;
use crate::spec::cluster::{Docker, Engine, Version};
use crate::spec::file::{ClusterFile, RuntimeFile};
use crate::spec::pointer::Pointer;
use crate::spec::warning::Warning;

/// Keys of `daemon.json` that cannot be set alone, and why.
const OWN: &[(&str, &str)] = &[
    (
        "containerd",
        "Docker starts the containerd of its own archive",
    ),
    ("exec-opts", "the kubelet has the same cgroup driver"),
    ("hosts", "the kubelet looks for Docker at its usual socket"),
];

/// The Docker that the kubelet speaks to by itself.
pub(super) fn built_in(
    check: &mut Checker,
    file: &ClusterFile,
    given: &RuntimeFile,
    minor: Option<&Minor>,
) -> Option<Engine> {
    let top = Pointer::top().key("runtime");
    if let Some(minor) = minor.filter(|minor| minor.docker.is_none()) {
        let message = format!(
            "the kubelet of Kubernetes {} does not speak to Docker",
            minor.name()
        );
        let finding = Finding::error(top.key("name"), message);
        check.tell(finding.suggest("take `containerd`, or `cri-dockerd`, which speaks to Docker"));
    }
    if given.docker.is_some() {
        let message = "the version of Docker is `version`, where it is the runtime";
        let finding = Finding::error(top.key("docker"), message).at_key();
        check.tell(finding.suggest("`docker` goes with `name: cri-dockerd`"));
    }
    let version = match &given.version {
        Some(text) => version(check, top.key("version"), text),
        None => minor.and_then(|minor| minor.docker.clone()),
    };
    let at = match given.version {
        Some(_) => top.key("version"),
        None => top.key("name"),
    };
    docker(check, file, given, at, version).map(Engine::Docker)
}

/// A Docker that cri-dockerd speaks to for the kubelet.
pub(super) fn behind_cri_dockerd(
    check: &mut Checker,
    file: &ClusterFile,
    given: &RuntimeFile,
    minor: Option<&Minor>,
) -> Option<Engine> {
    let top = Pointer::top().key("runtime");
    if let Some(minor) = minor.filter(|minor| minor.cri_dockerd.is_none()) {
        let message = format!(
            "the kubelet of Kubernetes {} speaks to Docker by itself",
            minor.name()
        );
        let finding = Finding::error(top.key("name"), message);
        check.tell(finding.suggest("take `docker`: cri-dockerd supports 1.24 and later"));
    }
    let text = given.version.as_deref();
    let usual = |minor: &Minor| minor.cri_dockerd;
    let bridge = runtime::optional_version(check, "version", text, minor, usual);
    let minimum = minor.and_then(|minor| Some((minor, minor.cri_dockerd_minimum?)));
    if let (Some(bridge), Some((minor, minimum))) = (bridge, minimum)
        && bridge < minimum
    {
        let message = format!(
            "cri-dockerd {bridge} is too old for Kubernetes {}",
            minor.name()
        );
        let finding = Finding::error(top.key("version"), message);
        check.tell(finding.suggest(format!("{minimum} is the oldest that works with it")));
    }
    let version = match &given.docker {
        Some(text) => version(check, top.key("docker"), text),
        None => {
            let finding = Finding::error(top.key("name"), "cri-dockerd needs a Docker");
            check.tell(finding.suggest("add its version, as `docker: 24.0.7`"));
            None
        }
    };
    let docker = docker(check, file, given, top.key("docker"), version);
    Some(Engine::CriDockerd {
        version: bridge?,
        docker: docker?,
    })
}

/// A Docker, whose version stands at a place.
fn docker(
    check: &mut Checker,
    file: &ClusterFile,
    given: &RuntimeFile,
    at: Pointer,
    version: Option<DockerVersion>,
) -> Option<Docker> {
    let top = Pointer::top().key("runtime");
    if given.runc.is_some() {
        let finding = Finding::error(top.key("runc"), "Docker brings its own runc").at_key();
        check.tell(finding.suggest("leave it out"));
    }
    images(check, file);
    if let Some(version) = &version {
        control_groups(check, file, &at, version);
    }
    let daemon_config = daemon_config(
        check,
        &top.key("daemonConfig"),
        given.daemon_config.clone().unwrap_or_default(),
        version.as_ref(),
    );
    Some(Docker {
        version: version?,
        daemon_config,
    })
}

/// A version of Docker, if there is an archive of it.
fn version(check: &mut Checker, at: Pointer, text: &str) -> Option<DockerVersion> {
    let version: DockerVersion = match text.parse() {
        Ok(version) => version,
        Err(crate::spec::DockerVersionError { meant, .. }) => {
            let finding = Finding::error(at, format!("`{text}` is no version of Docker"));
            check.tell(match meant {
                Some(meant) => finding.suggest(format!("Docker writes it as `{meant}`")),
                None => finding.suggest("write it as `18.09.9`"),
            });
            return None;
        }
    };
    if DockerTrait::Archive.holds(&version) {
        return Some(version);
    }
    let finding = Finding::error(at, format!("Docker {version} is not supported"));
    check.tell(match DockerTrait::Archive.since() {
        Some(first) => finding.suggest(format!("{first} is the first that is")),
        None => finding,
    });
    None
}

/// What Docker loads from an archive has a tag, never a digest: pods that ask for one would not find it.
fn images(check: &mut Checker, file: &ClusterFile) {
    let listed = file.images.iter().flatten().enumerate();
    let listed = listed.map(|(index, image)| (Pointer::top().key("images").index(index), image));
    let dns = file.network.iter().flat_map(|network| &network.dns);
    let dns = dns.filter_map(|dns| dns.image.as_ref()).map(|image| {
        let at = Pointer::top().key("network").key("dns").key("image");
        (at, image)
    });
    for (at, image) in listed.chain(dns) {
        if image_reference(image).is_some_and(|reference| reference.digest.is_some()) {
            let message = "Docker cannot be given an image by its digest beforehand";
            check.tell(
                Finding::error(at, message).suggest("name it by a tag; `kimage.lock` pins it"),
            );
        }
    }
}

/// Docker must know the control groups of the images that it runs on.
fn control_groups(check: &mut Checker, file: &ClusterFile, at: &Pointer, version: &DockerVersion) {
    if DockerTrait::CgroupV2.holds(version) {
        return;
    }
    let mut seen = BTreeSet::new();
    for (index, node) in file.nodes.iter().enumerate() {
        let (image, place) = match (&node.image, &file.image) {
            (Some(image), _) => {
                let node = Pointer::top().key("nodes").index(index);
                (image.as_str(), node.key("image"))
            }
            (None, image) => (
                image.as_deref().unwrap_or("debian-12"),
                Pointer::top().key("image"),
            ),
        };
        let Ok(blueprint) = check.blueprints.find(image) else {
            continue;
        };
        if blueprint.cgroup != Cgroup::V2 || !seen.insert(image) {
            continue;
        }
        let message = format!("Docker {version} cannot run on `{image}`");
        let mut finding = Finding::error(at.clone(), message).with(place, "it has cgroup v2");
        if let Some(first) = DockerTrait::CgroupV2.since() {
            finding = finding.suggest(format!("{first} is the first that knows cgroup v2"));
        }
        check.tell(finding);
    }
}

/// The keys laid over those of kimage's `daemon.json`, without those that have no value, as everywhere in this file.
fn daemon_config(
    check: &mut Checker,
    top: &Pointer,
    given: Map<String, Value>,
    version: Option<&DockerVersion>,
) -> Map<String, Value> {
    let given = given.into_iter().filter(|(_, value)| !value.is_null());
    let mut keys = Map::new();
    for (name, value) in given {
        let at = top.key(&name);
        if let Some((_, why)) = OWN.iter().find(|(own, _)| *own == name) {
            let finding = Finding::error(at, format!("kimage decides `{name}` of Docker"));
            check.tell(finding.at_key().suggest(format!("leave it out: {why}")));
            continue;
        }
        if let Some(version) = version {
            life(check, at, &name, version);
        }
        keys.insert(name, value);
    }
    keys
}

/// Tells what a Docker makes of a key, unless it simply takes it.
fn life(check: &mut Checker, at: Pointer, name: &str, version: &DockerVersion) {
    let written = |since: Version| DockerVersion::from(since);
    let instead = |replacement: Option<String>| match replacement {
        Some(replacement) => format!("use {replacement} instead"),
        None => "leave it out".to_owned(),
    };
    let finding = match facts::daemon_key(name, version) {
        FlagStatus::Known => return,
        FlagStatus::Deprecated { since, replacement } => {
            let message = format!("`{name}` is deprecated since {}", written(since));
            Finding::warning(Warning::Deprecated, at, message).suggest(instead(replacement))
        }
        FlagStatus::Removed { since, replacement } => {
            let since = written(since);
            let message = format!("Docker {version} has no key `{name}`: it is gone since {since}");
            Finding::error(at, message).suggest(instead(replacement))
        }
        FlagStatus::NotYet { since } => {
            let message = format!("Docker {version} has no key `{name}` yet");
            Finding::error(at, message).suggest(format!("it comes with {}", written(since)))
        }
        FlagStatus::Unknown { did_you_mean } => {
            let message = format!("Docker {version} has no key `{name}`");
            let finding = Finding::error(at, message);
            match did_you_mean {
                Some(close) => finding.suggest(format!("did you mean `{close}`?")),
                None => finding,
            }
        }
    };
    check.tell(finding.at_key());
}
