//! A finished filesystem.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{Entry, Kind, Layer, Meta, Origin, Overwrite, Sharing, TreePath};
use crate::failure::{Exit, Failure};

/// A finished filesystem: rooted, every parent a directory, hard links to files, in path order. [`Tree::seal`] is the
/// only way to get one.
#[derive(Debug, Clone)]
pub struct Tree {
    entries: BTreeMap<TreePath, Entry>,
}

/// Why layers do not make a tree.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// Two layers want one path and the later one does not say that it replaces.
    #[error("`{path}` comes from both {first} and {second}")]
    TwoOwners {
        /// The path.
        path: TreePath,
        /// Who had it.
        first: Origin,
        /// Who wants it too.
        second: Origin,
    },
    /// A parent of an entry is no directory (often a link, as `/lib` is today).
    #[error(
        "`{path}` from {origin} lies below `{parent}`, which is no directory but comes from {parent_origin}"
    )]
    ParentNotDirectory {
        /// The entry.
        path: TreePath,
        /// Who contributes it.
        origin: Origin,
        /// Its parent.
        parent: TreePath,
        /// Who contributes the parent.
        parent_origin: Origin,
    },
    /// A hard link to nothing, to itself or to something that is no file.
    #[error("hard link `{path}` from {origin} points to `{target}`, which is no file of the tree")]
    DanglingHardLink {
        /// The link.
        path: TreePath,
        /// Who contributes it.
        origin: Origin,
        /// What it points to.
        target: TreePath,
    },
}

impl Failure for SealError {
    fn exit(&self) -> Exit {
        Exit::UserFiles
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::TwoOwners { .. } => {
                "remove one of the two, or say in the cluster file that it replaces".into()
            }
            Self::ParentNotDirectory { .. } => "use the path that the link leads to".into(),
            Self::DanglingHardLink { .. } => {
                "prepare the base again: its archive is incomplete".into()
            }
        })
    }
}

impl Tree {
    /// Lays the layers over each other, the first at the bottom. Parents that nobody declares become directories of
    /// root with mode 0755, owned by the layer that needs them.
    pub fn seal(layers: impl IntoIterator<Item = Layer>) -> Result<Self, SealError> {
        let mut entries = BTreeMap::new();
        for layer in layers {
            for (path, layered) in layer.into_entries() {
                lay(&mut entries, path, layered.entry, layered.overwrite)?;
            }
        }
        entries
            .entry(TreePath::root())
            .or_insert_with(|| implied(Origin::new("root")));
        for (path, entry) in &entries {
            check(&entries, path, entry)?;
        }
        Ok(Self { entries })
    }

    /// The entries in path order; a directory comes before what is in it.
    pub fn entries(&self) -> impl Iterator<Item = (&TreePath, &Entry)> {
        self.entries.iter()
    }

    /// The entry at a path, links not followed.
    pub fn get(&self, path: &str) -> Option<&Entry> {
        self.entries.get(path)
    }

    /// Lets `change` give entries another mode, owner or attribute. What an entry is, and where, stays.
    ///
    /// # Errors
    ///
    /// The first one of `change`.
    pub fn try_dress<E>(
        &mut self,
        mut change: impl FnMut(&TreePath, &Kind, &mut Meta) -> Result<(), E>,
    ) -> Result<(), E> {
        self.entries
            .iter_mut()
            .try_for_each(|(path, entry)| change(path, &entry.kind, &mut entry.meta))
    }

    /// How many entries there are.
    pub fn count(&self) -> usize {
        self.entries.len()
    }

    /// One line per entry under a path: kind and mode, owner, size, path, link target. Never a content.
    pub fn listing_under(&self, prefix: &str) -> String {
        let mut listing = String::new();
        for (path, entry) in &self.entries {
            if !(path.as_str() == prefix
                || path
                    .as_str()
                    .starts_with(&format!("{}/", prefix.trim_end_matches('/'))))
            {
                continue;
            }
            let (letter, detail) = match &entry.kind {
                Kind::Directory => ('d', String::new()),
                Kind::File(_) => ('-', String::new()),
                Kind::Symlink(target) => ('l', format!(" -> {target}")),
                Kind::HardLink(target) => ('h', format!(" => {target}")),
                Kind::CharDevice { major, minor } => ('c', format!(" {major}:{minor}")),
                Kind::BlockDevice { major, minor } => ('b', format!(" {major}:{minor}")),
                Kind::Fifo => ('p', String::new()),
            };
            let node = if entry.sharing == Sharing::Node {
                " (node)"
            } else {
                ""
            };
            let Meta { mode, uid, gid, .. } = entry.meta;
            let _ = writeln!(
                listing,
                "{letter}{mode:04o} {uid}:{gid} {path}{detail}{node}"
            );
        }
        listing
    }
}

/// A directory nobody declared.
fn implied(origin: Origin) -> Entry {
    Entry {
        kind: Kind::Directory,
        meta: Meta::root(0o755),
        origin,
        sharing: Sharing::Role,
    }
}

