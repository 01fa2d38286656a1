//! What a pod network that is a program needs of a node, and what its manifest says.

use serde::Serialize;

use crate::facts::{self, CalicoImages, CalicoKind, Minor};
use crate::spec::{CalicoBackend, Cluster, Cni, FlannelBackend};

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

/// What Calico's files say.
#[derive(Debug, Clone, Serialize)]
pub struct CalicoValues {
    /// Its images.
    pub images: CalicoImages,
    /// `bgp`, `ipip` or `vxlan`.
    pub backend: CalicoBackend,
    /// How it finds a node's address.
    pub autodetection: String,
    /// How large pods' packets may be; 0 if it finds out by itself.
    pub mtu: u32,
    /// The program that puts the plugin onto a node.
    pub install: String,
    /// The service account of the plugin.
    pub cni_account: String,
    /// The version of `apiextensions.k8s.io` that declares its kinds.
    pub crd_version: String,
    /// Kinds of objects that it keeps in the API.
    pub kinds: Vec<CalicoKind>,
}

/// What a card takes, unless somebody has made it larger.
const CARD_MTU: u32 = 1500;

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

/// Calico's values, if that is the network.
pub(super) fn calico(cluster: &Cluster, minor: &Minor) -> Option<CalicoValues> {
    let calico = cluster.network.cni.calico()?;
    let facts = facts::calico();
    let first = cluster.masters().next();
    let master = first.map(|master| master.address.addr().to_string());
    let header = match calico.backend {
        CalicoBackend::Bgp => 0,
        CalicoBackend::Ipip => 20,
        CalicoBackend::Vxlan => 50,
    };
    Some(CalicoValues {
        images: facts.images(calico.version),
        backend: calico.backend,
        autodetection: match &calico.autodetection {
            Some(method) => method.clone(),
            None => facts.autodetection(calico.version, &master.unwrap_or_default()),
        },
        mtu: match facts.finds_mtu(calico.version) {
            true => 0,
            false => CARD_MTU - header,
        },
        install: facts.install(calico.version).to_owned(),
        cni_account: facts.cni_account(calico.version).to_owned(),
        crd_version: minor.custom_resources.clone(),
        kinds: facts.kinds(calico.version),
    })
}

/// Images of the network's own programs, as full references.
pub(super) fn images(cni: &Cni) -> Vec<String> {
    match cni {
        Cni::Flannel(flannel) => vec![facts::flannel().image(flannel.version)],
        Cni::Calico(calico) => {
            let CalicoImages {
                node,
                cni,
                controllers,
                flexvol,
            } = facts::calico().images(calico.version);
            [node, cni, controllers]
                .into_iter()
                .chain(flexvol)
                .collect()
        }
        Cni::Bridge | Cni::None => Vec::new(),
    }
}

/// Kernel modules of tunnels, which programs in pods can only ask for.
pub(super) fn modules(cni: &Cni) -> Vec<String> {
    let module = match cni {
        Cni::Flannel(flannel) => match flannel.backend {
            FlannelBackend::Vxlan => Some("vxlan"),
            FlannelBackend::HostGw => None,
        },
        Cni::Calico(calico) => match calico.backend {
            CalicoBackend::Bgp => None,
            CalicoBackend::Ipip => Some("ipip"),
            CalicoBackend::Vxlan => Some("vxlan"),
        },
        Cni::Bridge | Cni::None => None,
    };
    module.map(str::to_owned).into_iter().collect()
}

/// Whether the network sets routes on the nodes' own cards, or on none, which whatever configures the cards must leave alone.
pub(super) fn sets_foreign_routes(cni: &Cni) -> bool {
    match cni {
        Cni::Flannel(flannel) => flannel.backend == FlannelBackend::HostGw,
        Cni::Calico(_) => true,
        Cni::Bridge | Cni::None => false,
    }
}
