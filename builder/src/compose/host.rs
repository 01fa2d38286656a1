//! What people put into the cluster file themselves: files, directories, units, SSH keys, manifests, the time zone.

use super::{ComposeError, Materials, accounts, units};
use crate::plan::NodePlan;
use crate::spec::Role;
use crate::tree::{Content, Kind, Layer, Meta, Origin, Overwrite, Sharing, TreePath};

/// Where a system has its time zones.
pub const ZONES: &str = "/usr/share/zoneinfo";

/// The stage.
pub(super) fn layer(node: &NodePlan, materials: &Materials<'_>) -> Result<Layer, ComposeError> {
    let mut layer = Layer::new(Origin::new("stage host"));
    let cluster = materials.cluster;
    for file in &cluster.host.files {
        let meta = meta(materials, &file.path, &file.owner, &file.group, file.mode)?;
        let overwrite = if file.replace {
            Overwrite::Replace
        } else {
            Overwrite::Refuse
        };
        let kind = Kind::File(Content::bytes(file.content.clone()));
        layer.add(file.path.clone(), kind, meta, Sharing::Role, overwrite);
    }
    units::add(&mut layer, &cluster.host.units)?;
    for directory in &cluster.host.directories {
        let (owner, group) = (&directory.owner, &directory.group);
        let meta = meta(materials, &directory.path, owner, group, directory.mode)?;
        let path = directory.path.clone();
        let kind = Kind::Directory;
        layer.add(path, kind, meta, Sharing::Role, Overwrite::Directory);
    }
    if !node.packages.is_empty() {
        layer.file(
            "/etc/kimage/packages".parse()?,
            Meta::root(0o644),
            Content::bytes(node.packages.join("\n") + "\n"),
        );
    }
    if let Some(zone) = &cluster.host.timezone {
        let path: TreePath = "/etc/localtime".parse()?;
        layer.symlink(path.clone(), format!("{ZONES}/{zone}"));
        layer.replacing(&path);
    }
    crate::overlay::enable(&mut layer);
    if !cluster.host.ssh_keys.is_empty() {
        layer.directory("/root/.ssh".parse()?, Meta::root(0o700));
        layer.file(
            "/root/.ssh/authorized_keys".parse()?,
            Meta::root(0o600),
            Content::bytes(cluster.host.ssh_keys.join("\n") + "\n"),
        );
    }
    if node.role == Role::Master {
        if let Some(policy) = materials.audit_policy {
            let path: TreePath = "/etc/kubernetes/audit-policy.yaml".parse()?;
            let content = Content::bytes(policy);
            layer.file(path.clone(), Meta::root(0o600), content);
            layer.replacing(&path);
        }
        for (place, (name, text)) in materials.addons.iter().enumerate() {
            // After kimage's own, in the order of the cluster file.
            let path = format!("/etc/kubernetes/addons/{}-{name}", 50 + place);
            layer.file(
                path.parse()?,
                Meta::root(0o644),
                Content::bytes(text.clone()),
            );
        }
    }
    Ok(layer)
}

/// Whose something is, by the names of the cluster file's users, kimage's and the base's.
fn meta(
    materials: &Materials<'_>,
    path: &TreePath,
    owner: &str,
    group: &str,
    mode: u16,
) -> Result<Meta, ComposeError> {
    let base = materials.accounts;
    let number = |name: &str, text: Option<&str>| {
        accounts::number(name, text, materials.cluster).ok_or_else(|| ComposeError::UnknownOwner {
            path: path.clone(),
            name: name.to_owned(),
        })
    };
    Ok(Meta {
        uid: number(owner, base.map(|base| base.passwd.as_str()))?,
        gid: number(group, base.map(|base| base.group.as_str()))?,
        ..Meta::root(mode)
    })
}
