//! A cluster that has been checked.
//!
//! Every default is filled in and every rule that can be known beforehand holds: names and addresses are unique,
//! networks do not overlap, versions exist in the facts, the image is known. Nothing here is text any more that a
//! later phase would have to parse.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use ipnet::Ipv4Net;
use serde::Serialize;

use super::{CertificateOptions, Cni, DockerVersion, Join, NodeName, Paths, Role};
use crate::blueprint::TimeSync;
use crate::tree::TreePath;
use crate::tree::acl::AclEntry;

/// A cluster, checked.
#[derive(Debug, Clone, Serialize)]
pub struct Cluster {
    /// Its name.
    pub name: String,
    /// Which Kubernetes.
    pub kubernetes: Kubernetes,
    /// The blueprint that its nodes are made from unless a node names another.
    pub image: String,
    /// What runs containers.
    pub runtime: Runtime,
    /// Version of etcd, as `3.6.5`.
    pub etcd: Etcd,
    /// Ranges, DNS and the pod network.
    pub network: Network,
    /// How clients and nodes find the API.
    pub control_plane: ControlPlane,
    /// How Services are made of packets.
    pub kube_proxy: KubeProxy,
    /// Algorithms and lifetimes.
    pub pki: Pki,
    /// How nodes become members.
    pub join: Join,
    /// Replaces the hosts of upstream releases: `https://` or `file://`, without a slash at the end.
    pub mirror: Option<String>,
    /// Container images to preload on every node, beside those that kimage itself needs; full references.
    pub images: Vec<String>,
    /// Add-ons: manifests applied at first boot, in order; paths beside the cluster file.
    pub addons: Vec<PathBuf>,
    /// Folders that are the user's to choose.
    pub paths: Paths,
    /// What every node gets.
    pub host: Host,
    /// Additions and replacements per component: flags without the leading dashes.
    pub extra_args: BTreeMap<Component, BTreeMap<String, String>>,
    /// How components are started, where it is not kimage's way.
    pub components: BTreeMap<Component, Service>,
    /// Fields laid over those of kimage's configuration files, per component.
    pub extra_config: BTreeMap<Component, serde_json::Map<String, serde_json::Value>>,
    /// Feature gates that differ from the version's own, of every component of Kubernetes.
    pub feature_gates: BTreeMap<String, bool>,
    /// The nodes in the order of the file.
    pub nodes: Vec<Node>,
}

/// Which Kubernetes, installed how.
#[derive(Debug, Clone, Serialize)]
pub struct Kubernetes {
    /// Full version without `v`, as `1.34.2`.
    pub version: Version,
}

/// A version of three numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// The first number.
    pub major: u32,
    /// The second: what Kubernetes calls the minor.
    pub minor: u32,
    /// The third.
    pub patch: u32,
}

/// What runs containers.
#[derive(Debug, Clone, Serialize)]
pub struct Runtime {
    /// What the kubelet speaks to.
    pub engine: Engine,
    /// Version of the CNI plugins.
    pub cni_plugins: Version,
    /// Version of crictl; `None` leaves it out.
    pub crictl: Option<Version>,
}

/// A container runtime, with what it is made of.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Engine {
    /// containerd.
    Containerd {
        /// Its version.
        version: Version,
        /// Version of runc.
        runc: Version,
    },
    /// Docker, which the kubelet speaks to by itself.
    Docker(Docker),
    /// Docker, and cri-dockerd, which speaks to it for the kubelet.
    CriDockerd {
        /// Version of cri-dockerd.
        version: Version,
        /// The Docker.
        docker: Docker,
    },
}

impl Engine {
    /// Its name in the cluster file.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Containerd { .. } => "containerd",
            Self::Docker(_) => "docker",
            Self::CriDockerd { .. } => "cri-dockerd",
        }
    }

    /// The Docker, if there is one.
    pub fn docker(&self) -> Option<&Docker> {
        match self {
            Self::Containerd { .. } => None,
            Self::Docker(docker) | Self::CriDockerd { docker, .. } => Some(docker),
        }
    }
}

