//! Users and groups: the base's files with kimage's accounts and the cluster file's added.
//!
//! Numbers are fixed, because files in the image belong to them before anything runs there.

use std::collections::BTreeSet;

use super::{ComposeError, Materials};
use crate::plan::{ACCOUNTS, NodePlan};
use crate::spec::Cluster;
use crate::tree::{
    Content, Kind, Layer, Meta, Origin, Overwrite, PathError, Sharing, account_number,
};

/// The base's own account files.
#[derive(Debug, Clone, Default)]
pub struct AccountFiles {
    /// `/etc/passwd`
    pub passwd: String,
    /// `/etc/group`
    pub group: String,
    /// `/etc/shadow`
    pub shadow: String,
    /// `/etc/gshadow`; empty where the base has none.
    pub gshadow: String,
    /// Group of `/etc/shadow`: distributions differ.
    pub shadow_gid: u32,
    /// Mode of `/etc/shadow`.
    pub shadow_mode: u16,
}

/// The group that Docker gives its socket to, with a number of its own. Who is in it has root's rights.
const DOCKER: (&str, u32) = ("docker", 951);

/// One account to add.
struct Added<'a> {
    name: &'a str,
    id: u32,
    home: &'a str,
    shell: &'a str,
}

fn added(cluster: &Cluster) -> Vec<Added<'_>> {
    let system = ACCOUNTS.iter().map(|account| Added {
        name: account.name,
        id: account.id,
        home: account.home,
        shell: "/usr/sbin/nologin",
    });
    let declared = cluster.host.users.iter().map(|user| Added {
        name: &user.name,
        id: user.id,
        home: &user.home,
        shell: &user.shell,
    });
    system.chain(declared).collect()
}

/// The stage.
pub(super) fn layer(_: &NodePlan, materials: &Materials<'_>) -> Result<Layer, ComposeError> {
    let mut layer = Layer::new(Origin::new("stage accounts"));
    let Some(base) = materials.accounts else {
        return Ok(layer);
    };
    let accounts = added(materials.cluster);
    free(base, &accounts)?;
    let (mut passwd, mut group) = (base.passwd.clone(), base.group.clone());
    let (mut shadow, mut gshadow) = (base.shadow.clone(), base.gshadow.clone());
    for Added {
        name,
        id,
        home,
        shell,
    } in &accounts
    {
        passwd.push_str(&format!("{name}:x:{id}:{id}::{home}:{shell}\n"));
        group.push_str(&format!("{name}:x:{id}:\n"));
        shadow.push_str(&format!("{name}:!*:::::::\n"));
        if !base.gshadow.is_empty() {
            gshadow.push_str(&format!("{name}:!::\n"));
        }
    }
    if lacks_docker(materials.cluster, &group)? {
        let (name, id) = DOCKER;
        group.push_str(&format!("{name}:x:{id}:\n"));
        if !base.gshadow.is_empty() {
            gshadow.push_str(&format!("{name}:!::\n"));
        }
    }
    let mut write = |path: &str, text: String, mode, gid| -> Result<(), PathError> {
        let meta = Meta {
            gid,
            ..Meta::root(mode)
        };
        layer.add(
            path.parse()?,
            Kind::File(Content::bytes(text)),
            meta,
            Sharing::Role,
            Overwrite::Replace,
        );
        Ok(())
    };
    write("/etc/passwd", passwd, 0o644, 0)?;
    write("/etc/group", group, 0o644, 0)?;
    write("/etc/shadow", shadow, base.shadow_mode, base.shadow_gid)?;
    if !base.gshadow.is_empty() {
        write("/etc/gshadow", gshadow, base.shadow_mode, base.shadow_gid)?;
    }
    Ok(layer)
}

/// Whether Docker's group must be added to those of `/etc/group`.
fn lacks_docker(cluster: &Cluster, group: &str) -> Result<bool, ComposeError> {
    let (name, id) = DOCKER;
    if cluster.runtime.engine.docker().is_none() || account_number(group, name).is_some() {
        return Ok(false);
    }
    let taken = |line: &&str| line.split(':').nth(2) == Some(&id.to_string());
    match group.lines().find(taken) {
        None => Ok(true),
        Some(line) => Err(ComposeError::AccountTaken {
            name: name.to_owned(),
            id,
            line: line.to_owned(),
        }),
    }
}

/// Refuses a name or number that is taken.
fn free(base: &AccountFiles, accounts: &[Added<'_>]) -> Result<(), ComposeError> {
    let mut lines: Vec<String> = base
        .passwd
        .lines()
        .chain(base.group.lines())
        .map(ToOwned::to_owned)
        .collect();
    let mut seen = BTreeSet::new();
    for account in accounts {
        if !seen.insert(account.name) {
            lines.push(format!("{}:x:{}", account.name, account.id));
        }
        for line in &lines {
            let mut fields = line.split(':');
            let (name, id) = (
                fields.next(),
                fields.nth(1).and_then(|id| id.parse::<u32>().ok()),
            );
            if name == Some(account.name) || id == Some(account.id) {
                return Err(ComposeError::AccountTaken {
                    name: account.name.to_owned(),
                    id: account.id,
                    line: line.clone(),
                });
            }
        }
    }
    Ok(())
}

/// The number of a user (or group) of the image by its name.
pub(super) fn number(name: &str, text: Option<&str>, cluster: &Cluster) -> Option<u32> {
    if name == "root" {
        return Some(0);
    }
    if let Some(account) = added(cluster).iter().find(|account| account.name == name) {
        return Some(account.id);
    }
    account_number(text?, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docker_gets_a_group_unless_there_is_one() {
        let cluster = |runtime: &str| {
            let text = format!(
                "{{kubernetes: {{version: 1.15.3}}, image: centos-7, runtime: {{name: {runtime}}}, \
                 nodes: [{{name: m, role: master, address: 192.0.2.11/24, interface: eth0}}]}}"
            );
            crate::spec::parse(&text, "cluster.yaml").unwrap().0
        };
        let docker = cluster("docker");
        assert!(lacks_docker(&docker, "root:x:0:\n").unwrap());
        assert!(!lacks_docker(&docker, "root:x:0:\ndocker:x:990:\n").unwrap());
        assert!(!lacks_docker(&cluster("containerd"), "root:x:0:\n").unwrap());
        let error = lacks_docker(&docker, "root:x:0:\nprinters:x:951:\n").unwrap_err();
        assert!(error.to_string().contains("docker"), "{error}");
    }
}
