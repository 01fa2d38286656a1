//! The trust domains and the identities in them.
//!
//! Follows <https://kubernetes.io/docs/setup/best-practices/certificates/>; names and subjects are kubeadm's, because
//! that is what people and their tools look for.

use std::fmt;

use serde::Serialize;

use crate::spec::{Cluster, Join, ProxyCredentials, Role, ServingCertificates};

/// One authority and all that verifies against it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Domain {
    /// The API, its clients and the kubelets.
    Kubernetes,
    /// etcd's members and clients.
    Etcd,
    /// The API server towards extension API servers. An authority of its own, because whoever it vouches for may
    /// speak for anyone.
    FrontProxy,
}

impl Domain {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Kubernetes, Self::Etcd, Self::FrontProxy];

    /// The folder of its authority in the secrets directory.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Kubernetes => "kubernetes",
            Self::Etcd => "etcd",
            Self::FrontProxy => "front-proxy",
        }
    }

    /// What the cluster file calls its authority.
    pub(super) fn authority_key(self) -> &'static str {
        match self {
            Self::Kubernetes => "ca",
            Self::Etcd => "etcd-ca",
            Self::FrontProxy => "front-proxy-ca",
        }
    }

    /// The common name of its authority, unless the cluster file says otherwise.
    pub fn authority_name(self) -> &'static str {
        match self {
            Self::Kubernetes => "kubernetes",
            Self::Etcd => "etcd-ca",
            Self::FrontProxy => "front-proxy-ca",
        }
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.folder())
    }
}

/// What a certificate may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Usage {
    /// To connect.
    Client,
    /// To be connected to.
    Server,
    /// Both, as etcd's members do.
    Both,
}

/// A subject's part in a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Identity {
    /// The API server, as clients see it.
    Apiserver,
    /// The API server, as kubelets see it.
    ApiserverKubeletClient,
    /// The API server, as etcd sees it.
    ApiserverEtcdClient,
    /// The API server, as extension API servers see it.
    FrontProxyClient,
    /// The controller manager.
    ControllerManager,
    /// The scheduler.
    Scheduler,
    /// The people who run the cluster; one for all masters.
    Admin,
    /// The unit that applies the first objects, among them the bindings that everybody else's rights come from.
    Bootstrap,
    /// The unit that approves certificates of kubelets as servers.
    Approver,
    /// An etcd member, as clients see it.
    EtcdServer,
    /// An etcd member, as the other members see it.
    EtcdPeer,
    /// Who asks etcd how it is.
    EtcdHealthcheckClient,
    /// A kubelet, as the API server sees it.
    Kubelet,
    /// A kubelet, as whoever asks it for logs sees it.
    KubeletServing,
    /// A node's kube-proxy.
    KubeProxy,
}

impl Identity {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::Apiserver,
        Self::ApiserverKubeletClient,
        Self::ApiserverEtcdClient,
        Self::FrontProxyClient,
        Self::ControllerManager,
        Self::Scheduler,
        Self::Admin,
        Self::Bootstrap,
        Self::Approver,
        Self::EtcdServer,
        Self::EtcdPeer,
        Self::EtcdHealthcheckClient,
        Self::Kubelet,
        Self::KubeletServing,
        Self::KubeProxy,
    ];

    /// The identities that the image of a node holds. Masters run a kubelet and kube-proxy too.
    pub fn of(role: Role, cluster: &Cluster) -> impl Iterator<Item = Self> {
        Self::ALL
            .into_iter()
            .filter(move |identity| role == Role::Master || identity.on_workers())
            .filter(|identity| identity.is_issued(cluster))
    }

    /// Whether it is made by the build, and not by the cluster when the node has started.
    fn is_issued(self, cluster: &Cluster) -> bool {
        let serving = cluster.join.serving_certificates();
        match self {
            Self::Kubelet => cluster.join.bootstrap().is_none(),
            Self::KubeletServing => serving == ServingCertificates::Issued,
            Self::Approver => serving == ServingCertificates::Approved,
            // With kubeadm it runs in pods, which have a service account.
            Self::KubeProxy => {
                cluster.join != Join::Kubeadm
                    && cluster.kube_proxy.credentials == ProxyCredentials::Certificate
            }
            _ => true,
        }
    }

    /// Whether workers have it too.
    pub(super) fn on_workers(self) -> bool {
        matches!(self, Self::Kubelet | Self::KubeletServing | Self::KubeProxy)
    }

    /// Which authority vouches for it.
    pub fn domain(self) -> Domain {
        match self {
            Self::ApiserverEtcdClient
            | Self::EtcdServer
            | Self::EtcdPeer
            | Self::EtcdHealthcheckClient => Domain::Etcd,
            Self::FrontProxyClient => Domain::FrontProxy,
            _ => Domain::Kubernetes,
        }
    }

    /// What its certificate may be used for.
    pub fn usage(self) -> Usage {
        match self {
            Self::Apiserver | Self::KubeletServing => Usage::Server,
            Self::EtcdServer | Self::EtcdPeer => Usage::Both,
            _ => Usage::Client,
        }
    }

    /// The name of its files, without `.crt` or `.key`.
    pub fn stem(self) -> &'static str {
        match self {
            Self::Apiserver => "apiserver",
            Self::ApiserverKubeletClient => "apiserver-kubelet-client",
            Self::ApiserverEtcdClient => "apiserver-etcd-client",
            Self::FrontProxyClient => "front-proxy-client",
            Self::ControllerManager => "controller-manager",
            Self::Scheduler => "scheduler",
            Self::Admin => "admin",
            Self::Bootstrap => "bootstrap",
            Self::Approver => "approver",
            Self::EtcdServer => "etcd-server",
            Self::EtcdPeer => "etcd-peer",
            Self::EtcdHealthcheckClient => "etcd-healthcheck-client",
            Self::Kubelet => "kubelet",
            Self::KubeletServing => "kubelet-serving",
            Self::KubeProxy => "kube-proxy",
        }
    }

    /// The identity whose files have this name.
    pub fn from_stem(stem: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|identity| identity.stem() == stem)
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.stem())
    }
}
