//! How the API is found, and what its keys are like.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use super::nodes::Checked;
use super::{Checker, Finding, balancer, syntax};
use crate::spec::Role;
use crate::spec::certificates::CertificateOptions;
use crate::spec::cluster::{ControlPlane, KeyAlgorithm, Network, Pki};
use crate::spec::file::{AlgorithmFile, ClusterFile, LoadBalancerKind};
use crate::spec::pointer::Pointer;
use crate::spec::warning::Warning;

const PORT: u16 = 6443;
/// Ports of a master that are taken.
const TAKEN: &[(u16, &str)] = &[
    (22, "SSH"),
    (53, "DNS"),
    (2379, "etcd"),
    (2380, "etcd"),
    (10248, "the kubelet"),
    (10249, "kube-proxy"),
    (10250, "the kubelet"),
    (10256, "kube-proxy"),
    (10257, "kube-controller-manager"),
    (10259, "kube-scheduler"),
];

/// The section `controlPlane`.
pub(super) fn check(
    check: &mut Checker,
    file: &ClusterFile,
    nodes: &[Checked],
    network: Option<&Network>,
) -> Option<ControlPlane> {
    let top = Pointer::top().key("controlPlane");
    let given = file.control_plane.clone().unwrap_or_default();
    let port = given.port.unwrap_or(PORT);
    is_free(check, top.key("port"), port, "6443 is usual");
    let endpoint = match (&given.endpoint, balancer::kind(&given)) {
        (Some(text), kind) => endpoint(check, top.key("endpoint"), text, kind, nodes, network),
        (None, LoadBalancerKind::External | LoadBalancerKind::HaproxyKeepalived) => {
            balancer::without_address(check, &top, &given);
            None
        }
        (None, LoadBalancerKind::None | LoadBalancerKind::Nginx) => {
            let mut masters = nodes.iter().filter(|node| node.role == Role::Master);
            masters
                .next()
                .and_then(|master| master.address)
                .map(|address| address.addr().to_string())
        }
    };
    let load_balancer = balancer::check(check, &top, &given, port, endpoint.as_deref(), nodes);
    let sans = sans(check, top.key("sans"), given.sans.unwrap_or_default());
    let audit_policy = given.audit_policy.map(PathBuf::from);
    if audit_policy
        .as_ref()
        .is_some_and(|path| path.as_os_str().is_empty())
    {
        let at = top.key("auditPolicy");
        check.tell(Finding::error(at, "an audit policy is the path of a file"));
    }
    let schedulable = schedulable(check, top.key("schedulable"), given.schedulable, nodes);
    Some(ControlPlane {
        endpoint: endpoint?,
        port,
        sans,
        load_balancer: load_balancer?,
        audit_policy,
        schedulable,
    })
}

/// Checks that nothing else of a master listens on a port.
pub(super) fn is_free(check: &mut Checker, at: Pointer, port: u16, usual: &str) {
    if let Some((_, owner)) = TAKEN.iter().find(|(taken, _)| *taken == port) {
        let finding = Finding::error(at, format!("port {port} belongs to {owner}"));
        check.tell(finding.suggest(usual));
    }
}

/// Whether masters run pods: if nothing else does, they do by themselves.
fn schedulable(check: &mut Checker, at: Pointer, given: Option<bool>, nodes: &[Checked]) -> bool {
    let workers = nodes.iter().any(|node| node.role == Role::Worker);
    if given == Some(false) && !workers {
        check.tell(
            Finding::warning(
                Warning::NoNodeForPods,
                at,
                "no node runs pods: there are only masters",
            )
            .suggest("add a worker, or leave it out"),
        );
    }
    given.unwrap_or(!workers)
}

fn endpoint(
    check: &mut Checker,
    at: Pointer,
    text: &str,
    kind: LoadBalancerKind,
    nodes: &[Checked],
    network: Option<&Network>,
) -> Option<String> {
    if !syntax::is_host(text) {
        let finding = Finding::error(
            at,
            format!("`{text}` is neither a name nor an IPv4 address"),
        );
        let bare = text
            .split_once("://")
            .map_or(text, |(_, rest)| rest)
            .trim_end_matches('/');
        check.tell(match bare.rsplit_once(':') {
            Some((host, port)) if syntax::is_host(host) && port.parse::<u16>().is_ok() => {
                finding.suggest(format!("write `endpoint: {host}` and `port: {port}`"))
            }
            _ if syntax::is_host(bare) => finding.suggest(format!("did you mean `{bare}`?")),
            _ => finding,
        });
        return None;
    }
    let Ok(address) = text.parse::<Ipv4Addr>() else {
        return Some(text.to_owned());
    };
    if let Some(network) = network {
        for (key, what, range) in [
            ("pods", "pods", network.pods),
            ("services", "Services", network.services),
        ] {
            if range.contains(&address) {
                check.tell(
                    Finding::error(
                        at,
                        format!("the endpoint `{address}` lies in the range of {what}, `{range}`"),
                    )
                    .suggest("it must be reachable from outside the cluster")
                    .with(Pointer::top().key("network").key(key), what),
                );
                return None;
            }
        }
    }
    let owner = nodes
        .iter()
        .find(|node| node.address.is_some_and(|net| net.addr() == address));
    if let Some(worker) = owner.filter(|node| node.role == Role::Worker) {
        check.tell(
            Finding::error(
                at,
                format!("the endpoint `{address}` is the worker `{}`", worker.name),
            )
            .suggest("the API runs on masters")
            .with(worker.at.key("address"), "a worker"),
        );
        return None;
    }
    let balancer = Pointer::top().key("controlPlane").key("loadBalancer");
    let said = !check.is_tainted(&balancer.key("kind"));
    if owner.is_none() && kind == LoadBalancerKind::None && said {
        check.tell(
            Finding::warning(
                Warning::EndpointOfNoMaster,
                at,
                format!("no master has the address `{address}`"),
            )
            .suggest("if a load balancer has it, say `loadBalancer: {kind: external}`"),
        );
    }
    Some(text.to_owned())
}

