//! Turns what is in an archive into a [`Filesystem`]: paths checked, what does not belong into a base left out.

use std::collections::BTreeSet;
use std::fs::File;
use std::sync::Arc;

use super::acls;
use super::archive::{self, Member, MemberKind, ReadError};
use super::filesystem::{Filesystem, Node, NodeKind};
use super::refusal::{Limits, Refusal};
use super::selection::Selection;
use crate::tree::acl::AclScope;
use crate::tree::{Blob, Slice, TreePath};

/// The longest target of a link, in bytes; Linux takes no longer one.
const LONGEST_TARGET: usize = 4095;

/// What of an archive is wanted.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wanted<'a> {
    /// All of it: an archive that we wrote.
    All,
    /// What belongs into a base.
    Selected(&'a Selection<'a>),
}

impl Wanted<'_> {
    fn keeps(self, path: &str, is_directory: bool) -> bool {
        match self {
            Self::All => true,
            Self::Selected(selection) => selection.keeps(path, is_directory),
        }
    }
}

/// What an archive is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A whole filesystem.
    Archive,
    /// A layer of an OCI image: names that begin with `.wh.` take away what lower layers hold.
    Layer,
}

/// Adds an archive's entries. `blob` names the file that `file` has open.
pub(super) fn add_archive(
    filesystem: &mut Filesystem,
    file: &File,
    blob: &Arc<Blob>,
    limits: &Limits,
    wanted: Wanted<'_>,
    form: Form,
) -> Result<(), ReadError> {
    // Hard links to what is left out are left out too, not refused.
    let mut dropped = BTreeSet::new();
    archive::read_members(file, limits, |member| {
        if form == Form::Layer && take_away(filesystem, &member)? {
            return Ok(());
        }
        add_member(filesystem, member, blob, wanted, &mut dropped)
    })
}

/// Obeys a whiteout, and answers whether the member was one.
fn take_away(filesystem: &mut Filesystem, member: &Member) -> Result<bool, Refusal> {
    let path = tree_path(&member.name)?;
    let Some(hidden) = path.name().strip_prefix(".wh.") else {
        return Ok(false);
    };
    let parent = path.parent().unwrap_or_else(TreePath::root);
    if hidden == ".wh..opq" {
        filesystem.remove_below(&parent);
    } else if !hidden.starts_with(".wh.") {
        let hidden = parent.join(hidden).map_err(|problem| Refusal::Path {
            entry: member.name.clone(),
            problem: problem.to_string(),
        })?;
        filesystem.remove(&hidden);
    }
    Ok(true)
}

fn add_member(
    filesystem: &mut Filesystem,
    member: Member,
    blob: &Arc<Blob>,
    wanted: Wanted<'_>,
    dropped: &mut BTreeSet<TreePath>,
) -> Result<(), Refusal> {
    let path = tree_path(&member.name)?;
    let is_directory = matches!(member.kind, MemberKind::Directory);
    if !wanted.keeps(path.as_str(), is_directory) {
        dropped.insert(path);
        return Ok(());
    }
    let kind = match member.kind {
        MemberKind::Directory => NodeKind::Directory,
        MemberKind::File { offset, size } => NodeKind::File(Slice {
            blob: blob.clone(),
            offset,
            size,
        }),
        MemberKind::Symlink(target) => {
            check_target(&path, &target)?;
            NodeKind::Symlink(target)
        }
        MemberKind::HardLink(target) => {
            let target = tree_path(&target)?;
            if dropped.contains(&target) {
                dropped.insert(path);
                return Ok(());
            }
            return filesystem.link(path, &target);
        }
        MemberKind::Fifo => NodeKind::Fifo,
        MemberKind::Device => return Err(Refusal::Device { entry: path }),
        MemberKind::Unsupported(what) => {
            return Err(Refusal::Unsupported {
                entry: path.to_string(),
                what,
            });
        }
    };
    if path.is_root() && !is_directory {
        return Err(Refusal::Path {
            entry: member.name,
            problem: "the root is a directory".to_owned(),
        });
    }
    let mut meta = member.meta;
    meta.xattrs.retain(|name, _| is_kept_attribute(name));
    filesystem.put(path, Node { kind, meta })
}

/// Whether an extended attribute belongs to a file in an image: capabilities, labels, access control lists, users' own.
pub(super) fn is_kept_attribute(name: &str) -> bool {
    name.starts_with("security.")
        || name.starts_with("user.")
        || name.starts_with(acls::TEXT)
        || AclScope::of_attribute(name).is_some()
}

/// Refuses the target of a link that cannot be stored. Where it leads does not matter: nothing is ever written
/// through it on the machine that builds.
pub(super) fn check_target(path: &TreePath, target: &str) -> Result<(), Refusal> {
    let problem = if target.is_empty() {
        "it is empty"
    } else if target.len() > LONGEST_TARGET {
        "it is longer than 4095 bytes"
    } else if target.contains('\0') {
        "it has a NUL"
    } else {
        return Ok(());
    };
    Err(Refusal::LinkTarget {
        entry: path.clone(),
        problem,
    })
}

/// The path of an entry: `./etc/hosts`, `etc/hosts` and `/etc/hosts` are all `/etc/hosts`; a `..` is refused.
pub(super) fn tree_path(name: &str) -> Result<TreePath, Refusal> {
    let mut path = String::with_capacity(name.len() + 1);
    for part in name
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
    {
        path.push('/');
        path.push_str(part);
    }
    if path.is_empty() {
        path.push('/');
    }
    path.parse()
        .map_err(|problem: crate::tree::PathError| Refusal::Path {
            entry: name.to_owned(),
            problem: problem.to_string(),
        })
}
