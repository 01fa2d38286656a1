//! SELinux: its configuration, and the labels that the cluster file adds to the policy's.
//!
//! Added labels are written where `restorecon` looks for them, or the next one would take them away again.

use std::fmt::Write as _;

use super::{ComposeError, Materials};
use crate::plan::{NodePlan, SelinuxPlan};
use crate::selinux::FileContexts;
use crate::spec::Cluster;
use crate::tree::{Content, Kind, Layer, Meta, Origin, Overwrite, Sharing};

/// What of kimage's own a policy cannot know: scripts that units start, in a directory for libraries. Policies look it up
/// by either name.
const OWN: &[(&str, &str, &str)] = &[
    ("/usr/local/lib/kimage/.*", "--", "bin_t"),
    ("/usr/lib/kimage/.*", "--", "bin_t"),
];

/// Where the kubelet is kept from asking for what no policy gives it.
const KUBELET: &str = "/etc/systemd/system/kubelet.service.d/10-selinux.conf";

/// What stands there.
const WITHOUT_MAC_ADMIN: &str = "\
# It labels its folder of plugins container_file_t. Where the policy has no such type, the kernel would ask whether it may
# set labels that mean nothing, and write down each time that it may not.
[Service]
CapabilityBoundingSet=~CAP_MAC_ADMIN
";

/// A base's policy with the cluster file's additions.
#[derive(Debug)]
pub struct Policy {
    /// What labels everything.
    pub contexts: FileContexts,
    /// `file_contexts.local`.
    pub local: LocalContexts,
    /// Directories from which `semodule` and `semanage` write the policy's files again.
    pub stores: Vec<String>,
}

/// `file_contexts.local`, whole.
#[derive(Debug, Clone)]
pub struct LocalContexts {
    /// Its text.
    pub text: String,
    /// Its time, in seconds since 1970: a compiled form beside it counts as long as that is newer.
    pub mtime: i64,
}

