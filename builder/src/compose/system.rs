//! What the operating system must have and must not do: directories, and units that are out of place in an image.

use std::collections::BTreeSet;

use super::{ComposeError, Materials};
use crate::plan::{ACCOUNTS, NodePlan};
use crate::spec::{Engine, Join, LoadBalancer, Role};
use crate::tree::{Kind, Layer, Meta, Origin, Overwrite, PathError, Sharing};

/// Units that never run on a node, whatever the distribution: questions at first boot, and swap. The blueprint has more.
const MASKED: &[&str] = &["systemd-firstboot.service", "swap.target"];

/// What a package of a load balancer starts by itself, with its own example configuration.
fn balancer(kind: LoadBalancer) -> &'static [&'static str] {
    match kind {
        LoadBalancer::None | LoadBalancer::External => &[],
        LoadBalancer::Nginx { .. } => &["nginx.service"],
        LoadBalancer::HaproxyKeepalived { .. } => &["haproxy.service", "keepalived.service"],
    }
}

/// What starts where nobody may log in.
const LOGIN: &[&str] = &["ssh.service", "ssh.socket", "sshd.service", "sshd.socket"];

/// Directories by path and mode, beside those that the cluster file can move. Logs and state of Kubernetes are nobody
/// else's business.
const DIRECTORIES: &[(&str, u16)] = &[
    ("/etc/kubernetes", 0o755),
    ("/var/lib/kimage", 0o755),
    ("/var/log/journal", 0o755),
];

/// Directories of the container runtime.
fn runtime(engine: &Engine) -> &'static [(&'static str, u16)] {
    match engine {
        Engine::Containerd { .. } => &[("/etc/containerd/certs.d", 0o755)],
        Engine::Docker(_) | Engine::CriDockerd { .. } => &[],
    }
}

/// Directories of masters, with the account they belong to; to root with kubeadm, whose pods run as that.
const MASTER_DIRECTORIES: &[(&str, u16, Option<&str>)] = &[
    ("/var/log/kubernetes", 0o700, None),
    ("/var/lib/etcd", 0o700, Some("etcd")),
];

/// Where the distribution has its units.
pub const DISTRIBUTION_UNITS: &str = "/usr/lib/systemd/system";

/// What starts a unit of the distribution. Only its name matters to systemd, so this need not be its own choice.
fn target(unit: &str) -> &'static str {
    match unit {
        "systemd-timesyncd.service" => "sysinit.target",
        _ if unit.ends_with("-wait-online.service") => "network-online.target",
        _ if unit.ends_with(".timer") => "timers.target",
        _ => "multi-user.target",
    }
}

/// The stage.
pub(super) fn layer(node: &NodePlan, materials: &Materials<'_>) -> Result<Layer, ComposeError> {
    let mut layer = Layer::new(Origin::new("stage system"));
    let mut add = |path: &str, kind: Kind, meta: Meta| -> Result<(), PathError> {
        layer.add(path.parse()?, kind, meta, Sharing::Role, Overwrite::Replace);
        Ok(())
    };
    // Nobody logs in, unless somebody's key is declared.
    let login = match materials.cluster.host.ssh_keys.is_empty() {
        true => LOGIN,
        false => &[],
    };
    let own = node.units.mask.iter().map(String::as_str);
    let others = balancer(materials.cluster.control_plane.load_balancer);
    let masked: BTreeSet<&str> = own
        .chain(MASKED.iter().chain(login).chain(others).copied())
        .collect();
    for unit in &masked {
        add(
            &format!("/etc/systemd/system/{unit}"),
            Kind::Symlink("/dev/null".into()),
            Meta::root(0o777),
        )?;
    }
    let enabled = node.units.enable.iter().map(String::as_str);
    for unit in enabled.filter(|unit| !masked.contains(unit)) {
        add(
            &format!("/etc/systemd/system/{}.wants/{unit}", target(unit)),
            Kind::Symlink(format!("{DISTRIBUTION_UNITS}/{unit}")),
            Meta::root(0o777),
        )?;
    }
    let of_runtime = runtime(&materials.cluster.runtime.engine);
    for (path, mode) in DIRECTORIES.iter().chain(of_runtime) {
        add(path, Kind::Directory, Meta::root(*mode))?;
    }
    let paths = &node.values.cluster.paths;
    add(&paths.pki, Kind::Directory, Meta::root(0o755))?;
    for path in [&paths.kubelet, &format!("{}/pki", paths.kubelet)] {
        add(path, Kind::Directory, Meta::root(0o700))?;
    }
    let kubeadm = materials.cluster.join == Join::Kubeadm;
    if kubeadm {
        let manifests = "/etc/kubernetes/manifests";
        add(manifests, Kind::Directory, Meta::root(0o755))?;
    }
    if node.role == Role::Master {
        let etcd = format!("{}/etcd", paths.pki);
        add(&etcd, Kind::Directory, Meta::root(0o755))?;
        for (path, mode, account) in MASTER_DIRECTORIES {
            let id = ACCOUNTS
                .iter()
                .find(|known| Some(known.name) == *account && !kubeadm)
                .map_or(0, |known| known.id);
            add(
                path,
                Kind::Directory,
                Meta {
                    uid: id,
                    gid: id,
                    ..Meta::root(*mode)
                },
            )?;
        }
    }
    Ok(layer)
}
