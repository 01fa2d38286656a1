//! The whole vocabulary of templates, on one screen: everything that a file in `overlays/` can say.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde::Serialize;

use super::identity::machine_id;
use super::pod_network::{self, CalicoValues, FlannelValues};
use super::{Argument, DiskNames, Images, Kubeadm, PathValues, Service, docker, yaml};
use crate::blueprint::{Family, Network, TimeSync};
use crate::facts::{self, Minor};
use crate::spec::{
    APISERVER_KUBELET_CLIENT, Cluster, Cni, Engine, FRONT_PROXY_CLIENT, Interface, Join,
    LoadBalancer, Node, ProxyCredentials, Role, ServingCertificates, TokenStore,
};

/// What a template may use. A file that uses `node` differs between the nodes of a role; one that uses only `cluster`
/// does not.
#[derive(Debug, Clone, Serialize)]
pub struct Values {
    /// The same on every node.
    pub cluster: ClusterValues,
    /// The same on every node of one image.
    pub base: BaseValues,
    /// This node's own.
    pub node: NodeValues,
}

/// What the blueprint says of the distribution.
#[derive(Debug, Clone, Serialize)]
pub struct BaseValues {
    /// What configures the network, as `networkd`.
    pub network: Network,
    /// What keeps the clock, as `chrony`.
    pub time_sync: TimeSync,
    /// Whose conventions it follows, as `debian`.
    pub family: Family,
}

/// Values that are the same on every node.
#[derive(Debug, Clone, Serialize)]
pub struct ClusterValues {
    /// Name of the cluster.
    pub name: String,
    /// Kubernetes, as `1.34.2`.
    pub kubernetes: String,
    /// Its minor, as 34.
    pub minor: u32,
    /// The API as seen from outside.
    pub api: Api,
    /// The port of every API server.
    pub secure_port: u16,
    /// nginx, if every node has its own.
    pub nginx: Option<Nginx>,
    /// haproxy and keepalived, if masters share an address.
    pub haproxy: Option<Haproxy>,
    /// Pod range of the cluster.
    pub pods: String,
    /// Service range.
    pub services: String,
    /// DNS domain of the cluster.
    pub domain: String,
    /// Address of the DNS Service.
    pub dns_address: String,
    /// Words of the DNS's configuration that its version knows and others do not.
    pub corefile: Vec<String>,
    /// Flags of `kubectl apply`.
    pub apply_flags: Vec<String>,
    /// Replicas of the DNS.
    pub dns_replicas: usize,
    /// Name servers of the nodes.
    pub dns_servers: Vec<String>,
    /// Time servers of the nodes.
    pub time_servers: Vec<String>,
    /// Whether the pod network is `bridge`.
    pub bridge: bool,
    /// flannel, if the pod network is that.
    pub flannel: Option<FlannelValues>,
    /// Calico, if the pod network is that.
    pub calico: Option<CalicoValues>,
    /// Whether Kubernetes hands out each node's pod range.
    pub allocate_node_cidrs: bool,
    /// Prefix length of a node's pod range.
    pub node_prefix: u8,
    /// Whether the pod network sets routes on the nodes' own cards.
    pub foreign_routes: bool,
    /// How Services are made of packets.
    pub kube_proxy: KubeProxyValues,
    /// etcd.
    pub etcd: EtcdValues,
    /// Container images.
    pub images: ImageValues,
    /// Folders that the cluster file can move.
    pub paths: PathValues,
    /// What the kubelet speaks to.
    pub runtime: RuntimeValues,
    /// containerd's configuration, if that is the runtime.
    pub containerd: Option<facts::ContainerdConfig>,
    /// Docker, if there is one.
    pub docker: Option<DockerValues>,
    /// First lines of configuration files.
    pub formats: Formats,
    /// Feature gates that differ from the version's own.
    pub feature_gates: Vec<FeatureGate>,
    /// What starts the programs of Kubernetes: units, if it is installed from `binaries`, or `kubeadm`.
    pub install: &'static str,
    /// How nodes become members: `certificate`, `bootstrap` or `kubeadm`.
    pub join: &'static str,
    /// Where the API server looks up the tokens that nodes join by.
    pub tokens: Option<TokenStore>,
    /// Where kubelets' certificates as servers come from.
    pub serving_certificates: ServingCertificates,
    /// The feature gate by which old kubelets ask for one.
    pub serving_gate: Option<String>,
    /// Whom a kubelet asks for one, where its request says so.
    pub serving_signer: Option<String>,
    /// The common name of the API server towards extension APIs.
    pub front_proxy_client: String,
    /// The common name of the API server towards kubelets, as YAML writes it.
    pub apiserver_kubelet_client: String,
    /// The group of administrators, as YAML writes it, if the cluster file gives another than Kubernetes.
    pub admin_group: Option<String>,
    /// The label with a node's operating system.
    pub os_label: String,
    /// Taints that masters may have.
    pub control_plane_taints: Vec<Taint>,
    /// How many masters there are.
    pub master_count: usize,
    /// All nodes, masters first as in the file.
    pub nodes: Vec<NodeEntry>,
    /// Further lines of `/etc/hosts`.
    pub hosts: Vec<HostEntry>,
    /// Kernel modules.
    pub modules: Vec<String>,
    /// Kernel parameters.
    pub sysctl: Vec<Pair>,
    /// Arguments of the kernel beside its root.
    pub kernel_arguments: Vec<String>,
}

