//! What people put into the cluster file themselves: files, units, SSH keys, manifests.

use super::{ComposeError, Materials, accounts, units};
use crate::plan::NodePlan;
use crate::spec::Role;
use crate::tree::{Content, Kind, Layer, Meta, Origin, Overwrite, Sharing};

/// The stage.
pub(super) fn layer(node: &NodePlan, materials: &Materials<'_>) -> Result<Layer, ComposeError> {
    let mut layer = Layer::new(Origin::new("stage host"));
    let cluster = materials.cluster;
    for file in &cluster.host.files {
        let passwd = materials.accounts.map(|base| base.passwd.as_str());
        let group = materials.accounts.map(|base| base.group.as_str());
        let unknown = |name: &str| ComposeError::UnknownOwner {
            path: file.path.clone(),
            name: name.to_owned(),
        };
        let meta = Meta {
            uid: accounts::number(&file.owner, passwd, cluster)
                .ok_or_else(|| unknown(&file.owner))?,
            gid: accounts::number(&file.group, group, cluster)
                .ok_or_else(|| unknown(&file.group))?,
            ..Meta::root(file.mode)
        };
        let overwrite = if file.replace {
            Overwrite::Replace
        } else {
            Overwrite::Refuse
        };
        let kind = Kind::File(Content::bytes(file.content.clone()));
        layer.add(file.path.clone(), kind, meta, Sharing::Role, overwrite);
    }
    units::add(&mut layer, &cluster.host.units)?;
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
