//! The cluster file as it is written: every key, its type and what it means, and nothing else.
//!
//! These types are the one list of keys. serde decodes them, schemars turns them into the JSON Schema, and the schema
//! is what a text is held to first. Whatever may be left out is an `Option`, so that `key:` with nothing behind it
//! means the same as no key; defaults are filled in by `meaning`, because many depend on other values. Addresses,
//! versions and names stay text here: what they must look like is said at their place in the file, by `meaning`.
//!
//! To add a key: a field here with a doc comment (it becomes the schema's description), and its rule in `meaning`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::warning::Warning;

/// A Kubernetes cluster, as kimage makes it: only `kubernetes.version` and `nodes` must be written.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(title = "kimage cluster file")]
pub(super) struct ClusterFile {
    /// The format of this file.
    pub(super) api_version: Option<ApiVersion>,
    /// What this file describes.
    pub(super) kind: Option<DocumentKind>,
    /// The cluster's name, in lower case with `-`; `kubernetes` unless given.
    pub(super) name: Option<String>,
    /// Which Kubernetes.
    pub(super) kubernetes: KubernetesFile,
    /// The kind of image that nodes are made from unless a node names another; `debian-12` unless given.
    pub(super) image: Option<String>,
    /// What runs containers.
    pub(super) runtime: Option<RuntimeFile>,
    /// The etcd of the control plane.
    pub(super) etcd: Option<EtcdFile>,
    /// Ranges, DNS and the pod network.
    pub(super) network: Option<NetworkFile>,
    /// How clients and nodes find the API.
    pub(super) control_plane: Option<ControlPlaneFile>,
    /// How Services are made of packets.
    pub(super) kube_proxy: Option<KubeProxyFile>,
    /// Algorithm and lifetimes of keys and certificates.
    pub(super) pki: Option<PkiFile>,
    /// How a node becomes a member: `certificate`, its identity lies in its image, or `bootstrap`, its kubelet asks for
    /// one with a token that lies there.
    pub(super) join: Option<JoinFile>,
    /// Tokens and certificates of nodes that join by `bootstrap`.
    pub(super) bootstrap: Option<BootstrapFile>,
    /// Where upstream's releases are taken from instead of their own hosts, in the same layout: an `https://`,
    /// `http://` or `file://` address.
    pub(super) mirror: Option<String>,
    /// Container images to preload on every node, as `docker.io/library/nginx:1.27`.
    pub(super) images: Option<Vec<String>>,
    /// Manifests to apply at first boot, in this order: files or directories beside this file. What they run is preloaded.
    pub(super) addons: Option<Vec<String>>,
    /// Where a node has its programs, its certificates and the kubelet's state.
    pub(super) paths: Option<PathsFile>,
    /// What every node gets beside Kubernetes.
    pub(super) host: Option<HostSection>,
    /// Flags added to those that kimage sets, or set instead of them, per component and without leading dashes.
    pub(super) extra_args: Option<ExtraArgsFile>,
    /// How the components are started: as whom, with which environment.
    pub(super) components: Option<ComponentsFile>,
    /// Fields laid over those that kimage writes into configuration files: mappings are merged, anything else is
    /// replaced.
    pub(super) extra_config: Option<ExtraConfigFile>,
    /// Feature gates of every component of Kubernetes, as `SidecarContainers: true`.
    pub(super) feature_gates: Option<BTreeMap<String, bool>>,
    /// Warnings that are meant: their names, as `kimage check` shows them.
    pub(super) allow: Option<Vec<Warning>>,
    /// The machines. A node's share of the pod range is decided by its place in this list: add new ones at the end.
    #[schemars(length(min = 1))]
    pub(super) nodes: Vec<NodeFile>,
}

/// The format of this file.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, JsonSchema)]
pub(super) enum ApiVersion {
    #[serde(rename = "kimage/v1alpha1")]
    V1Alpha1,
}

/// What this file describes.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, JsonSchema)]
pub(super) enum DocumentKind {
    Cluster,
}

/// Which Kubernetes, installed how.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct KubernetesFile {
    /// The full version, as `1.34.2`.
    pub(super) version: String,
    /// How it is installed: `binaries`, units start its programs, or `kubeadm`, which runs at the first boot and starts
    /// them in pods. The programs are upstream's, from its server archive.
    pub(super) install: Option<InstallFile>,
}

/// How Kubernetes is installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum InstallFile {
    Binaries,
    Kubeadm,
}

