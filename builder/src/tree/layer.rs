//! What one origin contributes to a tree.

use std::collections::BTreeMap;

use super::{Content, Entry, Kind, Meta, Origin, Sharing, TreePath};

/// Whether an entry may stand where an earlier layer already put one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overwrite {
    /// Two owners of one path are an error that names both. (Two directories of the same owner and mode are no conflict.)
    Refuse,
    /// This layer replaces what was there, and says so.
    Replace,
    /// This layer says whose a directory is that may be there; anything but a directory is refused.
    Directory,
}

/// An entry of a layer.
#[derive(Debug, Clone)]
pub struct Layered {
    /// The entry.
    pub entry: Entry,
    /// Whether it may replace another's.
    pub overwrite: Overwrite,
}

/// Entries from one origin, by path. A later call for the same path wins: a layer has one author.
#[derive(Debug, Clone)]
pub struct Layer {
    origin: Origin,
    entries: BTreeMap<TreePath, Layered>,
}

impl Layer {
    /// An empty layer.
    pub fn new(origin: Origin) -> Self {
        Self {
            origin,
            entries: BTreeMap::new(),
        }
    }

    /// Who contributes it.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Adds any kind of entry.
    pub fn add(
        &mut self,
        path: TreePath,
        kind: Kind,
        meta: Meta,
        sharing: Sharing,
        overwrite: Overwrite,
    ) {
        let entry = Entry {
            kind,
            meta,
            origin: self.origin.clone(),
            sharing,
        };
        self.entries.insert(path, Layered { entry, overwrite });
    }

    /// Adds a directory that all nodes of the role share.
    pub fn directory(&mut self, path: TreePath, meta: Meta) {
        self.add(
            path,
            Kind::Directory,
            meta,
            Sharing::Role,
            Overwrite::Refuse,
        );
    }

    /// Adds a file that all nodes of the role share.
    pub fn file(&mut self, path: TreePath, meta: Meta, content: Content) {
        self.add(
            path,
            Kind::File(content),
            meta,
            Sharing::Role,
            Overwrite::Refuse,
        );
    }

    /// Adds a file whose bytes are this node's own. Its size must be the same on every node of the role.
    pub fn node_file(&mut self, path: TreePath, meta: Meta, content: Content) {
        self.add(
            path,
            Kind::File(content),
            meta,
            Sharing::Node,
            Overwrite::Refuse,
        );
    }

    /// Adds a symbolic link.
    pub fn symlink(&mut self, path: TreePath, target: impl Into<String>) {
        self.add(
            path,
            Kind::Symlink(target.into()),
            Meta::root(0o777),
            Sharing::Role,
            Overwrite::Refuse,
        );
    }

    /// Lets the entry at a path, if this layer has one, replace another layer's.
    pub fn replacing(&mut self, path: &TreePath) {
        if let Some(layered) = self.entries.get_mut(path) {
            layered.overwrite = Overwrite::Replace;
        }
    }

    /// Gives the entry at a path, if this layer has one, to an account with a group of the same number.
    pub fn belongs_to(&mut self, path: &TreePath, id: u32) {
        if let Some(layered) = self.entries.get_mut(path) {
            layered.entry.meta.uid = id;
            layered.entry.meta.gid = id;
        }
    }

    /// The entry at a path, links not followed.
    pub fn get(&self, path: &str) -> Option<&Entry> {
        self.entries.get(path).map(|layered| &layered.entry)
    }

    /// The entries in path order.
    pub fn entries(&self) -> impl Iterator<Item = (&TreePath, &Layered)> {
        self.entries.iter()
    }

    /// Takes the layer apart.
    pub fn into_entries(self) -> impl Iterator<Item = (TreePath, Layered)> {
        self.entries.into_iter()
    }
}