fn lay(
    entries: &mut BTreeMap<TreePath, Entry>,
    path: TreePath,
    entry: Entry,
    overwrite: Overwrite,
) -> Result<(), SealError> {
    let mut above = path.parent();
    while let Some(parent) = above {
        above = parent.parent();
        if entries.contains_key(&parent) {
            break;
        }
        entries.insert(parent, implied(entry.origin.clone()));
    }
    if let Some(first) = entries.get(&path) {
        let both_directories = matches!(
            (&first.kind, &entry.kind),
            (Kind::Directory, Kind::Directory)
        );
        let implied = both_directories && first.meta == Meta::root(0o755);
        let same = both_directories
            && first.meta.mode == entry.meta.mode
            && first.meta.uid == entry.meta.uid
            && first.meta.gid == entry.meta.gid;
        if same {
            return Ok(());
        }
        let refused = match overwrite {
            Overwrite::Refuse => !implied && first.origin != entry.origin,
            Overwrite::Directory => !both_directories,
            Overwrite::Replace => false,
        };
        if refused {
            return Err(SealError::TwoOwners {
                path,
                first: first.origin.clone(),
                second: entry.origin,
            });
        }
    }
    entries.insert(path, entry);
    Ok(())
}

fn check(
    entries: &BTreeMap<TreePath, Entry>,
    path: &TreePath,
    entry: &Entry,
) -> Result<(), SealError> {
    if let Some(parent) = path.parent()
        && let Some(above) = entries.get(&parent)
        && !matches!(above.kind, Kind::Directory)
    {
        return Err(SealError::ParentNotDirectory {
            path: path.clone(),
            origin: entry.origin.clone(),
            parent,
            parent_origin: above.origin.clone(),
        });
    }
    if let Kind::HardLink(target) = &entry.kind
        && !matches!(
            entries.get(target).map(|entry| &entry.kind),
            Some(Kind::File(_))
        )
    {
        return Err(SealError::DanglingHardLink {
            path: path.clone(),
            origin: entry.origin.clone(),
            target: target.clone(),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Content;

    fn path(text: &str) -> TreePath {
        text.parse().expect("a path")
    }

    fn layer(origin: &str, files: &[&str]) -> Layer {
        let mut layer = Layer::new(Origin::new(origin));
        for file in files {
            layer.file(path(file), Meta::root(0o644), Content::bytes(origin));
        }
        layer
    }

    #[test]
    fn two_owners_of_one_path_are_both_named() {
        let error = Tree::seal([
            layer("base", &["/etc/hosts"]),
            layer("overlay x", &["/etc/hosts"]),
        ])
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            "`/etc/hosts` comes from both base and overlay x"
        );
    }

    #[test]
    fn a_layer_that_says_so_replaces() {
        let mut upper = layer("overlay x", &["/etc/hosts"]);
        upper.replacing(&path("/etc/hosts"));
        let tree = Tree::seal([layer("base", &["/etc/hosts"]), upper]).unwrap();
        assert_eq!(
            tree.get("/etc/hosts")
                .map(|entry| entry.origin.to_string())
                .as_deref(),
            Some("overlay x")
        );
    }

    #[test]
    fn a_layer_says_whose_a_directory_is_but_makes_none_of_a_link() {
        let mut upper = Layer::new(Origin::new("upper"));
        let (kind, meta) = (Kind::Directory, Meta::root(0o700));
        let place = |layer: &mut Layer, path: TreePath| {
            layer.add(
                path,
                kind.clone(),
                meta.clone(),
                Sharing::Role,
                Overwrite::Directory,
            );
        };
        place(&mut upper, path("/srv"));
        let mut base = Layer::new(Origin::new("base"));
        base.directory(path("/srv"), Meta::root(0o777));
        base.symlink(path("/lib"), "usr/lib");
        let tree = Tree::seal([base.clone(), upper.clone()]).unwrap();
        assert_eq!(tree.get("/srv").map(|entry| entry.meta.mode), Some(0o700));
        place(&mut upper, path("/lib"));
        let error = Tree::seal([base, upper]).unwrap_err();
        assert_eq!(error.to_string(), "`/lib` comes from both base and upper");
    }

    #[test]
    fn nothing_lies_below_a_link() {
        let mut base = Layer::new(Origin::new("base"));
        base.symlink(path("/lib"), "usr/lib");
        let error = Tree::seal([base, layer("overlay x", &["/lib/modules/a"])]).unwrap_err();
        assert!(error.to_string().contains("`/lib`"), "{error}");
    }

    #[test]
    fn parents_are_made_and_listed_in_order() {
        let tree = Tree::seal([layer("base", &["/a/b/c", "/a/b-c"])]).unwrap();
        insta::assert_snapshot!(tree.listing_under("/"), @r"
        d0755 0:0 /
        d0755 0:0 /a
        d0755 0:0 /a/b
        -0644 0:0 /a/b-c
        -0644 0:0 /a/b/c
        ");
    }
}
