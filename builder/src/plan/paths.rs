//! Folders that the cluster file can move, as units and scripts name them.

use serde::Serialize;

use crate::spec::Paths;

/// Folders of every node.
#[derive(Debug, Clone, Serialize)]
pub struct PathValues {
    /// Programs of Kubernetes, etcd and the runtime.
    pub binaries: String,
    /// Certificates and keys.
    pub pki: String,
    /// The kubelet's state.
    pub kubelet: String,
    /// The same where it is not the kubelet's own default, so that it has to be told.
    pub root_dir: Option<String>,
    /// Where scripts look for programs, as `PATH` has it.
    pub search: String,
}

impl From<&Paths> for PathValues {
    fn from(paths: &Paths) -> Self {
        let moved = paths.kubelet != Paths::default().kubelet;
        Self {
            binaries: paths.binaries.to_string(),
            pki: paths.pki.to_string(),
            kubelet: paths.kubelet.to_string(),
            root_dir: moved.then(|| paths.kubelet.to_string()),
            search: format!(
                "/usr/local/sbin:{}:/usr/sbin:/usr/bin:/sbin:/bin",
                paths.binaries
            ),
        }
    }
}
