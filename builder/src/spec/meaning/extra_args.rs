//! Flags that the user adds to those of kimage.

use std::collections::BTreeMap;

use super::{Checker, Finding, lifetime};
use crate::facts;
use crate::spec::cluster::{Component, Etcd, Version};
use crate::spec::file::{ClusterFile, Plain};
use crate::spec::pointer::Pointer;

/// A flag and, where there is one, the key to set instead.
type Own = (&'static str, Option<&'static str>);

/// Flags that say who a component is, whom it trusts or which ranges are whose. Certificates, configuration files and
/// other nodes hold the same values, so they come from one place: the key behind the flag, or kimage alone.
const OWN: &[(Component, &[Own])] = &[
    (
        Component::Etcd,
        &[
            ("advertise-client-urls", None),
            ("cert-file", None),
            ("client-cert-auth", None),
            ("data-dir", None),
            ("election-timeout", Some("etcd.electionTimeout")),
            ("heartbeat-interval", Some("etcd.heartbeatInterval")),
            ("initial-advertise-peer-urls", None),
            ("initial-cluster", None),
            ("initial-cluster-state", None),
            ("initial-cluster-token", None),
            ("key-file", None),
            ("listen-client-urls", None),
            ("listen-peer-urls", None),
            ("name", Some("nodes[].name")),
            ("peer-cert-file", None),
            ("peer-client-cert-auth", None),
            ("peer-key-file", None),
            ("peer-trusted-ca-file", None),
            ("trusted-ca-file", None),
        ],
    ),
    (
        Component::KubeApiserver,
        &[
            ("advertise-address", Some("nodes[].address")),
            ("client-ca-file", None),
            ("encryption-provider-config", None),
            ("etcd-cafile", None),
            ("etcd-certfile", None),
            ("etcd-keyfile", None),
            ("etcd-servers", None),
            ("experimental-encryption-provider-config", None),
            ("kubelet-certificate-authority", None),
            ("kubelet-client-certificate", None),
            ("kubelet-client-key", None),
            ("proxy-client-cert-file", None),
            ("proxy-client-key-file", None),
            ("requestheader-client-ca-file", None),
            ("secure-port", Some("controlPlane.port")),
            ("service-account-key-file", None),
            ("service-account-signing-key-file", None),
            ("service-cluster-ip-range", Some("network.services")),
            ("tls-cert-file", None),
            ("tls-private-key-file", None),
        ],
    ),
    (
        Component::KubeControllerManager,
        &[
            ("authentication-kubeconfig", None),
            ("authorization-kubeconfig", None),
            ("client-ca-file", None),
            ("cluster-cidr", Some("network.pods")),
            ("cluster-signing-cert-file", None),
            ("cluster-signing-key-file", None),
            ("kubeconfig", None),
            ("node-cidr-mask-size", Some("network.nodePrefix")),
            ("requestheader-client-ca-file", None),
            ("root-ca-file", None),
            ("service-account-private-key-file", None),
            ("service-cluster-ip-range", Some("network.services")),
        ],
    ),
    (
        Component::KubeScheduler,
        &[
            ("authentication-kubeconfig", None),
            ("authorization-kubeconfig", None),
            ("client-ca-file", None),
            ("config", None),
            ("kubeconfig", None),
            ("requestheader-client-ca-file", None),
        ],
    ),
    (
        Component::Kubelet,
        &[
            ("bootstrap-kubeconfig", None),
            ("cert-dir", None),
            ("cgroup-driver", None),
            ("client-ca-file", None),
            ("cluster-dns", Some("network.dns.address")),
            ("cluster-domain", Some("network.dns.domain")),
            ("config", None),
            ("container-runtime", Some("runtime")),
            ("container-runtime-endpoint", Some("runtime")),
            ("hostname-override", Some("nodes[].name")),
            ("kubeconfig", None),
            ("node-ip", Some("nodes[].address")),
            ("node-labels", Some("nodes[].labels")),
            ("pod-cidr", Some("network.pods")),
            ("register-with-taints", Some("nodes[].taints")),
            ("root-dir", Some("paths.kubelet")),
            ("tls-cert-file", None),
            ("tls-private-key-file", None),
        ],
    ),
    (
        Component::KubeProxy,
        &[
            ("cluster-cidr", Some("network.pods")),
            ("config", None),
            ("hostname-override", Some("nodes[].name")),
            ("kubeconfig", None),
        ],
    ),
];

/// The section `extraArgs`.
pub(super) fn check(
    check: &mut Checker,
    file: &ClusterFile,
    kubernetes: Option<Version>,
    etcd: Option<&Etcd>,
) -> BTreeMap<Component, BTreeMap<String, String>> {
    let given = file.extra_args.clone().unwrap_or_default();
    let sections = [
        (Component::Etcd, "etcd", given.etcd),
        (
            Component::KubeApiserver,
            "kube-apiserver",
            given.kube_apiserver,
        ),
        (
            Component::KubeControllerManager,
            "kube-controller-manager",
            given.kube_controller_manager,
        ),
        (
            Component::KubeScheduler,
            "kube-scheduler",
            given.kube_scheduler,
        ),
        (Component::Kubelet, "kubelet", given.kubelet),
        (Component::KubeProxy, "kube-proxy", given.kube_proxy),
    ];
    let mut all = BTreeMap::new();
    for (component, name, flags) in sections {
        if let Some(flags) = flags {
            let version = match component {
                Component::Etcd => etcd.map(|etcd| etcd.version),
                _ => kubernetes,
            };
            all.insert(component, of(check, component, name, version, flags));
        }
    }
    all
}

fn of(
    check: &mut Checker,
    component: Component,
    name: &str,
    version: Option<Version>,
    given: BTreeMap<String, Plain>,
) -> BTreeMap<String, String> {
    let top = Pointer::top().key("extraArgs").key(name);
    let mut flags = BTreeMap::new();
    for (flag, value) in given {
        let at = top.key(&flag);
        let value = value.to_string();
        let plain = |text: &str| {
            text.starts_with(|first: char| first.is_ascii_alphabetic())
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        if !plain(&flag) {
            let finding = Finding::error(at, format!("`{flag}` is no name of a flag")).at_key();
            let bare = flag.trim_start_matches('-');
            let repaired = bare.split('=').next().unwrap_or_default().replace('_', "-");
            check.tell(if plain(&repaired) {
                finding.suggest(format!("did you mean `{repaired}`?"))
            } else {
                finding
            });
        } else if let Some(key) = own(component, &flag) {
            let finding =
                Finding::error(at, format!("kimage decides `--{flag}` of {name}")).at_key();
            check.tell(match key {
                Some(key) => finding.suggest(format!("set `{key}`")),
                None => finding.suggest(
                    "other files of the image hold the same value: it cannot be set alone",
                ),
            });
        } else if value.contains(['\n', '\r', '\0']) {
            let message = format!("the value of `--{flag}` must be on one line");
            check.tell(Finding::error(at, message));
        } else if let Some(version) = version {
            let status = facts::flag(component, &flag, version);
            let (program, shown) = (format!("{name} {version}"), format!("`--{flag}`"));
            lifetime::tell(check, at, &program, "flag", &shown, status);
        }
        flags.insert(flag, value);
    }
    flags
}

/// The key to set instead of a flag, if kimage decides the flag.
fn own(component: Component, flag: &str) -> Option<Option<&'static str>> {
    let (_, flags) = OWN.iter().find(|(of, _)| *of == component)?;
    flags
        .iter()
        .find(|(name, _)| *name == flag)
        .map(|(_, key)| *key)
}
