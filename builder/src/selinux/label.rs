//! Labels for every entry of a tree.

use super::{ATTRIBUTE, FileContexts, FileKind, SelinuxError};
use crate::tree::{Kind, Tree, TreePath};

/// Gives every entry the label that the policy has for its path. Where it has none, an entry keeps its own, and else gets
/// its directory's: what it would have if it had been made there.
///
/// # Errors
///
/// When a pattern of the policy cannot be matched.
pub fn label(tree: &mut Tree, contexts: &FileContexts) -> Result<(), SelinuxError> {
    tree.try_dress(|path, kind, meta| {
        let Some(file_kind) = file_kind(kind) else {
            return Ok(());
        };
        let context = match contexts.lookup(path.as_str(), file_kind)? {
            Some(context) => Some(context),
            None if meta.xattrs.contains_key(ATTRIBUTE) => None,
            None => directory_context(path, contexts)?,
        };
        if let Some(context) = context {
            let mut value = Vec::with_capacity(context.len() + 1);
            value.extend_from_slice(context.as_bytes());
            value.push(0);
            meta.xattrs.insert(ATTRIBUTE.to_owned(), value);
        }
        Ok(())
    })
}

/// The label of the nearest directory above that has one.
fn directory_context<'a>(
    path: &TreePath,
    contexts: &'a FileContexts,
) -> Result<Option<&'a str>, SelinuxError> {
    let mut above = path.parent();
    while let Some(directory) = above {
        let context = contexts.lookup(directory.as_str(), FileKind::Directory)?;
        if context.is_some() {
            return Ok(context);
        }
        above = directory.parent();
    }
    Ok(None)
}

/// What a policy takes an entry for; `None` for another name of a file, which has the file's label.
fn file_kind(kind: &Kind) -> Option<FileKind> {
    Some(match kind {
        Kind::Directory => FileKind::Directory,
        Kind::File(_) => FileKind::File,
        Kind::Symlink(_) => FileKind::Link,
        Kind::CharDevice { .. } => FileKind::CharDevice,
        Kind::BlockDevice { .. } => FileKind::BlockDevice,
        Kind::Fifo => FileKind::Pipe,
        Kind::HardLink(_) => return None,
    })
}
