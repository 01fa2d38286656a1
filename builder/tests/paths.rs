//! `paths`: a node whose programs, certificates and kubelet are elsewhere has nothing left in the usual places.

#![allow(clippy::unwrap_used)] // All of this is test code.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use kimage::facts;
use kimage::program::Program;
use kimage::tree::{Kind, Tree};

use composed::{text, trees};

mod composed;

const USUAL: [&str; 3] = ["/usr/local/bin", "/etc/kubernetes/pki", "/var/lib/kubelet"];
const MOVED: &str = "{binaries: /opt/k8s/bin, pki: /etc/kubernetes/cert, kubelet: /data/kubelet}";

/// A master and a worker.
fn nodes(version: &str, image: &str, more: &str) -> Vec<Tree> {
    trees(&format!(
        "{{kubernetes: {{version: {version}}}, image: {image}, {more}, \
         nodes: [{{name: m, role: master, address: 192.0.2.11/24, interface: eth0}}, \
         {{name: w, role: worker, address: 192.0.2.21/24, interface: eth0}}]}}"
    ))
}

/// The oldest and the newest Kubernetes, each on a distribution that can run it.
fn moved() -> Vec<Tree> {
    let minors = facts::minors();
    let (oldest, newest) = (minors.first().unwrap(), minors.last().unwrap());
    let paths = format!("paths: {MOVED}");
    let mut trees = nodes(&oldest.first.to_string(), "centos-7", &paths);
    trees.extend(nodes(&newest.first.to_string(), "debian-12", &paths));
    trees
}

#[test]
fn what_is_moved_is_named_nowhere_by_its_usual_place() {
    for tree in moved() {
        let mut read = 0;
        for (path, entry) in tree.entries() {
            let target = match &entry.kind {
                Kind::Symlink(target) => target.clone(),
                _ => String::new(),
            };
            let content = text(&tree, path.as_str());
            read += usize::from(content.is_some());
            for usual in USUAL {
                assert!(!path.as_str().starts_with(usual), "{path}");
                assert!(!target.contains(usual), "{path} -> {target}");
                let named = content.iter().flat_map(|text| text.lines());
                let named: Vec<&str> = named.filter(|line| line.contains(usual)).collect();
                assert!(named.is_empty(), "{path} says {named:?}");
            }
        }
        assert!(read > 30, "{read} files");
    }
}

