//! The cluster file's audit policy, which lies in a file of its own.

use super::site::Site;
use crate::facts;
use crate::failure::Outcome;
use crate::spec::{self, Cluster, SpecError};

/// The policy for the API servers of a cluster, or what is wrong with it; `None` if the cluster file names none.
pub(super) fn read(site: &Site, cluster: &Cluster) -> Outcome<Result<Option<String>, SpecError>> {
    let Some(path) = &cluster.control_plane.audit_policy else {
        return Ok(Ok(None));
    };
    let path = site.beside(path);
    let text = site.read(&path)?;
    let format = &facts::minor(cluster.kubernetes.version)?.audit_policy;
    Ok(spec::audit_policy(&text, &path.display().to_string(), format).map(Some))
}
