//! What a cluster file asks of a base: things that only the distribution's packages bring.

use crate::base::Base;
use crate::blueprint::Blueprint;
use crate::compose;
use crate::failure::{Exit, Failure};
use crate::plan::NodePlan;
use crate::spec::Cluster;

/// A base that has not all of it.
#[derive(Debug, thiserror::Error)]
#[error("the base `{image}` lacks what the cluster file asks for: {}", lacks.join(", "))]
pub(super) struct Wanting {
    image: String,
    lacks: Vec<String>,
}

impl Failure for Wanting {
    fn exit(&self) -> Exit {
        Exit::UserFiles
    }

    fn hint(&self) -> Option<String> {
        Some("prepare the base again, with the packages that bring it".into())
    }
}

/// Holds the base of a node against the cluster file.
pub(super) fn check(
    cluster: &Cluster,
    node: &NodePlan,
    blueprint: &Blueprint,
    base: &Base,
) -> Result<(), Wanting> {
    let zone = cluster.host.timezone.iter().map(|zone| {
        let path = format!("{}/{zone}", compose::ZONES);
        (path, format!("the time zone `{zone}`"))
    });
    // What the blueprint itself enables, it vouches for.
    let added = |unit: &&String| !blueprint.units.enable.contains(unit);
    let units = node.units.enable.iter().filter(added).map(|unit| {
        let path = format!("{}/{unit}", compose::DISTRIBUTION_UNITS);
        (path, format!("the unit `{unit}`"))
    });
    let lacks: Vec<String> = zone
        .chain(units)
        .filter(|(path, _)| !base.has(path))
        .map(|(_, what)| what)
        .collect();
    if lacks.is_empty() {
        return Ok(());
    }
    Err(Wanting {
        image: base.image.clone(),
        lacks,
    })
}