/// What runs containers, with the versions of the tools that go with it.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct RuntimeFile {
    /// The runtime: `containerd`; `docker`, for kubelets before 1.24, which speak to it by themselves; or `cri-dockerd`, which
    /// speaks to Docker for kubelets from 1.24 on.
    pub(super) name: Option<RuntimeName>,
    /// The runtime's version, as `2.1.4`; Docker's in Docker's own spelling, as `17.06.2`.
    pub(super) version: Option<String>,
    /// With `cri-dockerd`, the version of Docker, as `24.0.7`.
    pub(super) docker: Option<String>,
    /// With Docker, keys laid over those of kimage's `daemon.json`: mappings are merged, anything else is replaced.
    pub(super) daemon_config: Option<serde_json::Map<String, Value>>,
    /// The version of runc, as `1.3.0`; Docker brings its own.
    pub(super) runc: Option<String>,
    /// The version of the CNI plugins, as `1.7.1`.
    pub(super) cni_plugins: Option<String>,
    /// The version of crictl, as `1.34.0`, or `none` to leave it out.
    pub(super) crictl: Option<String>,
}

/// A container runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RuntimeName {
    Containerd,
    Docker,
    CriDockerd,
}

/// The etcd of the control plane.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct EtcdFile {
    /// Its version, as `3.6.5`; the one that this Kubernetes was released with unless given.
    pub(super) version: Option<String>,
    /// Milliseconds between heartbeats; 100 unless given.
    #[schemars(range(min = 1, max = 10_000))]
    pub(super) heartbeat_interval: Option<u32>,
    /// Milliseconds without a heartbeat after which members elect; ten heartbeats unless given.
    #[schemars(range(min = 5, max = 50_000))]
    pub(super) election_timeout: Option<u32>,
}

/// Ranges, DNS and the pod network.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct NetworkFile {
    /// The range of all pods; `10.244.0.0/16` unless given.
    pub(super) pods: Option<String>,
    /// The range of all Services; `10.96.0.0/16` unless given. The first address is the API's.
    pub(super) services: Option<String>,
    /// How pods of different nodes reach each other: `bridge` (static routes, no daemon; unless given), `flannel`,
    /// `calico` or `none`.
    pub(super) cni: Option<CniFile>,
    /// With `cni: flannel`, which one.
    pub(super) flannel: Option<FlannelFile>,
    /// With `cni: calico`, which one.
    pub(super) calico: Option<CalicoFile>,
    /// The prefix length of one node's share of `pods`; 24 unless given.
    #[schemars(range(min = 8, max = 30))]
    pub(super) node_prefix: Option<u8>,
    /// Names and name servers.
    pub(super) dns: Option<DnsFile>,
    /// Names or addresses of the nodes' time servers; the distribution's unless given.
    pub(super) time_servers: Option<Vec<String>>,
}

/// A pod network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum CniFile {
    Bridge,
    Flannel,
    Calico,
    None,
}

/// A flannel.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct FlannelFile {
    /// Its version, as `0.26.7`, which it is unless given.
    pub(super) version: Option<String>,
    /// How packets get to other nodes: `vxlan` (in UDP packets to port 8472; unless given) or `host-gw` (by routes, for
    /// nodes that are in one network).
    pub(super) backend: Option<FlannelBackendFile>,
}

/// How flannel gets packets to other nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum FlannelBackendFile {
    Vxlan,
    HostGw,
}

/// A Calico, with the API as its only store.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct CalicoFile {
    /// Its version, as `3.30.3`; one that goes with this Kubernetes unless given.
    pub(super) version: Option<String>,
    /// How packets get to other nodes: `bgp` (by routes, which routers between must know), `ipip` (in IP packets; unless
    /// given) or `vxlan` (in UDP packets to port 4789).
    pub(super) backend: Option<CalicoBackendFile>,
    /// How it finds a node's address, in Calico's words: `interface=eth0`, `can-reach=192.0.2.1` ... The node's address in
    /// Kubernetes unless given.
    pub(super) autodetection: Option<String>,
}

/// How Calico gets packets to other nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum CalicoBackendFile {
    Bgp,
    Ipip,
    Vxlan,
}

/// Names and name servers.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct DnsFile {
    /// The cluster's domain; `cluster.local` unless given.
    pub(super) domain: Option<String>,
    /// Addresses of the nodes' name servers.
    pub(super) servers: Option<Vec<String>>,
    /// The address of the cluster's own name server, in `network.services`; the tenth unless given.
    pub(super) address: Option<String>,
    /// The image of the cluster's own name server, a CoreDNS; the one that this Kubernetes was released with unless
    /// given.
    pub(super) image: Option<String>,
}

