//! The units that kimage writes, judged by `systemd-analyze verify`, as they are by default and with everything that a
//! cluster file can say of them.

#![allow(clippy::unwrap_used)] // All of this is test code.
#![expect(
    clippy::disallowed_methods,
    reason = "the oracle is run as the user would"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use kimage::tree::{Content, Kind, Tree};

use composed::{cluster, trees};

mod composed;

const EVERYTHING: &str = "\
    components: {\
      etcd: {environment: {ETCD_LOG_LEVEL: info}}, \
      kube-apiserver: {user: kube, environment: {GODEBUG: x509sha1=0, QUOTED: 'a \"b\" 100% \\c'}, \
        environmentFile: {path: /etc/kubernetes/apiserver, variable: KUBE_API_ARGS}}, \
      kube-controller-manager: {user: kube, environmentFile: {path: /etc/kubernetes/controller-manager, variable: ARGS}}, \
      kube-scheduler: {user: kube, environmentFile: {path: /etc/kubernetes/scheduler, variable: ARGS}}, \
      kubelet: {environmentFile: {path: /etc/kubernetes/kubelet, variable: KUBELET_ARGS}}, \
      kube-proxy: {environment: {A: b}}}, \
    host: {users: [{name: kube, id: 200}], units: [\
      {name: kubelet.service, dropIn: \"[Service]\\nCPUAccounting=true\\nMemoryAccounting=true\\n\"}, \
      {name: firewalld.service, mask: true}, \
      {name: backup.service, content: \"[Service]\\nType=oneshot\\nExecStart=/bin/true\\n\"}, \
      {name: backup.timer, content: \"[Timer]\\nOnCalendar=daily\\n\\n[Install]\\nWantedBy=timers.target\\n\"}]}";

/// What `systemd-analyze verify` says of all services and timers that a tree has.
fn verdict(tree: &Tree) -> String {
    let folder = tempfile::tempdir().unwrap();
    let place = |path: &str| folder.path().join(path.trim_start_matches('/'));
    let executable = |path: &str| {
        fs::create_dir_all(place(path).parent().unwrap()).unwrap();
        fs::write(place(path), "#!/bin/sh\n").unwrap();
        fs::set_permissions(place(path), fs::Permissions::from_mode(0o755)).unwrap();
    };
    let mut units = Vec::new();
    for (path, entry) in tree.entries() {
        let path = path.as_str();
        let Some(unit) = path.strip_prefix("/etc/systemd/system/") else {
            continue;
        };
        fs::create_dir_all(place(path).parent().unwrap()).unwrap();
        match &entry.kind {
            Kind::File(Content::Bytes(text)) => {
                fs::write(place(path), text).unwrap();
                let text = String::from_utf8(text.to_vec()).unwrap();
                let starts = text.lines().filter_map(|line| line.split_once('='));
                // An empty one takes back what the unit has.
                let commands =
                    starts.filter(|(key, text)| key.starts_with("Exec") && !text.is_empty());
                for (_, command) in commands {
                    executable(command.trim_start_matches('-').split(' ').next().unwrap());
                }
                if !unit.contains('/') {
                    units.push(unit.to_owned());
                }
            }
            Kind::Symlink(target) => std::os::unix::fs::symlink(target, place(path)).unwrap(),
            _ => {}
        }
    }
    assert!(units.len() > 7, "{units:?}");
    known_elsewhere(folder.path());
    let output = Command::new("systemd-analyze")
        .args(["verify", "--man=no", "--recursive-errors=no"])
        .arg(format!("--root={}", folder.path().display()))
        .args(&units)
        .output()
        .expect("the systemd-analyze command is there");
    let said = String::from_utf8(output.stderr).unwrap();
    if output.status.success() || !said.is_empty() {
        said
    } else {
        format!("{:?}", output.status)
    }
}

/// What every distribution has and units refer to.
fn known_elsewhere(root: &Path) {
    let units = root.join("usr/lib/systemd/system");
    fs::create_dir_all(&units).unwrap();
    for name in [
        "basic",
        "local-fs",
        "multi-user",
        "network",
        "network-online",
        "network-pre",
        "shutdown",
        "sysinit",
        "time-set",
        "timers",
    ] {
        fs::write(
            units.join(format!("{name}.target")),
            "[Unit]\nDescription=x\n",
        )
        .unwrap();
    }
}

#[test]
fn systemd_tells_of_what_it_does_not_take() {
    for (text, told) in [
        ("CPUAccounting=perhaps", "Failed to parse boolean"),
        ("CPUAcounting=true", "CPUAcounting"),
    ] {
        let unit =
            format!("host: {{units: [{{name: kubelet.service, dropIn: \"[Service]\\n{text}\"}}]}}");
        let nodes = trees(&cluster("1.34.2", "debian-12", &unit));
        let verdict = verdict(&nodes[0]);
        assert!(verdict.contains(told), "{verdict}");
    }
}

#[test]
fn systemd_takes_every_unit() {
    for (version, image) in [
        ("1.10.0", "centos-7"),
        ("1.23.17", "debian-12"),
        ("1.34.2", "debian-12"),
    ] {
        for node in trees(&cluster(version, image, "")) {
            assert_eq!(verdict(&node), "", "{version}");
        }
    }
}

#[test]
fn systemd_takes_every_unit_of_docker() {
    for (version, image, runtime) in [
        ("1.15.3", "centos-7", "name: docker"),
        ("1.23.17", "debian-12", "name: docker"),
        ("1.28.2", "debian-12", "name: cri-dockerd, docker: 24.0.7"),
    ] {
        let runtime = format!("runtime: {{{runtime}}}");
        for node in trees(&cluster(version, image, &runtime)) {
            assert_eq!(verdict(&node), "", "{version}");
        }
    }
}

#[test]
fn systemd_takes_every_unit_of_nodes_that_kubeadm_brings_in() {
    let kubelet = "components: {kubelet: {environment: {A: b}}}";
    let file = cluster("1.34.2", "debian-12", kubelet);
    for node in trees(&file.replacen("1.34.2}", "1.34.2, install: kubeadm}", 1)) {
        assert_eq!(verdict(&node), "");
    }
}

#[test]
fn systemd_takes_every_unit_with_all_that_users_can_say_of_it() {
    for (version, image) in [("1.15.3", "centos-7"), ("1.34.2", "debian-12")] {
        for node in trees(&cluster(version, image, EVERYTHING)) {
            assert_eq!(verdict(&node), "", "{version}");
        }
    }
}