/// Values of one node.
#[derive(Debug, Clone, Serialize)]
pub struct NodeValues {
    /// Its name.
    pub name: String,
    /// `master` or `worker`.
    pub role: Role,
    /// Its address, without a prefix.
    pub address: String,
    /// Prefix length of its network.
    pub prefix: u8,
    /// Its way out, if any.
    pub gateway: Option<String>,
    /// MAC address of its network card, if known.
    pub mac: Option<String>,
    /// Names that its network card may have, where the MAC address is not known.
    pub interfaces: Vec<String>,
    /// Its pod range.
    pub pods: String,
    /// The ways to other nodes' pods.
    pub routes: Vec<Route>,
    /// The range of Services, where no gateway takes everything: before kube-proxy leads a connection of the node itself
    /// to a pod, the kernel must know some way.
    pub services_on_link: Option<Range>,
    /// Taints that it registers with.
    pub taints: Vec<Taint>,
    /// Its machine-id.
    pub machine_id: String,
    /// The API as this node reaches it.
    pub api: Api,
    /// PARTUUID of its root partition.
    pub root_partition: String,
    /// Flags by program, its name with `_` for `-`.
    pub arguments: BTreeMap<&'static str, Vec<Argument>>,
    /// How programs are started, by the same names. Flags that do not stand in the unit are no `arguments`.
    pub services: BTreeMap<&'static str, Service>,
    /// Fields of configuration files by program, its name with `_` for `-`: YAML behind `apiVersion` and `kind`.
    pub configurations: BTreeMap<&'static str, String>,
    /// kubeadm's part, if that installs Kubernetes.
    pub kubeadm: Option<Kubeadm>,
}

/// Where the API is.
#[derive(Debug, Clone, Serialize)]
pub struct Api {
    /// Host name or address.
    pub endpoint: String,
    /// Port.
    pub port: u16,
    /// Both, as an URL.
    pub url: String,
}

/// nginx before the API.
#[derive(Debug, Clone, Serialize)]
pub struct Nginx {
    /// Where it listens, on 127.0.0.1.
    pub port: u16,
}

/// haproxy before the API, at an address that keepalived moves.
#[derive(Debug, Clone, Serialize)]
pub struct Haproxy {
    /// Where it listens.
    pub port: u16,
    /// The address.
    pub address: String,
    /// VRRP's virtual router identifier.
    pub router_id: u8,
}

/// Where a node keeps the token of kube-proxy's service account.
pub const PROXY_TOKEN: &str = "/var/lib/kube-proxy/token";

/// How kube-proxy makes Services of packets.
#[derive(Debug, Clone, Serialize)]
pub struct KubeProxyValues {
    /// `iptables`, `ipvs` or `nftables`.
    pub mode: &'static str,
    /// With `ipvs`, the kernel's scheduler; else empty.
    pub scheduler: String,
    /// The node's file with the token of its service account; `None` if it comes by a certificate.
    pub token: Option<&'static str>,
}

