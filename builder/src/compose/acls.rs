//! Access control lists by path, laid on a sealed tree: a layer cannot touch another's entry.

use std::collections::{BTreeMap, BTreeSet};

use super::{ComposeError, Materials, accounts};
use crate::plan::NodePlan;
use crate::spec::{HostAcl, Role};
use crate::tree::acl::{Acl, AclEntry, AclScope};
use crate::tree::{Kind, Meta, Tree, TreePath};

/// What is done about a path that the tree does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Absent {
    Refused,
    LeftOut,
}

/// Gives entries the lists of `host.acls`.
pub(super) fn apply(
    tree: &mut Tree,
    node: &NodePlan,
    materials: &Materials<'_>,
) -> Result<(), ComposeError> {
    let cluster = materials.cluster;
    // A worker has less than a master; and without a base, nobody knows what is there.
    let absent = match (node.role, materials.accounts) {
        (Role::Master, Some(_)) => Absent::Refused,
        (Role::Worker, _) | (_, None) => Absent::LeftOut,
    };
    let passwd = materials.accounts.map(|base| base.passwd.as_str());
    let group = materials.accounts.map(|base| base.group.as_str());
    lay(
        tree,
        &cluster.host.acls,
        absent,
        |name| accounts::number(name, passwd, cluster),
        |name| accounts::number(name, group, cluster),
    )
}

fn lay(
    tree: &mut Tree,
    acls: &[HostAcl],
    absent: Absent,
    user: impl Fn(&str) -> Option<u32>,
    group: impl Fn(&str) -> Option<u32>,
) -> Result<(), ComposeError> {
    let mut wanted: BTreeMap<TreePath, Vec<AclEntry<u32>>> = BTreeMap::new();
    for HostAcl { path, entries } in acls {
        let path = match tree.get(path.as_str()).map(|entry| &entry.kind) {
            // All names of a file have the one list.
            Some(Kind::HardLink(target)) => target.clone(),
            Some(_) => path.clone(),
            None if absent == Absent::LeftOut => continue,
            None => return Err(ComposeError::AclWithoutFile { path: path.clone() }),
        };
        for entry in entries.iter().cloned() {
            let numbered = entry.numbered(&user, &group);
            let numbered = numbered.map_err(|name| ComposeError::UnknownInAcl {
                path: path.clone(),
                name,
            })?;
            wanted.entry(path.clone()).or_default().push(numbered);
        }
    }
    if wanted.is_empty() {
        return Ok(());
    }
    tree.try_dress(|path, kind, meta| match wanted.get(path) {
        Some(entries) => give(path, kind, meta, entries),
        None => Ok(()),
    })
}

