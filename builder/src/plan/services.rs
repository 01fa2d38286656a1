//! How systemd starts a node's programs: as whom, with which environment, their flags in the unit or in a file of its own.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Argument, NodePlan};
use crate::spec::{Cluster, Component};
use crate::tree::TreePath;

/// What a unit says of how its program is started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Service {
    /// Lines of its section `[Service]`: account and environment.
    pub lines: Vec<String>,
    /// The variable with the flags, where they do not stand in the unit.
    pub variable: Option<String>,
}

/// A file with the flags of a program, which its unit reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvironmentFile {
    /// Where it is.
    pub path: TreePath,
    /// What is in it: as long on all nodes of a role.
    pub text: String,
}

/// How a component is started.
pub(super) fn service(cluster: &Cluster, component: Component) -> Service {
    let given = cluster.components.get(&component);
    let default = (component == Component::Etcd).then_some("etcd");
    let user = given.and_then(|given| given.user.as_deref()).or(default);
    let mut lines = Vec::new();
    if let Some(user) = user {
        lines.extend([format!("User={user}"), format!("Group={user}")]);
    }
    for (name, value) in given.into_iter().flat_map(|given| &given.environment) {
        lines.push(format!("Environment=\"{name}={}\"", escaped(value)));
    }
    let file = given.and_then(|given| given.environment_file.as_ref());
    if let Some(file) = file {
        // `%` means something there, quotation marks do not.
        lines.push(format!(
            "EnvironmentFile={}",
            file.path.as_str().replace('%', "%%")
        ));
    }
    Service {
        lines,
        variable: file.map(|file| file.variable.clone()),
    }
}

/// The file with a component's flags: one a line, for people, and one variable, for systemd.
pub(super) fn environment_file(
    cluster: &Cluster,
    component: Component,
    arguments: &[Argument],
) -> Option<EnvironmentFile> {
    let file = cluster
        .components
        .get(&component)?
        .environment_file
        .as_ref()?;
    let flags: Vec<String> = arguments
        .iter()
        .map(|argument| format!("--{}={}", argument.flag, argument.value))
        .collect();
    Some(EnvironmentFile {
        path: file.path.clone(),
        text: format!("{}=\"{}\"\n", file.variable, flags.join(" \\\n  ")),
    })
}

/// Makes files of the same path as long on all nodes that share a layout, with empty lines at their ends.
pub(super) fn level(nodes: &mut [NodePlan]) {
    let mut sizes = BTreeMap::new();
    for node in &*nodes {
        for file in &node.environment_files {
            let key = (node.role, node.image.clone(), file.path.clone());
            let size: &mut usize = sizes.entry(key).or_default();
            *size = file.text.len().max(*size);
        }
    }
    for node in nodes {
        for file in &mut node.environment_files {
            let key = (node.role, node.image.clone(), file.path.clone());
            let missing = sizes.get(&key).map_or(0, |size| size - file.text.len());
            file.text.push_str(&"\n".repeat(missing));
        }
    }
}

/// Who reads or writes which files, where a component has an account: its flags name them.
pub(super) fn readers(
    cluster: &Cluster,
    component: Component,
    arguments: &[Argument],
) -> BTreeMap<TreePath, String> {
    let given = cluster.components.get(&component);
    let Some(user) = given.and_then(|given| given.user.as_ref()) else {
        return BTreeMap::new();
    };
    arguments
        .iter()
        .filter_map(|argument| argument.value.parse().ok())
        .map(|path| (path, user.clone()))
        .collect()
}

/// A value between the quotation marks of `Environment=`.
fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('%', "%%")
}
