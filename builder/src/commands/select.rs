//! Which nodes the arguments mean.

use crate::cli::Selection;
use crate::failure::{Exit, Failure};
use crate::plan::{NodePlan, Plan};
use crate::spec::{NodeName, Role};

/// Why the arguments mean no node.
#[derive(Debug, thiserror::Error)]
pub(super) enum SelectError {
    #[error("there is no node `{name}` in the cluster file")]
    NoNode {
        name: NodeName,
        nearest: Option<String>,
    },
    #[error("node `{name}` is a {is} in the cluster file, not a {wanted}")]
    OtherRole {
        name: NodeName,
        is: Role,
        wanted: Role,
    },
    #[error("there is no {0} in the cluster file")]
    NoneOfRole(Role),
}

impl Failure for SelectError {
    fn exit(&self) -> Exit {
        Exit::UserFiles
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoNode {
                nearest: Some(nearest),
                ..
            } => Some(format!("did you mean `{nearest}`?")),
            Self::NoNode { nearest: None, .. } | Self::NoneOfRole(_) => {
                Some("`kimage plan` lists the nodes".into())
            }
            Self::OtherRole { is, .. } => Some(format!("say `--role {is}`, or leave `--role` out")),
        }
    }
}

/// The nodes that the arguments mean: those that are named in the order of the arguments, else in that of the cluster file.
pub(super) fn select<'a>(
    plan: &'a Plan,
    selection: &Selection,
) -> Result<Vec<&'a NodePlan>, SelectError> {
    for name in &selection.nodes {
        let Some(node) = plan.node(name) else {
            let nearest = plan
                .nodes
                .iter()
                .map(|node| {
                    (
                        strsim::damerau_levenshtein(node.name.as_str(), name.as_str()),
                        node,
                    )
                })
                .filter(|(distance, _)| *distance <= 3)
                .min_by_key(|(distance, _)| *distance)
                .map(|(_, node)| node.name.to_string());
            return Err(SelectError::NoNode {
                name: name.clone(),
                nearest,
            });
        };
        if let Some(wanted) = selection.role
            && node.role != wanted
        {
            return Err(SelectError::OtherRole {
                name: name.clone(),
                is: node.role,
                wanted,
            });
        }
    }
    if !selection.nodes.is_empty() {
        return Ok(selection
            .nodes
            .iter()
            .filter_map(|name| plan.node(name))
            .collect());
    }
    let of_role = |node: &&NodePlan| selection.role.is_none_or(|role| node.role == role);
    let nodes: Vec<&NodePlan> = plan.nodes.iter().filter(of_role).collect();
    match (nodes.is_empty(), selection.role) {
        (true, Some(role)) => Err(SelectError::NoneOfRole(role)),
        _ => Ok(nodes),
    }
}