/// Docker, with the containerd and the runc of its own archive.
#[derive(Debug, Clone, Serialize)]
pub struct Docker {
    /// Its version.
    pub version: DockerVersion,
    /// Keys laid over those of kimage's `daemon.json`.
    pub daemon_config: serde_json::Map<String, serde_json::Value>,
}

/// The etcd of the control plane.
#[derive(Debug, Clone, Serialize)]
pub struct Etcd {
    /// Its version.
    pub version: Version,
    /// Milliseconds between heartbeats.
    pub heartbeat_interval: u32,
    /// Milliseconds without a heartbeat after which members elect.
    pub election_timeout: u32,
}

/// Ranges, DNS and the pod network.
#[derive(Debug, Clone, Serialize)]
pub struct Network {
    /// All pods.
    pub pods: Ipv4Net,
    /// Prefix length of one node's share of `pods`.
    pub node_prefix: u8,
    /// All Services. The first address is the API's.
    pub services: Ipv4Net,
    /// How pods of different nodes reach each other.
    pub cni: Cni,
    /// The cluster's domain, as `cluster.local`.
    pub domain: String,
    /// The DNS Service's address.
    pub dns_address: Ipv4Addr,
    /// The DNS's image, if not the one of this Kubernetes; a full reference.
    pub dns_image: Option<String>,
    /// Name servers of the nodes; may be empty.
    pub dns_servers: Vec<Ipv4Addr>,
    /// Time servers of the nodes; empty means the distribution's.
    pub time_servers: Vec<String>,
}

/// How clients and nodes find the API.
#[derive(Debug, Clone, Serialize)]
pub struct ControlPlane {
    /// Host name or address that clients use, as in kubeconfigs of nodes and people.
    pub endpoint: String,
    /// The port of every API server.
    pub port: u16,
    /// Further names and addresses for the API's certificate.
    pub sans: Vec<String>,
    /// Where the endpoint leads.
    pub load_balancer: LoadBalancer,
    /// The file with the API's audit policy, beside the cluster file; `None` means kimage's own.
    pub audit_policy: Option<PathBuf>,
    /// Whether masters run pods as workers do.
    pub schedulable: bool,
}

impl ControlPlane {
    /// The port at the endpoint: a balancer on the masters has one of its own.
    pub fn endpoint_port(&self) -> u16 {
        match self.load_balancer {
            LoadBalancer::HaproxyKeepalived { port, .. } => port,
            _ => self.port,
        }
    }
}

/// What spreads requests over the masters. None of them asks the API how it is configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum LoadBalancer {
    /// Nothing: nodes talk to the first master, each master to itself.
    None,
    /// Something that exists already, at the endpoint.
    External,
    /// nginx on every node: clients on a node talk to 127.0.0.1.
    Nginx {
        /// Where it listens.
        port: u16,
    },
    /// haproxy on every master, and keepalived, which keeps the endpoint's address on one of those that live.
    HaproxyKeepalived {
        /// The virtual address, the endpoint's.
        address: Ipv4Addr,
        /// Where haproxy listens.
        port: u16,
        /// What tells these routers from others' in the same network (VRRP's VRID).
        router_id: u8,
    },
}

/// How Services are made of packets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KubeProxy {
    /// What the kernel does it with, in kube-proxy's word.
    pub mode: &'static str,
    /// With `ipvs`, the kernel's scheduler, as `rr`.
    pub scheduler: Option<String>,
    /// By what it comes to the API.
    pub credentials: ProxyCredentials,
}

/// By what kube-proxy comes to the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProxyCredentials {
    /// A certificate of its own on every node.
    Certificate,
    /// The token of the service account `kube-system/kube-proxy`, which the cluster makes.
    ServiceAccount,
}

/// Algorithms and lifetimes of keys and certificates.
#[derive(Debug, Clone, Serialize)]
pub struct Pki {
    /// For all keys.
    pub algorithm: KeyAlgorithm,
    /// Lifetime of authorities.
    pub ca_years: u32,
    /// Lifetime of everything else.
    pub leaf_days: u32,
    /// What is given about single certificates, by the names that their files have in the secrets directory; those of
    /// authorities are `ca`, `etcd-ca` and `front-proxy-ca`.
    pub certificates: BTreeMap<&'static str, CertificateOptions>,
}