fn sans(check: &mut Checker, top: Pointer, given: Vec<String>) -> Vec<String> {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, san) in given.iter().enumerate() {
        let at = top.index(index);
        let name = san.strip_prefix("*.").unwrap_or(san);
        if !syntax::is_host(name) || (name != san && name.parse::<Ipv4Addr>().is_ok()) {
            let finding =
                Finding::error(at, format!("`{san}` is neither a name nor an IPv4 address"));
            let lower = san.to_lowercase();
            check.tell(
                if lower != *san && syntax::is_host(lower.trim_start_matches("*.")) {
                    finding.suggest(format!("did you mean `{lower}`?"))
                } else {
                    finding
                },
            );
        } else if let Some(&first) = seen.get(san.as_str()) {
            let finding = Finding::warning(
                Warning::ListedTwice,
                at,
                format!("`{san}` is in the list twice"),
            );
            check.tell(finding.with(top.index(first), "first here"));
        }
        seen.entry(san).or_insert(index);
    }
    given
}

/// The section `pki`.
pub(super) fn pki(
    check: &mut Checker,
    file: &ClusterFile,
    certificates: BTreeMap<&'static str, CertificateOptions>,
) -> Pki {
    let top = Pointer::top().key("pki");
    let given = file.pki.clone().unwrap_or_default();
    let algorithm = match given.algorithm {
        None | Some(AlgorithmFile::EcdsaP256) => KeyAlgorithm::EcdsaP256,
        Some(AlgorithmFile::EcdsaP384) => KeyAlgorithm::EcdsaP384,
        Some(AlgorithmFile::EcdsaP521) => KeyAlgorithm::EcdsaP521,
        Some(AlgorithmFile::Rsa2048) => KeyAlgorithm::Rsa2048,
        Some(AlgorithmFile::Rsa3072) => KeyAlgorithm::Rsa3072,
        Some(AlgorithmFile::Rsa4096) => KeyAlgorithm::Rsa4096,
    };
    let ca_years = given.ca_years.unwrap_or(10);
    let leaf_days = given.leaf_days.unwrap_or(365);
    if algorithm == KeyAlgorithm::Rsa2048 {
        check.tell(
            Finding::warning(
                Warning::ShortKeys,
                top.key("algorithm"),
                "NIST allows RSA with 2048 bits until 2030 only",
            )
            .suggest("take `ecdsa-p256`, or `rsa-3072` where it must be RSA"),
        );
    }
    if leaf_days > ca_years.saturating_mul(365) {
        let at = top.key(if given.leaf_days.is_some() {
            "leafDays"
        } else {
            "caYears"
        });
        check.tell(
            Finding::error(
                at,
                format!(
                    "certificates of {leaf_days} days outlive their authority, which is valid for {} days", ca_years.saturating_mul(365)
                ),
            )
            .suggest(format!(
                "{} days at most, or more `caYears`",
                ca_years.saturating_mul(365)
            ))
            .with(top.key("caYears"), "the authority"),
        );
    } else if leaf_days < 30 {
        check.tell(
            Finding::warning(
                Warning::ShortLivedCertificates,
                top.key("leafDays"),
                format!("certificates die {leaf_days} days after the build"),
            )
            .suggest("an image that lies in a drawer for longer cannot join any more"),
        );
    } else if leaf_days > 1095 {
        check.tell(
            Finding::warning(
                Warning::LongLivedCertificates,
                top.key("leafDays"),
                format!("certificates of {leaf_days} days cannot be revoked"),
            )
            .suggest("Kubernetes has no revocation lists: 365 days are usual"),
        );
    }
    if ca_years > 30 {
        check.tell(
            Finding::warning(
                Warning::LongLivedCertificates,
                top.key("caYears"),
                format!("an authority of {ca_years} years cannot be revoked"),
            )
            .suggest("ten years are usual"),
        );
    }
    Pki {
        algorithm,
        ca_years,
        leaf_days,
        certificates,
    }
}
