//! The flags that kimage starts every program of a cluster with.
//!
//! `components.yaml` lists them once for all versions; [`arguments`] leaves those that one version has. Values are
//! templates: rendering them is not done here, nor is adding what users want beside or instead of them.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

use super::flags::{FlagStatus, flag, program};
use super::range::Range;
use crate::spec::{Component, Version};

/// A flag of a program and the template of its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Argument {
    /// The flag without the leading dashes.
    pub flag: &'static str,
    /// Its value, a Tera template over the node's vocabulary.
    pub value_template: &'static str,
}

/// The flags that kimage gives a program of a version, in order. `version` is Kubernetes', for etcd etcd's own.
///
/// Every one of them is accepted by that version, and none is deprecated there without a reason. One whose value
/// renders to nothing is left out.
pub fn arguments(component: Component, version: Version) -> Vec<Argument> {
    among(lines(component).iter(), component, version)
}

/// Those of them that kubeadm is told to give the program: it knows all others itself.
pub fn kubeadm_arguments(component: Component, version: Version) -> Vec<Argument> {
    let told = lines(component).iter().filter(|line| line.kubeadm);
    among(told, component, version)
}

fn among(
    lines: impl Iterator<Item = &'static Line>,
    component: Component,
    version: Version,
) -> Vec<Argument> {
    lines
        .filter(|line| line.range.is_none_or(|range| range.contains(version)))
        .filter(|line| match flag(component, &line.flag, version) {
            FlagStatus::Known => true,
            FlagStatus::Deprecated { .. } => line.although_deprecated.is_some(),
            _ => false,
        })
        .map(|line| Argument {
            flag: &line.flag,
            value_template: &line.value,
        })
        .collect()
}

/// A line of `components.yaml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    flag: String,
    value: String,
    #[serde(rename = "in")]
    range: Option<Range>,
    although_deprecated: Option<String>,
    #[serde(default)]
    kubeadm: bool,
}

/// All lines of a component.
fn lines(component: Component) -> &'static [Line] {
    static LINES: OnceLock<BTreeMap<String, Vec<Line>>> = OnceLock::new();
    LINES
        .get_or_init(|| {
            read(include_str!("components.yaml"))
                .expect("`no_line_is_lost_to_a_misspelling` reads the same text")
        })
        .get(program(component))
        .map_or(&[], Vec::as_slice)
}

