//! What keys of the cluster file become in a node's tree.

#![allow(clippy::unwrap_used)] // All of this is test code.

use kimage::tree::{Kind, Tree};

use composed::{text, trees, trees_with};

mod composed;

/// A master and a worker with further lines in their file.
fn nodes(image: &str, lines: &str) -> Vec<Tree> {
    trees(&file(image, lines))
}

fn file(image: &str, lines: &str) -> String {
    format!(
        "kubernetes: {{version: 1.30.0}}\nimage: {image}\nnodes:\n\
         - {{name: m, role: master, address: 192.0.2.11/24, interface: eth0}}\n\
         - {{name: w, role: worker, address: 192.0.2.21/24, interface: eth0}}\n{lines}\n"
    )
}

fn link<'t>(tree: &'t Tree, path: &str) -> Option<&'t str> {
    match &tree.get(path)?.kind {
        Kind::Symlink(target) => Some(target),
        _ => None,
    }
}

#[test]
fn kubectl_finds_the_administrator_on_masters_only() {
    let trees = nodes("debian-12", "");
    let path = "/root/.kube/config";
    assert_eq!(link(&trees[0], path), Some("/etc/kubernetes/admin.conf"));
    assert_eq!(trees[0].get("/root/.kube").unwrap().meta.mode, 0o700);
    assert!(trees[1].get("/root/.kube").is_none());
}

#[test]
fn kube_proxy_may_come_by_a_token_that_each_node_reads() {
    let given = "kubeProxy: {mode: ipvs, credentials: service-account}";
    let unit = "kube-proxy-token.service";
    let requires = format!("/etc/systemd/system/kube-proxy.service.requires/{unit}");
    for tree in nodes("debian-12", given) {
        let config = text(&tree, "/etc/kubernetes/kube-proxy.conf").unwrap();
        assert!(
            config.contains("tokenFile: \"/var/lib/kube-proxy/token\""),
            "{config}"
        );
        assert!(!config.contains("client-"), "{config}");
        assert!(link(&tree, &requires).is_some());
    }
    let addon = "/etc/kubernetes/addons/12-kube-proxy.yaml";
    assert!(nodes("debian-12", given)[0].get(addon).is_some());
    for tree in nodes("debian-12", "") {
        let unit = format!("/etc/systemd/system/{unit}");
        for path in [addon, &requires, &unit] {
            assert!(tree.get(path).is_none(), "{path}");
        }
    }
}

#[test]
fn the_name_server_has_its_address_and_image_everywhere() {
    let image = "docker.io/coredns/coredns:1.1.1";
    let lines = format!(
        "network: {{dns: {{address: 10.96.0.2, image: \"{image}\", servers: [192.0.2.53]}}}}"
    );
    for tree in nodes("debian-12", &lines) {
        let kubelet = text(&tree, "/etc/kubernetes/kubelet.yaml").unwrap();
        assert!(kubelet.contains("clusterDNS: [10.96.0.2]"), "{kubelet}");
        let preloaded = text(&tree, "/etc/kimage/images").unwrap();
        assert!(preloaded.contains(image), "{preloaded}");
        assert!(
            !preloaded.contains("registry.k8s.io/coredns"),
            "{preloaded}"
        );
        if let Some(addon) = text(&tree, "/etc/kubernetes/addons/20-coredns.yaml") {
            assert!(addon.contains("clusterIP: 10.96.0.2"), "{addon}");
            assert!(addon.contains(&format!("image: {image}")), "{addon}");
            // What this old one cannot read.
            assert!(addon.contains("forward . /etc/resolv.conf"), "{addon}");
            for word in ["max_concurrent", "ready\n", "loop\n"] {
                assert!(!addon.contains(word), "{addon}");
            }
        }
    }
}

#[test]
fn masters_that_run_pods_register_without_a_taint() {
    let taints = |lines| {
        let trees = nodes("debian-12", lines);
        let kubelet = text(&trees[0], "/etc/kubernetes/kubelet.yaml").unwrap();
        kubelet.contains("node-role.kubernetes.io/control-plane")
    };
    assert!(taints(""));
    assert!(!taints("controlPlane: {schedulable: true}"));
}

#[test]
fn an_audit_policy_takes_the_place_of_kimages_own() {
    let path = "/etc/kubernetes/audit-policy.yaml";
    let policy = "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: Metadata}]\n";
    let trees = trees_with(&file("debian-12", ""), Some(policy));
    assert_eq!(text(&trees[0], path).as_deref(), Some(policy));
    assert_eq!(trees[0].get(path).unwrap().meta.mode, 0o600);
    assert!(trees[1].get(path).is_none());
}

