//! How pods of different nodes reach each other.

use serde::Serialize;

use super::Version;

/// A pod network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Cni {
    /// A bridge on every node and static routes to the others' ranges: no daemon.
    Bridge,
    /// flannel, a daemon on every node; Kubernetes hands out each node's share.
    Flannel(Flannel),
    /// Calico, a daemon on every node, which hands out addresses itself.
    Calico(Calico),
    /// Nothing: the user brings one.
    None,
}

impl Cni {
    /// flannel, if it is that.
    pub fn flannel(&self) -> Option<&Flannel> {
        match self {
            Self::Flannel(flannel) => Some(flannel),
            _ => None,
        }
    }

    /// Calico, if it is that.
    pub fn calico(&self) -> Option<&Calico> {
        match self {
            Self::Calico(calico) => Some(calico),
            _ => None,
        }
    }

    /// Whether it has no way to nodes behind a router.
    pub fn needs_one_network(&self) -> bool {
        self.flannel()
            .is_some_and(|flannel| flannel.backend == FlannelBackend::HostGw)
    }

    /// Whether routers between nodes must be told by BGP whose pods are where.
    pub fn needs_bgp_routers(&self) -> bool {
        self.calico()
            .is_some_and(|calico| calico.backend == CalicoBackend::Bgp)
    }
}

/// A flannel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Flannel {
    /// Its version.
    pub version: Version,
    /// How packets get to other nodes.
    pub backend: FlannelBackend,
}

/// How flannel gets packets to other nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FlannelBackend {
    /// In UDP packets to port 8472.
    Vxlan,
    /// By routes: all nodes are in one network.
    HostGw,
}

/// A Calico.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Calico {
    /// Its version.
    pub version: Version,
    /// How packets get to other nodes.
    pub backend: CalicoBackend,
    /// How it finds a node's address, in Calico's words; `None` leaves it to what finds Kubernetes' own.
    pub autodetection: Option<String>,
}

/// How Calico gets packets to other nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CalicoBackend {
    /// By routes, which nodes tell each other by BGP: routers between must take part.
    Bgp,
    /// In IP packets; nodes tell each other by BGP.
    Ipip,
    /// In UDP packets to port 4789; nobody speaks BGP.
    Vxlan,
}
