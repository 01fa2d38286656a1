//! What keeps a node's clock: the blueprint's service, or the one that the cluster file asks for.

use crate::blueprint::{Blueprint, Family, TimeSync, Units};
use crate::spec::Cluster;

/// The service that keeps the clock of nodes of a blueprint.
pub(super) fn service(cluster: &Cluster, blueprint: &Blueprint) -> TimeSync {
    cluster.host.time_service.unwrap_or(blueprint.time_sync)
}

/// The blueprint's units, with that service on and the blueprint's own one out of its way.
pub(super) fn units(cluster: &Cluster, blueprint: &Blueprint) -> Units {
    let mut units = blueprint.units.clone();
    let wanted = service(cluster, blueprint);
    if wanted == blueprint.time_sync {
        return units;
    }
    let (on, off) = (
        unit(blueprint.family, wanted).to_owned(),
        unit(blueprint.family, blueprint.time_sync).to_owned(),
    );
    units.enable.retain(|unit| *unit != off && *unit != on);
    units.mask.retain(|unit| *unit != on);
    units.enable.push(on);
    units.mask.push(off);
    units
}

/// The unit of a service, as the distribution's package calls it.
fn unit(family: Family, service: TimeSync) -> &'static str {
    match (service, family) {
        (TimeSync::SystemdTimesyncd, _) => "systemd-timesyncd.service",
        (TimeSync::Chrony, Family::Debian) => "chrony.service",
        (TimeSync::Chrony, Family::Rhel) => "chronyd.service",
    }
}
