//! What runs containers, and the tools that go with it.

use super::versions::{newest, read};
use super::{Checker, Finding, docker};
use crate::facts::Minor;
use crate::spec::cluster::{Engine, Runtime, Version};
use crate::spec::file::{ClusterFile, RuntimeFile, RuntimeName};
use crate::spec::pointer::Pointer;

/// The section `runtime`.
pub(super) fn check(
    check: &mut Checker,
    file: &ClusterFile,
    minor: Option<&Minor>,
) -> Option<Runtime> {
    let given = file.runtime.clone().unwrap_or_default();
    let engine = match given.name {
        None | Some(RuntimeName::Containerd) => containerd(check, &given, minor),
        Some(RuntimeName::Docker) => docker::built_in(check, file, &given, minor),
        Some(RuntimeName::CriDockerd) => docker::behind_cri_dockerd(check, file, &given, minor),
    };
    let cni_plugins = version(
        check,
        "cniPlugins",
        given.cni_plugins.as_deref(),
        minor,
        |minor| minor.cni_plugins,
    );
    let crictl = match given.crictl.as_deref() {
        Some("none") => Some(None),
        text => version(check, "crictl", text, minor, |minor| minor.crictl).map(Some),
    };
    Some(Runtime {
        engine: engine?,
        cni_plugins: cni_plugins?,
        crictl: crictl?,
    })
}

fn top() -> Pointer {
    Pointer::top().key("runtime")
}

/// The version behind a key, or the minor's own.
fn version(
    check: &mut Checker,
    key: &str,
    text: Option<&str>,
    minor: Option<&Minor>,
    default: fn(&Minor) -> Version,
) -> Option<Version> {
    optional_version(check, key, text, minor, |minor| Some(default(minor)))
}

/// The version behind a key, or the minor's own, where it has one.
pub(super) fn optional_version(
    check: &mut Checker,
    key: &str,
    text: Option<&str>,
    minor: Option<&Minor>,
    default: impl Fn(&Minor) -> Option<Version>,
) -> Option<Version> {
    let Some(text) = text else {
        return minor.and_then(default);
    };
    let example = minor.and_then(&default).or_else(|| default(newest()));
    let example = example.map(|version| version.to_string());
    read(check, top().key(key), text, &example.unwrap_or_default())
}

fn containerd(check: &mut Checker, given: &RuntimeFile, minor: Option<&Minor>) -> Option<Engine> {
    for (key, is_given) in [
        ("docker", given.docker.is_some()),
        ("daemonConfig", given.daemon_config.is_some()),
    ] {
        if is_given {
            let message = format!("containerd has no `{key}`");
            let finding = Finding::error(top().key(key), message).at_key();
            check.tell(finding.suggest("leave it out, or say `name: docker` or `cri-dockerd`"));
        }
    }
    let at = top().key("version");
    let text = given.version.as_deref();
    let containerd = version(check, "version", text, minor, |minor| minor.containerd);
    let runc = version(check, "runc", given.runc.as_deref(), minor, |minor| {
        minor.runc
    });
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
        check.tell(Finding::error(at.clone(), message).suggest(suggestion));
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
        check.tell(Finding::error(at, message).suggest(suggestion));
    }
    Some(Engine::Containerd {
        version: containerd?,
        runc: runc?,
    })
}