/// What the kubelet speaks to.
#[derive(Debug, Clone, Serialize)]
pub struct RuntimeValues {
    /// Its name in the cluster file, as `containerd`.
    pub name: &'static str,
    /// Its unit.
    pub unit: &'static str,
    /// The socket where it answers by CRI.
    pub endpoint: &'static str,
    /// What keeps images, as `docker`; its unit is called the same.
    pub keeper: &'static str,
}

/// Docker.
#[derive(Debug, Clone, Serialize)]
pub struct DockerValues {
    /// Its `daemon.json`.
    pub daemon_config: String,
}

/// etcd's members and times.
#[derive(Debug, Clone, Serialize)]
pub struct EtcdValues {
    /// Names and peer URLs of all members, as `--initial-cluster` takes them.
    pub initial_cluster: String,
    /// What tells this cluster's members from others'.
    pub token: String,
    /// Milliseconds.
    pub heartbeat_interval: u32,
    /// Milliseconds.
    pub election_timeout: u32,
}

/// References of container images.
#[derive(Debug, Clone, Serialize)]
pub struct ImageValues {
    /// The pause image.
    pub pause: String,
    /// CoreDNS.
    pub coredns: String,
}

/// First lines (`apiVersion`, `kind`) of the configuration files of this version of Kubernetes.
#[derive(Debug, Clone, Serialize)]
pub struct Formats {
    /// `kubelet --config`
    pub kubelet: facts::Api,
    /// `kube-proxy --config`
    pub kube_proxy: facts::Api,
    /// `kube-scheduler --config`; `None` where flags say it all.
    pub scheduler: Option<facts::Api>,
    /// The keys that the API server encrypts by.
    pub encryption: facts::Api,
    /// `kube-apiserver --audit-policy-file`
    pub audit_policy: facts::Api,
}

/// A feature gate.
#[derive(Debug, Clone, Serialize)]
pub struct FeatureGate {
    /// Its name.
    pub name: String,
    /// Whether it is open.
    pub enabled: bool,
}

/// One node among others.
#[derive(Debug, Clone, Serialize)]
pub struct NodeEntry {
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: String,
    /// Its role.
    pub role: Role,
    /// Labels that it gets.
    pub labels: Vec<Pair>,
}

/// A line of `/etc/hosts`.
#[derive(Debug, Clone, Serialize)]
pub struct HostEntry {
    /// The address.
    pub address: String,
    /// Its names.
    pub names: Vec<String>,
}

/// A key and a value.
#[derive(Debug, Clone, Serialize)]
pub struct Pair {
    /// The key.
    pub key: String,
    /// The value.
    pub value: String,
}

/// A way to another node's pods.
#[derive(Debug, Clone, Serialize)]
pub struct Route {
    /// The other node's name.
    pub name: String,
    /// Its pod range.
    pub to: Range,
    /// Its address.
    pub via: String,
}

/// A range of addresses, in the ways that network scripts want it.
#[derive(Debug, Clone, Serialize)]
pub struct Range {
    /// Address and length of the prefix.
    pub cidr: String,
    /// The address alone.
    pub network: Ipv4Addr,
    /// The prefix as an address.
    pub netmask: Ipv4Addr,
}

impl From<Ipv4Net> for Range {
    fn from(net: Ipv4Net) -> Self {
        Self {
            cidr: net.to_string(),
            network: net.network(),
            netmask: net.netmask(),
        }
    }
}

/// A taint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Taint {
    /// The key.
    pub key: String,
    /// The value; may be empty.
    pub value: String,
    /// What it does to pods that do not tolerate it.
    pub effect: String,
}

/// Groups of administrators that have their rights without more.
const BOUND_GROUPS: &[&str] = &["system:masters", "kubeadm:cluster-admins"];

/// Modules that Kubernetes and its networks need.
const MODULES: &[&str] = &["overlay", "br_netfilter", "nf_conntrack"];

