//! The pod network, and what only one of them has.

use super::{Checker, Finding, versions};
use crate::facts;
use crate::spec::cluster::Version;
use crate::spec::file::{CniFile, FlannelBackendFile, FlannelFile, NetworkFile};
use crate::spec::pointer::Pointer;
use crate::spec::{Cni, Flannel, FlannelBackend};

/// The keys `network.cni` and `network.flannel`.
pub(super) fn check(check: &mut Checker, given: &NetworkFile) -> Option<Cni> {
    let top = Pointer::top().key("network");
    let cni = given.cni.unwrap_or(CniFile::Bridge);
    if given.flannel.is_some() && cni != CniFile::Flannel {
        is_not_the_network(check, &top, "flannel");
    }
    match cni {
        CniFile::Bridge => Some(Cni::Bridge),
        CniFile::None => Some(Cni::None),
        CniFile::Flannel => {
            let given = given.flannel.clone().unwrap_or_default();
            flannel(check, top.key("flannel"), &given).map(Cni::Flannel)
        }
        CniFile::Calico => {
            let finding = Finding::error(top.key("cni"), "`calico` is not supported yet");
            check.tell(finding.suggest(
                "`bridge`, `flannel` and `none` are; with `none`, add its manifests to `addons`",
            ));
            None
        }
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