fn read(text: &str) -> Result<BTreeMap<String, Vec<Line>>, serde_yaml_ng::Error> {
    serde_yaml_ng::from_str(text)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::facts::minors;

    /// Every known minor's version of a component, and newer etcds.
    fn versions(component: Component) -> Vec<Version> {
        let mut versions: Vec<Version> = match component {
            Component::Etcd => minors().iter().map(|minor| minor.etcd).collect(),
            _ => minors().iter().map(|minor| minor.first).collect(),
        };
        if component == Component::Etcd {
            versions.extend(["3.5.21", "3.7.1"].map(|version| version.parse::<Version>().unwrap()));
        }
        versions
    }

    #[test]
    fn every_flag_is_accepted_by_every_version_that_it_is_given_to() {
        for component in Component::ALL {
            for version in versions(component) {
                for argument in arguments(component, version) {
                    let status = flag(component, argument.flag, version);
                    assert!(
                        status.is_accepted(),
                        "{} {version} --{}: {status:?}",
                        program(component),
                        argument.flag
                    );
                }
            }
        }
    }

    #[test]
    fn no_line_is_lost_to_a_misspelling() {
        for component in Component::ALL {
            assert!(!lines(component).is_empty());
            for line in lines(component) {
                let ever = versions(component).into_iter().any(|version| {
                    arguments(component, version)
                        .iter()
                        .any(|argument| argument.flag == line.flag)
                });
                let past = line
                    .range
                    .and_then(|range| range.until)
                    .is_some_and(|until| {
                        versions(component).iter().all(|version| *version >= until)
                    });
                assert!(ever || past, "{} --{}", program(component), line.flag);
            }
        }
    }

    #[test]
    fn no_flag_is_given_twice() {
        for component in Component::ALL {
            for version in versions(component) {
                let arguments = arguments(component, version);
                let names: BTreeSet<_> = arguments.iter().map(|argument| argument.flag).collect();
                assert_eq!(
                    names.len(),
                    arguments.len(),
                    "{} {version}",
                    program(component)
                );
            }
        }
    }

    #[test]
    fn every_value_renders_with_the_vocabulary_and_nothing_else() {
        let vocabulary = |(tokens, runtime): (&str, &str)| {
            let mut vocabulary = tera::Context::new();
            vocabulary.insert(
                "node",
                &serde_json::json!({"name": "k8s-master-1", "address": "192.0.2.11", "pods": "10.244.0.0/24",
                    "taints": [{"key": "a.example/b", "value": "", "effect": "NoSchedule"}, {"key": "c", "value": "d", "effect": "NoExecute"}]}),
            );
            vocabulary.insert(
                "cluster",
                &serde_json::json!({
                    "name": "lab", "pods": "10.244.0.0/16", "services": "10.96.0.0/16", "domain": "cluster.local",
                    "dns_address": "10.96.0.10", "master_count": 1, "allocate_node_cidrs": true, "node_prefix": 24,
                    "flannel": {"backend": "vxlan"}, "calico": null,
                    "images": {"pause": "registry.k8s.io/pause:3.9"},
                    "runtime": {"name": runtime, "endpoint": "unix:///run/containerd/containerd.sock"},
                    "paths": {"binaries": "/opt/k8s/bin", "pki": "/etc/kubernetes/cert", "kubelet": "/data/kubelet", "root_dir": "/data/kubelet"},
                    "api": {"endpoint": "192.0.2.11", "port": 6443, "url": "https://192.0.2.11:6443"},
                    "feature_gates": [{"name": "A", "enabled": true}, {"name": "B", "enabled": false}],
                    "secure_port": 6443,
                    "front_proxy_client": "front-proxy-client",
                    "join": "bootstrap", "tokens": tokens,
                    "serving_certificates": "approved", "serving_gate": "Gate=true",
                    "etcd": {
                        "initial_cluster": "k8s-master-1=https://192.0.2.11:2380",
                        "token": "lab", "heartbeat_interval": 100, "election_timeout": 1000
                    }
                }),
            );
            vocabulary
        };
        // One of them, where a flag is for one way to do a thing only.
        let vocabularies = [("secret", "containerd"), ("file", "docker")].map(vocabulary);
        for component in Component::ALL {
            for version in versions(component) {
                for Argument {
                    flag,
                    value_template,
                } in arguments(component, version)
                {
                    let render = |vocabulary: &tera::Context| {
                        tera::Tera::default()
                            .render_str(value_template, vocabulary, false)
                            .unwrap_or_else(|error| panic!("--{flag}: {error:?}"))
                    };
                    let value = vocabularies
                        .iter()
                        .map(render)
                        .find(|value| !value.is_empty())
                        .unwrap_or_default();
                    assert!(
                        !value.is_empty() && !value.contains(['{', '}', ' ', '"', '%', '$']),
                        "--{flag}={value}"
                    );
                }
            }
        }
    }

    #[test]
    fn no_program_answers_anybody_without_tls() {
        let flags = |component, version: &str| -> Vec<(&str, &str)> {
            arguments(component, version.parse().unwrap())
                .iter()
                .map(|argument| (argument.flag, argument.value_template))
                .filter(|(flag, _)| ["insecure-port", "port", "address"].contains(flag))
                .collect()
        };
        let (manager, scheduler) = (Component::KubeControllerManager, Component::KubeScheduler);
        for version in ["1.10.13", "1.11.10"] {
            assert_eq!(flags(manager, version), [("address", "127.0.0.1")]);
        }
        for version in ["1.10.13", "1.12.10"] {
            assert_eq!(flags(scheduler, version), [("address", "127.0.0.1")]);
        }
        for version in ["1.13.12", "1.19.16", "1.21.14"] {
            assert_eq!(flags(manager, version), [("port", "0")]);
            assert_eq!(flags(scheduler, version), [("port", "0")]);
        }
        assert_eq!(flags(scheduler, "1.22.17"), [("port", "0")]);
        for version in ["1.10.13", "1.19.16"] {
            assert_eq!(
                flags(Component::KubeApiserver, version),
                [("insecure-port", "0")]
            );
        }
        for version in ["1.23.17", "1.36.0"] {
            assert!(flags(manager, version).is_empty() && flags(scheduler, version).is_empty());
            assert!(flags(Component::KubeApiserver, version).is_empty());
        }
    }

    #[test]
    fn the_two_spellings_of_etcds_options_follow_its_version() {
        let flags = |version: &str| -> Vec<&str> {
            arguments(Component::Etcd, version.parse().unwrap())
                .iter()
                .map(|argument| argument.flag)
                .filter(|flag| {
                    flag.contains("corrupt") || flag.contains("watch") || flag.contains("gates")
                })
                .collect()
        };
        assert_eq!(
            flags("3.5.21"),
            [
                "experimental-initial-corrupt-check",
                "experimental-watch-progress-notify-interval"
            ]
        );
        assert_eq!(
            flags("3.6.5"),
            ["feature-gates", "watch-progress-notify-interval"]
        );
    }
}
