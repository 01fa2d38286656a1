//! A filesystem while it is read: entry by entry, layer by layer.
//!
//! The one idea is the *node*: what lies at a path, apart from the path. A hard link is a second path to a node, so it
//! keeps its content even when the first path is replaced by a later layer. [`Filesystem::into_layer`] then names the
//! file by its first path in order, and the result does not depend on the order in which entries came.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Place;

use super::refusal::Refusal;
use crate::tree::{Content, Kind, Layer, Meta, Origin, Overwrite, Sharing, Slice, TreePath};

/// What lies at one or more paths.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub kind: NodeKind,
    pub meta: Meta,
}

/// What a node is. Devices are none: they are refused or dropped before.
#[derive(Debug, Clone)]
pub(super) enum NodeKind {
    Directory,
    File(Slice),
    Symlink(String),
    Fifo,
}

impl NodeKind {
    fn name(&self) -> &'static str {
        match self {
            Self::Directory => "a directory",
            Self::File(_) => "a file",
            Self::Symlink(_) => "a link",
            Self::Fifo => "a pipe",
        }
    }
}

/// Paths to nodes; every parent is there and is a directory.
#[derive(Debug)]
pub(super) struct Filesystem {
    nodes: Vec<Node>,
    /// The node at a path, and the number of the layer that put it there.
    paths: BTreeMap<TreePath, (usize, u32)>,
    layer: u32,
}

impl Filesystem {
    /// A root, and nothing in it.
    pub(super) fn new() -> Self {
        let root = Node {
            kind: NodeKind::Directory,
            meta: Meta::root(0o755),
        };
        Self {
            nodes: vec![root],
            paths: BTreeMap::from([(TreePath::root(), (0, 0))]),
            layer: 0,
        }
    }

    /// The metadata of everything, with the first path to it for errors.
    pub(super) fn metas_mut(&mut self) -> impl Iterator<Item = (&TreePath, &mut Meta)> {
        let mut first: BTreeMap<usize, &TreePath> = BTreeMap::new();
        for (path, (at, _)) in &self.paths {
            first.entry(*at).or_insert(path);
        }
        let nodes = self.nodes.iter_mut().enumerate();
        nodes.filter_map(move |(at, node)| Some((*first.get(&at)?, &mut node.meta)))
    }

    /// The bytes of a file, links not followed; `None` when it is none.
    pub(super) fn file(&self, path: &str) -> Option<&Slice> {
        match &self.nodes[self.paths.get(path)?.0].kind {
            NodeKind::File(slice) => Some(slice),
            _ => None,
        }
    }

    /// From here on, entries may replace those that came before by others of another kind.
    pub(super) fn next_layer(&mut self) {
        self.layer += 1;
    }

    /// Puts a node at a path.
    pub(super) fn put(&mut self, path: TreePath, node: Node) -> Result<(), Refusal> {
        self.make_parents(&path)?;
        if let Some((at, layer)) = self.paths.get_mut(&path) {
            let first = &mut self.nodes[*at];
            if let (NodeKind::Directory, NodeKind::Directory) = (&first.kind, &node.kind) {
                first.meta = node.meta;
                *layer = self.layer;
                return Ok(());
            }
            let alike = std::mem::discriminant(&first.kind) == std::mem::discriminant(&node.kind);
            if !alike && *layer == self.layer {
                return Err(Refusal::TwoKinds {
                    entry: path,
                    first: first.kind.name(),
                    second: node.kind.name(),
                });
            }
            if matches!(first.kind, NodeKind::Directory) {
                self.remove_below(&path);
            }
        }
        self.nodes.push(node);
        self.paths.insert(path, (self.nodes.len() - 1, self.layer));
        Ok(())
    }

    /// Makes a path another name of what is at `target`.
    pub(super) fn link(&mut self, path: TreePath, target: &TreePath) -> Result<(), Refusal> {
        let node = match self.paths.get(target) {
            Some((node, _)) if !matches!(self.nodes[*node].kind, NodeKind::Directory) => *node,
            _ => {
                return Err(Refusal::HardLink {
                    entry: path,
                    target: target.to_string(),
                });
            }
        };
        self.make_parents(&path)?;
        if let Some((at, layer)) = self.paths.get(&path)
            && matches!(self.nodes[*at].kind, NodeKind::Directory)
        {
            if *layer == self.layer {
                return Err(Refusal::TwoKinds {
                    entry: path,
                    first: "a directory",
                    second: "a hard link",
                });
            }
            self.remove_below(&path);
        }
        self.paths.insert(path, (node, self.layer));
        Ok(())
    }

    /// Takes a path away, with everything below it, as far as earlier layers put it there.
    pub(super) fn remove(&mut self, path: &TreePath) {
        if path.is_root() {
            return self.remove_below(path);
        }
        if matches!(self.paths.get(path), Some((_, layer)) if *layer < self.layer) {
            self.paths.remove(path);
        }
        self.remove_below(path);
    }

    /// Takes away what earlier layers put below a path.
    pub(super) fn remove_below(&mut self, path: &TreePath) {
        let below: Vec<_> = self
            .paths
            .range(path.clone()..)
            .take_while(|(found, _)| found.as_str().starts_with(path.as_str()))
            .filter(|(found, (_, layer))| {
                *found != path && found.is_under(path) && *layer < self.layer
            })
            .map(|(found, _)| found.clone())
            .collect();
        for found in below {
            self.paths.remove(&found);
        }
    }

    fn make_parents(&mut self, path: &TreePath) -> Result<(), Refusal> {
        let mut missing = Vec::new();
        let mut above = path.parent();
        while let Some(parent) = above {
            match self.paths.get_mut(&parent) {
                None => missing.push(parent.clone()),
                Some((node, layer)) if matches!(self.nodes[*node].kind, NodeKind::Directory) => {
                    // A directory that this layer puts something into is this layer's too, and so are all above it.
                    if *layer == self.layer {
                        break;
                    }
                    *layer = self.layer;
                }
                Some(_) => {
                    return Err(Refusal::BelowNonDirectory {
                        entry: path.clone(),
                        parent,
                    });
                }
            }
            above = parent.parent();
        }
        for parent in missing {
            self.nodes.push(Node {
                kind: NodeKind::Directory,
                meta: Meta::root(0o755),
            });
            self.paths
                .insert(parent, (self.nodes.len() - 1, self.layer));
        }
        Ok(())
    }

    /// The entries by path; of several paths to one file the first is the file, the others are hard links to it.
    pub(super) fn into_layer(self, origin: Origin) -> Layer {
        let mut layer = Layer::new(origin);
        let mut first: BTreeMap<usize, TreePath> = BTreeMap::new();
        for (path, (at, _)) in self.paths {
            let Node { kind, meta } = &self.nodes[at];
            let kind = match kind {
                NodeKind::Directory => Kind::Directory,
                NodeKind::Symlink(target) => Kind::Symlink(target.clone()),
                NodeKind::Fifo => Kind::Fifo,
                NodeKind::File(slice) => match first.entry(at) {
                    Place::Occupied(place) => Kind::HardLink(place.get().clone()),
                    Place::Vacant(place) => {
                        place.insert(path.clone());
                        Kind::File(Content::Slice(slice.clone()))
                    }
                },
            };
            layer.add(path, kind, meta.clone(), Sharing::Role, Overwrite::Refuse);
        }
        layer
    }
}
