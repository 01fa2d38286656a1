//! The machines: names, addresses, network cards, labels and taints.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::{Checker, Finding, addresses, images, syntax};
use crate::spec::cluster::{Interface, Network, Node, Version};
use crate::spec::file::{ClusterFile, NodeFile, RoleFile};
use crate::spec::pointer::Pointer;
use crate::spec::schema::closest;
use crate::spec::warning::Warning;
use crate::spec::{Cni, NodeName, Role};

/// More masters than this slow etcd down and make nothing safer.
const MOST_MASTERS: usize = 7;
const EFFECTS: &[&str] = &["NoSchedule", "PreferNoSchedule", "NoExecute"];

/// A node as far as it could be understood.
pub(super) struct Checked {
    /// Where it is described.
    pub(super) at: Pointer,
    /// What it is called there.
    pub(super) name: String,
    /// What it is for.
    pub(super) role: Role,
    /// Its address, if that is one.
    pub(super) address: Option<Ipv4Net>,
    /// All of it, if nothing is wrong with it.
    pub(super) node: Option<Node>,
}

/// The section `nodes`.
pub(super) fn check(
    check: &mut Checker,
    file: &ClusterFile,
    network: Option<&Network>,
    image: &str,
    version: Option<Version>,
) -> Vec<Checked> {
    let top = Pointer::top().key("nodes");
    let mut nodes = Vec::new();
    for (index, given) in file.nodes.iter().enumerate() {
        nodes.push(node(
            check,
            top.index(index),
            index,
            given,
            network,
            image,
            version,
        ));
    }
    unique(check, &nodes, &file.nodes);
    masters(check, &nodes);
    neighbours(check, &nodes, &file.nodes, network);
    nodes
}

fn node(
    check: &mut Checker,
    at: Pointer,
    index: usize,
    given: &NodeFile,
    network: Option<&Network>,
    cluster_image: &str,
    version: Option<Version>,
) -> Checked {
    let role = match given.role {
        RoleFile::Master => Role::Master,
        RoleFile::Worker => Role::Worker,
    };
    let name = name(check, at.key("name"), &given.name);
    let address = address(check, at.key("address"), &given.address);
    let gateway = match &given.gateway {
        Some(text) => gateway(check, at.key("gateway"), text, address).map(Some),
        None => Some(None),
    };
    let interface = interface(check, &at, given);
    if let Some(image) = &given.image {
        images::known(check, at.key("image"), image, version);
    }
    if let Some(interface) = &interface {
        let image = given.image.as_deref().unwrap_or(cluster_image);
        images::finds_card(check, &at, image, interface);
    }
    let labels = labels(check, at.key("labels"), given);
    let taints = taints(
        check,
        at.key("taints"),
        given.taints.as_deref().unwrap_or_default(),
    );
    let pods = network.map(|network| share(network, index));
    let whole = || {
        Some(Node {
            name: name?,
            role,
            address: address?,
            gateway: gateway?,
            interface: interface?,
            pods: pods?,
            image: given
                .image
                .clone()
                .unwrap_or_else(|| cluster_image.to_owned()),
            labels,
            taints,
        })
    };
    Checked {
        name: given.name.clone(),
        role,
        address,
        node: whole(),
        at,
    }
}

/// A node's share of the pods' range: the one with the number of its place in the file, so that a node added at the
/// end changes no other's.
fn share(network: &Network, index: usize) -> Ipv4Net {
    let size = 1u64 << (32 - network.node_prefix);
    let first = u64::from(u32::from(network.pods.network())) + size * index as u64;
    // That there are shares enough is checked with the network; what lies beyond is never used.
    let first = u32::try_from(first).unwrap_or_default();
    Ipv4Net::new_assert(Ipv4Addr::from(first), network.node_prefix)
}

fn name(check: &mut Checker, at: Pointer, text: &str) -> Option<NodeName> {
    if text == "localhost" || text.starts_with("localhost.") {
        let message = format!("`{text}` is every machine's name for itself");
        check.tell(Finding::error(at, message).suggest("give the node a name of its own"));
        return None;
    }
    if let Ok(name) = text.parse::<NodeName>() {
        if text.parse::<Ipv4Addr>().is_ok() {
            check.tell(Finding::error(
                at,
                format!("`{text}` is an address, not a name"),
            ));
            return None;
        }
        return Some(name);
    }
    let finding = Finding::error(at, format!("`{text}` is no node name"));
    let repaired = text.to_lowercase().replace(['_', ' '], "-");
    check.tell(if repaired.parse::<NodeName>().is_ok() {
        finding.suggest(format!("did you mean `{repaired}`?"))
    } else {
        finding.suggest(
            "use lower-case letters, digits, `-` and `.`, begin and end with a letter or digit, 63 characters at most",
        )
    });
    None
}

