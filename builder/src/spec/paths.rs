//! The folders of a node that a cluster file can move.

use serde::Serialize;

use crate::tree::TreePath;

/// Where a node has what people look for. The names of the files in them do not change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Paths {
    /// Programs of Kubernetes, etcd and the runtime.
    pub binaries: TreePath,
    /// Certificates and keys.
    pub pki: TreePath,
    /// The kubelet's state, its own client certificate in `pki` below it.
    pub kubelet: TreePath,
}

/// Where upstream and kubeadm have them.
impl Default for Paths {
    fn default() -> Self {
        let path = |text: &str| text.parse().expect("a constant that is a path");
        Self {
            binaries: path("/usr/local/bin"),
            pki: path("/etc/kubernetes/pki"),
            kubelet: path("/var/lib/kubelet"),
        }
    }
}
