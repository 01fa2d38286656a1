//! The index beside a base's tar: where everything is, without reading the tar.
//!
//! A magic line, the tar's size, the number of entries, the entries in path order, and the SHA-256 of all that. Numbers
//! are little-endian; texts and bytes are preceded by their length (`u32`). Nothing outside reads it, so when it has to
//! change, the magic line changes and old indexes are made again from their tars.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::digest::Digest;
use crate::tree::{Blob, Content, Kind, Layer, Meta, Origin, Overwrite, Sharing, Slice, TreePath};

const MAGIC: &[u8; 16] = b"kimage index 01\n";
/// The shortest entry, in bytes: no more of them than this allows are expected.
const SHORTEST: usize = 1 + 4 + 2 + 4 + 4 + 8 + 4;

/// Writes an index. Only what a base holds can be indexed: contents are slices of the tar.
pub(super) fn encode(layer: &Layer, tar_size: u64) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend(tar_size.to_le_bytes());
    bytes.extend((layer.entries().count() as u32).to_le_bytes());
    for (path, layered) in layer.entries() {
        let Meta {
            mode,
            uid,
            gid,
            mtime,
            xattrs,
        } = &layered.entry.meta;
        let letter = match &layered.entry.kind {
            Kind::Directory => b'd',
            Kind::File(_) => b'-',
            Kind::Symlink(_) => b'l',
            Kind::HardLink(_) => b'h',
            Kind::CharDevice { .. } => b'c',
            Kind::BlockDevice { .. } => b'b',
            Kind::Fifo => b'p',
        };
        bytes.push(letter);
        put(&mut bytes, path.as_str().as_bytes());
        bytes.extend(mode.to_le_bytes());
        bytes.extend(uid.to_le_bytes());
        bytes.extend(gid.to_le_bytes());
        bytes.extend(mtime.to_le_bytes());
        bytes.extend((xattrs.len() as u32).to_le_bytes());
        for (name, value) in xattrs {
            put(&mut bytes, name.as_bytes());
            put(&mut bytes, value);
        }
        match &layered.entry.kind {
            Kind::File(content) => {
                let offset = match content {
                    Content::Slice(slice) => slice.offset,
                    Content::Bytes(_) | Content::Secret(_) => u64::MAX,
                };
                bytes.extend(offset.to_le_bytes());
                bytes.extend(content.size().to_le_bytes());
            }
            Kind::Symlink(target) => put(&mut bytes, target.as_bytes()),
            Kind::HardLink(target) => put(&mut bytes, target.as_str().as_bytes()),
            Kind::CharDevice { major, minor } | Kind::BlockDevice { major, minor } => {
                bytes.extend(major.to_le_bytes());
                bytes.extend(minor.to_le_bytes());
            }
            Kind::Directory | Kind::Fifo => {}
        }
    }
    let digest = Digest::of(&bytes);
    bytes.extend_from_slice(digest.as_bytes());
    bytes
}

fn put(bytes: &mut Vec<u8>, text: &[u8]) {
    bytes.extend((text.len() as u32).to_le_bytes());
    bytes.extend_from_slice(text);
}

/// Reads an index; `None` when it is damaged, of another version, or of a tar of another size.
pub(super) fn decode(
    bytes: &[u8],
    origin: Origin,
    blob: &Arc<Blob>,
    tar_size: u64,
) -> Option<Layer> {
    let (bytes, digest) = bytes.split_at_checked(bytes.len().checked_sub(32)?)?;
    if Digest::of(bytes).as_bytes() != digest {
        return None;
    }
    let mut cursor = Cursor(bytes.strip_prefix(MAGIC)?);
    if cursor.u64()? != tar_size {
        return None;
    }
    let count = cursor.u32()? as usize;
    if count > cursor.0.len() / SHORTEST {
        return None;
    }
    let mut layer = Layer::new(origin);
    for _ in 0..count {
        let letter = cursor.take(1)?[0];
        let path: TreePath = cursor.text()?.parse().ok()?;
        let mode = u16::from_le_bytes(cursor.take(2)?.try_into().ok()?);
        let uid = cursor.u32()?;
        let gid = cursor.u32()?;
        let mtime = cursor.u64()? as i64;
        let mut xattrs = BTreeMap::new();
        for _ in 0..cursor.u32()? {
            let name = cursor.text()?.to_owned();
            xattrs.insert(name, cursor.bytes()?.to_owned());
        }
        let kind = match letter {
            b'd' => Kind::Directory,
            b'-' => {
                let (offset, size) = (cursor.u64()?, cursor.u64()?);
                if offset.checked_add(size)? > tar_size {
                    return None;
                }
                Kind::File(Content::Slice(Slice {
                    blob: blob.clone(),
                    offset,
                    size,
                }))
            }
            b'l' => Kind::Symlink(cursor.text()?.to_owned()),
            b'h' => Kind::HardLink(cursor.text()?.parse().ok()?),
            b'c' => Kind::CharDevice {
                major: cursor.u32()?,
                minor: cursor.u32()?,
            },
            b'b' => Kind::BlockDevice {
                major: cursor.u32()?,
                minor: cursor.u32()?,
            },
            b'p' => Kind::Fifo,
            _ => return None,
        };
        let meta = Meta {
            mode,
            uid,
            gid,
            mtime,
            xattrs,
        };
        layer.add(path, kind, meta, Sharing::Role, Overwrite::Refuse);
    }
    cursor.0.is_empty().then_some(layer)
}

/// What is left to read.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, size: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(size)?;
        self.0 = rest;
        Some(taken)
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    fn u64(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let size = self.u32()? as usize;
        self.take(size)
    }

    fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }
}