fn address(check: &mut Checker, at: Pointer, text: &str) -> Option<Ipv4Net> {
    let address = addresses::with_prefix(check, at.clone(), text, "address")?;
    if !addresses::refuse_special(check, at.clone(), Ipv4Net::new_assert(address.addr(), 32)) {
        return None;
    }
    let message = if address.prefix_len() == 32 || address.prefix_len() == 0 {
        format!("`{address}` has no neighbours to talk to")
    } else if address.prefix_len() < 31 && address.addr() == address.network() {
        format!("`{}` is the address of the network itself", address.addr())
    } else if address.prefix_len() < 31 && address.addr() == address.broadcast() {
        format!(
            "`{}` is the broadcast address of its network",
            address.addr()
        )
    } else {
        return Some(address);
    };
    let finding = Finding::error(at, message);
    check.tell(if (1..31).contains(&address.prefix_len()) {
        let hosts = address.hosts();
        let range = hosts.clone().next().zip(hosts.last());
        match range {
            Some((first, last)) => finding.suggest(format!("take one from {first} to {last}")),
            None => finding,
        }
    } else {
        finding.suggest("behind the `/` goes the prefix length of its network, as 24")
    });
    None
}

fn gateway(
    check: &mut Checker,
    at: Pointer,
    text: &str,
    address: Option<Ipv4Net>,
) -> Option<Ipv4Addr> {
    let gateway = addresses::address(check, at.clone(), text)?;
    let Some(net) = address else {
        return Some(gateway);
    };
    let message = if gateway == net.addr() {
        "a node cannot be its own gateway".to_owned()
    } else if !net.contains(&gateway) {
        format!(
            "the gateway `{gateway}` is outside the node's network `{}`",
            net.trunc()
        )
    } else if net.prefix_len() < 31 && (gateway == net.network() || gateway == net.broadcast()) {
        format!("`{gateway}` is no machine's address in `{}`", net.trunc())
    } else {
        return Some(gateway);
    };
    let address = at.sibling("address");
    check.tell(Finding::error(at, message).with(address, "the node's address"));
    None
}

fn interface(check: &mut Checker, at: &Pointer, given: &NodeFile) -> Option<Interface> {
    let several = [
        ("mac", given.mac.is_some()),
        ("interface", given.interface.is_some()),
        ("interfaces", given.interfaces.is_some()),
    ];
    let mut written = several
        .iter()
        .filter(|(_, written)| *written)
        .map(|(key, _)| *key);
    if let (Some(one), Some(other)) = (written.next(), written.next()) {
        check.tell(
            Finding::error(
                at.key(other),
                format!("`{other}` and `{one}` both say which network card"),
            )
            .at_key()
            .suggest("keep one of them")
            .with(at.key(one), "the other"),
        );
        return None;
    }
    if let Some(text) = &given.mac {
        return mac(check, at.key("mac"), text).map(Interface::Mac);
    }
    let (names, at): (Vec<String>, _) = match (&given.interface, &given.interfaces) {
        (Some(name), _) => (vec![name.clone()], at.key("interface")),
        (None, Some(names)) => (names.clone(), at.key("interfaces")),
        (None, None) => return Some(Interface::Names(vec!["en*".to_owned(), "eth*".to_owned()])),
    };
    let mut fine = true;
    for (index, name) in names.iter().enumerate() {
        // The kernel's IFNAMSIZ, and the patterns of systemd.network(5).
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.@*?[]".contains(&byte);
        if name.is_empty() || name.len() > 15 || !name.bytes().all(plain) {
            let at = if given.interface.is_some() {
                at.clone()
            } else {
                at.index(index)
            };
            check.tell(
                Finding::error(at, format!("`{name}` is no name of a network card"))
                    .suggest("write it as `eth0`, or with a pattern as `en*`"),
            );
            fine = false;
        }
    }
    fine.then_some(Interface::Names(names))
}

fn mac(check: &mut Checker, at: Pointer, text: &str) -> Option<String> {
    let digits: String = text
        .chars()
        .filter(char::is_ascii_hexdigit)
        .collect::<String>()
        .to_lowercase();
    let pairs: Vec<&str> = (0..digits.len() / 2)
        .map(|at| &digits[2 * at..2 * at + 2])
        .collect();
    let normal = pairs.join(":");
    let lower = text.to_lowercase().replace('-', ":");
    if digits.len() != 12 || lower != normal {
        let finding = Finding::error(at, format!("`{text}` is no MAC address"));
        let only = |c: char| c.is_ascii_hexdigit() || ".:- ".contains(c);
        check.tell(if digits.len() == 12 && text.chars().all(only) {
            finding.suggest(format!("did you mean `{normal}`?"))
        } else {
            finding.suggest("write it as \"52:54:00:76:00:11\"")
        });
        return None;
    }
    let first = u8::from_str_radix(pairs[0], 16).unwrap_or_default();
    let message = if first & 1 == 1 {
        format!("`{text}` is a multicast address, which no network card has")
    } else if normal == "00:00:00:00:00:00" {
        format!("`{text}` is no network card's address")
    } else {
        return Some(normal);
    };
    check.tell(Finding::error(at, message));
    None
}

