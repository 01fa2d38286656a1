//! What kimage writes for each distribution's network and clock, judged by the distribution's own reader where that can
//! be had.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // All of this is test code.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use kimage::blueprint::Blueprints;
use kimage::overlay::{Overlays, Slots};
use kimage::plan;
use kimage::spec;
use kimage::tree::{Content, Kind, Layer};

/// The overlay of the first of two nodes; `card` says how its network card is found.
fn overlay(image: &str, card: &str) -> Layer {
    overlay_with(image, card, "gateway: 192.0.2.1, ")
}

/// The same with what `way` says of its way out.
fn overlay_with(image: &str, card: &str, way: &str) -> Layer {
    let cluster = format!(
        "{{apiVersion: kimage/v1alpha1, kind: Cluster, name: lab, kubernetes: {{version: 1.30.0}}, image: {image}, \
         nodes: [{{name: m, role: master, address: 192.0.2.11/24, {way}{card}}}, \
         {{name: w, role: worker, address: 192.0.2.21/24, {card2}}}], \
         network: {{pods: 10.244.0.0/16, timeServers: [192.0.2.123]}}}}",
        card2 = card.replace("00:11", "00:21"),
    );
    let (cluster, _) = spec::parse(&cluster, "cluster.yaml").unwrap();
    let plan = plan::plan(&cluster, &Blueprints::embedded().unwrap()).unwrap();
    let overlay = Overlays::embedded().unwrap().named("node");
    let slots = Slots::measure(&overlay, plan.nodes.iter().map(|node| &node.values)).unwrap();
    kimage::overlay::layer("node", &overlay, &plan.nodes[0].values, &slots).unwrap()
}

const MAC: &str = "mac: \"52:54:00:76:00:11\"";
const NAME: &str = "interface: eth0";

/// The files of a network or clock that a layer has, with the lines of each.
fn written(layer: &Layer) -> Vec<(String, Vec<String>)> {
    let places = [
        "/etc/systemd/network/",
        "/etc/netplan/",
        "/etc/NetworkManager/",
        "/etc/sysconfig/",
        "/etc/systemd/timesyncd.conf.d/",
        "/etc/chrony",
    ];
    let mut written = Vec::new();
    for (path, layered) in layer.entries() {
        if places.iter().any(|place| path.as_str().starts_with(place))
            && let Kind::File(Content::Bytes(bytes)) = &layered.entry.kind
        {
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
            written.push((path.as_str().to_owned(), lines.map(str::to_owned).collect()));
        }
    }
    written
}

fn holds(written: &[(String, Vec<String>)], path: &str, lines: &[&str]) {
    let (_, has) = written
        .iter()
        .find(|(is, _)| is == path)
        .unwrap_or_else(|| panic!("no `{path}` in {written:?}"));
    for line in lines {
        assert!(has.iter().any(|is| is == line), "no `{line}` in {has:?}");
    }
}

fn paths(written: &[(String, Vec<String>)]) -> Vec<&str> {
    written.iter().map(|(path, _)| path.as_str()).collect()
}

#[test]
fn debian_has_networkd_and_timesyncd() {
    let files = written(&overlay("debian-12", MAC));
    assert_eq!(
        paths(&files),
        [
            "/etc/systemd/network/10-kimage.network",
            "/etc/systemd/timesyncd.conf.d/10-kimage.conf"
        ]
    );
    holds(
        &files,
        "/etc/systemd/network/10-kimage.network",
        &[
            "PermanentMACAddress=52:54:00:76:00:11",
            "Address=192.0.2.11/24",
            "Gateway=192.0.2.1",
            "Destination=10.244.1.0/24",
            "Gateway=192.0.2.21",
        ],
    );
}

#[test]
fn centos_7_has_network_scripts_and_chrony() {
    for (card, line) in [(MAC, "HWADDR=52:54:00:76:00:11"), (NAME, "DEVICE=eth0")] {
        let files = written(&overlay("centos-7", card));
        assert_eq!(
            paths(&files),
            [
                "/etc/chrony.conf",
                "/etc/sysconfig/network-scripts/ifcfg-kimage",
                "/etc/sysconfig/network-scripts/route-kimage"
            ]
        );
        holds(
            &files,
            "/etc/sysconfig/network-scripts/ifcfg-kimage",
            &[
                line,
                "IPADDR=192.0.2.11",
                "PREFIX=24",
                "GATEWAY=192.0.2.1",
                "ONBOOT=yes",
            ],
        );
        holds(
            &files,
            "/etc/sysconfig/network-scripts/route-kimage",
            &[
                "ADDRESS0=10.244.1.0",
                "NETMASK0=255.255.255.0",
                "GATEWAY0=192.0.2.21",
            ],
        );
        holds(&files, "/etc/chrony.conf", &["server 192.0.2.123 iburst"]);
    }
}

