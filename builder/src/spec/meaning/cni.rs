//! The pod network, and what only one of them has.

use super::{Checker, Finding, versions};
use crate::facts::{self, Minor};
use crate::spec::cluster::{Network, Version};
use crate::spec::file::{
    CalicoBackendFile, CalicoFile, ClusterFile, CniFile, FlannelBackendFile, FlannelFile,
    NetworkFile,
};
use crate::spec::pointer::Pointer;
use crate::spec::schema::{closest, list};
use crate::spec::{Calico, CalicoBackend, Cni, Flannel, FlannelBackend};

/// The keys `network.cni`, `network.flannel` and `network.calico`.
pub(super) fn check(
    check: &mut Checker,
    given: &NetworkFile,
    minor: Option<&Minor>,
) -> Option<Cni> {
    let top = Pointer::top().key("network");
    let cni = given.cni.unwrap_or(CniFile::Bridge);
    if given.flannel.is_some() && cni != CniFile::Flannel {
        is_not_the_network(check, &top, "flannel");
    }
    if given.calico.is_some() && cni != CniFile::Calico {
        is_not_the_network(check, &top, "calico");
    }
    match cni {
        CniFile::Bridge => Some(Cni::Bridge),
        CniFile::None => Some(Cni::None),
        CniFile::Flannel => {
            let given = given.flannel.clone().unwrap_or_default();
            flannel(check, top.key("flannel"), &given).map(Cni::Flannel)
        }
        CniFile::Calico => {
            let given = given.calico.clone().unwrap_or_default();
            calico(check, top.key("calico"), &given, minor?).map(Cni::Calico)
        }
    }
}

/// Checks that the API and its balancer leave Calico its ports.
pub(super) fn ports(check: &mut Checker, file: &ClusterFile, network: Option<&Network>) {
    let Some(calico) = network.and_then(|network| network.cni.calico()) else {
        return;
    };
    let given = file.control_plane.clone().unwrap_or_default();
    let top = Pointer::top().key("controlPlane");
    let balancer = given.load_balancer.and_then(|balancer| balancer.port);
    for (at, port, usual) in [
        (top.key("port"), given.port, "6443 is usual"),
        (
            top.key("loadBalancer").key("port"),
            balancer,
            "8443 is usual",
        ),
    ] {
        let what = match port {
            Some(179) if calico.backend != CalicoBackend::Vxlan => "Calico's BGP",
            Some(9099) => "Calico's health",
            _ => continue,
        };
        let message = format!("port {} belongs to {what}", port.unwrap_or_default());
        let network = Pointer::top().key("network").key("cni");
        check.tell(
            Finding::error(at, message)
                .suggest(usual)
                .with(network, "the network"),
        );
    }
}

/// Tells that a network is described that the cluster does not have.
fn is_not_the_network(check: &mut Checker, top: &Pointer, name: &str) {
    check.tell(
        Finding::error(
            top.key(name),
            format!("`{name}` is not the network of this cluster"),
        )
        .at_key()
        .suggest(format!("say `cni: {name}`, or leave it out"))
        .with(top.key("cni"), "the network"),
    );
}

fn flannel(check: &mut Checker, top: Pointer, given: &FlannelFile) -> Option<Flannel> {
    let facts = facts::flannel();
    let at = top.key("version");
    let version = match &given.version {
        Some(text) => versions::read(check, at.clone(), text, &facts.usual.to_string())?,
        None => facts.usual,
    };
    is_known(check, at, "flannel", version, facts.known, facts.usual)?;
    Some(Flannel {
        version,
        backend: match given.backend {
            None | Some(FlannelBackendFile::Vxlan) => FlannelBackend::Vxlan,
            Some(FlannelBackendFile::HostGw) => FlannelBackend::HostGw,
        },
    })
}

fn calico(check: &mut Checker, top: Pointer, given: &CalicoFile, minor: &Minor) -> Option<Calico> {
    let facts = facts::calico();
    let usual = facts.usual(minor);
    let at = top.key("version");
    let version = match &given.version {
        Some(text) => versions::read(check, at.clone(), text, &usual.to_string())?,
        None => usual,
    };
    is_known(check, at.clone(), "Calico", version, facts.known, usual)?;
    let kubernetes = facts.kubernetes(version);
    if !kubernetes.contains(minor.first) {
        let range = kubernetes.to_string();
        let needs = match range.split_once("..") {
            Some((since, until)) if !until.is_empty() => {
                format!("{since} or later, before {until}")
            }
            _ => format!("{} or later", range.trim_end_matches("..")),
        };
        check.tell(
            Finding::error(
                at,
                format!(
                    "Calico {version} does not work with Kubernetes {}",
                    minor.name()
                ),
            )
            .suggest(format!("{usual} is usual with it"))
            .with(
                Pointer::top().key("kubernetes").key("version"),
                format!("Calico {version} needs {needs}"),
            ),
        );
        return None;
    }
    if let Some(method) = &given.autodetection {
        detects(check, top.key("autodetection"), method, version)?;
    }
    Some(Calico {
        version,
        backend: match given.backend {
            Some(CalicoBackendFile::Bgp) => CalicoBackend::Bgp,
            None | Some(CalicoBackendFile::Ipip) => CalicoBackend::Ipip,
            Some(CalicoBackendFile::Vxlan) => CalicoBackend::Vxlan,
        },
        autodetection: given.autodetection.clone(),
    })
}

/// Checks a way to find a node's address, as `interface=eth0`.
fn detects(check: &mut Checker, at: Pointer, method: &str, version: Version) -> Option<()> {
    let (name, value) = match method.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (method, None),
    };
    let methods = facts::calico().methods(version);
    let known = methods.iter().find(|(known, _)| *known == name);
    let finding = match (known, value) {
        (None, _) => {
            let finding =
                Finding::error(at, format!("Calico {version} finds no address by `{name}`"));
            let names: Vec<String> = methods.iter().map(|(name, _)| (*name).to_owned()).collect();
            match closest(name, methods.iter().map(|(name, _)| *name)) {
                Some(close) => finding.suggest(format!("did you mean `{close}`?")),
                None => finding.suggest(format!("it can by {}", list(&names))),
            }
        }
        (Some((_, true)), None | Some("")) => Finding::error(at, format!("`{name}` needs a value"))
            .suggest(format!("write it as `{name}=...`")),
        (Some((_, false)), Some(_)) => Finding::error(at, format!("`{name}` takes no value"))
            .suggest(format!("write `{name}` alone")),
        // It stands in quotation marks.
        (Some(_), Some(value))
            if value.contains(['"', '\\']) || value.contains(char::is_whitespace) =>
        {
            Finding::error(
                at,
                "what Calico looks for holds neither quotation marks, backslashes nor spaces",
            )
        }
        (Some(_), _) => return Some(()),
    };
    check.tell(finding);
    None
}

/// Checks that there are facts about a version of a network.
fn is_known(
    check: &mut Checker,
    at: Pointer,
    name: &str,
    version: Version,
    known: facts::Range,
    usual: Version,
) -> Option<()> {
    if known.contains(version) {
        return Some(());
    }
    let suggestion = match known.until {
        Some(until) if version >= until => {
            format!("{until} is the first that kimage does not know")
        }
        _ => format!("{} is the oldest that kimage knows", known.since),
    };
    check.tell(
        Finding::error(at, format!("{name} {version} is not supported"))
            .suggest(format!("{suggestion}; {usual} is usual")),
    );
    None
}
