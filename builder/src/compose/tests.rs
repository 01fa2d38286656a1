//! What follows from the names and owners that people give to certificates.

use std::collections::BTreeMap;

use aws_lc_rs::rand::SystemRandom;
use time::macros::datetime;

use super::*;
use crate::blueprint::Blueprints;
use crate::plan;
use crate::spec;
use crate::tree::{Content, Kind};
use crate::trust::{self, Secrets};

/// The files of a master of Kubernetes 1.34, with `lines` in the cluster file: owner and text by path.
fn master(lines: &str) -> BTreeMap<String, (u32, String)> {
    let text = format!(
        "kubernetes: {{version: 1.34.2}}\nnodes:\n  - {{name: m, role: master, address: 192.0.2.11/24}}\n{lines}\n"
    );
    let (cluster, _) = spec::parse(&text, "cluster.yaml").unwrap();
    let plan = plan::plan(&cluster, &Blueprints::embedded().unwrap()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let requests = trust::requests(&cluster, "kubeadm:cluster-admins");
    let now = datetime!(2026-11-21 13:00:00 UTC);
    let credentials = Secrets::at(folder.path().join("secrets"))
        .ensure(&requests, now, &SystemRandom::new())
        .unwrap()
        .credentials;
    let node = &plan.nodes[0];
    let materials = Materials {
        cluster: &cluster,
        accounts: None,
        credentials: &credentials.for_node(&cluster.nodes[0]).unwrap(),
        programs: &Programs::new(),
        images: &[],
        addons: &[],
        audit_policy: None,
        policy: None,
    };
    let overlays = Overlays::embedded().unwrap();
    let measured = RoleOverlays::measure(&overlays, &plan, node).unwrap();
    let tree = tree(
        None,
        layers(node, &measured, &materials).unwrap(),
        node,
        &materials,
    )
    .unwrap();
    let files = tree.entries().filter_map(|(path, entry)| {
        let bytes = match &entry.kind {
            Kind::File(Content::Bytes(bytes)) => bytes.to_vec(),
            Kind::File(Content::Secret(secret)) => secret.expose().to_vec(),
            _ => return None,
        };
        assert_eq!(entry.meta.uid, entry.meta.gid, "{path}");
        let text = String::from_utf8(bytes).unwrap();
        Some((path.as_str().to_owned(), (entry.meta.uid, text)))
    });
    files.collect()
}

const RBAC: &str = "/etc/kubernetes/addons/10-rbac.yaml";
const UNIT: &str = "/etc/systemd/system/kube-apiserver.service";

#[test]
fn what_hangs_on_a_name_follows_it() {
    let usual = master("");
    assert!(
        usual[UNIT]
            .1
            .contains("--requestheader-allowed-names=front-proxy-client \\\n")
    );
    assert!(
        usual[RBAC]
            .1
            .contains("kind: User, name: kube-apiserver-kubelet-client}\n")
    );
    assert_eq!(usual[RBAC].1.matches("kind: Group").count(), 2);
    let named = master(
        "pki:
  certificates:
    front-proxy-client: {commonName: aggregator}
    apiserver-kubelet-client: {commonName: \"true\"}
    admin: {commonName: boss, subject: {organization: \"ops:admins\"}}",
    );
    assert!(
        named[UNIT]
            .1
            .contains("--requestheader-allowed-names=aggregator \\\n")
    );
    let objects: Vec<serde_json::Value> = serde_yaml_ng::Deserializer::from_str(&named[RBAC].1)
        .map(|object| serde::Deserialize::deserialize(object).unwrap())
        .collect();
    let subjects = |name: &str| -> Vec<String> {
        let object = objects
            .iter()
            .find(|object| object["metadata"]["name"] == name)
            .unwrap();
        let subjects = object["subjects"].as_array().unwrap().iter();
        subjects
            .map(|subject| subject["name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(subjects("kimage:apiserver-kubelet-client"), ["true"]);
    assert_eq!(
        subjects("kubeadm:cluster-admins"),
        ["kubeadm:cluster-admins", "ops:admins"]
    );
    assert_eq!(objects.len(), 3);
}

#[test]
fn a_key_is_its_owners_and_so_is_the_kubeconfig_that_it_is_in() {
    let owners = |files: &BTreeMap<String, (u32, String)>| {
        [
            "/etc/kubernetes/admin.conf",
            "/etc/kubernetes/super-admin.conf",
            "/etc/kubernetes/pki/apiserver.key",
            "/etc/kubernetes/pki/apiserver.crt",
            "/etc/kubernetes/pki/etcd/peer.key",
            "/etc/kubernetes/pki/etcd/server.key",
            "/etc/kubernetes/kubelet.conf",
            "/etc/kubernetes/pki/kubelet.key",
        ]
        .map(|path| files[path].0)
    };
    assert_eq!(owners(&master("")), [0, 0, 0, 0, 950, 950, 0, 0]);
    let owned = master(
        "host: {users: [{name: kube-admin, id: 902}, {name: kube, id: 200}]}
pki:
  certificates:
    admin: {owner: kube-admin}
    apiserver: {owner: kube}
    etcd-peer: {owner: root}
    kubelet-serving: {owner: kube}",
    );
    assert_eq!(owners(&owned), [902, 0, 200, 0, 0, 950, 0, 200]);
}
