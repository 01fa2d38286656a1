//! What SELinux does on a node.

use crate::blueprint::Blueprint;
use crate::spec::{Cluster, SelinuxMode};

/// The SELinux of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelinuxPlan {
    /// The policy: a directory's name in `/etc/selinux`.
    pub policy: String,
    /// What `/etc/selinux/config` is to say; `None` leaves it as it is.
    pub mode: Option<SelinuxMode>,
    /// Arguments of the kernel. They count more than the file.
    pub kernel_arguments: Vec<String>,
}

impl SelinuxPlan {
    /// Whether files get labels: always, unless SELinux is off.
    pub fn labels(&self) -> bool {
        self.mode != Some(SelinuxMode::Disabled)
    }
}

/// Plans it; `None` where the image has no policy.
pub(super) fn plan(cluster: &Cluster, blueprint: &Blueprint) -> Option<SelinuxPlan> {
    let selinux = blueprint.selinux.as_ref()?;
    let mode = cluster.host.selinux.mode;
    let enforcing = |enforcing: &str| {
        let mut arguments = selinux.kernel_arguments.clone();
        arguments.push(format!("enforcing={enforcing}"));
        arguments
    };
    Some(SelinuxPlan {
        policy: selinux.policy.clone(),
        mode,
        kernel_arguments: match mode {
            Some(SelinuxMode::Enforcing) => enforcing("1"),
            Some(SelinuxMode::Permissive) => enforcing("0"),
            // Red Hat's newer kernels are not turned off by the file.
            Some(SelinuxMode::Disabled) => vec!["selinux=0".to_owned()],
            None => selinux.kernel_arguments.clone(),
        },
    })
}
