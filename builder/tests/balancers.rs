//! The load balancers that kimage configures, judged by the programs themselves.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // All of this is test code.

use std::fs;
use std::path::Path;
use std::process::Command;

use kimage::blueprint::Blueprints;
use kimage::plan::{self, NodePlan};
use kimage::spec;

use rendered::file;

mod rendered;

/// Three masters and a worker with a load balancer.
fn nodes(balancer: &str) -> Vec<NodePlan> {
    let masters: String = (1..=3)
        .map(|n| format!("{{name: m{n}, role: master, address: 192.0.2.1{n}/24}}, "))
        .collect();
    let cluster = format!(
        "{{apiVersion: kimage/v1alpha1, kind: Cluster, name: lab, kubernetes: {{version: 1.30.0}}, image: debian-12, \
         controlPlane: {{{balancer}}}, nodes: [{masters}{{name: w1, role: worker, address: 192.0.2.21/24}}]}}"
    );
    let (cluster, _) = spec::parse(&cluster, "cluster.yaml").unwrap();
    plan::plan(&cluster, &Blueprints::embedded().unwrap())
        .unwrap()
        .nodes
}

/// Gives a configuration to its program, which must be content and say nothing of warnings.
fn accepted(program: &str, arguments: &[&str], text: &str) {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config");
    fs::write(&config, text).unwrap();
    let said = Command::new(program)
        .args(arguments)
        .arg(&config)
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    let words = String::from_utf8_lossy(&said.stdout) + String::from_utf8_lossy(&said.stderr);
    assert!(said.status.success(), "{program}: {words}\n{text}");
    assert!(!words.to_lowercase().contains("warn"), "{program}: {words}");
}

/// A network card of this machine: keepalived takes no name that is none.
fn card() -> String {
    let mut names = fs::read_dir("/sys/class/net")
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names
        .find(|name| name != "lo" && Path::new("/sys/class/net").join(name).is_dir())
        .expect("a network card")
}

#[test]
fn nginx_takes_its_configuration_on_every_node() {
    let nodes = nodes("loadBalancer: {kind: nginx}");
    assert_eq!(
        file("master", &nodes[0], "/etc/kubernetes/haproxy.cfg"),
        None
    );
    for node in &nodes {
        let text = file("node", node, "/etc/kubernetes/nginx.conf").unwrap();
        for server in ["192.0.2.11:6443", "192.0.2.12:6443", "192.0.2.13:6443"] {
            assert!(text.contains(&format!("server {server} ")), "{text}");
        }
        assert!(!text.contains("192.0.2.21"), "{text}");
        let folder = tempfile::tempdir().unwrap();
        let own = text.replace("/run/kube-nginx", &folder.path().to_string_lossy());
        accepted("/usr/sbin/nginx", &["-t", "-q", "-e", "stderr", "-c"], &own);
        assert_eq!(node.values.node.api.url, "https://127.0.0.1:8443");
    }
}

#[test]
fn haproxy_and_keepalived_take_theirs_on_masters() {
    let nodes = nodes(
        "endpoint: 192.0.2.10, loadBalancer: {kind: haproxy-keepalived, port: 9443, routerId: 7}",
    );
    let mut priorities = Vec::new();
    for node in &nodes[..3] {
        let text = file("master", node, "/etc/kubernetes/haproxy.cfg").unwrap();
        accepted("/usr/sbin/haproxy", &["-c", "-f"], &text);
        let text = file("master", node, "/etc/kubernetes/keepalived.conf").unwrap();
        assert!(text.contains("192.0.2.10/24"), "{text}");
        assert!(text.contains("virtual_router_id 7"), "{text}");
        let peers = text.split_once("unicast_peer {").unwrap().1;
        let peers = peers.split_once('}').unwrap().0;
        assert_eq!(peers.split_whitespace().count(), 2, "{text}");
        assert!(!peers.contains(&node.values.node.address), "{text}");
        let line = text.lines().find(|line| line.contains("priority"));
        priorities.push(line.unwrap().trim().to_owned());
        // The script is on the node only, and this machine has another card.
        let here = text
            .replace("@CARD@", &card())
            .replace("/usr/local/lib/kimage/check-haproxy", "/bin/true");
        accepted(
            "/usr/sbin/keepalived",
            &["--config-test", "--use-file"],
            &here,
        );
    }
    assert_eq!(priorities, ["priority 149", "priority 148", "priority 147"]);
    for node in &nodes {
        assert_eq!(node.values.node.api.url, "https://192.0.2.10:9443");
        assert_eq!(node.values.cluster.secure_port, 6443);
    }
    assert_eq!(file("node", &nodes[3], "/etc/kubernetes/nginx.conf"), None);
}

#[test]
fn the_units_are_ones_that_systemd_takes() {
    for (balancer, overlay, units) in [
        ("loadBalancer: {kind: nginx}", "node", &["kube-nginx"][..]),
        (
            "endpoint: 192.0.2.10, loadBalancer: {kind: haproxy-keepalived}",
            "master",
            &["kube-haproxy", "kube-keepalived"],
        ),
    ] {
        let node = &nodes(balancer)[0];
        let folder = tempfile::tempdir().unwrap();
        for unit in units {
            let path = format!("/etc/systemd/system/{unit}.service");
            let text = file(overlay, node, &path).unwrap();
            // Programs of the node are not on this machine.
            let text = text.replace("/usr/local/lib/kimage/keepalived", "/bin/true");
            let written = folder.path().join(format!("{unit}.service"));
            fs::write(&written, text).unwrap();
            verified(&written);
        }
    }
}

fn verified(unit: &Path) {
    let said = Command::new("systemd-analyze")
        .args(["verify", "--man=no", "--recursive-errors=no"])
        .arg(unit)
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&said.stderr);
    assert!(said.status.success() && words.is_empty(), "{words}");
}