/// Kernel parameters that the kubelet (`protectKernelDefaults`), pod networks and busy nodes need.
const SYSCTL: &[(&str, &str)] = &[
    ("net.ipv4.ip_forward", "1"),
    ("net.bridge.bridge-nf-call-iptables", "1"),
    ("net.bridge.bridge-nf-call-ip6tables", "1"),
    ("vm.overcommit_memory", "1"),
    ("vm.panic_on_oom", "0"),
    ("kernel.panic", "10"),
    ("kernel.panic_on_oops", "1"),
    ("kernel.keys.root_maxkeys", "1000000"),
    ("kernel.keys.root_maxbytes", "25000000"),
    ("fs.inotify.max_user_instances", "8192"),
    ("fs.inotify.max_user_watches", "524288"),
];

pub(super) fn cluster(cluster: &Cluster, minor: &Minor, images: &Images) -> ClusterValues {
    let members = || {
        cluster
            .masters()
            .map(|master| (master.name.to_string(), master.address.addr()))
    };
    let mut sysctl: BTreeMap<&str, &str> = SYSCTL.iter().copied().collect();
    for (key, value) in &cluster.host.sysctl {
        sysctl.insert(key, value);
    }
    let mut modules: Vec<String> = MODULES.iter().map(|&module| module.to_owned()).collect();
    if let Some(scheduler) = &cluster.kube_proxy.scheduler {
        modules.extend(["ip_vs".to_owned(), format!("ip_vs_{scheduler}")]);
    }
    modules.extend(pod_network::modules(&cluster.network.cni));
    for module in &cluster.host.modules {
        if !modules.contains(module) {
            modules.push(module.clone());
        }
    }
    ClusterValues {
        name: cluster.name.clone(),
        kubernetes: cluster.kubernetes.version.to_string(),
        minor: cluster.kubernetes.version.minor,
        api: api(
            &cluster.control_plane.endpoint,
            cluster.control_plane.endpoint_port(),
        ),
        secure_port: cluster.control_plane.port,
        nginx: nginx(cluster),
        haproxy: haproxy(cluster),
        pods: cluster.network.pods.to_string(),
        services: cluster.network.services.to_string(),
        domain: cluster.network.domain.clone(),
        dns_address: cluster.network.dns_address.to_string(),
        corefile: images.corefile.clone(),
        apply_flags: minor.apply_flags.clone(),
        dns_replicas: cluster.nodes.len().min(2),
        dns_servers: cluster
            .network
            .dns_servers
            .iter()
            .map(ToString::to_string)
            .collect(),
        time_servers: cluster.network.time_servers.clone(),
        bridge: cluster.network.cni == Cni::Bridge,
        flannel: pod_network::flannel(cluster, minor),
        calico: pod_network::calico(cluster, minor),
        allocate_node_cidrs: cluster.network.cni.flannel().is_some(),
        node_prefix: cluster.network.node_prefix,
        foreign_routes: pod_network::sets_foreign_routes(&cluster.network.cni),
        kube_proxy: KubeProxyValues {
            mode: cluster.kube_proxy.mode,
            scheduler: cluster.kube_proxy.scheduler.clone().unwrap_or_default(),
            token: match cluster.kube_proxy.credentials {
                ProxyCredentials::Certificate => None,
                ProxyCredentials::ServiceAccount => Some(PROXY_TOKEN),
            },
        },
        etcd: EtcdValues {
            initial_cluster: join(
                members().map(|(name, address)| format!("{name}=https://{address}:2380")),
            ),
            token: cluster.name.clone(),
            heartbeat_interval: cluster.etcd.heartbeat_interval,
            election_timeout: cluster.etcd.election_timeout,
        },
        images: ImageValues {
            pause: images.pause.clone(),
            coredns: images.coredns.clone(),
        },
        paths: PathValues::from(&cluster.paths),
        runtime: runtime(&cluster.runtime.engine),
        containerd: match cluster.runtime.engine {
            Engine::Containerd { version, .. } => Some(facts::containerd_config(version)),
            Engine::Docker(_) | Engine::CriDockerd { .. } => None,
        },
        docker: cluster.runtime.engine.docker().map(|given| DockerValues {
            daemon_config: docker::daemon_config(given),
        }),
        formats: Formats {
            kubelet: minor.kubelet_configuration.clone(),
            kube_proxy: minor.kube_proxy_configuration.clone(),
            scheduler: minor.scheduler_configuration.clone(),
            encryption: minor.encryption_configuration.clone(),
            audit_policy: minor.audit_policy.clone(),
        },
        feature_gates: cluster
            .feature_gates
            .iter()
            .map(|(name, &enabled)| FeatureGate {
                name: name.clone(),
                enabled,
            })
            .collect(),
        install: match cluster.join {
            Join::Certificate | Join::Bootstrap(_) => "binaries",
            Join::Kubeadm => "kubeadm",
        },
        join: match cluster.join {
            Join::Certificate => "certificate",
            Join::Bootstrap(_) => "bootstrap",
            Join::Kubeadm => "kubeadm",
        },
        tokens: cluster.join.bootstrap().map(|bootstrap| bootstrap.tokens),
        serving_certificates: cluster.join.serving_certificates(),
        serving_gate: minor.serving_gate.clone(),
        serving_signer: minor.serving_signer.clone(),
        front_proxy_client: common_name(cluster, "front-proxy-client")
            .unwrap_or(FRONT_PROXY_CLIENT)
            .to_owned(),
        apiserver_kubelet_client: yaml::text(
            common_name(cluster, "apiserver-kubelet-client").unwrap_or(APISERVER_KUBELET_CLIENT),
        ),
        admin_group: (cluster.pki.certificates.get("admin"))
            .and_then(|admin| admin.subject.organization.as_deref())
            .filter(|group| !BOUND_GROUPS.contains(group))
            .map(yaml::text),
        os_label: minor.os_label.clone(),
        control_plane_taints: minor
            .control_plane_taints
            .iter()
            .map(|taint| parse_taint(taint))
            .collect(),
        master_count: cluster.masters().count(),
        nodes: cluster
            .nodes
            .iter()
            .map(|node| entry(minor, node))
            .collect(),
        hosts: cluster
            .host
            .hosts
            .iter()
            .map(|(address, names)| HostEntry {
                address: address.to_string(),
                names: names.clone(),
            })
            .collect(),
        modules,
        sysctl: sysctl
            .into_iter()
            .map(|(key, value)| Pair {
                key: key.into(),
                value: value.into(),
            })
            .collect(),
        kernel_arguments: cluster.host.kernel_arguments.clone(),
    }
}