/// The lines that kimage and the cluster file add to `file_contexts.local`.
pub fn added_contexts(cluster: &Cluster) -> String {
    let mut lines = String::new();
    let mut add = |path: &str, kind: Option<&str>, name: &str| {
        let kind = kind.map(|kind| format!("{kind} ")).unwrap_or_default();
        let _ = writeln!(lines, "{path} {kind}system_u:object_r:{name}:s0");
    };
    for (path, kind, name) in OWN {
        add(path, Some(kind), name);
    }
    for context in &cluster.host.selinux.file_contexts {
        add(&context.path, context.kind, &context.r#type);
    }
    lines
}

/// The stage.
pub(super) fn layer(node: &NodePlan, materials: &Materials<'_>) -> Result<Layer, ComposeError> {
    let Some(plan) = &node.selinux else {
        return Ok(Layer::new(Origin::new("stage selinux")));
    };
    let added = LocalContexts {
        text: added_contexts(materials.cluster),
        mtime: 0,
    };
    let mut layer = match materials.policy {
        Some(Policy { local, stores, .. }) => {
            let mut layer = files(plan, Some(local), stores)?;
            // The filesystem makes it by itself; here, it gets a label.
            layer.directory("/lost+found".parse()?, Meta::root(0o700));
            layer
        }
        // Without a base, only what is added is known.
        None if materials.accounts.is_none() && plan.labels() => files(plan, Some(&added), &[])?,
        None => files(plan, None, &[])?,
    };
    if plan.labels() {
        let kind = Kind::File(Content::bytes(WITHOUT_MAC_ADMIN));
        let meta = Meta::root(0o644);
        layer.add(
            KUBELET.parse()?,
            kind,
            meta,
            Sharing::Role,
            Overwrite::Refuse,
        );
    }
    Ok(layer)
}

/// The configuration's files.
fn files(
    plan: &SelinuxPlan,
    local: Option<&LocalContexts>,
    stores: &[String],
) -> Result<Layer, ComposeError> {
    let mut layer = Layer::new(Origin::new("stage selinux"));
    let mut write = |path: &str, text: String, mtime| -> Result<(), ComposeError> {
        let kind = Kind::File(Content::bytes(text));
        let meta = Meta {
            mtime,
            ..Meta::root(0o644)
        };
        layer.add(path.parse()?, kind, meta, Sharing::Role, Overwrite::Replace);
        Ok(())
    };
    let SelinuxPlan { policy, mode, .. } = plan;
    if let Some(mode) = mode {
        let text = format!("SELINUX={}\nSELINUXTYPE={policy}\n", mode.name());
        write("/etc/selinux/config", text, 0)?;
    }
    if let Some(LocalContexts { text, mtime }) = local {
        let used = format!("/etc/selinux/{policy}/contexts/files");
        for directory in stores.iter().chain([&used]) {
            let path = format!("{directory}/file_contexts.local");
            write(&path, text.clone(), *mtime)?;
        }
    }
    Ok(layer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blueprint::Blueprints;
    use crate::{plan, spec};

    fn planned(image: &str, host: &str) -> (Cluster, NodePlan) {
        let text = format!(
            "kubernetes: {{version: 1.30.0}}\nimage: {image}\nhost: {host}\nnodes:\n\
             - {{name: m, role: master, address: 192.0.2.11/24, interface: eth0}}\n\
             - {{name: w, role: worker, address: 192.0.2.12/24, interface: eth0}}\n"
        );
        let (cluster, _) = spec::parse(&text, "cluster.yaml").unwrap();
        let plan = plan::plan(&cluster, &Blueprints::embedded().unwrap()).unwrap();
        (cluster, plan.nodes[0].clone())
    }

    fn texts(layer: &Layer) -> String {
        let mut texts = String::new();
        for (path, layered) in layer.entries() {
            if let Kind::File(Content::Bytes(bytes)) = &layered.entry.kind {
                let text = String::from_utf8_lossy(bytes);
                let _ = write!(texts, "== {path}\n{text}");
            }
        }
        texts
    }

    #[test]
    fn the_mode_is_in_the_file_and_on_the_command_line() {
        let boots = |image, host| {
            let (_, node) = planned(image, host);
            let esp = super::super::esp(&node, "/vmlinuz", "/initrd").unwrap();
            let entry = esp.get("/EFI/kimage/grub.cfg").unwrap();
            let Kind::File(Content::Bytes(bytes)) = &entry.kind else {
                unreachable!("a file")
            };
            let text = String::from_utf8_lossy(bytes);
            let line = text.lines().find(|line| line.starts_with("linux")).unwrap();
            let arguments = line.split_once(" panic=10").unwrap().1.trim().to_owned();
            let config = node
                .selinux
                .map(|plan| texts(&files(&plan, None, &[]).unwrap()));
            format!(
                "{arguments}|{}",
                config.unwrap_or_default().replace('\n', " ")
            )
        };
        insta::assert_snapshot!([
            boots("debian-12", "{}"),
            boots("debian-12-selinux", "{}"),
            boots("debian-12-selinux", "{selinux: {mode: enforcing}}"),
            boots("debian-12-selinux", "{selinux: {mode: permissive}, kernelArguments: [quiet]}"),
            boots("debian-12-selinux", "{selinux: {mode: disabled}}"),
            boots("centos-7", "{selinux: {mode: enforcing}}"),
        ].join("\n"), @r#"
        |
        security=selinux selinux=1|
        security=selinux selinux=1 enforcing=1|== /etc/selinux/config SELINUX=enforcing SELINUXTYPE=default 
        quiet security=selinux selinux=1 enforcing=0|== /etc/selinux/config SELINUX=permissive SELINUXTYPE=default 
        selinux=0|== /etc/selinux/config SELINUX=disabled SELINUXTYPE=default 
        enforcing=1|== /etc/selinux/config SELINUX=enforcing SELINUXTYPE=targeted
        "#);
    }

    #[test]
    fn added_labels_are_where_restorecon_and_semodule_look() {
        let (cluster, node) = planned(
            "debian-12-selinux",
            "{selinux: {fileContexts: [{path: \"/data(/.*)?\", type: var_t}, {path: /x, type: bin_t, kind: file}]}}",
        );
        let local = LocalContexts {
            text: format!("/own u:r:t:s0\n{}", added_contexts(&cluster)),
            mtime: 7,
        };
        let stores = ["/var/lib/selinux/default/active".to_owned()];
        let layer = files(&node.selinux.unwrap(), Some(&local), &stores).unwrap();
        insta::assert_snapshot!(texts(&layer), @r#"
        == /etc/selinux/default/contexts/files/file_contexts.local
        /own u:r:t:s0
        /usr/local/lib/kimage/.* -- system_u:object_r:bin_t:s0
        /usr/lib/kimage/.* -- system_u:object_r:bin_t:s0
        /data(/.*)? system_u:object_r:var_t:s0
        /x -- system_u:object_r:bin_t:s0
        == /var/lib/selinux/default/active/file_contexts.local
        /own u:r:t:s0
        /usr/local/lib/kimage/.* -- system_u:object_r:bin_t:s0
        /usr/lib/kimage/.* -- system_u:object_r:bin_t:s0
        /data(/.*)? system_u:object_r:var_t:s0
        /x -- system_u:object_r:bin_t:s0
        "#);
    }
}
