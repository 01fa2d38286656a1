//! What the section `components` makes of a node: who owns what its programs read, and where their flags stand.

#![allow(clippy::unwrap_used)] // All of this is test code.
#![expect(
    clippy::disallowed_methods,
    reason = "the oracle is run as the user would"
)]

use std::process::Command;

use kimage::tree::{Content, Kind, Tree};

use composed::{cluster, trees};

mod composed;

const USERS: &str = "host: {users: [{name: kube, id: 200}, {name: scheduler, id: 201}, {name: store, id: 202}]}, \
    components: {etcd: {user: store}, kube-apiserver: {user: kube}, kube-controller-manager: {user: kube}, \
    kube-scheduler: {user: scheduler}}";

const FILES: &str = "components: {\
    kube-apiserver: {environmentFile: {path: /etc/kubernetes/apiserver, variable: KUBE_API_ARGS}}, \
    kubelet: {environmentFile: {path: /etc/kubernetes/kubelet, variable: KUBELET_ARGS}}}";

/// What belongs to an account that is not root: numbers and path.
fn owned(tree: &Tree) -> String {
    let entries = tree.entries().filter(|(_, entry)| entry.meta.uid != 0);
    let lines = entries.map(|(path, entry)| {
        let meta = &entry.meta;
        format!("{:04o} {}:{} {path}\n", meta.mode, meta.uid, meta.gid)
    });
    lines.collect()
}

fn text(tree: &Tree, path: &str) -> String {
    match tree.get(path).map(|entry| &entry.kind) {
        Some(Kind::File(Content::Bytes(bytes))) => String::from_utf8(bytes.to_vec()).unwrap(),
        other => panic!("{path}: {other:?}"),
    }
}

/// The flags that a unit starts its program with.
fn flags(unit: &str) -> Vec<String> {
    unit.lines()
        .filter_map(|line| line.trim().strip_suffix(" \\").or(Some(line.trim())))
        .filter(|line| line.starts_with("--"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn an_account_owns_what_its_program_reads_and_nobody_else_may() {
    let tree = &trees(&cluster("1.34.2", "debian-12", USERS))[0];
    insta::assert_snapshot!(owned(tree), @r#"
    0600 200:200 /etc/kubernetes/audit-policy.yaml
    0600 200:200 /etc/kubernetes/controller-manager.conf
    0600 200:200 /etc/kubernetes/encryption.yaml
    0600 200:200 /etc/kubernetes/pki/apiserver-etcd-client.key
    0600 200:200 /etc/kubernetes/pki/apiserver-kubelet-client.key
    0600 200:200 /etc/kubernetes/pki/apiserver.key
    0600 200:200 /etc/kubernetes/pki/ca.key
    0600 202:202 /etc/kubernetes/pki/etcd/peer.key
    0600 202:202 /etc/kubernetes/pki/etcd/server.key
    0600 200:200 /etc/kubernetes/pki/front-proxy-client.key
    0600 200:200 /etc/kubernetes/pki/sa.key
    0600 201:201 /etc/kubernetes/scheduler.conf
    0600 201:201 /etc/kubernetes/scheduler.yaml
    0700 202:202 /var/lib/etcd
    0700 200:200 /var/log/kubernetes
    "#);
}

#[test]
fn an_old_api_server_does_not_get_the_key_of_service_accounts() {
    let users = USERS.replace("kube-controller-manager: {user: kube}, ", "");
    let tree = &trees(&cluster("1.15.3", "centos-7", &users))[0];
    insta::assert_snapshot!(owned(tree), @r#"
    0600 200:200 /etc/kubernetes/audit-policy.yaml
    0600 200:200 /etc/kubernetes/encryption.yaml
    0600 200:200 /etc/kubernetes/pki/apiserver-etcd-client.key
    0600 200:200 /etc/kubernetes/pki/apiserver-kubelet-client.key
    0600 200:200 /etc/kubernetes/pki/apiserver.key
    0600 202:202 /etc/kubernetes/pki/etcd/peer.key
    0600 202:202 /etc/kubernetes/pki/etcd/server.key
    0600 200:200 /etc/kubernetes/pki/front-proxy-client.key
    0600 201:201 /etc/kubernetes/scheduler.conf
    0700 202:202 /var/lib/etcd
    0700 200:200 /var/log/kubernetes
    "#);
}

#[test]
fn without_accounts_everything_is_roots_but_etcds() {
    let tree = &trees(&cluster("1.34.2", "debian-12", ""))[0];
    insta::assert_snapshot!(owned(tree), @r#"
    0600 950:950 /etc/kubernetes/pki/etcd/peer.key
    0600 950:950 /etc/kubernetes/pki/etcd/server.key
    0700 950:950 /var/lib/etcd
    "#);
}

#[test]
fn a_shell_reads_the_flags_that_would_stand_in_the_unit() {
    let plain = trees(&cluster("1.34.2", "debian-12", ""));
    let moved = trees(&cluster("1.34.2", "debian-12", FILES));
    for (component, path, variable, nodes) in [
        (
            "kube-apiserver",
            "/etc/kubernetes/apiserver",
            "KUBE_API_ARGS",
            0..3,
        ),
        ("kubelet", "/etc/kubernetes/kubelet", "KUBELET_ARGS", 0..4),
    ] {
        let unit = format!("/etc/systemd/system/{component}.service");
        for node in nodes {
            let service = text(&moved[node], &unit);
            let start = format!(
                "\nEnvironmentFile={path}\nExecStart=/usr/local/bin/{component} ${variable}\n"
            );
            assert!(service.contains(&start), "{service}");
            assert_eq!(flags(&service), [""; 0]);
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("flags");
            std::fs::write(&file, text(&moved[node], path)).unwrap();
            let script =
                format!(". \"$0\"; set -f; for word in ${variable}; do echo \"$word\"; done");
            let output = Command::new("sh")
                .arg("-c")
                .arg(script)
                .arg(&file)
                .output()
                .unwrap();
            let read = String::from_utf8(output.stdout.clone()).unwrap();
            let read: Vec<&str> = read.lines().collect();
            assert!(read.len() > 3, "{output:?}");
            assert_eq!(read, flags(&text(&plain[node], &unit)));
        }
    }
    let sizes = [0, 1, 2].map(|node| text(&moved[node], "/etc/kubernetes/kubelet").len());
    assert!(sizes.iter().all(|size| *size == sizes[0]), "{sizes:?}");
}
