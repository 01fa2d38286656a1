//! Directories that every node gets.

use std::collections::BTreeMap;

use super::host::{self, MOUNTED_OVER};
use super::{Checker, Finding};
use crate::spec::cluster::HostDirectory;
use crate::spec::file::{HostDirectoryFile, HostSection};
use crate::spec::pointer::Pointer;
use crate::tree::TreePath;

/// The list `host.directories`.
pub(super) fn check(check: &mut Checker, given: &HostSection) -> Vec<HostDirectory> {
    let top = Pointer::top().key("host");
    let files: Vec<(TreePath, Pointer)> = given
        .files
        .iter()
        .flatten()
        .enumerate()
        .filter_map(|(index, file)| {
            let at = top.key("files").index(index).key("path");
            Some((file.path.parse().ok()?, at))
        })
        .collect();
    let mut seen: BTreeMap<TreePath, Pointer> = BTreeMap::new();
    let mut directories = Vec::new();
    for (index, directory) in given.directories.iter().flatten().enumerate() {
        let top = top.key("directories").index(index);
        let at = top.key("path");
        let Some(directory) = read(check, &top, directory) else {
            continue;
        };
        let path = &directory.path;
        let over = |over: &&&str| {
            over.parse::<TreePath>()
                .is_ok_and(|over| path.is_under(&over))
        };
        if path.is_root() {
            check.tell(Finding::error(at, "`/` is there already"));
        } else if let Some(over) = MOUNTED_OVER.iter().find(over) {
            let message = format!("nobody would see `{path}`: something is mounted over `{over}`");
            check.tell(Finding::error(at, message));
        } else if let Some((file, other)) = files.iter().find(|(file, _)| path.is_under(file)) {
            let message = if path == file {
                format!("`{path}` is a file, too")
            } else {
                format!("`{path}` lies under `{file}`, which is a file")
            };
            check.tell(Finding::error(at, message).with(other.clone(), "the file"));
        } else if let Some(first) = seen.get(path) {
            let finding = Finding::error(at, format!("`{path}` is described twice"));
            check.tell(finding.with(first.clone(), "first here"));
        } else {
            seen.insert(path.clone(), at);
            directories.push(directory);
        }
    }
    directories
}

/// One directory; every problem of it is told.
fn read(check: &mut Checker, top: &Pointer, given: &HostDirectoryFile) -> Option<HostDirectory> {
    let path = host::path(check, top.key("path"), &given.path);
    let mode = given.mode.as_deref().unwrap_or("0755");
    let mode = host::mode(check, top.key("mode"), mode);
    let owner = given.owner.as_deref().unwrap_or("root");
    let owner = host::user_name(check, top.key("owner"), owner, "user");
    let group = given.group.as_deref().unwrap_or("root");
    let group = host::user_name(check, top.key("group"), group, "group");
    Some(HostDirectory {
        path: path?,
        mode: mode?,
        owner: owner?,
        group: group?,
    })
}