/// A kind of key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyAlgorithm {
    /// ECDSA on P-256.
    EcdsaP256,
    /// ECDSA on P-384.
    EcdsaP384,
    /// ECDSA on P-521.
    EcdsaP521,
    /// RSA with 2048 bits.
    Rsa2048,
    /// RSA with 3072 bits.
    Rsa3072,
    /// RSA with 4096 bits.
    Rsa4096,
}

/// What every node gets beside Kubernetes.
#[derive(Debug, Clone, Serialize)]
pub struct Host {
    /// Kernel parameters, over those that Kubernetes needs.
    pub sysctl: BTreeMap<String, String>,
    /// Kernel modules, after those that Kubernetes needs.
    pub modules: Vec<String>,
    /// Further lines of `/etc/hosts`: address to names.
    pub hosts: BTreeMap<Ipv4Addr, Vec<String>>,
    /// Public SSH keys of root; none means that nobody logs in.
    pub ssh_keys: Vec<String>,
    /// Kernel command line, after what booting needs; `console=` belongs here or to the platform.
    pub kernel_arguments: Vec<String>,
    /// Further files.
    pub files: Vec<HostFile>,
    /// Further users, with groups of the same names.
    pub users: Vec<User>,
    /// Units of systemd that are added, changed or masked.
    pub units: Vec<Unit>,
    /// Access for users and groups beside a file's own.
    pub acls: Vec<HostAcl>,
    /// Packages of the distribution that the base must have.
    pub packages: Vec<String>,
    /// Further directories, and whose those are that are there anyway.
    pub directories: Vec<HostDirectory>,
    /// The time zone, as `Asia/Tokyo`; `None` leaves the distribution's.
    pub timezone: Option<String>,
    /// What keeps the clock; `None` leaves it to what the distribution has.
    pub time_service: Option<TimeSync>,
    /// SELinux.
    pub selinux: Selinux,
}

/// SELinux, on images that have a policy.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Selinux {
    /// What it does; `None` leaves it to the image.
    pub mode: Option<SelinuxMode>,
    /// Types of paths, after all that the policy says.
    pub file_contexts: Vec<FileContext>,
}

/// What SELinux does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SelinuxMode {
    /// It refuses what the policy does not allow.
    Enforcing,
    /// It logs it.
    Permissive,
    /// It is off.
    Disabled,
}

impl SelinuxMode {
    /// The word in `/etc/selinux/config`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Enforcing => "enforcing",
            Self::Permissive => "permissive",
            Self::Disabled => "disabled",
        }
    }
}

/// The type of some paths.
#[derive(Debug, Clone, Serialize)]
pub struct FileContext {
    /// A regular expression of whole paths.
    pub path: String,
    /// The field of a kind of file, as `-d`; `None` means all.
    pub kind: Option<&'static str>,
    /// The type.
    pub r#type: String,
}

/// Access to one file or directory.
#[derive(Debug, Clone, Serialize)]
pub struct HostAcl {
    /// The file or directory.
    pub path: TreePath,
    /// What is given, over what its mode and the base give.
    pub entries: Vec<AclEntry>,
}

/// A directory that the user wants in the image.
#[derive(Debug, Clone, Serialize)]
pub struct HostDirectory {
    /// Where it is.
    pub path: TreePath,
    /// Permission bits.
    pub mode: u16,
    /// Owner, as a name of the image.
    pub owner: String,
    /// Group, as a name of the image.
    pub group: String,
}

/// A file that the user wants in the image.
#[derive(Debug, Clone, Serialize)]
pub struct HostFile {
    /// Where it goes.
    pub path: TreePath,
    /// Permission bits.
    pub mode: u16,
    /// Owner, as a name of the image.
    pub owner: String,
    /// Group, as a name of the image.
    pub group: String,
    /// What is in it.
    pub content: String,
    /// Whether it may stand where the base or kimage has one.
    pub replace: bool,
}

