//! Holds what kimage writes against the facts, for every minor that it knows. No program is needed for it.

#![allow(clippy::unwrap_used)] // All of this is test code.

use kimage::facts::{self, ConfigurationKind, Minor};
use kimage::spec::{Component, Version};
use serde::Deserialize as _;
use serde_json::Value;

use rendered::unknown_paths;

mod rendered;

const KUBELET: &str = "/etc/kubernetes/kubelet.yaml";
const SCHEDULER: &str = "/etc/kubernetes/scheduler.yaml";

/// A file of a tainted master; `None` where the version has no such file.
fn written(overlay: &str, path: &str, version: Version) -> Option<String> {
    rendered::written("", overlay, path, version)
}

/// The unit of a component on a master.
fn unit(component: Component, minor: &Minor) -> String {
    let overlay = match component {
        Component::Kubelet | Component::KubeProxy => "node",
        _ => "master",
    };
    let path = format!("/etc/systemd/system/{}.service", facts::program(component));
    written(overlay, &path, minor.first).unwrap()
}

/// The flags that a unit starts its program with.
fn flags(unit: &str) -> Vec<&str> {
    unit.lines()
        .filter_map(|line| line.trim_start().strip_prefix("--")?.split_once('='))
        .map(|(flag, _)| flag)
        .collect()
}

/// The first of the name server's objects of a kind.
fn name_server(kind: &str, minor: &Minor) -> Value {
    let objects = written(
        "master",
        "/etc/kubernetes/addons/20-coredns.yaml",
        minor.first,
    );
    serde_yaml_ng::Deserializer::from_str(&objects.unwrap())
        .map(|object| Value::deserialize(object).unwrap())
        .find(|object| object["kind"] == kind)
        .unwrap()
}

#[test]
fn every_program_takes_every_flag_of_its_unit() {
    for minor in facts::minors() {
        for component in Component::ALL {
            let version = match component {
                Component::Etcd => minor.etcd,
                _ => minor.first,
            };
            let unit = unit(component, minor);
            let flags = flags(&unit);
            assert!(!flags.is_empty(), "{unit}");
            for flag in flags {
                let status = facts::flag(component, flag, version);
                let program = facts::program(component);
                assert!(
                    status.is_accepted(),
                    "{program} {version} --{flag}: {status:?}"
                );
            }
        }
    }
}

#[test]
fn every_program_knows_every_field_of_its_configuration() {
    for minor in facts::minors() {
        for (kind, overlay, path) in [
            (ConfigurationKind::Kubelet, "node", KUBELET),
            (
                ConfigurationKind::KubeProxy,
                "node",
                "/etc/kubernetes/kube-proxy.yaml",
            ),
            (ConfigurationKind::KubeScheduler, "master", SCHEDULER),
        ] {
            let text = written(overlay, path, minor.first);
            assert_eq!(
                text.is_some(),
                path != SCHEDULER || minor.scheduler_configuration.is_some()
            );
            if let Some(text) = text {
                let problems = unknown_paths(kind, &text, minor.first);
                assert!(problems.is_empty(), "{problems:?}");
            }
        }
    }
}

#[test]
fn a_kubelet_is_told_once_by_a_flag_or_by_a_field() {
    for minor in facts::minors() {
        let unit = unit(Component::Kubelet, minor);
        let flags = flags(&unit);
        let file = written("node", KUBELET, minor.first).unwrap();
        for (flag, field) in [
            ("container-runtime-endpoint", "containerRuntimeEndpoint"),
            ("register-with-taints", "registerWithTaints"),
            ("rotate-certificates", "rotateCertificates"),
        ] {
            let field = file.contains(&format!("\n{field}:"));
            assert_ne!(flags.contains(&flag), field, "{} --{flag}", minor.name());
        }
    }
}

