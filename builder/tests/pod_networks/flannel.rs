//! flannel.

use kimage::facts;
use serde_json::{Value, json};

use crate::api::Api;
use crate::manifest::{is_sound, listing, object, objects, pods};
use crate::{planned, rendered};

const MANIFEST: &str = "/etc/kubernetes/addons/30-flannel.yaml";
const CONFLIST: &str = "/etc/cni/net.d/10-flannel.conflist";
const LINK: &str = "/etc/systemd/network/10-flannel.link";
const NETWORKD: &str = "/etc/systemd/networkd.conf.d/10-kimage.conf";
const MODULES: &str = "/etc/modules-load.d/90-kubernetes.conf";

/// The cluster file's line for a flannel.
fn network(version: &str, backend: &str) -> String {
    format!(
        "network: {{pods: 10.64.0.0/10, services: 10.0.0.0/12, cni: flannel, flannel: {{version: {version}, backend: {backend}}}}}"
    )
}

/// A flannel's objects on a Kubernetes.
fn manifest(kubernetes: &str, flannel: &str, backend: &str) -> Vec<Value> {
    let plan = planned(kubernetes.parse().unwrap(), &network(flannel, backend));
    objects(&rendered::file("master", &plan.nodes[0], MANIFEST).unwrap())
}

#[test]
fn every_minor_has_a_flannel_that_runs_on_every_node() {
    for minor in facts::minors() {
        for version in ["0.10.0", "0.15.1", "0.26.7"] {
            let plan = planned(minor.first, &network(version, "vxlan"));
            let objects = objects(&rendered::file("master", &plan.nodes[0], MANIFEST).unwrap());
            let [pod] = pods(&objects)[..] else {
                panic!("{objects:?}")
            };
            is_sound(pod, &plan.images);
            assert_eq!(
                pod["spec"]["tolerations"],
                json!([{"operator": "Exists", "effect": "NoSchedule"}, {"operator": "Exists", "effect": "NoExecute"}])
            );
            assert_eq!(
                pod["spec"]["nodeSelector"],
                json!({&minor.os_label: "linux"})
            );
        }
    }
}

#[test]
fn objects_are_where_upstream_has_them() {
    insta::assert_snapshot!(listing(&manifest("1.34.2", "0.26.7", "vxlan")), @r#"
    v1 Namespace kube-flannel
    v1 ServiceAccount kube-flannel/flannel
    rbac.authorization.k8s.io/v1 ClusterRole flannel
    rbac.authorization.k8s.io/v1 ClusterRoleBinding flannel
    v1 ConfigMap kube-flannel/kube-flannel-cfg
    apps/v1 DaemonSet kube-flannel/kube-flannel-ds
    "#);
    insta::assert_snapshot!(listing(&manifest("1.15.3", "0.11.0", "vxlan")), @r#"
    v1 ServiceAccount kube-system/flannel
    rbac.authorization.k8s.io/v1 ClusterRole flannel
    rbac.authorization.k8s.io/v1 ClusterRoleBinding flannel
    v1 ConfigMap kube-system/kube-flannel-cfg
    apps/v1 DaemonSet kube-system/kube-flannel-ds
    "#);
}

#[test]
fn flannel_is_told_the_range_and_how_packets_travel() {
    for backend in ["vxlan", "host-gw"] {
        let objects = manifest("1.34.2", "0.26.7", backend);
        let map = object(&objects, "ConfigMap", "kube-flannel-cfg");
        let told: Value =
            serde_json::from_str(map["data"]["net-conf.json"].as_str().unwrap()).unwrap();
        assert_eq!(
            told,
            json!({"Network": "10.64.0.0/10", "Backend": {"Type": backend}})
        );
    }
}

#[test]
fn a_node_has_the_network_before_flannel_comes() {
    let plan = planned("1.34.2".parse().unwrap(), &network("0.26.7", "vxlan"));
    for node in &plan.nodes {
        let list: Value =
            serde_json::from_str(&rendered::file("node", node, CONFLIST).unwrap()).unwrap();
        let plugins: Vec<&Value> = list["plugins"].as_array().unwrap().iter().collect();
        assert_eq!(plugins[0]["type"], "flannel");
        assert_eq!(plugins[1]["type"], "portmap");
        let other = rendered::file("node", node, "/etc/cni/net.d/10-kimage.conflist");
        assert_eq!(other, None);
        assert!(node.values.node.routes.is_empty());
    }
}

#[test]
fn what_a_tunnel_needs_is_not_there_for_routes_and_the_other_way_round() {
    for (backend, tunnel) in [("vxlan", true), ("host-gw", false)] {
        let plan = planned("1.34.2".parse().unwrap(), &network("0.26.7", backend));
        let node = &plan.nodes[1];
        let modules = rendered::file("node", node, MODULES).unwrap();
        assert_eq!(modules.lines().any(|line| line == "vxlan"), tunnel);
        assert_eq!(rendered::file("node", node, LINK).is_some(), tunnel);
        assert_eq!(rendered::file("node", node, NETWORKD).is_some(), !tunnel);
    }
}

#[test]
fn kubernetes_hands_out_the_nodes_ranges() {
    let given = |network: &str| -> Vec<String> {
        let plan = planned("1.34.2".parse().unwrap(), network);
        plan.nodes[0].values.node.arguments["kube_controller_manager"]
            .iter()
            .filter(|argument| argument.flag.contains("cidr") || argument.flag.contains("ip-range"))
            .map(|argument| format!("{}={}", argument.flag, argument.value))
            .collect()
    };
    assert_eq!(
        given(&network("0.26.7", "vxlan")),
        [
            "allocate-node-cidrs=true",
            "cluster-cidr=10.64.0.0/10",
            "node-cidr-mask-size=24",
            "service-cluster-ip-range=10.0.0.0/12"
        ]
    );
    assert_eq!(
        given("network: {cni: bridge}"),
        ["allocate-node-cidrs=false"]
    );
}

#[test]
fn a_real_api_takes_it_and_lets_its_pods_run() {
    for version in ["1.28.15", "1.34.2"] {
        let api = Api::start(version);
        for (flannel, backend) in [("0.26.7", "vxlan"), ("0.11.0", "host-gw")] {
            let plan = planned(version.parse().unwrap(), &network(flannel, backend));
            let text = rendered::file("master", &plan.nodes[0], MANIFEST).unwrap();
            api.takes(&text, &plan.nodes[0].values.cluster.apply_flags);
        }
    }
}