/// A user that the image has beside the base's.
#[derive(Debug, Clone, Serialize)]
pub struct User {
    /// Name of the user and of the group.
    pub name: String,
    /// Number of both.
    pub id: u32,
    /// Home directory.
    pub home: String,
    /// Login shell.
    pub shell: String,
}

/// A unit of systemd.
#[derive(Debug, Clone, Serialize)]
pub struct Unit {
    /// Its name, as `backup.timer`.
    pub name: String,
    /// What is done with it.
    pub change: UnitChange,
}

/// What is done with a unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum UnitChange {
    /// It gets settings beside its own.
    DropIn(String),
    /// It is made, and enabled if it says so.
    Content(String),
    /// It never runs.
    Mask,
}

/// How a component is started.
#[derive(Debug, Clone, Serialize)]
pub struct Service {
    /// The account that it runs as, one of the host's users; `None` is kimage's choice.
    pub user: Option<String>,
    /// Where its flags stand; `None` is its unit.
    pub environment_file: Option<EnvironmentFile>,
    /// Variables of its environment.
    pub environment: BTreeMap<String, String>,
}

/// A file that holds the flags of a component.
#[derive(Debug, Clone, Serialize)]
pub struct EnvironmentFile {
    /// Where it is.
    pub path: TreePath,
    /// The variable that holds them.
    pub variable: String,
}

/// A program of the cluster whose flags can be added to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Component {
    /// `etcd`
    Etcd,
    /// `kube-apiserver`
    KubeApiserver,
    /// `kube-controller-manager`
    KubeControllerManager,
    /// `kube-scheduler`
    KubeScheduler,
    /// `kubelet`
    Kubelet,
    /// `kube-proxy`
    KubeProxy,
}

impl Component {
    /// All of them, which is what a master runs.
    pub const ALL: [Self; 6] = [
        Self::Etcd,
        Self::KubeApiserver,
        Self::KubeControllerManager,
        Self::KubeScheduler,
        Self::Kubelet,
        Self::KubeProxy,
    ];
}

/// One machine.
#[derive(Debug, Clone, Serialize)]
pub struct Node {
    /// Its one name.
    pub name: NodeName,
    /// What it is for.
    pub role: Role,
    /// Its address and the network that it is in.
    pub address: Ipv4Net,
    /// Its way out; `None` in a closed network.
    pub gateway: Option<Ipv4Addr>,
    /// Which network card gets the address.
    pub interface: Interface,
    /// Its share of the pod range, decided by its place in the file.
    pub pods: Ipv4Net,
    /// Blueprint, if not the cluster's.
    pub image: String,
    /// Labels beside the role's.
    pub labels: BTreeMap<String, String>,
    /// Taints beside the role's, as `key=value:Effect`.
    pub taints: Vec<String>,
}

/// How a network card is recognised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Interface {
    /// By its MAC address, in lower case with colons.
    Mac(String),
    /// By the first of several names or patterns of the kernel that fits, as `en*`.
    Names(Vec<String>),
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl std::str::FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        let wrong = || VersionError(text.to_owned());
        let mut numbers = text
            .strip_prefix('v')
            .unwrap_or(text)
            .split('.')
            .map(|number| {
                let plain = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
                if plain {
                    number.parse().map_err(|_| wrong())
                } else {
                    Err(wrong())
                }
            });
        let mut next = || numbers.next().unwrap_or_else(|| Err(wrong()));
        let version = Self {
            major: next()?,
            minor: next()?,
            patch: next()?,
        };
        if numbers.next().is_some() {
            Err(wrong())
        } else {
            Ok(version)
        }
    }
}

/// Why a text is no version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no version of three numbers, as 1.34.2")]
pub struct VersionError(String);

impl Serialize for Version {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Cluster {
    /// The masters in the order of the file.
    pub fn masters(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| node.role == Role::Master)
    }

    /// The nodes of a role in the order of the file.
    pub fn nodes_of(&self, role: Role) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(move |node| node.role == role)
    }

    /// The node of a name.
    pub fn node(&self, name: &NodeName) -> Option<&Node> {
        self.nodes.iter().find(|node| &node.name == name)
    }

    /// The address of the API Service: the first of the Service range.
    pub fn api_service_address(&self) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.network.services.network()) + 1)
    }
}
