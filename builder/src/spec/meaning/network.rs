//! Ranges, DNS and the pod network.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::addresses::{self, overlap};
use super::nodes::Checked;
use super::{Checker, Finding, cni, count, dns, syntax};
use crate::facts::Minor;
use crate::spec::cluster::Network;
use crate::spec::file::ClusterFile;
use crate::spec::pointer::Pointer;
use crate::spec::warning::Warning;

const PODS: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(10, 244, 0, 0), 16);
const SERVICES: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(10, 96, 0, 0), 16);
const NODE_PREFIX: u8 = 24;
/// Pods that a kubelet takes unless told otherwise.
const MOST_PODS: u32 = 110;

/// The section `network`.
pub(super) fn check(
    check: &mut Checker,
    file: &ClusterFile,
    minor: Option<&Minor>,
) -> Option<Network> {
    let top = Pointer::top().key("network");
    let given = file.network.clone().unwrap_or_default();
    let names = given.dns.clone().unwrap_or_default();
    let cni = cni::check(check, &given, minor);
    let pods = match &given.pods {
        Some(text) => addresses::range(check, top.key("pods"), text),
        None => Some(PODS),
    };
    let services = match &given.services {
        Some(text) => addresses::range(check, top.key("services"), text)
            .filter(|range| services_fit(check, *range, names.address.is_some())),
        None => Some(SERVICES),
    };
    let node_prefix = given.node_prefix.unwrap_or(NODE_PREFIX);
    let nodes = file.nodes.len();
    let shares_fit =
        pods.is_none_or(|pods| shares_fit(check, pods, node_prefix, given.node_prefix, nodes));
    let domain = domain(check, top.key("dns").key("domain"), names.domain.as_deref());
    let dns_address = services.and_then(|services| dns::address(check, services, &names));
    let dns_image = dns::image(check, &names);
    let dns_servers = dns_servers(
        check,
        names.servers.as_deref().unwrap_or_default(),
        dns_address,
    );
    let time_servers = given.time_servers.unwrap_or_default();
    for (index, server) in time_servers.iter().enumerate() {
        if !syntax::is_host(server) {
            let at = top.key("timeServers").index(index);
            check.tell(Finding::error(
                at,
                format!("`{server}` is neither a name nor an IPv4 address"),
            ));
        }
    }
    Some(Network {
        pods: pods.filter(|_| shares_fit)?,
        node_prefix,
        services: services?,
        cni: cni?,
        domain: domain?,
        dns_address: dns_address?,
        dns_image,
        dns_servers,
        time_servers,
    })
}

fn services_fit(check: &mut Checker, range: Ipv4Net, has_dns: bool) -> bool {
    let at = Pointer::top().key("network").key("services");
    let network = range.network();
    let finding = if range.prefix_len() < 12 {
        Finding::error(
            at,
            format!("`{range}` is larger than Kubernetes takes for Services"),
        )
        .suggest(format!("take a /12 or smaller, as `{network}/12`"))
    } else if range.prefix_len() > 28 && !has_dns {
        Finding::error(
            at,
            format!("`{range}` has no tenth address, which is the cluster's DNS"),
        )
        .suggest("take a /28 or larger; a /16 is usual")
    } else {
        return true;
    };
    check.tell(finding);
    false
}

