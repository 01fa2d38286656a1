//! Versions of Kubernetes and of what runs beside it.

use super::{Checker, Finding};
use crate::spec::cluster::{Etcd, Runtime, Version};
use crate::spec::file::{ClusterFile, RuntimeName};
use crate::spec::pointer::Pointer;

/// The minors of Kubernetes that can be made.
const OLDEST: u32 = 28;
const NEWEST: u32 = 36;

/// etcd by Kubernetes minor: what kubeadm's newest patch release of that minor takes.
const ETCD: &[(u32, Version)] = &[
    (28, version(3, 5, 15)),
    (29, version(3, 5, 16)),
    (30, version(3, 5, 15)),
    (31, version(3, 5, 24)),
    (32, version(3, 5, 24)),
    (33, version(3, 5, 24)),
    (34, version(3, 6, 5)),
    (35, version(3, 6, 6)),
    (36, version(3, 6, 8)),
];

const CONTAINERD: Version = version(2, 1, 4);
const RUNC: Version = version(1, 3, 0);
const CNI_PLUGINS: Version = version(1, 7, 1);

const fn version(major: u32, minor: u32, patch: u32) -> Version {
    Version {
        major,
        minor,
        patch,
    }
}

/// Whether kimage can make a minor of Kubernetes 1.
fn supported(minor: u32) -> bool {
    (OLDEST..=NEWEST).contains(&minor)
}

/// The version of Kubernetes.
pub(super) fn kubernetes(check: &mut Checker, file: &ClusterFile) -> Option<Version> {
    let at = Pointer::top().key("kubernetes").key("version");
    let version = read(check, at.clone(), &file.kubernetes.version, "1.34.2")?;
    if version.major == 1 && supported(version.minor) {
        return Some(version);
    }
    check.tell(
        Finding::error(at, format!("Kubernetes {version} is not supported"))
            .suggest(format!("1.{OLDEST} to 1.{NEWEST} are")),
    );
    None
}

/// The runtime and its tools.
pub(super) fn runtime(
    check: &mut Checker,
    file: &ClusterFile,
    kubernetes: Option<Version>,
) -> Option<Runtime> {
    let top = Pointer::top().key("runtime");
    let given = file.runtime.clone().unwrap_or_default();
    if let Some(name @ (RuntimeName::Docker | RuntimeName::CriDockerd)) = given.name {
        let name = match name {
            RuntimeName::Docker => "docker",
            _ => "cri-dockerd",
        };
        let message = format!("`{name}` is not supported yet");
        check.tell(Finding::error(top.key("name"), message).suggest("`containerd` is"));
        return None;
    }
    let mut of = |key: &str, text: &Option<String>, default: Version| match text {
        Some(text) => read(check, top.key(key), text, &default.to_string()),
        None => Some(default),
    };
    let containerd = of("version", &given.version, CONTAINERD);
    let runc = of("runc", &given.runc, RUNC);
    let cni_plugins = of("cniPlugins", &given.cni_plugins, CNI_PLUGINS);
    let crictl = match given.crictl.as_deref() {
        None => Some(kubernetes.map(|version| self::version(1, version.minor, 0))),
        Some("none") => Some(None),
        Some(text) => read(check, top.key("crictl"), text, "1.34.0").map(Some),
    };
    if let Some(version) = containerd {
        let at = top.key("version");
        if version < self::version(1, 6, 0) {
            check.tell(
                Finding::error(
                    at,
                    format!("containerd {version} does not speak CRI v1, which the kubelet needs"),
                )
                .suggest("take 1.6 or later"),
            );
        } else if version.major < 2 && kubernetes.is_some_and(|kubernetes| kubernetes.minor >= 36) {
            check.tell(
                Finding::error(
                    at,
                    format!("containerd {version} is too old for this Kubernetes"),
                )
                .suggest("1.35 was the last that works with containerd 1: take 2.0 or later"),
            );
        }
    }
    Some(Runtime {
        containerd: containerd?,
        runc: runc?,
        cni_plugins: cni_plugins?,
        crictl: crictl?,
    })
}

/// The etcd of the control plane.
pub(super) fn etcd(
    check: &mut Checker,
    file: &ClusterFile,
    kubernetes: Option<Version>,
) -> Option<Etcd> {
    let top = Pointer::top().key("etcd");
    let given = file.etcd.clone().unwrap_or_default();
    let heartbeat_interval = given.heartbeat_interval.unwrap_or(100);
    let election_timeout = given
        .election_timeout
        .unwrap_or(heartbeat_interval.saturating_mul(10).min(50_000));
    if election_timeout < heartbeat_interval.saturating_mul(5) {
        let (at, other) = match given.election_timeout {
            Some(_) => (top.key("electionTimeout"), top.key("heartbeatInterval")),
            None => (top.key("heartbeatInterval"), top.key("electionTimeout")),
        };
        let label = format!("every {heartbeat_interval} ms");
        check.tell(
            Finding::error(
                at,
                "etcd's election timeout must be at least five heartbeats",
            )
            .suggest(format!("{} ms are", heartbeat_interval.saturating_mul(10)))
            .with(other, label),
        );
    }
    let version = match &given.version {
        Some(text) => read(check, top.key("version"), text, "3.6.5"),
        None => {
            let of = |version: Version| ETCD.iter().find(|(minor, _)| *minor == version.minor);
            kubernetes.and_then(of).map(|(_, etcd)| *etcd)
        }
    };
    if let Some(version) = version.filter(|version| version.major != 3 || version.minor < 5) {
        let message = format!("etcd {version} is not supported");
        check.tell(Finding::error(top.key("version"), message).suggest("3.5 and 3.6 are"));
        return None;
    }
    Some(Etcd {
        version: version?,
        heartbeat_interval,
        election_timeout,
    })
}

fn read(check: &mut Checker, at: Pointer, text: &str, example: &str) -> Option<Version> {
    match text.parse() {
        Ok(version) => Some(version),
        Err(_) => {
            let finding = Finding::error(at, format!("`{text}` is no version of three numbers"));
            check.tell(finding.suggest(format!("write it as `{example}`")));
            None
        }
    }
}
