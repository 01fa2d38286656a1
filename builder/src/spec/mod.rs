//! What the user wants: from the text of a cluster file to a [`Cluster`] that cannot be wrong.
//!
//! In three steps, each of which tells all the problems it finds: `source` reads YAML into nodes that know where they
//! stand, `structure` holds them to the `schema` of `file`, `meaning` fills in defaults and checks the rules. Nothing
//! here reads a file, a clock or the environment. A new key is a field in `file`, a rule in `meaning` and a field in
//! `cluster`.

mod audit_policy;
mod certificates;
mod cluster;
mod cni;
mod docker_version;
mod file;
mod join;
mod meaning;
mod name;
mod objection;
mod paths;
mod pointer;
mod problem;
mod schema;
mod source;
mod starter;
mod structure;
mod warning;

use crate::blueprint::Blueprints;

pub use audit_policy::audit_policy;
pub use certificates::*;
pub use cluster::*;
pub use cni::*;
pub use docker_version::{DockerVersion, DockerVersionError};
pub use join::*;
pub use name::{NameError, NodeName, Role};
pub use objection::{Objection, objections};
pub use paths::Paths;
pub use problem::{Problem, Problems, Severity, SpecError};
pub use schema::schema;
pub use starter::init;

/// Reads the text of a cluster file, whose images are those that kimage brings along.
///
/// # Errors
///
/// As [`parse_with`].
pub fn parse(text: &str, file_name: &str) -> Result<(Cluster, Problems), SpecError> {
    let blueprints =
        Blueprints::embedded().expect("`every_embedded_blueprint_is_right` reads the same texts");
    parse_with(text, file_name, &blueprints)
}

/// Reads the text of a cluster file; `file_name` is what problems call it, `blueprints` are the images that nodes can
/// be made from. Beside the cluster come its warnings.
///
/// # Errors
///
/// With every problem that could be found in one run, warnings included.
pub fn parse_with(
    text: &str,
    file_name: &str,
    blueprints: &Blueprints,
) -> Result<(Cluster, Problems), SpecError> {
    let (document, mut problems) = match source::read(text) {
        Ok(read) => read,
        Err(problem) => {
            return Err(SpecError::new(Problems::new(
                file_name,
                text,
                vec![*problem],
            )));
        }
    };
    let mended = structure::check(&document, &mut problems);
    let cluster =
        mended.and_then(|mended| meaning::check(&document, mended, blueprints, &mut problems));
    let problems = Problems::new(file_name, text, problems);
    match cluster {
        Some(cluster) => Ok((cluster, problems)),
        None => Err(SpecError::new(problems)),
    }
}

#[cfg(test)]
mod tests;
