//! What the operating system must have and must not do: directories, and units that are out of place in an image.

use super::{ComposeError, Materials};
use crate::plan::{ACCOUNTS, NodePlan};
use crate::spec::Role;
use crate::tree::{Kind, Layer, Meta, Origin, Overwrite, PathError, Sharing};

/// Units that never run: questions at first boot, swap, and package timers that would change a node behind one's back.
const MASKED: &[&str] = &[
    "systemd-firstboot.service",
    "swap.target",
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "dnf-makecache.timer",
    "systemd-networkd-wait-online@.service",
];

/// Units of the distribution that run.
const ENABLED: &[(&str, &str)] = &[
    ("multi-user.target", "systemd-networkd.service"),
    (
        "network-online.target",
        "systemd-networkd-wait-online.service",
    ),
    ("sysinit.target", "systemd-timesyncd.service"),
];

/// Directories by path and mode. Logs and state of Kubernetes are nobody else's business.
const DIRECTORIES: &[(&str, u16)] = &[
    ("/etc/kubernetes", 0o755),
    ("/etc/kubernetes/pki", 0o755),
    ("/var/lib/kimage", 0o755),
    ("/var/lib/kubelet", 0o700),
    ("/var/lib/kubelet/pki", 0o700),
    ("/var/log/journal", 0o755),
    ("/etc/containerd/certs.d", 0o755),
];

/// Directories of masters, with the account they belong to.
const MASTER_DIRECTORIES: &[(&str, u16, Option<&str>)] = &[
    ("/etc/kubernetes/pki/etcd", 0o755, None),
    ("/var/log/kubernetes", 0o700, None),
    ("/var/lib/etcd", 0o700, Some("etcd")),
];

/// The stage.
pub(super) fn layer(node: &NodePlan, materials: &Materials<'_>) -> Result<Layer, ComposeError> {
    let mut layer = Layer::new(Origin::new("stage system"));
    let mut add = |path: &str, kind: Kind, meta: Meta| -> Result<(), PathError> {
        layer.add(path.parse()?, kind, meta, Sharing::Role, Overwrite::Replace);
        Ok(())
    };
    for unit in MASKED {
        add(
            &format!("/etc/systemd/system/{unit}"),
            Kind::Symlink("/dev/null".into()),
            Meta::root(0o777),
        )?;
    }
    for (target, unit) in ENABLED {
        let link = format!("/etc/systemd/system/{target}.wants/{unit}");
        add(
            &link,
            Kind::Symlink(format!("/usr/lib/systemd/system/{unit}")),
            Meta::root(0o777),
        )?;
    }
    // Nobody logs in, unless somebody's key is declared.
    if materials.cluster.host.ssh_keys.is_empty() {
        for unit in ["ssh.service", "ssh.socket", "sshd.service"] {
            add(
                &format!("/etc/systemd/system/{unit}"),
                Kind::Symlink("/dev/null".into()),
                Meta::root(0o777),
            )?;
        }
    }
    for (path, mode) in DIRECTORIES {
        add(path, Kind::Directory, Meta::root(*mode))?;
    }
    if node.role == Role::Master {
        for (path, mode, account) in MASTER_DIRECTORIES {
            let id = ACCOUNTS
                .iter()
                .find(|known| Some(known.name) == *account)
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
