//! How Services are made of packets.

use super::{Checker, Finding};
use crate::facts::Minor;
use crate::spec::cluster::{KubeProxy, ProxyCredentials};
use crate::spec::file::{ClusterFile, ProxyCredentialsFile, ProxyModeFile};
use crate::spec::pointer::Pointer;
use crate::spec::schema::closest;
use crate::spec::warning::Warning;

/// The kernel's schedulers: `net/netfilter/ipvs/ip_vs_*.c`.
const SCHEDULERS: &[&str] = &[
    "dh", "fo", "lblc", "lblcr", "lc", "mh", "nq", "ovf", "rr", "sed", "sh", "wlc", "wrr",
];

/// The section `kubeProxy`.
pub(super) fn check(
    check: &mut Checker,
    file: &ClusterFile,
    minor: Option<&Minor>,
) -> Option<KubeProxy> {
    let top = Pointer::top().key("kubeProxy");
    let given = file.kube_proxy.clone().unwrap_or_default();
    let mode = match given.mode {
        None | Some(ProxyModeFile::Iptables) => "iptables",
        Some(ProxyModeFile::Ipvs) => "ipvs",
        Some(ProxyModeFile::Nftables) => "nftables",
    };
    if let Some(minor) = minor {
        known(check, top.key("mode"), mode, minor);
    }
    let scheduler = match given.scheduler {
        Some(_) if mode != "ipvs" => {
            let finding = Finding::error(
                top.key("scheduler"),
                format!("`{mode}` has no schedulers: it chooses by chance"),
            );
            check.tell(finding.suggest("say `mode: ipvs`, or leave it out"));
            return None;
        }
        Some(scheduler) => Some(scheduler),
        None => (mode == "ipvs").then(|| "rr".to_owned()),
    };
    if let Some(scheduler) = &scheduler
        && !SCHEDULERS.contains(&scheduler.as_str())
    {
        let finding = Finding::error(
            top.key("scheduler"),
            format!("Linux has no scheduler `{scheduler}`"),
        );
        check.tell(match closest(scheduler, SCHEDULERS.iter().copied()) {
            Some(close) => finding.suggest(format!("did you mean `{close}`?")),
            None => finding.suggest(format!("there are {}", SCHEDULERS.join(", "))),
        });
        return None;
    }
    let credentials = match given.credentials {
        None | Some(ProxyCredentialsFile::Certificate) => ProxyCredentials::Certificate,
        Some(ProxyCredentialsFile::ServiceAccount) => ProxyCredentials::ServiceAccount,
    };
    Some(KubeProxy {
        mode,
        scheduler,
        credentials,
    })
}

fn known(check: &mut Checker, at: Pointer, mode: &str, minor: &Minor) {
    let version = Pointer::top().key("kubernetes").key("version");
    if !minor.proxy_modes.iter().any(|known| known == mode) {
        check.tell(
            Finding::error(
                at,
                format!("kube-proxy {} has no mode `{mode}`", minor.name()),
            )
            .suggest(format!("it has {}", minor.proxy_modes.join(" and ")))
            .with(version, "this version"),
        );
    } else if minor.proxy_modes_deprecated.iter().any(|old| old == mode) {
        check.tell(
            Finding::warning(
                Warning::Deprecated,
                at,
                format!("kube-proxy {} deprecates its mode `{mode}`", minor.name()),
            )
            .suggest("`nftables` has what it was taken for")
            .with(version, "this version"),
        );
    }
}
