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
    let (docker, number) = DOCKER;
    let field = |line: &str, index| line.split(':').nth(index).map(ToOwned::to_owned);
    let is_there = group
        .lines()
        .any(|line| field(line, 0).as_deref() == Some(docker));
    if materials.cluster.runtime.engine.docker().is_some() && !is_there {
        let taken = |line: &&str| field(line, 2) == Some(number.to_string());
        if let Some(line) = group.lines().find(taken) {
            return Err(ComposeError::AccountTaken {
                name: docker.to_owned(),
                id: number,
                line: line.to_owned(),
            });
        }
        group.push_str(&format!("{docker}:x:{number}:\n"));
        if !base.gshadow.is_empty() {
            gshadow.push_str(&format!("{docker}:!::\n"));
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