/// How clients and nodes find the API.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct ControlPlaneFile {
    /// The name or address that clients use; the first master's address unless given.
    pub(super) endpoint: Option<String>,
    /// The API's port; 6443 unless given.
    #[schemars(range(min = 1, max = 65535))]
    pub(super) port: Option<u16>,
    /// Further names and addresses for the API's certificate.
    pub(super) sans: Option<Vec<String>>,
    /// What spreads requests over the masters.
    pub(super) load_balancer: Option<LoadBalancerFile>,
    /// A file beside this one with the rules of what the API writes into its audit log; kimage's own unless given.
    pub(super) audit_policy: Option<String>,
    /// Whether masters run pods as workers do; unless given, only if there are no workers.
    pub(super) schedulable: Option<bool>,
}

/// What spreads requests over the masters.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct LoadBalancerFile {
    /// `none`; `external`: one that exists already, at `controlPlane.endpoint`; `nginx`: on every node, for that node; or
    /// `haproxy-keepalived`: on the masters, which share the address `controlPlane.endpoint`.
    pub(super) kind: Option<LoadBalancerKind>,
    /// Where nginx or haproxy listens; 8443 unless given.
    #[schemars(range(min = 1, max = 65535))]
    pub(super) port: Option<u16>,
    /// With `haproxy-keepalived`, what tells these masters from other groups in their network (VRRP's virtual router
    /// identifier); 51 unless given.
    #[schemars(range(min = 1, max = 255))]
    pub(super) router_id: Option<u8>,
}

/// A way to spread requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum LoadBalancerKind {
    None,
    External,
    Nginx,
    HaproxyKeepalived,
}

/// How Services are made of packets.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct KubeProxyFile {
    /// What the kernel does it with; `iptables` unless given.
    pub(super) mode: Option<ProxyModeFile>,
    /// With `ipvs`, how a connection finds its pod, in the kernel's words: `rr` (unless given), `wlc`, `sh` ...
    pub(super) scheduler: Option<String>,
    /// By what it comes to the API: `certificate`, its own in every image, or `service-account`, whose token each node
    /// reads from the cluster once it is a member; `certificate` unless given.
    pub(super) credentials: Option<ProxyCredentialsFile>,
}

/// By what kube-proxy comes to the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ProxyCredentialsFile {
    Certificate,
    ServiceAccount,
}

/// What the kernel makes Services with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ProxyModeFile {
    Iptables,
    Ipvs,
    Nftables,
}

/// Algorithm and lifetimes of keys and certificates.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct PkiFile {
    /// The kind of all keys; `ecdsa-p256` unless given.
    pub(super) algorithm: Option<AlgorithmFile>,
    /// Years that authorities are valid; 10 unless given.
    #[schemars(range(min = 1, max = 100))]
    pub(super) ca_years: Option<u32>,
    /// Days that all other certificates are valid; 365 unless given.
    #[schemars(range(min = 1, max = 36_500))]
    pub(super) leaf_days: Option<u32>,
    /// Names and owners of single certificates.
    pub(super) certificates: Option<CertificatesFile>,
}

/// Names and owners of single certificates.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct CertificatesFile {
    /// The cluster's authority; `kubernetes` unless given.
    pub(super) ca: Option<CertificateFile>,
    /// etcd's authority; `etcd-ca` unless given.
    pub(super) etcd_ca: Option<CertificateFile>,
    /// The authority of those who speak for others to extension APIs; `front-proxy-ca` unless given.
    pub(super) front_proxy_ca: Option<CertificateFile>,
    /// The API server; `kube-apiserver` unless given.
    pub(super) apiserver: Option<CertificateFile>,
    /// The API server towards kubelets; `kube-apiserver-kubelet-client` unless given. Its binding follows.
    pub(super) apiserver_kubelet_client: Option<CertificateFile>,
    /// The API server towards etcd; `kube-apiserver-etcd-client` unless given.
    pub(super) apiserver_etcd_client: Option<CertificateFile>,
    /// The API server towards extension APIs; `front-proxy-client` unless given. Whom they believe follows.
    pub(super) front_proxy_client: Option<CertificateFile>,
    /// The controller manager towards the API.
    pub(super) controller_manager: Option<CertificateFile>,
    /// The scheduler towards the API.
    pub(super) scheduler: Option<CertificateFile>,
    /// The people who run the cluster; `kubernetes-admin` unless given. The binding of its organization follows.
    pub(super) admin: Option<CertificateFile>,
    /// etcd's members towards clients; the node's name unless given.
    pub(super) etcd_server: Option<CertificateFile>,
    /// etcd's members towards each other; the node's name unless given.
    pub(super) etcd_peer: Option<CertificateFile>,
    /// Who asks etcd how it is; `kube-etcd-healthcheck-client` unless given.
    pub(super) etcd_healthcheck_client: Option<CertificateFile>,
    /// Kubelets towards the API, where nodes join by certificate.
    pub(super) kubelet: Option<CertificateFile>,
    /// Kubelets as servers, where their certificates are issued.
    pub(super) kubelet_serving: Option<CertificateFile>,
    /// kube-proxy towards the API.
    pub(super) kube_proxy: Option<CertificateFile>,
}

