//! Packages of a node's distribution, as far as somebody asked for them.

use std::collections::BTreeSet;

use crate::blueprint::Blueprint;
use crate::spec::Cluster;

/// The blueprint's packages and the cluster file's, in order; none if the cluster file leaves them to the blueprint.
pub(super) fn asked(cluster: &Cluster, blueprint: &Blueprint) -> Vec<String> {
    let wanted = &cluster.host.packages;
    if wanted.is_empty() {
        return Vec::new();
    }
    let all: BTreeSet<&String> = blueprint.source.packages().iter().chain(wanted).collect();
    all.into_iter().cloned().collect()
}