/// Whether each node gets a share of the pods' range.
fn shares_fit(
    check: &mut Checker,
    pods: Ipv4Net,
    prefix: u8,
    given: Option<u8>,
    nodes: usize,
) -> bool {
    let top = Pointer::top().key("network");
    let at = match given {
        Some(_) => top.key("nodePrefix"),
        None => top.key("pods"),
    };
    let wide = pods.prefix_len();
    if prefix < wide {
        check.tell(
            Finding::error(
                at,
                format!("a node's share, a /{prefix}, is larger than `{pods}`"),
            )
            .suggest(format!("`nodePrefix` must be {wide} at least"))
            .with(top.key("pods"), "all pods"),
        );
        return false;
    }
    if prefix - wide > 16 {
        check.tell(
            Finding::error(
                at,
                format!("Kubernetes cannot cut `{pods}` into shares of /{prefix}"),
            )
            .suggest(format!("`nodePrefix` can be {} at most", wide + 16))
            .with(top.key("pods"), "all pods"),
        );
        return false;
    }
    let shares = 1usize << (prefix - wide);
    if nodes > shares {
        let bits = nodes.next_power_of_two().trailing_zeros() as u8;
        let finding = Finding::error(
            at,
            format!(
                "`{pods}` has {} of /{prefix}, but there are {nodes} nodes",
                count(shares, "share")
            ),
        );
        check.tell(if wide + bits <= 26 {
            finding.suggest(format!("set `nodePrefix: {}`", wide + bits))
        } else {
            finding.suggest(format!(
                "take a /{} or larger for `pods`",
                prefix.saturating_sub(bits)
            ))
        });
        return false;
    }
    let addresses = (1u32 << (32 - prefix)) - 3;
    if addresses < MOST_PODS && given.is_some() && !limits_pods(check) {
        check.tell(
            Finding::warning(
                Warning::FewPodAddresses,
                at,
                format!("a /{prefix} has {addresses} addresses for pods, but a kubelet takes {MOST_PODS} pods"),
            )
            .suggest(format!("take 25 or less, or set `max-pods: {addresses}` in `extraArgs.kubelet`")),
        );
    }
    true
}

fn limits_pods(check: &Checker) -> bool {
    let kubelet = Pointer::top().key("extraArgs").key("kubelet");
    check.has(&kubelet.key("max-pods"))
}

fn domain(check: &mut Checker, at: Pointer, given: Option<&str>) -> Option<String> {
    let domain = given.unwrap_or("cluster.local");
    if syntax::is_dns_name(domain) {
        return Some(domain.to_owned());
    }
    let finding = Finding::error(at, format!("`{domain}` is no DNS name"));
    let repaired = domain.trim_matches('.').to_lowercase();
    check.tell(if syntax::is_dns_name(&repaired) {
        finding.suggest(format!("did you mean `{repaired}`?"))
    } else {
        finding
    });
    None
}

fn dns_servers(check: &mut Checker, given: &[String], own: Option<Ipv4Addr>) -> Vec<Ipv4Addr> {
    let top = Pointer::top().key("network").key("dns").key("servers");
    let mut servers = Vec::new();
    for (index, text) in given.iter().enumerate() {
        let at = top.index(index);
        let Some(server) = addresses::address(check, at.clone(), text) else {
            continue;
        };
        if Some(server) == own {
            check.tell(
                Finding::error(
                    at,
                    format!("`{server}` is the cluster's own DNS, which would ask itself"),
                )
                .suggest("name a server outside the cluster"),
            );
        }
        servers.push(server);
    }
    if given.len() > 3 {
        check.tell(
            Finding::warning(
                Warning::ManyNameServers,
                top.index(3),
                "resolvers ask three name servers at most",
            )
            .suggest("leave the others out"),
        );
    }
    servers
}

/// No two of the ranges of pods, Services and nodes may have an address in common.
pub(super) fn overlaps(check: &mut Checker, network: Option<&Network>, nodes: &[Checked]) {
    let Some(network) = network else {
        return;
    };
    let top = Pointer::top().key("network");
    let (pods, services) = (network.pods, network.services);
    if overlap(pods, services) {
        // What is written is shown; a default has no place.
        let (at, other, label) = if check.has(&top.key("services")) {
            (top.key("services"), top.key("pods"), "pods")
        } else {
            (top.key("pods"), top.key("services"), "Services")
        };
        check.tell(
            Finding::error(
                at,
                format!("`{pods}` for pods and `{services}` for Services overlap"),
            )
            .suggest("give each a range of its own")
            .with(other, label),
        );
    }
    let mut seen: Vec<Ipv4Net> = Vec::new();
    for node in nodes {
        let Some(net) = node.address.map(|address| address.trunc()) else {
            continue;
        };
        if seen.contains(&net) {
            continue;
        }
        seen.push(net);
        for (key, what, range) in [("pods", "pods", pods), ("services", "Services", services)] {
            if overlap(net, range) {
                check.tell(
                    Finding::error(
                        node.at.key("address"),
                        format!(
                            "the network `{net}` of node `{}` and `{range}` for {what} overlap",
                            node.name
                        ),
                    )
                    .suggest(format!("set `network.{key}` to a range that is free"))
                    .with(top.key(key), what),
                );
            }
        }
    }
}