fn labels(check: &mut Checker, top: Pointer, given: &NodeFile) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    for (key, value) in given.labels.iter().flatten() {
        let at = top.key(key);
        let value = value.to_string();
        if !syntax::is_qualified_name(key) {
            check.tell(
                Finding::error(at, format!("`{key}` is no key of a label"))
                    .at_key()
                    .suggest("write it as `example.org/rack` or `rack`, the name with 63 characters at most"),
            );
        } else if !syntax::is_label_value(&value) {
            check.tell(
                Finding::error(at, format!("`{value}` is no value of a label"))
                    .suggest("use letters, digits, `-`, `_` and `.`, 63 characters at most"),
            );
        } else if let Some(reason) = restricted(key) {
            check.tell(
                Finding::error(at, format!("a node cannot give itself the label `{key}`"))
                    .at_key()
                    .suggest(reason),
            );
        }
        labels.insert(key.clone(), value);
    }
    labels
}

/// Why a kubelet refuses to set a label on its own node (`--node-labels`, NodeRestriction), if it does.
fn restricted(key: &str) -> Option<&'static str> {
    const ALLOWED: &[&str] = &[
        "beta.kubernetes.io/arch",
        "beta.kubernetes.io/instance-type",
        "beta.kubernetes.io/os",
        "failure-domain.beta.kubernetes.io/region",
        "failure-domain.beta.kubernetes.io/zone",
        "kubernetes.io/arch",
        "kubernetes.io/os",
        "node.kubernetes.io/instance-type",
        "topology.kubernetes.io/region",
        "topology.kubernetes.io/zone",
    ];
    let (prefix, _) = key.split_once('/')?;
    let in_domain = |domain: &str| {
        prefix == domain
            || prefix
                .strip_suffix(domain)
                .is_some_and(|rest| rest.ends_with('.'))
    };
    if prefix == "node-role.kubernetes.io" {
        Some("`role` decides it")
    } else if key == "kubernetes.io/hostname" {
        Some("`name` decides it")
    } else if ALLOWED.contains(&key)
        || in_domain("kubelet.kubernetes.io")
        || in_domain("node.kubernetes.io")
    {
        None
    } else if in_domain("kubernetes.io") || in_domain("k8s.io") {
        Some("Kubernetes keeps this prefix to itself: use one of your own, as `example.org/`")
    } else {
        None
    }
}

fn taints(check: &mut Checker, top: Pointer, given: &[String]) -> Vec<String> {
    let mut seen: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for (index, taint) in given.iter().enumerate() {
        let at = top.index(index);
        let Some((pair, effect)) = taint.rsplit_once(':') else {
            check.tell(
                Finding::error(at, format!("the taint `{taint}` has no effect"))
                    .suggest(format!("did you mean `{taint}:NoSchedule`?")),
            );
            continue;
        };
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if !EFFECTS.contains(&effect) {
            let finding = Finding::error(at, format!("`{effect}` is no effect of a taint"));
            check.tell(match closest(effect, EFFECTS.iter().copied()) {
                Some(close) => finding.suggest(format!("did you mean `{close}`?")),
                None => {
                    finding.suggest("it can be `NoSchedule`, `PreferNoSchedule` or `NoExecute`")
                }
            });
        } else if !syntax::is_qualified_name(key) {
            check.tell(Finding::error(at, format!("`{key}` is no key of a taint")));
        } else if !syntax::is_label_value(value) {
            check.tell(Finding::error(
                at,
                format!("`{value}` is no value of a taint"),
            ));
        } else if let Some(&first) = seen.get(&(key, effect)) {
            let finding = Finding::error(
                at,
                format!("a node has one taint `{key}` with the effect `{effect}`"),
            );
            check.tell(finding.with(top.index(first), "first here"));
        }
        seen.entry((key, effect)).or_insert(index);
    }
    given.to_vec()
}