/// Who a certificate names, and whose its key is.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct CertificateFile {
    /// The common name: to the API, the user.
    pub(super) common_name: Option<String>,
    /// What the certificate says of its subject beside the common name.
    pub(super) subject: Option<SubjectFile>,
    /// The user of `host.users` who may read the key, and the kubeconfig if it is in one; `root` unless given.
    pub(super) owner: Option<String>,
}

/// What a certificate says of its subject beside the common name.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct SubjectFile {
    /// The country, in two letters.
    pub(super) country: Option<String>,
    /// The state or province.
    pub(super) province: Option<String>,
    /// The town.
    pub(super) locality: Option<String>,
    /// The organization: to the API, the group.
    pub(super) organization: Option<String>,
    /// The part of the organization.
    pub(super) organizational_unit: Option<String>,
}

/// A kind of key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub(super) enum AlgorithmFile {
    #[serde(rename = "ecdsa-p256")]
    EcdsaP256,
    #[serde(rename = "ecdsa-p384")]
    EcdsaP384,
    #[serde(rename = "ecdsa-p521")]
    EcdsaP521,
    #[serde(rename = "rsa-2048")]
    Rsa2048,
    #[serde(rename = "rsa-3072")]
    Rsa3072,
    #[serde(rename = "rsa-4096")]
    Rsa4096,
}

/// How a node becomes a member of the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum JoinFile {
    Certificate,
    Bootstrap,
}

/// Tokens and certificates of nodes that join by `bootstrap`.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct BootstrapFile {
    /// Days that a token is good for, from the first build on; 30 unless given.
    #[schemars(range(min = 1, max = 365))]
    pub(super) days: Option<u32>,
    /// Where the API server looks tokens up: `secret` (unless given), Secrets that end with the token, or `file`, which
    /// ends no token.
    pub(super) tokens: Option<TokenStoreFile>,
    /// Where kubelets' certificates as servers come from: `approved` (unless given), asked for by the kubelet and approved
    /// by the masters for the node's declared name and address only, or `issued`, into its image.
    pub(super) serving_certificates: Option<ServingCertificatesFile>,
}

/// Where the API server looks tokens up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum TokenStoreFile {
    Secret,
    File,
}

/// Where kubelets' certificates as servers come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ServingCertificatesFile {
    Approved,
    Issued,
}

/// Where a node has its programs, its certificates and the kubelet's state. The names of files stay.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct PathsFile {
    /// The folder of the programs of Kubernetes, etcd and the runtime; `/usr/local/bin` unless given.
    pub(super) binaries: Option<String>,
    /// The folder of certificates and keys; `/etc/kubernetes/pki` unless given.
    pub(super) pki: Option<String>,
    /// The kubelet's own folder; `/var/lib/kubelet` unless given.
    pub(super) kubelet: Option<String>,
}

