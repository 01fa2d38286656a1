//! Calico.

use kimage::facts;
use serde_json::{Value, json};

use crate::api::Api;
use crate::manifest::{containers, is_sound, listing, object, objects, pods};
use crate::{planned, rendered};

const MANIFEST: &str = "/etc/kubernetes/addons/30-calico.yaml";
const CONFLIST: &str = "/etc/cni/net.d/10-calico.conflist";
const NETWORKD: &str = "/etc/systemd/networkd.conf.d/10-kimage.conf";
const MODULES: &str = "/etc/modules-load.d/90-kubernetes.conf";

/// The cluster file's line for a Calico; `more` is more of `network.calico`.
fn network(more: &str) -> String {
    format!(
        "network: {{pods: 10.64.0.0/10, services: 10.0.0.0/12, cni: calico, calico: {{{more}}}}}"
    )
}

/// A Calico's objects on a Kubernetes.
fn manifest(kubernetes: &str, more: &str) -> Vec<Value> {
    let plan = planned(kubernetes.parse().unwrap(), &network(more));
    objects(&rendered::file("master", &plan.nodes[0], MANIFEST).unwrap())
}

/// The variables of the daemon that say how packets travel.
fn told(objects: &[Value]) -> String {
    let daemon = object(objects, "DaemonSet", "calico-node");
    let node = *containers(&daemon["spec"]["template"]).last().unwrap();
    let variables = node["env"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut told: String = variables
        .map(|variable| (text(&variable["name"]), text(&variable["value"])))
        .filter(|(name, _)| name.contains("IPV4POOL") || name.contains("DETECTION"))
        .map(|(name, value)| format!("{name}={value}\n"))
        .collect();
    let map = &object(objects, "ConfigMap", "calico-config")["data"];
    told += &format!(
        "{} {}\n",
        text(&map["calico_backend"]),
        text(&map["veth_mtu"])
    );
    told += &node["readinessProbe"]["exec"]["command"].to_string();
    told
}

#[test]
fn every_minor_has_a_calico_that_runs_on_every_node() {
    for minor in facts::minors() {
        for backend in ["bgp", "ipip", "vxlan"] {
            let plan = planned(minor.first, &network(&format!("backend: {backend}")));
            let objects = objects(&rendered::file("master", &plan.nodes[0], MANIFEST).unwrap());
            let pods = pods(&objects);
            assert_eq!(pods.len(), 2);
            for pod in pods {
                is_sound(pod, &plan.images);
                assert_eq!(
                    pod["spec"]["nodeSelector"],
                    json!({&minor.os_label: "linux"})
                );
            }
            let daemon = &object(&objects, "DaemonSet", "calico-node")["spec"]["template"];
            assert_eq!(
                daemon["spec"]["tolerations"],
                json!([{"operator": "Exists", "effect": "NoSchedule"}, {"operator": "Exists", "effect": "NoExecute"}])
            );
            let declared = objects
                .iter()
                .filter(|object| object["kind"] == "CustomResourceDefinition");
            for declared in declared {
                let version = format!("apiextensions.k8s.io/{}", minor.custom_resources);
                assert_eq!(declared["apiVersion"], version);
                assert_eq!(
                    declared["spec"]["versions"].is_array(),
                    version.ends_with("/v1")
                );
            }
        }
    }
}

#[test]
fn packets_travel_as_the_cluster_file_says() {
    let old = |more: &str| told(&manifest("1.15.3", &format!("version: 3.9.1, {more}")));
    insta::assert_snapshot!(old("backend: bgp, autodetection: interface=ens160"), @r#"
    IP_AUTODETECTION_METHOD=interface=ens160
    CALICO_IPV4POOL_CIDR=10.64.0.0/10
    CALICO_IPV4POOL_IPIP=Never
    CALICO_IPV4POOL_VXLAN=Never
    bird 1500
    ["/bin/calico-node","-felix-ready","-bird-ready"]
    "#);
    insta::assert_snapshot!(old("backend: ipip"), @r#"
    IP_AUTODETECTION_METHOD=can-reach=192.0.2.11
    CALICO_IPV4POOL_CIDR=10.64.0.0/10
    CALICO_IPV4POOL_IPIP=Always
    CALICO_IPV4POOL_VXLAN=Never
    bird 1480
    ["/bin/calico-node","-felix-ready","-bird-ready"]
    "#);
    let new = |backend: &str| told(&manifest("1.34.2", &format!("backend: {backend}")));
    insta::assert_snapshot!(new("bgp"), @r#"
    IP_AUTODETECTION_METHOD=kubernetes-internal-ip
    CALICO_IPV4POOL_CIDR=10.64.0.0/10
    CALICO_IPV4POOL_IPIP=Never
    CALICO_IPV4POOL_VXLAN=Never
    bird 0
    ["/bin/calico-node","-felix-ready","-bird-ready"]
    "#);
    insta::assert_snapshot!(new("ipip"), @r#"
    IP_AUTODETECTION_METHOD=kubernetes-internal-ip
    CALICO_IPV4POOL_CIDR=10.64.0.0/10
    CALICO_IPV4POOL_IPIP=Always
    CALICO_IPV4POOL_VXLAN=Never
    bird 0
    ["/bin/calico-node","-felix-ready","-bird-ready"]
    "#);
    insta::assert_snapshot!(new("vxlan"), @r#"
    IP_AUTODETECTION_METHOD=kubernetes-internal-ip
    CALICO_IPV4POOL_CIDR=10.64.0.0/10
    CALICO_IPV4POOL_IPIP=Never
    CALICO_IPV4POOL_VXLAN=Always
    vxlan 0
    ["/bin/calico-node","-felix-ready"]
    "#);
}

#[test]
fn a_version_has_the_objects_and_images_that_it_had() {
    insta::assert_snapshot!(listing(&manifest("1.15.3", "version: 3.9.1")), @r#"
    apiextensions.k8s.io/v1beta1 CustomResourceDefinition bgpconfigurations.crd.projectcalico.org
    apiextensions.k8s.io/v1beta1 CustomResourceDefinition bgppeers.crd.projectcalico.org
    apiextensions.k8s.io/v1beta1 CustomResourceDefinition blockaffinities.crd.projectcalico.org
    apiextensions.k8s.io/v1beta1 CustomResourceDefinition clusterinformations.crd.projectcalico.org
    apiextensions.k8s.io/v1beta1 CustomResourceDefinition felixconfigurations.crd.projectcalico.org
    apiextensions.k8s.io/v1beta1 CustomResourceDefinition globalnetworkpolicies.crd.projectcalico.org
    apiextensions.k8s.io/v1beta1 CustomResourceDefinition globalnetworksets.crd.projectcalico.org
    apiextensions.k8s.io/v1beta1 CustomResourceDefinition hostendpoints.crd.projectcalico.org
    apiextensions.k8s.io/v1beta1 CustomResourceDefinition ipamblocks.crd.projectcalico.org
    apiextensions.k8s.io/v1beta1 CustomResourceDefinition ipamconfigs.crd.projectcalico.org
    apiextensions.k8s.io/v1beta1 CustomResourceDefinition ipamhandles.crd.projectcalico.org
    apiextensions.k8s.io/v1beta1 CustomResourceDefinition ippools.crd.projectcalico.org
    apiextensions.k8s.io/v1beta1 CustomResourceDefinition networkpolicies.crd.projectcalico.org
    apiextensions.k8s.io/v1beta1 CustomResourceDefinition networksets.crd.projectcalico.org
    v1 ServiceAccount kube-system/calico-node
    v1 ServiceAccount kube-system/calico-kube-controllers
    rbac.authorization.k8s.io/v1 ClusterRole calico-node
    rbac.authorization.k8s.io/v1 ClusterRoleBinding calico-node
    rbac.authorization.k8s.io/v1 ClusterRole calico-kube-controllers
    rbac.authorization.k8s.io/v1 ClusterRoleBinding calico-kube-controllers
    v1 ConfigMap kube-system/calico-config
    apps/v1 DaemonSet kube-system/calico-node
    apps/v1 Deployment kube-system/calico-kube-controllers
    "#);
    let images = |kubernetes: &str, version: &str| {
        let plan = planned(
            kubernetes.parse().unwrap(),
            &network(&format!("version: {version}")),
        );
        let own = plan.images.into_iter();
        own.filter(|image| image.contains("calico"))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        images("1.15.3", "3.9.1"),
        [
            "docker.io/calico/node:v3.9.1",
            "docker.io/calico/cni:v3.9.1",
            "docker.io/calico/kube-controllers:v3.9.1",
            "docker.io/calico/pod2daemon-flexvol:v3.9.1"
        ]
    );
    assert_eq!(images("1.34.2", "3.30.3").len(), 3);
}

#[test]
fn a_node_has_the_configuration_that_calico_writes_again() {
    for (kubernetes, more) in [("1.15.3", "version: 3.9.1"), ("1.34.2", "backend: vxlan")] {
        let plan = planned(kubernetes.parse().unwrap(), &network(more));
        let objects = objects(&rendered::file("master", &plan.nodes[0], MANIFEST).unwrap());
        let map = &object(&objects, "ConfigMap", "calico-config")["data"];
        for node in &plan.nodes {
            let again = map["cni_network_config"]
                .as_str()
                .unwrap()
                .replace("__KUBERNETES_NODE_NAME__", node.name.as_str())
                .replace("__CNI_MTU__", map["veth_mtu"].as_str().unwrap())
                .replace(
                    "__KUBECONFIG_FILEPATH__",
                    "/etc/cni/net.d/calico-kubeconfig",
                );
            let again: Value = serde_json::from_str(&again).unwrap();
            let baked = rendered::file("node", node, CONFLIST).unwrap();
            assert_eq!(serde_json::from_str::<Value>(&baked).unwrap(), again);
        }
    }
}

#[test]
fn a_node_has_the_modules_of_its_tunnel_and_leaves_routes_alone() {
    for (backend, module) in [
        ("bgp", None),
        ("ipip", Some("ipip")),
        ("vxlan", Some("vxlan")),
    ] {
        let plan = planned(
            "1.34.2".parse().unwrap(),
            &network(&format!("backend: {backend}")),
        );
        let node = &plan.nodes[1];
        let modules = rendered::file("node", node, MODULES).unwrap();
        let tunnels = modules
            .lines()
            .find(|line| ["ipip", "vxlan"].contains(line));
        assert_eq!(tunnels, module);
        assert!(rendered::file("node", node, NETWORKD).is_some());
        assert!(node.values.node.routes.is_empty());
    }
}

#[test]
fn kubernetes_knows_the_range_but_hands_none_out() {
    let plan = planned("1.15.3".parse().unwrap(), &network("version: 3.9.1"));
    let given: Vec<String> = plan.nodes[0].values.node.arguments["kube_controller_manager"]
        .iter()
        .filter(|argument| argument.flag.contains("cidr") || argument.flag.contains("ip-range"))
        .map(|argument| format!("{}={}", argument.flag, argument.value))
        .collect();
    assert_eq!(
        given,
        [
            "allocate-node-cidrs=false",
            "cluster-cidr=10.64.0.0/10",
            "service-cluster-ip-range=10.0.0.0/12"
        ]
    );
}

#[test]
fn a_real_api_takes_it_and_lets_its_pods_run() {
    for (version, calico) in [
        ("1.28.15", "version: 3.26.4, backend: ipip"),
        ("1.34.2", "version: 3.30.3, backend: vxlan"),
    ] {
        let api = Api::start(version);
        let plan = planned(version.parse().unwrap(), &network(calico));
        let text = rendered::file("master", &plan.nodes[0], MANIFEST).unwrap();
        api.takes(&text, &plan.nodes[0].values.cluster.apply_flags);
        // What Calico writes comes back whole.
        api.keeps(&json!({
            "apiVersion": "crd.projectcalico.org/v1", "kind": "IPPool", "metadata": {"name": "default-ipv4-ippool"},
            "spec": {"cidr": "10.64.0.0/10", "blockSize": 26, "ipipMode": "Always", "nodeSelector": "all()"}
        }));
    }
}