/// Names, addresses and network cards belong to one node each.
fn unique(check: &mut Checker, nodes: &[Checked], given: &[NodeFile]) {
    let mut names: BTreeMap<&str, usize> = BTreeMap::new();
    let mut addresses: BTreeMap<Ipv4Addr, usize> = BTreeMap::new();
    let mut macs: BTreeMap<String, usize> = BTreeMap::new();
    for (index, node) in nodes.iter().enumerate() {
        let known = |key: &str| !check.is_tainted(&node.at.key(key));
        let mut findings = Vec::new();
        let mut twice = |key: &str, message: String, first: usize| {
            let first = nodes[first].at.key(key);
            findings.push(Finding::error(node.at.key(key), message).with(first, "first here"));
        };
        if known("name") {
            match names.get(node.name.as_str()) {
                Some(&first) => twice(
                    "name",
                    format!("two nodes are named `{}`", node.name),
                    first,
                ),
                None => drop(names.insert(&node.name, index)),
            }
        }
        if let Some(address) = node.address.map(|address| address.addr()) {
            match addresses.get(&address) {
                Some(&first) => {
                    let message = format!(
                        "`{}` and `{}` have the same address",
                        nodes[first].name, node.name
                    );
                    twice("address", message, first);
                }
                None => drop(addresses.insert(address, index)),
            }
        }
        if let Some(mac) = &given[index].mac {
            let mac = mac.to_lowercase().replace('-', ":");
            match macs.get(&mac) {
                Some(&first) => {
                    let message = format!(
                        "`{}` and `{}` have the same MAC address",
                        nodes[first].name, node.name
                    );
                    twice("mac", message, first);
                }
                None => drop(macs.insert(mac, index)),
            }
        }
        for finding in findings {
            check.tell(finding);
        }
    }
}

/// How many masters there are.
fn masters(check: &mut Checker, nodes: &[Checked]) {
    if nodes
        .iter()
        .any(|node| check.is_tainted(&node.at.key("role")))
        || nodes.is_empty()
    {
        return;
    }
    let masters: Vec<&Checked> = nodes
        .iter()
        .filter(|node| node.role == Role::Master)
        .collect();
    let Some(last) = masters.last() else {
        check.tell(
            Finding::error(Pointer::top().key("nodes"), "no node has the role `master`")
                .at_key()
                .suggest("give one node, or three, `role: master`"),
        );
        return;
    };
    let count = masters.len();
    let at = last.at.key("role");
    if count.is_multiple_of(2) {
        let fewer = count - 1;
        check.tell(
            Finding::warning(
                Warning::EvenMasters,
                at,
                format!("{count} masters are no safer than {fewer}"),
            )
            .suggest(format!(
                "etcd wants an odd number: {fewer} or {}",
                count + 1
            )),
        );
    } else if count > MOST_MASTERS {
        check.tell(
            Finding::warning(
                Warning::ManyMasters,
                at,
                format!("{count} masters make etcd slow"),
            )
            .suggest("three or five are usual, seven the most that etcd advises"),
        );
    }
}

/// Nodes of different networks need a way to each other.
fn neighbours(
    check: &mut Checker,
    nodes: &[Checked],
    given: &[NodeFile],
    network: Option<&Network>,
) {
    let mut networks = nodes.iter().filter_map(|node| Some((node, node.address?)));
    let Some((first, home)) = networks.next() else {
        return;
    };
    for (index, node) in nodes.iter().enumerate() {
        let Some(address) = node
            .address
            .filter(|address| address.trunc() != home.trunc())
        else {
            continue;
        };
        let (at, other) = (node.at.key("address"), first.at.key("address"));
        let label = format!("`{}` is in `{}`", first.name, home.trunc());
        let finding = if addresses::overlap(address.trunc(), home.trunc()) {
            Finding::warning(
                Warning::DifferentNetworks,
                at,
                format!(
                    "`{}` takes its network for `{}`, `{}` for another",
                    node.name,
                    address.trunc(),
                    first.name
                ),
            )
            .suggest(format!(
                "did you mean `{}/{}`?",
                address.addr(),
                home.prefix_len()
            ))
        } else if network.is_some_and(|network| network.cni.needs_one_network()) {
            Finding::error(
                at,
                format!(
                    "`{}` is in another network than `{}`: `host-gw` has no way there",
                    node.name, first.name
                ),
            )
            .suggest("with `backend: vxlan` it has")
        } else if given[index].gateway.is_none() {
            Finding::warning(
                Warning::DifferentNetworks,
                at,
                format!("`{}` is in another network and has no gateway", node.name),
            )
            .suggest("without one it reaches no node outside its own network")
        } else if network.is_some_and(|network| network.cni == Cni::Bridge) {
            Finding::warning(
                Warning::DifferentNetworks,
                at,
                format!(
                    "`{}` is in another network than `{}`",
                    node.name, first.name
                ),
            )
            .suggest("with `cni: bridge`, the routers between must know each node's pod range")
        } else if network.is_some_and(|network| network.cni.needs_bgp_routers()) {
            Finding::warning(
                Warning::DifferentNetworks,
                at,
                format!(
                    "`{}` is in another network than `{}`",
                    node.name, first.name
                ),
            )
            .suggest("with `backend: bgp`, the routers between must speak BGP; `ipip` and `vxlan` need none")
        } else {
            continue;
        };
        check.tell(finding.with(other, label));
    }
}
