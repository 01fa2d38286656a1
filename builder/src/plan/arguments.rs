//! The command lines of a node's programs: kimage's own flags for the version, then the cluster file's.

use serde::Serialize;

use super::PlanError;
use crate::facts;
use crate::spec::{Cluster, Component, Join, Role, Version};

/// A flag and its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Argument {
    /// Without the leading dashes.
    pub flag: String,
    /// The value.
    pub value: String,
}

/// The programs that a role runs.
pub(super) fn of_role(role: Role) -> &'static [Component] {
    match role {
        Role::Master => &Component::ALL,
        Role::Worker => &[Component::Kubelet, Component::KubeProxy],
    }
}

/// A program's name in the vocabulary.
pub(super) fn key(component: Component) -> &'static str {
    match component {
        Component::Etcd => "etcd",
        Component::KubeApiserver => "kube_apiserver",
        Component::KubeControllerManager => "kube_controller_manager",
        Component::KubeScheduler => "kube_scheduler",
        Component::Kubelet => "kubelet",
        Component::KubeProxy => "kube_proxy",
    }
}

/// The flags of one program: the facts' in their order, with the values of the cluster file where it has the same
/// flag, then the cluster file's other ones.
pub(super) fn arguments(
    cluster: &Cluster,
    component: Component,
    vocabulary: &tera::Context,
) -> Result<Vec<Argument>, PlanError> {
    let mut extra = cluster
        .extra_args
        .get(&component)
        .cloned()
        .unwrap_or_default();
    let mut arguments = Vec::new();
    let own = match cluster.join {
        Join::Certificate | Join::Bootstrap(_) => facts::arguments,
        Join::Kubeadm => facts::kubeadm_arguments,
    };
    for argument in own(component, version(cluster, component)) {
        let flag = argument.flag.to_owned();
        let value = match extra.remove(argument.flag) {
            Some(value) => value,
            None => match tera::Tera::one_off(argument.value_template, vocabulary, false) {
                Ok(value) if value.is_empty() => continue,
                Ok(value) => value,
                Err(source) => return Err(PlanError::Argument { flag, source }),
            },
        };
        arguments.push(Argument { flag, value });
    }
    arguments.extend(
        extra
            .into_iter()
            .map(|(flag, value)| Argument { flag, value }),
    );
    Ok(arguments)
}

fn version(cluster: &Cluster, component: Component) -> Version {
    match component {
        Component::Etcd => cluster.etcd.version,
        _ => cluster.kubernetes.version,
    }
}