/// Changes the lists of one entry, and its mode along with them.
fn give(
    path: &TreePath,
    kind: &Kind,
    meta: &mut Meta,
    entries: &[AclEntry<u32>],
) -> Result<(), ComposeError> {
    let scopes: BTreeSet<AclScope> = entries.iter().map(|entry| entry.scope).collect();
    for scope in scopes {
        let refused = |list, what: String| ComposeError::AclRefused {
            path: path.clone(),
            list,
            what,
        };
        match (kind, scope) {
            (Kind::Symlink(target), _) => {
                return Err(refused(
                    "an access control list",
                    format!("a link to `{target}`"),
                ));
            }
            (Kind::Directory, _) | (_, AclScope::Access) => {}
            (_, AclScope::Default) => {
                return Err(refused(
                    "a list for what is made in it",
                    "no directory".to_owned(),
                ));
            }
        }
        let name = scope.attribute();
        let list = meta
            .xattrs
            .get(name)
            .and_then(|value| Acl::of_attribute(value));
        let mut list = list.unwrap_or_else(|| Acl::of_mode(meta.mode));
        let own = entries.iter().filter(|entry| entry.scope == scope);
        list.modify(own.map(|entry| (entry.tag, entry.permissions)));
        if scope == AclScope::Access {
            meta.mode = meta.mode & !0o777 | list.mode_bits();
        }
        if scope == AclScope::Access && list.is_minimal() {
            meta.xattrs.remove(name);
        } else {
            meta.xattrs.insert(name.to_owned(), list.to_attribute());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::{Content, Layer, Origin, Overwrite, Sharing};

    fn tree() -> Tree {
        let mut layer = Layer::new(Origin::new("base"));
        let path = |text: &str| text.parse::<TreePath>().unwrap();
        layer.file(path("/etc/key"), Meta::root(0o4600), Content::bytes("key"));
        let kept = Overwrite::Refuse;
        let link = Kind::HardLink(path("/etc/key"));
        layer.add(
            path("/etc/same"),
            link,
            Meta::root(0o644),
            Sharing::Role,
            kept,
        );
        layer.symlink(path("/etc/link"), "key");
        Tree::seal([layer]).unwrap()
    }

    fn laid(path: &str, entries: &[&str], absent: Absent) -> Result<Tree, String> {
        let acl = HostAcl {
            path: path.parse().unwrap(),
            entries: entries.iter().map(|entry| entry.parse().unwrap()).collect(),
        };
        let mut tree = tree();
        let known = |name: &str| (name == "kube").then_some(200);
        lay(&mut tree, &[acl], absent, known, known).map_err(|error| error.to_string())?;
        Ok(tree)
    }

    fn seen(tree: &Tree, path: &str) -> String {
        let meta = &tree.get(path).unwrap().meta;
        let lists = meta.xattrs.iter().map(|(name, value)| {
            let name = name.trim_start_matches("system.posix_acl_");
            format!(" {name} {}", Acl::of_attribute(value).unwrap())
        });
        format!("{:04o}{}", meta.mode, lists.collect::<String>())
    }

    #[test]
    fn a_list_shows_in_the_mode() {
        let tree = laid("/etc/key", &["u:kube:r"], Absent::Refused).unwrap();
        insta::assert_snapshot!(
            seen(&tree, "/etc/key"),
            @"4640 access user::rw-,user:200:r--,group::---,mask::r--,other::---"
        );
        let tree = laid("/etc/same", &["g:7:rw"], Absent::Refused).unwrap();
        insta::assert_snapshot!(
            seen(&tree, "/etc/key"),
            @"4660 access user::rw-,group::---,group:7:rw-,mask::rw-,other::---"
        );
        let tree = laid("/etc/key", &["g::r"], Absent::Refused).unwrap();
        insta::assert_snapshot!(seen(&tree, "/etc/key"), @"4640");
    }

    #[test]
    fn a_directory_passes_on_what_its_mode_and_the_list_say() {
        let tree = laid("/etc", &["d:u:kube:rx"], Absent::Refused).unwrap();
        insta::assert_snapshot!(
            seen(&tree, "/etc"),
            @"0755 default user::rwx,user:200:r-x,group::r-x,mask::r-x,other::r-x"
        );
    }

    #[test]
    fn what_cannot_have_a_list_is_named() {
        let said = |path, entry| laid(path, &[entry], Absent::Refused).unwrap_err();
        insta::assert_snapshot!(
            said("/etc/gone", "u:kube:r"),
            @"`host.acls` names `/etc/gone`, which the node does not have"
        );
        insta::assert_snapshot!(
            said("/etc/link", "u:kube:r"),
            @"`/etc/link` cannot have an access control list: it is a link to `key`"
        );
        insta::assert_snapshot!(
            said("/etc/key", "d:u:kube:r"),
            @"`/etc/key` cannot have a list for what is made in it: it is no directory"
        );
        insta::assert_snapshot!(
            said("/etc/key", "u:ghost:r"),
            @"the access control list of `/etc/key` names `ghost`, which the image does not know"
        );
        assert!(laid("/etc/gone", &["u:kube:r"], Absent::LeftOut).is_ok());
    }
}