/// What every node gets beside Kubernetes.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct HostSection {
    /// Kernel parameters, over those that Kubernetes needs.
    pub(super) sysctl: Option<BTreeMap<String, Plain>>,
    /// Kernel modules to load at boot, beside those that Kubernetes needs.
    pub(super) modules: Option<Vec<String>>,
    /// Further lines of `/etc/hosts`: an address and its names.
    pub(super) hosts: Option<BTreeMap<String, Vec<String>>>,
    /// Public SSH keys of root; without one nobody logs in.
    pub(super) ssh_keys: Option<Vec<String>>,
    /// Arguments of the kernel, as `console=ttyS0`.
    pub(super) kernel_arguments: Option<Vec<String>>,
    /// Further files.
    pub(super) files: Option<Vec<HostFileFile>>,
    /// Further users, each with a group of the same name and number.
    pub(super) users: Option<Vec<UserFile>>,
    /// Units of systemd to add, to change or to mask.
    pub(super) units: Option<Vec<UnitFile>>,
    /// Access for users and groups beside a file's own: POSIX access control lists.
    pub(super) acls: Option<Vec<AclFile>>,
    /// Packages of the distribution, beside the blueprint's: a base that is built gets them, one that is imported must have
    /// them.
    pub(super) packages: Option<Vec<String>>,
    /// Further directories; the image's and kimage's get the owner and mode that are given here.
    pub(super) directories: Option<Vec<HostDirectoryFile>>,
    /// The time zone, as `Asia/Tokyo`; the distribution's unless given. The image must have it.
    pub(super) timezone: Option<String>,
    /// What keeps the clock, if not what the distribution has for it. The image must have it.
    pub(super) time_service: Option<TimeServiceFile>,
    /// SELinux, on images that have a policy.
    pub(super) selinux: Option<SelinuxSection>,
}

/// SELinux: what it does, and labels beside the policy's own.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct SelinuxSection {
    /// Whether it refuses, only logs, or is off; the image's own setting unless given.
    pub(super) mode: Option<SelinuxModeFile>,
    /// Which types paths get, after all that the policy says: built into the image, and kept by `restorecon`.
    pub(super) file_contexts: Option<Vec<FileContextFile>>,
}

/// What SELinux does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum SelinuxModeFile {
    Enforcing,
    Permissive,
    Disabled,
}

/// The type of some paths.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct FileContextFile {
    /// The whole paths, as a regular expression: `/data/kubelet(/.*)?`.
    pub(super) path: String,
    /// The type, as `bin_t`.
    pub(super) r#type: String,
    /// Which kind of file; all unless given.
    pub(super) kind: Option<FileKindFile>,
}

/// A kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum FileKindFile {
    File,
    Directory,
    Link,
    Socket,
    Pipe,
    CharDevice,
    BlockDevice,
}

/// Access to one file or directory.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct AclFile {
    /// The file or directory, as `/etc/kubernetes/kube-proxy.conf`. Every master has to have it; a worker without it goes
    /// without.
    pub(super) path: String,
    /// What is given, in the words of `setfacl -m`: `u:kube:r`, `g:adm:rx`, `d:u:kube:rx` for what is made in a directory.
    #[schemars(length(min = 1))]
    pub(super) entries: Vec<String>,
}

/// A service that keeps the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum TimeServiceFile {
    Chrony,
    SystemdTimesyncd,
}

/// A directory for every node.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct HostDirectoryFile {
    /// Where it is, as `/srv/data`.
    pub(super) path: String,
    /// Permission bits in octal and in quotes; `"0755"` unless given.
    pub(super) mode: Option<String>,
    /// The user who owns it; `root` unless given.
    pub(super) owner: Option<String>,
    /// The group that owns it; `root` unless given.
    pub(super) group: Option<String>,
}

/// A file for every node.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct HostFileFile {
    /// Where it goes, as `/etc/motd`.
    pub(super) path: String,
    /// Permission bits in octal and in quotes; `"0644"` unless given.
    pub(super) mode: Option<String>,
    /// The user who owns it; `root` unless given.
    pub(super) owner: Option<String>,
    /// The group that owns it; `root` unless given.
    pub(super) group: Option<String>,
    /// What is in it.
    pub(super) content: String,
    /// Whether it may take the place of a file that the image or kimage has; `false` unless given.
    pub(super) replace: Option<bool>,
}

/// A user on every node.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct UserFile {
    /// The name of the user and of the group.
    pub(super) name: String,
    /// The number of both.
    #[schemars(range(min = 1, max = 60_000))]
    pub(super) id: u32,
    /// The home directory; `/nonexistent` unless given.
    pub(super) home: Option<String>,
    /// The login shell; `/usr/sbin/nologin` unless given.
    pub(super) shell: Option<String>,
}

/// What is to be done with a unit of systemd: one of `dropIn`, `content` and `mask`.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct UnitFile {
    /// Its name, as `backup.timer`.
    pub(super) name: String,
    /// Settings beside those that it has, as `[Service]` and `CPUAccounting=true` below it.
    pub(super) drop_in: Option<String>,
    /// The whole of a new unit; it is enabled if it has a section `[Install]`.
    pub(super) content: Option<String>,
    /// Whether it never runs; `false` unless given.
    pub(super) mask: Option<bool>,
}

