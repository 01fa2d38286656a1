//! What a pod network that is a program needs of a node, and what its manifest says.

use serde::Serialize;

use crate::facts::{self, Minor};
use crate::spec::{Cluster, Cni, FlannelBackend};

/// What flannel's files say.
#[derive(Debug, Clone, Serialize)]
pub struct FlannelValues {
    /// Its image, a full reference.
    pub image: String,
    /// Where its objects are.
    pub namespace: String,
    /// `vxlan` or `host-gw`.
    pub backend: FlannelBackend,
}

/// flannel's values, if that is the network.
pub(super) fn flannel(cluster: &Cluster, minor: &Minor) -> Option<FlannelValues> {
    let flannel = cluster.network.cni.flannel()?;
    let facts = facts::flannel();
    Some(FlannelValues {
        image: facts.image(flannel.version),
        namespace: facts.namespace(flannel.version, minor).to_owned(),
        backend: flannel.backend,
    })
}

/// Images of the network's own programs, as full references.
pub(super) fn images(cni: &Cni) -> Vec<String> {
    match cni {
        Cni::Flannel(flannel) => vec![facts::flannel().image(flannel.version)],
        Cni::Bridge | Cni::None => Vec::new(),
    }
}

/// Kernel modules of tunnels, which programs in pods can only ask for.
pub(super) fn modules(cni: &Cni) -> Vec<String> {
    match cni {
        Cni::Flannel(flannel) if flannel.backend == FlannelBackend::Vxlan => {
            vec!["vxlan".to_owned()]
        }
        _ => Vec::new(),
    }
}

/// Whether the network sets routes on the nodes' own cards, which whatever configures those must leave alone.
pub(super) fn sets_foreign_routes(cni: &Cni) -> bool {
    matches!(cni, Cni::Flannel(flannel) if flannel.backend == FlannelBackend::HostGw)
}
