//! What a node needs of its base, and what of that is missing.

use std::fmt;

use crate::blueprint::Blueprint;
use crate::tree::{Kind, Layer};

use super::lookup::{find, kernels};

/// How much a missing thing matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// A node does not boot, or is never `Ready`, without it.
    Essential,
    /// Something that many clusters use does not work without it.
    Useful,
}

/// Something that a base does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lack {
    /// How much it matters.
    pub need: Need,
    /// What it is: ``the command `tc` ``.
    pub what: String,
    /// What needs it.
    pub why: &'static str,
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.what, self.why)
    }
}

/// Commands, how much a node needs them, and for what.
const COMMANDS: &[(&str, Need, &str)] = &[
    ("ip", Need::Essential, "routes to other nodes' pods"),
    (
        "iptables",
        Need::Essential,
        "kube-proxy and the CNI plugins",
    ),
    ("mount", Need::Essential, "kubelet mounts volumes with it"),
    (
        "modprobe",
        Need::Essential,
        "loading br_netfilter and overlay",
    ),
    ("touch", Need::Essential, "kubelet and kubeadm run it"),
    (
        "nsenter",
        Need::Useful,
        "kubelet's mounts and port forwarding",
    ),
    (
        "ebtables",
        Need::Useful,
        "the bridge plugin's hairpin and MAC rules",
    ),
    (
        "ethtool",
        Need::Useful,
        "network plugins and kubeadm's checks",
    ),
    ("socat", Need::Useful, "port forwarding of older runtimes"),
    ("tc", Need::Useful, "the bandwidth plugin"),
    (
        "conntrack",
        Need::Useful,
        "kube-proxy removes stale connections with it",
    ),
    ("growpart", Need::Useful, "growing the root partition"),
    ("resize2fs", Need::Useful, "growing the root filesystem"),
];

/// Where commands lie.
const COMMAND_DIRECTORIES: &[&str] = &[
    "/usr/local/sbin",
    "/usr/local/bin",
    "/usr/sbin",
    "/usr/bin",
    "/sbin",
    "/bin",
];

/// Everything that a base lacks; what is essential comes first.
pub(super) fn lacks(blueprint: &Blueprint, layer: &Layer) -> Vec<Lack> {
    let mut lacks = Vec::new();
    let mut lack = |need, what: String, why| lacks.push(Lack { need, what, why });
    let kernels = kernels(layer);
    match kernels.first() {
        None => lack(
            Need::Essential,
            "kernel modules in `/usr/lib/modules`".to_owned(),
            "there is no kernel without them",
        ),
        Some(newest) => {
            for (what, template) in [
                ("the kernel", &blueprint.boot.kernel),
                ("the initrd", &blueprint.boot.initrd),
            ] {
                let path = template.replace("{version}", newest);
                if !is_file(layer, &path) {
                    lack(Need::Essential, format!("{what} `{path}`"), "GRUB loads it");
                }
            }
        }
    }
    if !["/usr/lib/systemd/systemd", "/lib/systemd/systemd"]
        .iter()
        .any(|path| is_file(layer, path))
    {
        lack(
            Need::Essential,
            "systemd".to_owned(),
            "it starts everything else",
        );
    }
    for (name, need, why) in COMMANDS {
        let there = COMMAND_DIRECTORIES
            .iter()
            .any(|directory| is_command(layer, &format!("{directory}/{name}")));
        if !there {
            lack(*need, format!("the command `{name}`"), why);
        }
    }
    lacks.sort_by_key(|lack| lack.need);
    lacks
}

fn is_file(layer: &Layer, path: &str) -> bool {
    matches!(find(layer, path), Some((_, entry)) if matches!(&entry.kind, Kind::File(content) if content.size() > 0))
}

fn is_command(layer: &Layer, path: &str) -> bool {
    is_file(layer, path)
        && matches!(find(layer, path), Some((_, entry)) if entry.meta.mode & 0o111 != 0)
}
