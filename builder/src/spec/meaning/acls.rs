//! Access control lists: `host.acls`.
//!
//! Whether a path is in an image, and a name among its accounts, is known when the image is put together.

use std::collections::BTreeMap;

use super::host::path;
use super::{Checker, Finding};
use crate::spec::cluster::HostAcl;
use crate::spec::file::AclFile;
use crate::spec::pointer::Pointer;
use crate::tree::TreePath;
use crate::tree::acl::{AclEntry, AclScope, AclTag};

pub(super) fn check(check: &mut Checker, top: Pointer, given: &[AclFile]) -> Vec<HostAcl> {
    let mut acls = Vec::new();
    let mut seen: BTreeMap<TreePath, usize> = BTreeMap::new();
    for (index, acl) in given.iter().enumerate() {
        let at = top.index(index);
        let path = path(check, at.key("path"), &acl.path);
        let entries = entries(check, at.key("entries"), &acl.entries);
        let Some(path) = path else {
            continue;
        };
        if let Some(&first) = seen.get(&path) {
            let finding = Finding::error(at.key("path"), format!("`{path}` has two lists"));
            check.tell(finding.with(top.index(first).key("path"), "the other"));
            continue;
        }
        seen.insert(path.clone(), index);
        acls.push(HostAcl { path, entries });
    }
    acls
}

fn entries(check: &mut Checker, top: Pointer, given: &[String]) -> Vec<AclEntry> {
    let mut entries: Vec<AclEntry> = Vec::new();
    let mut seen: BTreeMap<(AclScope, AclTag<String>), usize> = BTreeMap::new();
    for (index, text) in given.iter().enumerate() {
        let at = top.index(index);
        let entry = match text.parse::<AclEntry>() {
            Ok(entry) => entry,
            Err(error) => {
                check.tell(
                    Finding::error(at, error.to_string())
                        .suggest("write it as `u:NAME:r`, `g:NAME:rx` or `d:u:NAME:rwx`"),
                );
                continue;
            }
        };
        match seen.insert((entry.scope, entry.tag.clone()), index) {
            Some(first) => {
                let finding = Finding::error(at, "this list has an entry for the same already");
                check.tell(finding.with(top.index(first), "first here"));
            }
            None => entries.push(entry),
        }
    }
    entries
}