#[test]
fn everything_has_gone_where_it_was_to_go() {
    for tree in moved() {
        let master = text(&tree, "/etc/hostname").unwrap().trim() == "m";
        insta::allow_duplicates! {
            if master {
                insta::assert_snapshot!(listing(&tree), @r#"
                d0755 0:0 /opt/k8s
                d0755 0:0 /opt/k8s/bin
                -0755 0:0 /opt/k8s/bin/containerd
                -0755 0:0 /opt/k8s/bin/crictl
                -0755 0:0 /opt/k8s/bin/etcd
                -0755 0:0 /opt/k8s/bin/kubernetes
                d0755 0:0 /etc/kubernetes/cert
                -0644 0:0 /etc/kubernetes/cert/apiserver-etcd-client.crt (node)
                -0600 0:0 /etc/kubernetes/cert/apiserver-etcd-client.key (node)
                -0644 0:0 /etc/kubernetes/cert/apiserver-kubelet-client.crt (node)
                -0600 0:0 /etc/kubernetes/cert/apiserver-kubelet-client.key (node)
                -0644 0:0 /etc/kubernetes/cert/apiserver.crt (node)
                -0600 0:0 /etc/kubernetes/cert/apiserver.key (node)
                -0644 0:0 /etc/kubernetes/cert/ca.crt
                -0600 0:0 /etc/kubernetes/cert/ca.key
                d0755 0:0 /etc/kubernetes/cert/etcd
                -0644 0:0 /etc/kubernetes/cert/etcd/ca.crt
                -0644 0:0 /etc/kubernetes/cert/etcd/healthcheck-client.crt (node)
                -0600 0:0 /etc/kubernetes/cert/etcd/healthcheck-client.key (node)
                -0644 0:0 /etc/kubernetes/cert/etcd/peer.crt (node)
                -0600 950:950 /etc/kubernetes/cert/etcd/peer.key (node)
                -0644 0:0 /etc/kubernetes/cert/etcd/server.crt (node)
                -0600 950:950 /etc/kubernetes/cert/etcd/server.key (node)
                -0644 0:0 /etc/kubernetes/cert/front-proxy-ca.crt
                -0644 0:0 /etc/kubernetes/cert/front-proxy-client.crt (node)
                -0600 0:0 /etc/kubernetes/cert/front-proxy-client.key (node)
                -0644 0:0 /etc/kubernetes/cert/kubelet.crt (node)
                -0600 0:0 /etc/kubernetes/cert/kubelet.key (node)
                -0600 0:0 /etc/kubernetes/cert/sa.key
                -0644 0:0 /etc/kubernetes/cert/sa.pub
                d0755 0:0 /data
                d0700 0:0 /data/kubelet
                d0700 0:0 /data/kubelet/pki
                l0777 0:0 /data/kubelet/pki/kubelet-client-current.pem -> kubelet-client-kimage.pem
                -0600 0:0 /data/kubelet/pki/kubelet-client-kimage.pem (node)
                "#);
            } else {
                insta::assert_snapshot!(listing(&tree), @r#"
                d0755 0:0 /opt/k8s
                d0755 0:0 /opt/k8s/bin
                -0755 0:0 /opt/k8s/bin/containerd
                -0755 0:0 /opt/k8s/bin/crictl
                -0755 0:0 /opt/k8s/bin/kubernetes
                d0755 0:0 /etc/kubernetes/cert
                -0644 0:0 /etc/kubernetes/cert/ca.crt
                -0644 0:0 /etc/kubernetes/cert/kubelet.crt (node)
                -0600 0:0 /etc/kubernetes/cert/kubelet.key (node)
                d0755 0:0 /data
                d0700 0:0 /data/kubelet
                d0700 0:0 /data/kubelet/pki
                l0777 0:0 /data/kubelet/pki/kubelet-client-current.pem -> kubelet-client-kimage.pem
                -0600 0:0 /data/kubelet/pki/kubelet-client-kimage.pem (node)
                "#);
            }
        }
    }
}

/// What is in the three folders.
fn listing(tree: &Tree) -> String {
    ["/opt/k8s", "/etc/kubernetes/cert", "/data"]
        .map(|folder| tree.listing_under(folder))
        .concat()
}

#[test]
fn a_kubelet_is_told_where_it_lives_only_if_it_would_not_know() {
    let unit = |tree: &Tree| text(tree, "/etc/systemd/system/kubelet.service").unwrap();
    let told = ["--root-dir=", "--cert-dir=", "WorkingDirectory="];
    for tree in moved() {
        let unit = unit(&tree);
        assert!(unit.contains("--root-dir=/data/kubelet "), "{unit}");
        assert!(unit.contains("--cert-dir=/data/kubelet/pki "), "{unit}");
        assert!(
            unit.contains("\nWorkingDirectory=/data/kubelet\n"),
            "{unit}"
        );
        let kubeconfig = text(&tree, "/etc/kubernetes/kubelet.conf").unwrap();
        let own = "client-key: \"/data/kubelet/pki/kubelet-client-current.pem\"";
        assert!(kubeconfig.contains(own));
    }
    for tree in nodes("1.34.2", "debian-12", "paths: {pki: /etc/kubernetes/cert}") {
        let unit = unit(&tree);
        assert!(told.iter().all(|told| !unit.contains(told)), "{unit}");
    }
}

#[test]
fn scripts_are_right_wherever_programs_are() {
    for tree in moved() {
        let scripts = tree.entries().filter(|(path, _)| {
            path.as_str().starts_with("/usr/local/lib/kimage/")
                && text(&tree, path.as_str()).is_some()
        });
        let mut checked = 0;
        for (path, entry) in scripts {
            assert_eq!(entry.meta.mode, 0o755, "{path}");
            Program::new("shellcheck")
                .arg("-")
                .stdin(text(&tree, path.as_str()).unwrap().into_bytes())
                .run()
                .unwrap_or_else(|error| panic!("{path}: {error:?}"));
            checked += 1;
        }
        assert!(checked >= 2, "{checked} scripts");
    }
}

#[test]
fn systemd_takes_every_unit_wherever_programs_are() {
    for tree in moved() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str, mode| {
            let file = root.path().join(path.trim_start_matches('/'));
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, text).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        };
        let mut units = Vec::new();
        for (path, entry) in tree.entries() {
            let Some(text) = text(&tree, path.as_str()) else {
                continue;
            };
            let below = path.as_str().strip_prefix("/etc/systemd/system/");
            // What lies a folder deeper is read with the unit that the folder is of.
            if below.is_some_and(|name| !name.contains('/')) {
                units.push(path.name().to_owned());
            }
            write(path.as_str(), &text, u32::from(entry.meta.mode));
        }
        // Programs come out of releases, and commands from the base.
        for program in PROGRAMS {
            write(&format!("/opt/k8s/bin/{program}"), "", 0o755);
        }
        for command in ["/bin/sh", "/sbin/modprobe", "/usr/bin/ssh-keygen"] {
            write(command, "", 0o755);
        }
        for target in TARGETS {
            write(
                &format!("/usr/lib/systemd/system/{target}"),
                "[Unit]\nDescription=x\n",
                0o644,
            );
        }
        verify(root.path(), &units);
    }
}

const PROGRAMS: &[&str] = &[
    "containerd",
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-proxy",
    "kube-scheduler",
    "kubelet",
];

/// What units of kimage speak of and a base has.
const TARGETS: &[&str] = &[
    "basic.target",
    "local-fs.target",
    "multi-user.target",
    "network-online.target",
    "network-pre.target",
    "network.target",
    "shutdown.target",
    "sysinit.target",
    "time-set.target",
];

fn verify(root: &Path, units: &[String]) {
    let mut program = Program::new("systemd-analyze")
        .arg("verify")
        .arg("--man=no")
        .arg(format!("--root={}", root.display()));
    for unit in units {
        program = program.arg(unit);
    }
    let said = program.run().unwrap_or_else(|error| panic!("{error:?}"));
    assert!(said.stderr.is_empty(), "{}", said.stderr.join("\n"));
}