#[test]
fn directories_have_the_owner_and_mode_that_the_file_gives() {
    let lines = "paths: {kubelet: /data/kubelet}\nhost:\n  users: [{name: kube, id: 200}]\n  directories:\n    \
                 - {path: /data/kubelet, mode: \"0750\", owner: kube, group: kube}\n    - {path: /srv/a/b}\n    \
                 - {path: /etc/kubernetes/manifests}";
    for tree in nodes("debian-12", lines) {
        let listing = ["/srv", "/etc/kubernetes/manifests", "/data"]
            .map(|path| tree.listing_under(path))
            .concat();
        insta::allow_duplicates! {
            insta::assert_snapshot!(listing, @r#"
            d0755 0:0 /srv
            d0755 0:0 /srv/a
            d0755 0:0 /srv/a/b
            d0755 0:0 /etc/kubernetes/manifests
            d0755 0:0 /data
            d0750 200:200 /data/kubelet
            d0700 0:0 /data/kubelet/pki
            l0777 0:0 /data/kubelet/pki/kubelet-client-current.pem -> kubelet-client-kimage.pem
            -0600 0:0 /data/kubelet/pki/kubelet-client-kimage.pem (node)
            "#);
        }
    }
}

#[test]
fn the_clock_shows_the_zone_that_the_file_says() {
    for tree in nodes("debian-12", "host: {timezone: Asia/Tokyo}") {
        let target = link(&tree, "/etc/localtime");
        assert_eq!(target, Some("/usr/share/zoneinfo/Asia/Tokyo"));
    }
}

/// A unit is on, or masked, or neither.
fn states(tree: &Tree) -> Vec<String> {
    let clocks = ["chrony", "timesyncd"];
    tree.entries()
        .filter(|(path, _)| clocks.iter().any(|clock| path.name().contains(clock)))
        .filter_map(|(path, _)| Some(format!("{path} -> {}", link(tree, path.as_str())?)))
        .collect()
}

/// What a clock's units and files are on every node, one a line.
fn clocks(image: &str, lines: &str) -> String {
    let of = |tree: &Tree| {
        let mut states = states(tree);
        for path in ["/etc/chrony.conf", "/etc/chrony/chrony.conf"] {
            states.extend(text(tree, path).map(|_| path.to_owned()));
        }
        states.join("\n")
    };
    let trees = nodes(image, lines);
    assert_eq!(of(&trees[0]), of(&trees[1]));
    of(&trees[0])
}

#[test]
fn one_service_keeps_the_clock_and_the_other_is_off() {
    let servers = "network: {timeServers: [192.0.2.123]}\nhost: {timeService: ";
    insta::assert_snapshot!(clocks("ubuntu-22.04", "network: {timeServers: [192.0.2.123]}"), @r#"
    /etc/systemd/system/sysinit.target.wants/systemd-timesyncd.service -> /usr/lib/systemd/system/systemd-timesyncd.service
    "#);
    insta::assert_snapshot!(clocks("ubuntu-22.04", &format!("{servers}chrony}}")), @r#"
    /etc/systemd/system/multi-user.target.wants/chrony.service -> /usr/lib/systemd/system/chrony.service
    /etc/systemd/system/systemd-timesyncd.service -> /dev/null
    /etc/chrony/chrony.conf
    "#);
    insta::assert_snapshot!(clocks("centos-stream-9", &format!("{servers}systemd-timesyncd}}")), @r#"
    /etc/systemd/system/chronyd.service -> /dev/null
    /etc/systemd/system/sysinit.target.wants/systemd-timesyncd.service -> /usr/lib/systemd/system/systemd-timesyncd.service
    "#);
    insta::assert_snapshot!(clocks("centos-stream-9", &format!("{servers}chrony}}")), @r#"
    /etc/systemd/system/multi-user.target.wants/chronyd.service -> /usr/lib/systemd/system/chronyd.service
    /etc/chrony.conf
    "#);
}

#[test]
fn a_node_says_which_packages_were_asked_for() {
    let packages = |image, lines| text(&nodes(image, lines)[1], "/etc/kimage/packages");
    assert_eq!(packages("ubuntu-22.04", ""), None);
    let asked = packages(
        "ubuntu-22.04",
        "host: {packages: [ipset, chrony, ipset, socat]}",
    )
    .unwrap();
    insta::assert_snapshot!(asked, @r#"
    chrony
    conntrack
    coreutils
    ebtables
    ethtool
    iproute2
    ipset
    iptables
    mount
    socat
    util-linux
    "#);
}