#[test]
fn a_kubelet_finds_docker_or_what_speaks_to_it() {
    for minor in facts::minors() {
        // The newest of the test's images knows none but control groups of version 2.
        let (runtime, endpoint) = match minor.docker {
            Some(_) => ("name: docker, version: 20.10.24", None),
            None => (
                "name: cri-dockerd, docker: 24.0.7",
                Some("unix:///run/cri-dockerd.sock"),
            ),
        };
        let runtime = format!("runtime: {{{runtime}}}");
        let file = |path: &str| rendered::written(&runtime, "node", path, minor.first);
        let unit = file("/etc/systemd/system/kubelet.service").unwrap();
        let config = file(KUBELET).unwrap();
        for flag in flags(&unit) {
            let status = facts::flag(Component::Kubelet, flag, minor.first);
            assert!(
                status.is_accepted(),
                "{} --{flag}: {status:?}",
                minor.name()
            );
        }
        let given = |text: &str| {
            unit.contains(&format!("--{text} ")) || unit.contains(&format!("--{text}\n"))
        };
        let built_in = endpoint.is_none();
        assert_eq!(given("network-plugin=cni"), built_in, "{unit}");
        assert_eq!(given("cni-bin-dir=/opt/cni/bin"), built_in, "{unit}");
        assert!(!built_in || given(&format!("pod-infra-container-image={}", minor.pause)));
        assert!(!given("container-runtime=remote"), "{unit}");
        let told = |endpoint: &str| {
            given(&format!("container-runtime-endpoint={endpoint}"))
                || config.contains(&format!("containerRuntimeEndpoint: {endpoint}\n"))
        };
        assert_eq!(endpoint.is_some_and(told), !built_in, "{unit}{config}");
        let service = match built_in {
            true => "docker.service",
            false => "cri-docker.service",
        };
        assert!(unit.contains(&format!("After=network-online.target {service} ")));
        assert!(unit.contains(&format!("Requires={service}\n")));
        assert!(file(&format!("/etc/systemd/system/{service}")).is_some());
        assert_eq!(file("/etc/systemd/system/containerd.service"), None);
        assert_eq!(file("/etc/containerd/config.toml"), None);
        let crictl = file("/etc/crictl.yaml").unwrap();
        let socket = endpoint.unwrap_or("unix:///var/run/dockershim.sock");
        assert!(crictl.contains(&format!("runtime-endpoint: {socket}\n")));
    }
}

#[test]
fn a_scheduler_is_told_by_a_file_or_by_flags() {
    for minor in facts::minors() {
        let unit = unit(Component::KubeScheduler, minor);
        let flags = flags(&unit);
        let file = written("master", SCHEDULER, minor.first);
        let name = minor.name();
        assert_eq!(flags.contains(&"config"), file.is_some(), "{name}");
        assert_eq!(flags.contains(&"kubeconfig"), file.is_none(), "{name}");
    }
}

#[test]
fn secrets_are_encrypted_at_every_minor() {
    for minor in facts::minors() {
        let unit = unit(Component::KubeApiserver, minor);
        let told = unit.matches("encryption-provider-config=/etc/kubernetes/encryption.yaml");
        assert_eq!(told.count(), 1, "{}", minor.name());
    }
}

#[test]
fn the_name_server_runs_where_its_minor_has_it_run() {
    for minor in facts::minors() {
        let deployment = name_server("Deployment", minor);
        let pod = &deployment["spec"]["template"]["spec"];
        assert_eq!(pod["nodeSelector"][&minor.os_label], "linux");
        let tolerated: Vec<String> = pod["tolerations"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|toleration| toleration["operator"] != "Exists")
            .map(|toleration| {
                let text = |key: &str| toleration[key].as_str().unwrap().to_owned();
                format!("{}:{}", text("key"), text("effect"))
            })
            .collect();
        assert_eq!(tolerated, minor.control_plane_taints, "{}", minor.name());
        let probe = &pod["containers"][0]["readinessProbe"]["httpGet"]["path"];
        let ready = minor.corefile.iter().any(|word| word == "ready");
        assert_eq!(probe == "/ready", ready, "{}", minor.name());
    }
}

/// The Corefile of a minor that forwards to a name server.
fn corefile(minor: &str) -> String {
    let minor = facts::minor(format!("{minor}.0").parse().unwrap()).unwrap();
    let map = name_server("ConfigMap", minor);
    map["data"]["Corefile"].as_str().unwrap().to_owned()
}

#[test]
fn a_name_server_reads_only_what_it_knows() {
    insta::assert_snapshot!(corefile("1.10"), @"
    .:53 {
        errors
        health {
           lameduck 5s
        }
        kubernetes cluster.local in-addr.arpa ip6.arpa {
           pods insecure
           upstream
           fallthrough in-addr.arpa ip6.arpa
           ttl 30
        }
        prometheus :9153
        forward . /etc/resolv.conf
        cache 30
        loadbalance
    }
    ");
    insta::assert_snapshot!(corefile("1.34"), @"
    .:53 {
        errors
        health {
           lameduck 5s
        }
        ready
        kubernetes cluster.local in-addr.arpa ip6.arpa {
           pods insecure
           fallthrough in-addr.arpa ip6.arpa
           ttl 30
        }
        prometheus :9153
        forward . /etc/resolv.conf {
           max_concurrent 1000
        }
        cache 30
        loop
        reload
        loadbalance
    }
    ");
}
