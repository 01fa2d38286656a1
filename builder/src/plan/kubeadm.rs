//! What kubeadm is told: how the cluster is, on the first master, or how to come in, on all others.
//!
//! Written for the versions v1beta3 and v1beta4 of its configuration. Everything that images depend on is said, so that
//! kubeadm asks for none that the node does not hold.
//!
//! See <https://kubernetes.io/docs/reference/config-api/kubeadm-config.v1beta4/>.

use serde::Serialize;
use serde_yaml_ng::{Mapping, Value};

use super::values::{self, NodeValues};
use super::{arguments, yaml};
use crate::facts::{self, Api, ArgumentForm, Minor};
use crate::spec::{Cluster, Component, KeyAlgorithm, Node, Role};

/// The registry of the images that kubeadm starts.
const REPOSITORY: &str = "registry.k8s.io";

/// Where etcd has its data.
const ETCD_DATA: &str = "/var/lib/etcd";

/// What the API server reads and writes beside what kubeadm gives it: name, path and type.
const VOLUMES: &[(&str, &str, &str)] = &[
    ("encryption", "/etc/kubernetes/encryption.yaml", "File"),
    ("audit-policy", "/etc/kubernetes/audit-policy.yaml", "File"),
    ("audit-log", "/var/log/kubernetes", "DirectoryOrCreate"),
];

/// The port of a kubelet.
const KUBELET_PORT: u16 = 10250;

/// The ports of a control plane beside the API's: the controller manager's, the scheduler's and etcd's.
const CONTROL_PLANE_PORTS: [u16; 4] = [10257, 10259, 2379, 2380];

/// The check whether a proxy stands before the ranges of addresses. It warns at most, but older kubeadms put IPv4 addresses
/// into brackets for it, at which they stop if they were compiled by a Go of late 2025 or newer.
const PROXY_OF_RANGES: &str = "HTTPProxyCIDR";

/// The programs that kubeadm writes manifests of static pods for.
const STATIC_PODS: [&str; 4] = [
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "etcd",
];

/// kubeadm's part in a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Kubeadm {
    /// What it is to do: `init` or `join`.
    pub command: &'static str,
    /// Its configuration file.
    pub configuration: String,
}

/// What kubeadm is told on a node. The node's flags and configurations must be among its values already.
pub(super) fn kubeadm(
    cluster: &Cluster,
    minor: &Minor,
    coredns: &str,
    node: &Node,
    values: &NodeValues,
) -> Kubeadm {
    let file = File {
        cluster,
        minor,
        coredns,
        node,
        values,
    };
    let first = cluster.masters().next().map(|master| &master.name);
    let (command, documents) = if first == Some(&node.name) {
        ("init", file.init())
    } else {
        ("join", vec![yaml::written(&file.join())])
    };
    Kubeadm {
        command,
        configuration: documents.join("\n---\n"),
    }
}

/// The container images that kubeadm starts: on every node, and on masters only.
pub(super) fn images(cluster: &Cluster) -> (Vec<String>, Vec<String>) {
    let image = |program| format!("{REPOSITORY}/{program}:v{}", cluster.kubernetes.version);
    let masters = STATIC_PODS.into_iter().map(|program| match program {
        "etcd" => format!("{REPOSITORY}/etcd:{}", etcd_tag(cluster)),
        program => image(program),
    });
    (vec![image("kube-proxy")], masters.collect())
}

/// The images of etcd that kubeadm takes have a number of their own behind etcd's version.
fn etcd_tag(cluster: &Cluster) -> String {
    format!("{}-0", cluster.etcd.version)
}

/// What a configuration file is made of.
struct File<'a> {
    cluster: &'a Cluster,
    minor: &'a Minor,
    coredns: &'a str,
    node: &'a Node,
    values: &'a NodeValues,
}