#[test]
fn without_a_gateway_services_are_on_the_link() {
    for (image, path, lines) in [
        (
            "debian-12",
            "/etc/systemd/network/10-kimage.network",
            &["Destination=10.96.0.0/16", "Scope=link"][..],
        ),
        (
            "centos-stream-9",
            "/etc/NetworkManager/system-connections/kimage.nmconnection",
            &["route0=10.96.0.0/16"],
        ),
        (
            "centos-7",
            "/etc/sysconfig/network-scripts/route-kimage",
            &["ADDRESS1=10.96.0.0", "NETMASK1=255.255.0.0"],
        ),
    ] {
        holds(&written(&overlay_with(image, MAC, "")), path, lines);
        let with = written(&overlay(image, MAC));
        let (_, text) = with.iter().find(|(name, _)| name == path).unwrap();
        assert!(!text.iter().any(|line| line.contains("10.96.")), "{image}");
    }
}

#[test]
fn stream_9_has_network_manager_and_chrony() {
    let files = written(&overlay("centos-stream-9", MAC));
    assert_eq!(
        paths(&files),
        [
            "/etc/NetworkManager/conf.d/10-kimage.conf",
            "/etc/NetworkManager/system-connections/kimage.nmconnection",
            "/etc/chrony.conf"
        ]
    );
    let connection = "/etc/NetworkManager/system-connections/kimage.nmconnection";
    holds(
        &files,
        connection,
        &[
            "mac-address=52:54:00:76:00:11",
            "address1=192.0.2.11/24,192.0.2.1",
            "route1=10.244.1.0/24,192.0.2.21",
        ],
    );
    let files = written(&overlay(
        "centos-stream-9",
        "interfaces: [\"en*\", \"eth*\"]",
    ));
    holds(&files, connection, &["interface-name=en*;eth*;"]);
}

/// netplan itself turns the file into networkd's.
#[test]
fn ubuntu_has_a_netplan_that_netplan_understands() {
    for (card, matches) in [
        (MAC, vec!["PermanentMACAddress=52:54:00:76:00:11"]),
        (
            "interfaces: [\"en*\", \"eth*\"]",
            vec!["Name=en*", "Name=eth*"],
        ),
    ] {
        let files = written(&overlay("ubuntu-22.04", card));
        assert_eq!(
            paths(&files),
            [
                "/etc/netplan/10-kimage.yaml",
                "/etc/systemd/timesyncd.conf.d/10-kimage.conf"
            ]
        );
        let layer = overlay("ubuntu-22.04", card);
        let Kind::File(Content::Bytes(bytes)) =
            &layer.get("/etc/netplan/10-kimage.yaml").unwrap().kind
        else {
            panic!("a file")
        };
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("etc/netplan")).unwrap();
        let file = root.path().join("etc/netplan/10-kimage.yaml");
        fs::write(&file, bytes).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        let said = Command::new("netplan")
            .args(["generate", "--root-dir"])
            .arg(root.path())
            .output()
            .expect("netplan, of Debian's package netplan.io");
        let words = String::from_utf8_lossy(&said.stderr).into_owned();
        assert!(said.status.success() && words.is_empty(), "{words}");
        let mut made = String::new();
        for entry in fs::read_dir(root.path().join("run/systemd/network")).unwrap() {
            made += &fs::read_to_string(entry.unwrap().path()).unwrap();
        }
        for line in [
            "Address=192.0.2.11/24",
            "Gateway=192.0.2.1",
            "Destination=10.244.1.0/24",
            "Gateway=192.0.2.21",
        ]
        .into_iter()
        .chain(matches.iter().copied())
        {
            assert!(made.lines().any(|is| is == line), "no `{line}` in {made}");
        }
    }
}

#[test]
fn a_card_that_network_scripts_cannot_find_is_an_error_at_the_node() {
    let text = "{apiVersion: kimage/v1alpha1, kind: Cluster, name: lab, kubernetes: {version: 1.30.0}, image: centos-7, \
                nodes: [{name: m, role: master, address: 192.0.2.11/24}]}";
    let error = spec::parse(text, "cluster.yaml").unwrap_err();
    assert!(error.to_string().contains("know no patterns"), "{error}");
}