pub(super) fn node(cluster: &Cluster, minor: &Minor, node: &Node, disk: &DiskNames) -> NodeValues {
    let (mac, interfaces) = match &node.interface {
        Interface::Mac(mac) => (Some(mac.clone()), Vec::new()),
        Interface::Names(names) => (None, names.clone()),
    };
    let others = cluster.nodes.iter().filter(|other| other.name != node.name);
    let routes = match cluster.network.cni {
        Cni::Bridge => others.map(route).collect(),
        Cni::Flannel(_) | Cni::Calico(_) | Cni::None => Vec::new(),
    };
    NodeValues {
        name: node.name.to_string(),
        role: node.role,
        address: node.address.addr().to_string(),
        prefix: node.address.prefix_len(),
        gateway: node.gateway.map(|gateway| gateway.to_string()),
        mac,
        interfaces,
        pods: node.pods.to_string(),
        routes,
        services_on_link: match node.gateway {
            Some(_) => None,
            None => Some(cluster.network.services.into()),
        },
        taints: taints(cluster, minor, node),
        machine_id: machine_id(&cluster.name, &node.name),
        api: api_of(cluster, node),
        root_partition: disk.root.to_string(),
        arguments: BTreeMap::new(),
        services: BTreeMap::new(),
        configurations: BTreeMap::new(),
        kubeadm: None,
    }
}

