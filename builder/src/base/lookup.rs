//! Finds things in a base as the booted system would: links are followed inside the image, never on this machine.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use crate::tree::{Content, Entry, Kind, Layer, TreePath};

/// How many links are followed before they are taken for a circle, as Linux does.
const MOST_LINKS: usize = 40;

/// What lies at a path when all links, and hard links, are followed; and where it lies.
pub(super) fn find<'a>(layer: &'a Layer, path: &str) -> Option<(TreePath, &'a Entry)> {
    let mut left: Vec<String> = names(path);
    let mut at = String::new();
    let mut links = 0;
    loop {
        let Some(name) = left.pop() else {
            let path = if at.is_empty() { "/" } else { &at };
            let entry = layer.get(path)?;
            return Some(match &entry.kind {
                Kind::HardLink(target) => (target.clone(), layer.get(target.as_str())?),
                _ => (path.parse().ok()?, entry),
            });
        };
        match name.as_str() {
            "." => continue,
            ".." => {
                at.truncate(at.rfind('/').unwrap_or(0));
                continue;
            }
            _ => {}
        }
        let next = format!("{at}/{name}");
        if let Kind::Symlink(target) = &layer.get(&next)?.kind {
            links += 1;
            if links > MOST_LINKS {
                return None;
            }
            if target.starts_with('/') {
                at.clear();
            }
            left.extend(names(target));
        } else {
            at = next;
        }
    }
}

/// The names of a path, the last one first.
fn names(path: &str) -> Vec<String> {
    path.rsplit('/')
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The kernels that there are modules of, the newest first.
pub(super) fn kernels(layer: &Layer) -> Vec<String> {
    let mut versions: Vec<String> = layer
        .entries()
        .filter(|(_, layered)| matches!(layered.entry.kind, Kind::Directory))
        .filter_map(|(path, _)| {
            let path = path.as_str();
            let name = path
                .strip_prefix("/usr/lib/modules/")
                .or_else(|| path.strip_prefix("/lib/modules/"))?;
            (!name.contains('/')).then(|| name.to_owned())
        })
        .collect();
    versions.sort_by_key(|version| std::cmp::Reverse(numbers(version)));
    versions
}

/// The numbers in a version, for ordering.
fn numbers(version: &str) -> Vec<u64> {
    version
        .split(|letter: char| !letter.is_ascii_digit())
        .filter_map(|number| number.parse().ok())
        .collect()
}

/// Reads a whole file of a base, links followed; `None` when there is none.
pub(super) fn read(layer: &Layer, path: &str) -> io::Result<Option<Vec<u8>>> {
    match find(layer, path) {
        Some((
            _,
            Entry {
                kind: Kind::File(content),
                ..
            },
        )) => read_content(content).map(Some),
        _ => Ok(None),
    }
}

/// Reads a whole content.
pub(super) fn read_content(content: &Content) -> io::Result<Vec<u8>> {
    match content {
        Content::Bytes(bytes) => Ok(bytes.to_vec()),
        Content::Secret(secret) => Ok(secret.expose().to_vec()),
        Content::Slice(slice) => {
            let file = File::open(slice.blob.path())?;
            let length = file.metadata()?.len();
            if slice
                .offset
                .checked_add(slice.size)
                .is_none_or(|end| end > length)
            {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let mut bytes = vec![0; slice.size as usize];
            file.read_exact_at(&mut bytes, slice.offset)?;
            Ok(bytes)
        }
    }
}
