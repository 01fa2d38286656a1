//! What is written for every minor, held against the facts.

use kimage::facts::{self, ConfigurationKind, FlagStatus};
use kimage::spec::Component;

use crate::site::images;

const KUBELET: &str = "/etc/kubernetes/kubelet.yaml";
const TOKENS: &str = "/etc/kubernetes/addons/05-bootstrap-tokens.yaml";
const TOKEN_FILE: &str = "/etc/kubernetes/tokens.csv";
const CONFIG: &str = "/etc/kubernetes/bootstrap.kubeconfig";

#[test]
fn every_program_takes_every_flag_that_tokens_need() {
    for minor in facts::minors() {
        for bootstrap in ["{tokens: secret}", "{tokens: file}"] {
            let [master, _] = images(minor.first, bootstrap);
            for component in Component::ALL {
                let version = match component {
                    Component::Etcd => minor.etcd,
                    _ => minor.first,
                };
                for line in master.flags(facts::program(component)) {
                    let flag = line.trim_start_matches("--").split('=').next().unwrap();
                    let status = facts::flag(component, flag, version);
                    assert!(status.is_accepted(), "{version} --{flag}: {status:?}");
                }
            }
        }
    }
}

#[test]
fn a_kubelet_asks_for_its_certificate_as_a_server_at_every_minor() {
    for minor in facts::minors() {
        let [_, worker] = images(minor.first, "{servingCertificates: approved}");
        let name = minor.name();
        let flags = worker.flags("kubelet");
        let file = worker.text(KUBELET);
        let field = file.contains("\nserverTLSBootstrap: true\n");
        let known = facts::field(
            ConfigurationKind::Kubelet,
            "serverTLSBootstrap",
            minor.first,
        );
        assert_eq!(field, known == FlagStatus::Known, "{name}");
        let gate = flags
            .iter()
            .any(|flag| flag == "--feature-gates=RotateKubeletServerCertificate=true");
        assert_eq!(gate, minor.first.minor < 12, "{name}");
        assert!(!file.contains("tlsCertFile"), "{name}");
        assert!(!worker.has("/etc/kubernetes/pki/kubelet.key"), "{name}");

        let [_, worker] = images(minor.first, "{servingCertificates: issued}");
        let file = worker.text(KUBELET);
        assert!(file.contains("\ntlsCertFile: /etc/kubernetes/pki/kubelet.crt\n"));
        assert!(!file.contains("serverTLSBootstrap"), "{name}");
        assert!(worker.has("/etc/kubernetes/pki/kubelet.key"), "{name}");
    }
}

#[test]
fn an_approver_wants_the_signer_that_its_minor_has() {
    for minor in facts::minors() {
        let [master, worker] = images(minor.first, "{servingCertificates: approved}");
        let unit = master.text("/etc/systemd/system/kimage-approve.service");
        let start = unit.lines().find(|line| line.starts_with("ExecStart="));
        let wanted = match minor.first.minor < 18 {
            true => "ExecStart=/usr/local/lib/kimage/approve",
            false => "ExecStart=/usr/local/lib/kimage/approve kubernetes.io/kubelet-serving",
        };
        assert_eq!(start, Some(wanted), "{}", minor.name());
        assert!(!worker.has("/etc/kubernetes/approver.conf"));
        assert!(!worker.has("/etc/systemd/system/kimage-approve.service"));
    }
    let [master, _] = images("1.34.2".parse().unwrap(), "{servingCertificates: issued}");
    for path in [
        "/etc/systemd/system/kimage-approve.service",
        "/etc/kubernetes/approver.conf",
        "/etc/kubernetes/nodes",
        "/etc/kubernetes/addons/13-approver.yaml",
    ] {
        assert!(!master.has(path), "{path}");
    }
}

#[test]
fn a_node_has_a_token_and_no_identity_and_only_masters_have_the_others() {
    let [master, worker] = images("1.34.2".parse().unwrap(), "{days: 30}");
    for node in [&master, &worker] {
        assert_eq!(node.mode(CONFIG), 0o600);
        assert!(!node.has("/etc/kubernetes/kubelet.conf"));
        assert!(!node.has("/var/lib/kubelet/pki/kubelet-client-kimage.pem"));
        let flags = node.flags("kubelet");
        for flag in [
            "--bootstrap-kubeconfig=/etc/kubernetes/bootstrap.kubeconfig",
            "--kubeconfig=/etc/kubernetes/kubelet.conf",
            "--cert-dir=/var/lib/kubelet/pki",
        ] {
            assert!(flags.iter().any(|is| is == flag), "{flag}");
        }
    }
    let token = |text: &str| {
        let line = text
            .lines()
            .find_map(|line| line.trim().strip_prefix("token: "));
        line.unwrap().trim_matches('"').to_owned()
    };
    let (own, masters) = (token(&worker.text(CONFIG)), token(&master.text(CONFIG)));
    assert_ne!(own, masters);
    assert_eq!(master.mode(TOKENS), 0o600);
    let manifest = master.text(TOKENS);
    for token in [&own, &masters] {
        let (id, secret) = token.split_once('.').unwrap();
        assert!(manifest.contains(&format!("name: bootstrap-token-{id}\n")));
        assert!(manifest.contains(&format!("token-secret: \"{secret}\"\n")));
    }
    assert!(!worker.has(TOKENS) && !worker.has(TOKEN_FILE) && !master.has(TOKEN_FILE));

    let [master, worker] = images("1.34.2".parse().unwrap(), "{tokens: file}");
    let own = token(&worker.text(CONFIG));
    assert_eq!(master.mode(TOKEN_FILE), 0o600);
    let line = format!("{own},kubelet-bootstrap,10001,\"system:bootstrappers\"\n");
    assert!(master.text(TOKEN_FILE).contains(&line));
    assert!(!master.has(TOKENS) && !worker.has(TOKEN_FILE));
    let flags = master.flags("kube-apiserver");
    assert!(
        flags
            .iter()
            .any(|flag| flag == "--token-auth-file=/etc/kubernetes/tokens.csv")
    );
    assert!(
        !flags
            .iter()
            .any(|flag| flag.contains("enable-bootstrap-token-auth"))
    );
}