pub(super) fn runtime(engine: &Engine) -> RuntimeValues {
    let (unit, endpoint) = match engine {
        Engine::Containerd { .. } => (
            "containerd.service",
            "unix:///run/containerd/containerd.sock",
        ),
        // The kubelet itself answers there, for Docker.
        Engine::Docker(_) => ("docker.service", "unix:///var/run/dockershim.sock"),
        Engine::CriDockerd { .. } => ("cri-docker.service", "unix:///run/cri-dockerd.sock"),
    };
    RuntimeValues {
        name: engine.name(),
        unit,
        endpoint,
        keeper: match engine {
            Engine::Containerd { .. } => "containerd",
            Engine::Docker(_) | Engine::CriDockerd { .. } => "docker",
        },
    }
}

/// The common name that the cluster file gives a certificate.
fn common_name<'a>(cluster: &'a Cluster, certificate: &str) -> Option<&'a str> {
    let given = cluster.pki.certificates.get(certificate)?;
    given.common_name.as_deref()
}

fn join(texts: impl Iterator<Item = String>) -> String {
    texts.collect::<Vec<_>>().join(",")
}

fn api(endpoint: &str, port: u16) -> Api {
    Api {
        endpoint: endpoint.to_owned(),
        port,
        url: format!("https://{endpoint}:{port}"),
    }
}

/// A node with its own balancer talks to that; without any, a master talks to its own API server, so that it needs no
/// other master; all others to the endpoint. With kubeadm a master talks to the endpoint too: it must, before it has an API
/// server.
fn api_of(cluster: &Cluster, node: &Node) -> Api {
    let control_plane = &cluster.control_plane;
    match (control_plane.load_balancer, node.role) {
        (LoadBalancer::Nginx { port }, _) => api("127.0.0.1", port),
        (LoadBalancer::None, Role::Master) if cluster.join != Join::Kubeadm => {
            api(&node.address.addr().to_string(), control_plane.port)
        }
        _ => api(&control_plane.endpoint, control_plane.endpoint_port()),
    }
}

fn nginx(cluster: &Cluster) -> Option<Nginx> {
    match cluster.control_plane.load_balancer {
        LoadBalancer::Nginx { port } => Some(Nginx { port }),
        _ => None,
    }
}

fn haproxy(cluster: &Cluster) -> Option<Haproxy> {
    match cluster.control_plane.load_balancer {
        LoadBalancer::HaproxyKeepalived {
            address,
            port,
            router_id,
        } => Some(Haproxy {
            port,
            address: address.to_string(),
            router_id,
        }),
        _ => None,
    }
}

fn route(other: &Node) -> Route {
    Route {
        name: other.name.to_string(),
        to: other.pods.into(),
        via: other.address.addr().to_string(),
    }
}

fn entry(minor: &Minor, node: &Node) -> NodeEntry {
    let mut labels: Vec<Pair> = match node.role {
        Role::Master => minor
            .control_plane_labels
            .iter()
            .map(|key| Pair {
                key: key.clone(),
                value: String::new(),
            })
            .collect(),
        Role::Worker => vec![Pair {
            key: "node-role.kubernetes.io/worker".into(),
            value: String::new(),
        }],
    };
    labels.extend(node.labels.iter().map(|(key, value)| Pair {
        key: key.clone(),
        value: value.clone(),
    }));
    NodeEntry {
        name: node.name.to_string(),
        address: node.address.addr().to_string(),
        role: node.role,
        labels,
    }
}

/// Masters keep pods away, unless they are to run them.
fn taints(cluster: &Cluster, minor: &Minor, node: &Node) -> Vec<Taint> {
    let mut taints = Vec::new();
    if node.role == Role::Master && !cluster.control_plane.schedulable {
        taints.extend(
            minor
                .control_plane_taints
                .iter()
                .map(|taint| parse_taint(taint)),
        );
    }
    taints.extend(node.taints.iter().map(|taint| parse_taint(taint)));
    taints
}

/// `key=value:Effect` or `key:Effect`; the cluster file's were checked before.
fn parse_taint(text: &str) -> Taint {
    let (rest, effect) = text.rsplit_once(':').unwrap_or((text, "NoSchedule"));
    let (key, value) = rest.split_once('=').unwrap_or((rest, ""));
    Taint {
        key: key.into(),
        value: value.into(),
        effect: effect.into(),
    }
}