/// How each component is started.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ComponentsFile {
    /// How etcd is started.
    pub(super) etcd: Option<ComponentFile>,
    /// How kube-apiserver is started.
    pub(super) kube_apiserver: Option<ComponentFile>,
    /// How kube-controller-manager is started.
    pub(super) kube_controller_manager: Option<ComponentFile>,
    /// How kube-scheduler is started.
    pub(super) kube_scheduler: Option<ComponentFile>,
    /// How kubelet is started.
    pub(super) kubelet: Option<ComponentFile>,
    /// How kube-proxy is started.
    pub(super) kube_proxy: Option<ComponentFile>,
}

/// How a component is started.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct ComponentFile {
    /// The account that it runs as, one of `host.users`, to which its keys then belong; `root`, and `etcd` for etcd,
    /// unless given.
    pub(super) user: Option<String>,
    /// A file that holds its flags, which stand in its unit otherwise.
    pub(super) environment_file: Option<EnvironmentFileFile>,
    /// Variables of its environment.
    pub(super) environment: Option<BTreeMap<String, Plain>>,
}

/// A file that holds the flags of a component in one variable.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct EnvironmentFileFile {
    /// Where it is, as `/etc/kubernetes/apiserver`.
    pub(super) path: String,
    /// The variable, as `KUBE_API_ARGS`.
    pub(super) variable: String,
}

/// Flags per component.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ExtraArgsFile {
    /// Flags of etcd.
    pub(super) etcd: Option<BTreeMap<String, Plain>>,
    /// Flags of kube-apiserver.
    pub(super) kube_apiserver: Option<BTreeMap<String, Plain>>,
    /// Flags of kube-controller-manager.
    pub(super) kube_controller_manager: Option<BTreeMap<String, Plain>>,
    /// Flags of kube-scheduler.
    pub(super) kube_scheduler: Option<BTreeMap<String, Plain>>,
    /// Flags of kubelet.
    pub(super) kubelet: Option<BTreeMap<String, Plain>>,
    /// Flags of kube-proxy.
    pub(super) kube_proxy: Option<BTreeMap<String, Plain>>,
}

/// Fields of configuration files per component.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ExtraConfigFile {
    /// Fields of `KubeletConfiguration`.
    pub(super) kubelet: Option<serde_json::Map<String, Value>>,
    /// Fields of `KubeProxyConfiguration`.
    pub(super) kube_proxy: Option<serde_json::Map<String, Value>>,
}

/// A machine.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct NodeFile {
    /// Its one name: host name, name in Kubernetes, name in its certificates.
    pub(super) name: String,
    /// What it is for.
    pub(super) role: RoleFile,
    /// Its address with the prefix length of its network, as `192.168.76.11/24`.
    pub(super) address: String,
    /// The address of its way out; none in a closed network.
    pub(super) gateway: Option<String>,
    /// The address of the network card that gets `address`, as `52:54:00:76:00:11`.
    pub(super) mac: Option<String>,
    /// The name or pattern of the network card that gets `address`, as `eth0` or `en*`.
    pub(super) interface: Option<String>,
    /// Several such names or patterns; the first that fits is taken.
    #[schemars(length(min = 1))]
    pub(super) interfaces: Option<Vec<String>>,
    /// The kind of image that it is made from, if not the cluster's.
    pub(super) image: Option<String>,
    /// Labels, beside the role's.
    pub(super) labels: Option<BTreeMap<String, Plain>>,
    /// Taints, beside the role's, as `key=value:NoSchedule`.
    pub(super) taints: Option<Vec<String>>,
}

/// What a node is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum RoleFile {
    Master,
    Worker,
}

/// A value that programs read as text, but that people write without quotes: a text, a number, true or false. The parser
/// hands a number over as the text that was written, so that `1.10` stays `1.10`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(untagged)]
pub(super) enum Plain {
    Text(String),
    Number(serde_json::Number),
    Truth(bool),
}

impl std::fmt::Display for Plain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Number(number) => number.fmt(f),
            Self::Truth(truth) => truth.fmt(f),
        }
    }
}

impl JsonSchema for Plain {
    fn schema_name() -> Cow<'static, str> {
        "Plain".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["string", "number", "boolean"]})
    }
}
