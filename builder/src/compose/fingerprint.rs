//! What an image depends on, as one digest: if it did not change, neither would the image.

use crate::digest::{Digest, Hasher};
use crate::tree::{Content, Entry, Kind, Layer, TreePath};

/// Digests layers: every path, its metadata and its content. A slice counts by the name of its file, which in the store
/// is its digest, and by its place in it.
pub fn fingerprint<'a>(layers: impl IntoIterator<Item = &'a Layer>) -> Digest {
    let mut hasher = Hasher::new();
    for layer in layers {
        for (path, layered) in layer.entries() {
            entry(&mut hasher, path, &layered.entry);
        }
    }
    hasher.finish()
}

fn entry(hasher: &mut Hasher, path: &TreePath, entry: &Entry) {
    let meta = &entry.meta;
    text(hasher, path.as_str());
    text(
        hasher,
        &format!(
            "{:o} {} {} {} {:?}",
            meta.mode, meta.uid, meta.gid, meta.mtime, entry.sharing
        ),
    );
    for (name, value) in &meta.xattrs {
        text(hasher, name);
        bytes(hasher, value);
    }
    match &entry.kind {
        Kind::File(Content::Bytes(content)) => bytes(hasher, content),
        Kind::File(Content::Secret(content)) => bytes(hasher, content.expose()),
        Kind::File(Content::Slice(slice)) => {
            let name = slice
                .blob
                .path()
                .file_name()
                .map(|name| name.to_string_lossy())
                .unwrap_or_default();
            text(hasher, &format!("{name} {} {}", slice.offset, slice.size));
        }
        other => text(hasher, &format!("{other:?}")),
    }
}

fn text(hasher: &mut Hasher, text: &str) {
    bytes(hasher, text.as_bytes());
}

/// With the length first, so that no two sequences run together into the same bytes.
fn bytes(hasher: &mut Hasher, bytes: &[u8]) {
    hasher.update(&(bytes.len() as u64).to_le_bytes());
    hasher.update(bytes);
}