impl File<'_> {
    /// The documents of the master that begins.
    fn init(&self) -> Vec<String> {
        let mut init = self.document("InitConfiguration");
        // As without a configuration: for people who add a node by hand on the first day.
        let token = map([("ttl", "24h0m0s".into())]);
        set(&mut init, "bootstrapTokens", vec![token]);
        set(&mut init, "localAPIEndpoint", self.endpoint());
        set(&mut init, "nodeRegistration", self.registration());
        vec![
            yaml::written(&init),
            yaml::written(&self.cluster()),
            self.component(Component::Kubelet, &self.minor.kubelet_configuration),
            self.component(Component::KubeProxy, &self.minor.kube_proxy_configuration),
        ]
    }

    /// The document of any other node. It comes as itself: no token has an end that its image could outlive.
    fn join(&self) -> Mapping {
        let mut join = self.document("JoinConfiguration");
        let authority = format!("{}/ca.crt", self.cluster.paths.pki);
        set(&mut join, "caCertPath", authority);
        let file = map([("kubeConfigPath", "/etc/kubernetes/discovery.conf".into())]);
        set(&mut join, "discovery", map([("file", file)]));
        if self.node.role == Role::Master {
            let endpoint = map([("localAPIEndpoint", self.endpoint())]);
            set(&mut join, "controlPlane", endpoint);
        }
        set(&mut join, "nodeRegistration", self.registration());
        join
    }

    /// A document of kubeadm's own, with its first lines.
    fn document(&self, kind: &str) -> Mapping {
        let mut document = Mapping::new();
        let version = self.minor.kubeadm_cluster.version.as_str();
        set(&mut document, "apiVersion", version);
        set(&mut document, "kind", kind);
        document
    }

    /// Where the API server of this master listens.
    fn endpoint(&self) -> Value {
        map([
            ("advertiseAddress", self.values.address.as_str().into()),
            ("bindPort", self.cluster.control_plane.port.into()),
        ])
    }

    /// What this node is to the cluster.
    fn registration(&self) -> Value {
        let taints = self.values.taints.iter().map(|taint| {
            map([
                ("key", taint.key.as_str().into()),
                ("value", taint.value.as_str().into()),
                ("effect", taint.effect.as_str().into()),
            ])
        });
        let runtime = values::runtime(&self.cluster.runtime.engine);
        map([
            ("name", self.values.name.as_str().into()),
            ("criSocket", runtime.endpoint.into()),
            // An empty list must be said: without any, kubeadm keeps pods away from a master.
            ("taints", taints.collect::<Vec<_>>().into()),
            (
                "kubeletExtraArgs",
                self.arguments(Component::Kubelet, Vec::new()),
            ),
            ("ignorePreflightErrors", self.passed_over().into()),
        ])
    }

    /// What must not end an attempt: what the one before it left, from where it goes on, and faults that are none.
    fn passed_over(&self) -> Vec<Value> {
        let name = |what: &str, path: &str| format!("{what}-{}", path.replace('/', "-"));
        let file = |path: &str| name("FileAvailable", path);
        let port = |port: u16| format!("Port-{port}");
        let mut left = vec![
            file("/etc/kubernetes/kubelet.conf"),
            file("/etc/kubernetes/bootstrap-kubelet.conf"),
            port(KUBELET_PORT),
        ];
        match self.node.role {
            Role::Worker => left.push(file(&format!("{}/ca.crt", self.cluster.paths.pki))),
            Role::Master => {
                let manifests = "/etc/kubernetes/manifests";
                left.extend(STATIC_PODS.map(|pod| file(&format!("{manifests}/{pod}.yaml"))));
                left.extend([manifests, ETCD_DATA].map(|path| name("DirAvailable", path)));
                left.push(port(self.cluster.control_plane.port));
                left.extend(CONTROL_PLANE_PORTS.map(port));
                left.push(PROXY_OF_RANGES.to_owned());
            }
        }
        left.into_iter().map(Value::from).collect()
    }

    /// The cluster as a whole, which kubeadm keeps in the cluster from then on.
    fn cluster(&self) -> Mapping {
        let (plane, network) = (&self.cluster.control_plane, &self.cluster.network);
        let mut file = self.document(&self.minor.kubeadm_cluster.kind);
        set(&mut file, "clusterName", self.cluster.name.as_str());
        let version = format!("v{}", self.cluster.kubernetes.version);
        set(&mut file, "kubernetesVersion", version);
        let endpoint = format!("{}:{}", plane.endpoint, plane.endpoint_port());
        set(&mut file, "controlPlaneEndpoint", endpoint);
        set(
            &mut file,
            "certificatesDir",
            self.cluster.paths.pki.to_string(),
        );
        let key = key_kind(self.cluster.pki.algorithm);
        if self.minor.kubeadm_keys.iter().any(|known| known == key) {
            set(&mut file, "encryptionAlgorithm", key);
        }
        set(&mut file, "imageRepository", REPOSITORY);
        let networking = map([
            ("dnsDomain", network.domain.as_str().into()),
            ("podSubnet", network.pods.to_string().into()),
            ("serviceSubnet", network.services.to_string().into()),
        ]);
        set(&mut file, "networking", networking);
        set(&mut file, "apiServer", self.api_server());
        // kubeadm holds the pods' range against it, and takes 24 if nothing is said.
        let node_prefix = vec![("node-cidr-mask-size", network.node_prefix.to_string())];
        let manager = self.arguments(Component::KubeControllerManager, node_prefix);
        set(
            &mut file,
            "controllerManager",
            map([("extraArgs", manager)]),
        );
        let scheduler = self.arguments(Component::KubeScheduler, Vec::new());
        set(&mut file, "scheduler", map([("extraArgs", scheduler)]));
        let etcd = map([
            ("dataDir", ETCD_DATA.into()),
            ("extraArgs", self.arguments(Component::Etcd, Vec::new())),
            // Said although kubeadm knows one: releases of one minor differ in it, and the node holds this.
            ("imageTag", etcd_tag(self.cluster).into()),
        ]);
        set(&mut file, "etcd", map([("local", etcd)]));
        if let Some((repository, tag)) = facts::coredns_for_kubeadm(self.coredns) {
            let dns = map([
                ("imageRepository", repository.into()),
                ("imageTag", tag.into()),
            ]);
            set(&mut file, "dns", dns);
        }
        file
    }

    /// The API servers of all masters.
    fn api_server(&self) -> Value {
        let sans = &self.cluster.control_plane.sans;
        let sans: Vec<Value> = sans.iter().map(|name| name.as_str().into()).collect();
        let volumes = VOLUMES.iter().map(|(name, path, kind)| {
            map([
                ("name", (*name).into()),
                ("hostPath", (*path).into()),
                ("mountPath", (*path).into()),
                ("readOnly", (*kind == "File").into()),
                ("pathType", (*kind).into()),
            ])
        });
        map([
            ("certSANs", sans.into()),
            (
                "extraArgs",
                self.arguments(Component::KubeApiserver, Vec::new()),
            ),
            ("extraVolumes", volumes.collect::<Vec<_>>().into()),
        ])
    }

    /// The configuration of a program, which kubeadm gives to that of every node.
    fn component(&self, component: Component, first_lines: &Api) -> String {
        let fields = &self.values.configurations[arguments::key(component)];
        let Api { version, kind } = first_lines;
        format!("apiVersion: {version}\nkind: {kind}\n{fields}")
    }

    /// The flags of a program, in the form that this version reads.
    fn arguments(&self, component: Component, more: Vec<(&str, String)>) -> Value {
        let own = &self.values.arguments[arguments::key(component)];
        let own = own
            .iter()
            .map(|argument| (argument.flag.as_str(), argument.value.clone()));
        let mut all: Vec<(&str, String)> = more;
        all.extend(own);
        match self.minor.kubeadm_arguments {
            Some(ArgumentForm::List) => {
                let item = |(flag, value): (&str, String)| {
                    map([("name", flag.into()), ("value", value.into())])
                };
                Value::Sequence(all.into_iter().map(item).collect())
            }
            Some(ArgumentForm::Map) | None => {
                let member = |(flag, value): (&str, String)| (flag.into(), value.into());
                Value::Mapping(all.into_iter().map(member).collect())
            }
        }
    }
}

/// A kind of key in kubeadm's words, whether it knows it or not.
fn key_kind(algorithm: KeyAlgorithm) -> &'static str {
    match algorithm {
        KeyAlgorithm::EcdsaP256 => "ECDSA-P256",
        KeyAlgorithm::EcdsaP384 => "ECDSA-P384",
        KeyAlgorithm::EcdsaP521 => "ECDSA-P521",
        KeyAlgorithm::Rsa2048 => "RSA-2048",
        KeyAlgorithm::Rsa3072 => "RSA-3072",
        KeyAlgorithm::Rsa4096 => "RSA-4096",
    }
}

fn map<const N: usize>(members: [(&str, Value); N]) -> Value {
    let members = members.into_iter().map(|(key, value)| (key.into(), value));
    Value::Mapping(members.collect())
}

fn set(mapping: &mut Mapping, key: &str, value: impl Into<Value>) {
    mapping.insert(key.into(), value.into());
}
