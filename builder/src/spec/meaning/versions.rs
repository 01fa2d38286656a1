//! Versions of Kubernetes and of what runs beside it; which they can be, and which unless given, the facts say.

use super::{Checker, Finding};
use crate::facts::{self, Minor};
use crate::spec::cluster::{Etcd, Runtime, Version};
use crate::spec::file::{ClusterFile, RuntimeName};
use crate::spec::pointer::Pointer;

/// The version of Kubernetes, and what is known about it.
pub(super) fn kubernetes(
    check: &mut Checker,
    file: &ClusterFile,
) -> Option<(Version, &'static Minor)> {
    let at = Pointer::top().key("kubernetes").key("version");
    let version = read(check, at.clone(), &file.kubernetes.version, "1.34.2")?;
    match facts::minor(version) {
        Ok(minor) => Some((version, minor)),
        Err(error) => {
            check.tell(
                Finding::error(at, format!("Kubernetes {version} is not supported"))
                    .suggest(format!("{} to {} are", error.oldest, error.newest)),
            );
            None
        }
    }
}

/// The runtime and its tools.
pub(super) fn runtime(
    check: &mut Checker,
    file: &ClusterFile,
    minor: Option<&Minor>,
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
    let mut of = |key: &str, text: Option<&str>, default: fn(&Minor) -> Version| match text {
        Some(text) => {
            let example = default(minor.unwrap_or(newest())).to_string();
            read(check, top.key(key), text, &example)
        }
        None => minor.map(default),
    };
    let containerd = of("version", given.version.as_deref(), |minor| {
        minor.containerd
    });
    let runc = of("runc", given.runc.as_deref(), |minor| minor.runc);
    let cni_plugins = of("cniPlugins", given.cni_plugins.as_deref(), |minor| {
        minor.cni_plugins
    });
    let crictl = match given.crictl.as_deref() {
        Some("none") => Some(None),
        text => of("crictl", text, |minor| minor.crictl).map(Some),
    };
    if let (Some(version), Some(minor)) = (containerd, minor)
        && version < minor.containerd_minimum
    {
        let minimum = minor.containerd_minimum;
        let message = format!(
            "containerd {version} is too old for Kubernetes {}",
            minor.name()
        );
        let suggestion = format!(
            "{minimum} is the oldest that works with it; {} is usual",
            minor.containerd
        );
        check.tell(Finding::error(top.key("version"), message).suggest(suggestion));
    }
    if let (Some(version), Some(minor)) = (containerd, minor)
        && let Some(until) = minor.containerd_until
        && version >= until
    {
        let message = format!(
            "containerd {version} is too new for Kubernetes {}",
            minor.name()
        );
        let suggestion = format!(
            "{until} is the first that no longer speaks what the kubelet does; {} is usual",
            minor.containerd
        );
        check.tell(Finding::error(top.key("version"), message).suggest(suggestion));
    }
    Some(Runtime {
        containerd: containerd?,
        runc: runc?,
        cni_plugins: cni_plugins?,
        crictl: crictl?,
    })
}

fn newest() -> &'static Minor {
    facts::minors()
        .last()
        .expect("there are facts about a minor: a test of theirs counts them")
}

/// The etcd of the control plane.
pub(super) fn etcd(check: &mut Checker, file: &ClusterFile, minor: Option<&Minor>) -> Option<Etcd> {
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
        None => minor.map(|minor| minor.etcd),
    };
    if let (Some(version), Some(minor)) = (version, minor)
        && (version.major != 3 || version < minor.etcd_minimum)
    {
        let name = minor.name();
        let message = format!("etcd {version} is not supported with Kubernetes {name}");
        let suggestion = format!(
            "3.x from {} on is; {} is usual",
            minor.etcd_minimum, minor.etcd
        );
        check.tell(Finding::error(top.key("version"), message).suggest(suggestion));
        return None;
    }
    Some(Etcd {
        version: version?,
        heartbeat_interval,
        election_timeout,
    })
}

/// A version that is written in the file.
pub(super) fn read(check: &mut Checker, at: Pointer, text: &str, example: &str) -> Option<Version> {
    match text.parse() {
        Ok(version) => Some(version),
        Err(_) => {
            let finding = Finding::error(at, format!("`{text}` is no version of three numbers"));
            check.tell(finding.suggest(format!("write it as `{example}`")));
            None
        }
    }
}
