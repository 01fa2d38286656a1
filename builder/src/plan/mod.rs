//! Decides what will be built, and does nothing else: no clock, no randomness, no files.
//!
//! [`plan`] turns a checked cluster into one [`NodePlan`] per node: every value that a template may use ([`Values`]),
//! the files of credentials that the node gets, the container images that it holds. Materials (bytes, keys) are not
//! needed for it, which is why `kimage plan` touches neither network nor disk.

mod accounts;
mod arguments;
mod clock;
mod configurations;
mod docker;
mod error;
mod identity;
mod kubeadm;
mod packages;
mod paths;
mod pod_network;
mod selinux;
mod services;
mod values;
mod yaml;

use std::collections::BTreeMap;

pub use accounts::{ACCOUNTS, Account};
pub use arguments::Argument;
pub use error::PlanError;
pub use identity::{DiskNames, filesystem};
pub use kubeadm::Kubeadm;
pub use paths::PathValues;
pub use pod_network::{CalicoValues, FlannelValues};
pub use selinux::SelinuxPlan;
pub use services::{EnvironmentFile, Service};
pub use values::{BaseValues, ClusterValues, NodeValues, PROXY_TOKEN, Values};

use crate::blueprint::{Blueprints, Units};
use crate::facts::{self, ConfigurationKind, Minor};
use crate::spec::{Cluster, Join, NodeName, Role};
use crate::tree::TreePath;

/// What will be built for a cluster.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Per node, in the order of the file.
    pub nodes: Vec<NodePlan>,
    /// Container images that nodes hold, as full references; the pause image first.
    pub images: Vec<String>,
}

/// What will be built for one node.
#[derive(Debug, Clone)]
pub struct NodePlan {
    /// Its name.
    pub name: NodeName,
    /// What it is for.
    pub role: Role,
    /// The blueprint that it is made from.
    pub image: String,
    /// What is to be done with the distribution's units.
    pub units: Units,
    /// Packages of the distribution that were asked for, if the cluster file asks for any.
    pub packages: Vec<String>,
    /// What templates may use.
    pub values: Values,
    /// Files with the flags of programs, where they do not stand in units.
    pub environment_files: Vec<EnvironmentFile>,
    /// Paths that programs with an account of their own read or write, and the account.
    pub readers: BTreeMap<TreePath, String>,
    /// Container images of the plan that it does not hold, because only others start them.
    pub images_of_others: Vec<String>,
    /// Names of its disk and partitions.
    pub disk: DiskNames,
    /// Its SELinux; `None` where the image has no policy.
    pub selinux: Option<SelinuxPlan>,
}

impl Plan {
    /// The nodes of a role, in the order of the file.
    pub fn nodes_of(&self, role: Role) -> impl Iterator<Item = &NodePlan> {
        self.nodes.iter().filter(move |node| node.role == role)
    }

    /// The nodes that share a layout with `node`: same role, same image.
    pub fn siblings<'a>(&'a self, node: &'a NodePlan) -> impl Iterator<Item = &'a NodePlan> {
        self.nodes
            .iter()
            .filter(move |other| other.role == node.role && other.image == node.image)
    }

    /// The node of a name.
    pub fn node(&self, name: &NodeName) -> Option<&NodePlan> {
        self.nodes.iter().find(|node| &node.name == name)
    }
}

/// Plans a cluster.
///
/// # Errors
///
/// When a version has no facts, an image no blueprint, or the value of a flag or a field cannot be made from the
/// vocabulary.
pub fn plan(cluster: &Cluster, blueprints: &Blueprints) -> Result<Plan, PlanError> {
    let minor = facts::minor(cluster.kubernetes.version)?;
    let images = images(cluster, minor);
    let shared = values::cluster(cluster, minor, &images);
    let mut nodes = Vec::with_capacity(cluster.nodes.len());
    for node in &cluster.nodes {
        let disk = DiskNames::of(&cluster.name, &node.name);
        let blueprint = blueprints.find(&node.image)?;
        let mut values = Values {
            cluster: shared.clone(),
            base: BaseValues {
                network: blueprint.network,
                time_sync: clock::service(cluster, blueprint),
                family: blueprint.family,
            },
            node: values::node(cluster, minor, node, &disk),
        };
        let vocabulary =
            tera::Context::from_serialize(&values).map_err(|source| PlanError::Argument {
                flag: "any".into(),
                source,
            })?;
        let mut arguments = BTreeMap::new();
        let mut configurations = BTreeMap::new();
        let mut services = BTreeMap::new();
        let mut environment_files = Vec::new();
        let mut readers = BTreeMap::new();
        for component in arguments::of_role(node.role) {
            let key = arguments::key(*component);
            let mut flags = arguments::arguments(cluster, *component, &vocabulary)?;
            readers.extend(services::readers(cluster, *component, &flags));
            if let Some(file) = services::environment_file(cluster, *component, &flags) {
                environment_files.push(file);
                flags.clear();
            }
            services.insert(key, services::service(cluster, *component));
            arguments.insert(key, flags);
            if let Some(kind) = ConfigurationKind::of(*component) {
                let fields = configurations::fields(cluster, *component, kind, &vocabulary)?;
                configurations.insert(key, fields);
            }
        }
        values.node.arguments = arguments;
        values.node.configurations = configurations;
        values.node.services = services;
        if cluster.join == Join::Kubeadm {
            let kubeadm = kubeadm::kubeadm(cluster, minor, &images.coredns, node, &values.node);
            values.node.kubeadm = Some(kubeadm);
        }
        nodes.push(NodePlan {
            name: node.name.clone(),
            role: node.role,
            image: node.image.clone(),
            units: clock::units(cluster, blueprint),
            packages: packages::asked(cluster, blueprint),
            values,
            environment_files,
            readers,
            images_of_others: match node.role {
                Role::Master => Vec::new(),
                Role::Worker => images.masters.clone(),
            },
            disk,
            selinux: selinux::plan(cluster, blueprint),
        });
    }
    services::level(&mut nodes);
    Ok(Plan {
        nodes,
        images: images.all,
    })
}

/// The container images that a cluster needs.
struct Images {
    pause: String,
    coredns: String,
    /// Words of the Corefile that this CoreDNS knows and others do not.
    corefile: Vec<String>,
    /// Those that only masters start.
    masters: Vec<String>,
    all: Vec<String>,
}

fn images(cluster: &Cluster, minor: &Minor) -> Images {
    let pause = minor.pause.clone();
    let coredns = match &cluster.network.dns_image {
        Some(image) => image.clone(),
        None => minor.coredns.clone(),
    };
    let corefile = facts::corefile(&coredns)
        .unwrap_or(&minor.corefile)
        .to_vec();
    let (every, masters) = match cluster.join {
        Join::Kubeadm => kubeadm::images(cluster),
        Join::Certificate | Join::Bootstrap(_) => Default::default(),
    };
    let mut all = vec![pause.clone(), coredns.clone()];
    all.extend(pod_network::images(&cluster.network.cni));
    all.extend(every);
    all.extend(masters.iter().cloned());
    for image in &cluster.images {
        if !all.contains(image) {
            all.push(image.clone());
        }
    }
    Images {
        pause,
        coredns,
        corefile,
        masters,
        all,
    }
}
