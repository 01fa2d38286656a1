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
        for (number, (name, text)) in numbers(materials.addons.len()).zip(materials.addons) {
            let path = format!("/etc/kubernetes/addons/{number}-{name}");
            layer.file(
                path.parse()?,
                Meta::root(0o644),
                Content::bytes(text.clone()),
            );
        }
    }
    Ok(layer)
}

/// What the names of so many add-ons begin with. They are applied in the order of their names: after kimage's own, which have
/// numbers below 50, and in the cluster file's order, for which all must be of one length.
fn numbers(count: usize) -> std::ops::Range<usize> {
    let mut first = 50;
    while count > first {
        first *= 10;
    }
    first..first + count
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn add_ons_are_applied_in_their_order_however_many_there_are() {
        for count in [1, 50, 51, 500, 501] {
            let mut names: Vec<String> = numbers(count).map(|number| number.to_string()).collect();
            let in_order = names.clone();
            names.extend(["05", "20", "30"].map(str::to_owned));
            names.sort();
            assert_eq!(names[3..], in_order, "{count}");
        }
    }
}
