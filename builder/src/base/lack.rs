//! What a node needs of its base, and what of that is missing.

use std::collections::BTreeSet;
use std::fmt;
use std::io;

use super::initrd::{self, InitrdError};
use super::lookup::{find, kernels, read};
use crate::blueprint::Blueprint;
use crate::tree::{Kind, Layer};

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

/// Drivers that an initrd needs to find the root filesystem, built into the kernel or as modules.
const INITRD_DRIVERS: &[(&str, Need, &str)] = &[
    ("ext4", Need::Essential, "the root filesystem"),
    (
        "virtio_pci",
        Need::Essential,
        "QEMU's and most clouds' devices",
    ),
    (
        "virtio_blk",
        Need::Essential,
        "QEMU's and most clouds' disks",
    ),
    ("sd_mod", Need::Essential, "SCSI, SAS and SATA disks"),
    ("virtio_scsi", Need::Useful, "disks of QEMU and some clouds"),
    ("nvme", Need::Useful, "NVMe disks"),
    ("ahci", Need::Useful, "SATA disks"),
    ("vmw_pvscsi", Need::Useful, "VMware's disks"),
    ("hv_storvsc", Need::Useful, "Hyper-V's and Azure's disks"),
    ("xen_blkfront", Need::Useful, "Xen's disks"),
];

/// Drivers that the base needs somewhere.
const DRIVERS: &[(&str, Need, &str)] = &[
    (
        "virtio_net",
        Need::Essential,
        "QEMU's and most clouds' network",
    ),
    ("overlay", Need::Essential, "containers' root filesystems"),
    (
        "br_netfilter",
        Need::Essential,
        "traffic between pods and services",
    ),
    ("bridge", Need::Essential, "the network of pods"),
    ("veth", Need::Essential, "the network of pods"),
    ("nf_conntrack", Need::Essential, "services"),
    ("vmxnet3", Need::Useful, "VMware's network"),
    ("hv_netvsc", Need::Useful, "Hyper-V's and Azure's network"),
    ("xen_netfront", Need::Useful, "Xen's network"),
    ("e1000e", Need::Useful, "network cards of many machines"),
    ("igb", Need::Useful, "network cards of many machines"),
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
pub(super) fn lacks(blueprint: &Blueprint, layer: &Layer) -> io::Result<Vec<Lack>> {
    let mut lacks = Vec::new();
    let mut lack = |need, what: String, why| lacks.push(Lack { need, what, why });
    match kernels(layer).first() {
        None => lack(
            Need::Essential,
            "kernel modules in `/usr/lib/modules`".to_owned(),
            "there is no kernel without them",
        ),
        Some(newest) => {
            let kernel = blueprint.boot.kernel.replace("{version}", newest);
            if !is_file(layer, &kernel) {
                lack(
                    Need::Essential,
                    format!("the kernel `{kernel}`"),
                    "GRUB loads it",
                );
            }
            let installed = installed_modules(layer, newest)?;
            for (name, need, why) in DRIVERS {
                if !installed.contains(*name) {
                    lack(*need, format!("the driver `{name}`"), why);
                }
            }
            let path = blueprint.boot.initrd.replace("{version}", newest);
            lack_of_initrd(layer, &path, newest, &mut lack)?;
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
    for user in users_with_password(layer)? {
        lack(
            Need::Useful,
            format!("a locked password of `{user}`"),
            "who knows the base's logs in on every node; only declared keys should open one",
        );
    }
    lacks.sort_by_key(|lack| lack.need);
    Ok(lacks)
}

/// What an initrd lacks, judged by its own bytes.
fn lack_of_initrd(
    layer: &Layer,
    path: &str,
    kernel: &str,
    lack: &mut impl FnMut(Need, String, &'static str),
) -> io::Result<()> {
    let Some(bytes) = read(layer, path)?.filter(|bytes| !bytes.is_empty()) else {
        lack(
            Need::Essential,
            format!("the initrd `{path}`"),
            "GRUB loads it",
        );
        return Ok(());
    };
    let mut there = match initrd::modules(&bytes) {
        Ok(modules) => modules,
        Err(InitrdError::Damaged) => {
            lack(
                Need::Essential,
                format!("an initrd that can be unpacked: `{path}`"),
                "the kernel cannot either",
            );
            return Ok(());
        }
        Err(InitrdError::Compression(name)) => {
            let what = format!(
                "an initrd whose drivers can be checked: `{path}` is compressed with {name}"
            );
            lack(Need::Useful, what, "make it with gzip or zstd");
            return Ok(());
        }
    };
    there.extend(builtin_modules(layer, kernel)?);
    for (name, need, why) in INITRD_DRIVERS {
        if !there.contains(*name) {
            lack(*need, format!("the driver `{name}` in its initrd"), why);
        }
    }
    Ok(())
}

/// Users that can log in with a password, or without one.
fn users_with_password(layer: &Layer) -> io::Result<Vec<String>> {
    let shadow = read(layer, "/etc/shadow")?.unwrap_or_default();
    Ok(String::from_utf8_lossy(&shadow)
        .lines()
        .filter_map(|line| line.split_once(':'))
        .filter(|(_, rest)| !rest.starts_with(['!', '*', 'x']))
        .map(|(user, _)| user.to_owned())
        .collect())
}

/// The modules that a kernel has, as files or built in.
fn installed_modules(layer: &Layer, kernel: &str) -> io::Result<BTreeSet<String>> {
    let roots = [
        format!("/usr/lib/modules/{kernel}/"),
        format!("/lib/modules/{kernel}/"),
    ];
    let mut modules = builtin_modules(layer, kernel)?;
    modules.extend(
        layer
            .entries()
            .map(|(path, _)| path.as_str())
            .filter(|path| roots.iter().any(|root| path.starts_with(root)))
            .filter_map(initrd::module_name),
    );
    Ok(modules)
}

/// The modules that are built into a kernel.
fn builtin_modules(layer: &Layer, kernel: &str) -> io::Result<BTreeSet<String>> {
    let list = read(layer, &format!("/lib/modules/{kernel}/modules.builtin"))?;
    let list = list.unwrap_or_default();
    let list = String::from_utf8_lossy(&list);
    Ok(list.lines().filter_map(initrd::module_name).collect())
}

fn is_file(layer: &Layer, path: &str) -> bool {
    matches!(find(layer, path), Some((_, entry)) if matches!(&entry.kind, Kind::File(content) if content.size() > 0))
}

fn is_command(layer: &Layer, path: &str) -> bool {
    is_file(layer, path)
        && matches!(find(layer, path), Some((_, entry)) if entry.meta.mode & 0o111 != 0)
}
