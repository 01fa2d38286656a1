//! Writes a layer as one uncompressed tar, in path order: the form that a prepared base is kept in.
//!
//! The bytes depend on the entries alone. The same filesystem gives the same tar, however it came: as an archive in
//! another order, with another compression, as layers or as a directory.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use tar::{EntryType, Header};

use crate::digest::{Digest, Hasher};
use crate::sink;
use crate::tree::{Blob, Content, Kind, Layer, Layered, Meta, Slice, TreePath};

const BLOCK: usize = 512;
/// How much is copied at once, in bytes.
const BUFFER: usize = 1 << 20;

/// A tar as it was written.
#[derive(Debug)]
pub(super) struct Packed {
    /// The digest of all of it.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// The entries, their contents being slices of it.
    pub layer: Layer,
}

/// Why writing stopped: at which entry, and why.
#[derive(Debug)]
pub(super) struct PackError {
    pub path: PathBuf,
    pub action: &'static str,
    pub source: io::Error,
}

/// Writes a layer to `file`, whose name will be `blob`.
pub(super) fn pack(layer: Layer, file: &mut File, blob: &Arc<Blob>) -> Result<Packed, PackError> {
    let mut out = Counted {
        file: io::BufWriter::with_capacity(BUFFER, file),
        hasher: Hasher::new(),
        at: 0,
    };
    let mut contents = Contents::default();
    let mut packed = Layer::new(layer.origin().clone());
    let failed = |source| PackError {
        path: blob.path().to_owned(),
        action: "write",
        source,
    };
    for (path, Layered { entry, overwrite }) in layer.into_entries() {
        out.write_all(&headers(&path, &entry.kind, &entry.meta))
            .map_err(failed)?;
        let kind = match entry.kind {
            Kind::File(content) => {
                let offset = out.at;
                let size = content.size();
                contents.copy(&content, &mut out, failed)?;
                let padding = (out.at as usize).next_multiple_of(BLOCK) - out.at as usize;
                out.write_all(&[0; BLOCK][..padding]).map_err(failed)?;
                Kind::File(Content::Slice(Slice {
                    blob: blob.clone(),
                    offset,
                    size,
                }))
            }
            other => other,
        };
        packed.add(path, kind, entry.meta, entry.sharing, overwrite);
    }
    out.write_all(&[0; 2 * BLOCK]).map_err(failed)?;
    out.flush().map_err(failed)?;
    Ok(Packed {
        digest: out.hasher.finish(),
        size: out.at,
        layer: packed,
    })
}

/// Writes, digests and counts.
struct Counted<W> {
    file: W,
    hasher: Hasher,
    at: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.at += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Reads contents; the file that was read last stays open.
#[derive(Default)]
struct Contents {
    open: Option<(Arc<Blob>, File)>,
    buffer: Vec<u8>,
}

impl Contents {
    fn copy(
        &mut self,
        content: &Content,
        out: &mut impl Write,
        failed: impl Fn(io::Error) -> PackError,
    ) -> Result<(), PackError> {
        let slice = match content {
            Content::Bytes(bytes) => return out.write_all(bytes).map_err(failed),
            Content::Secret(secret) => return out.write_all(secret.expose()).map_err(failed),
            Content::Slice(slice) => slice,
        };
        let unreadable = |source| PackError {
            path: slice.blob.path().to_owned(),
            action: "read",
            source,
        };
        let file = match &mut self.open {
            Some((blob, file)) if Arc::ptr_eq(blob, &slice.blob) => file,
            open => {
                let file = File::open(slice.blob.path()).map_err(unreadable)?;
                &mut open.insert((slice.blob.clone(), file)).1
            }
        };
        let (mut at, mut left) = (slice.offset, slice.size);
        while left > 0 {
            let size = left.min(BUFFER as u64) as usize;
            self.buffer.resize(BUFFER, 0);
            let bytes = &mut self.buffer[..size];
            file.read_exact_at(bytes, at).map_err(unreadable)?;
            out.write_all(bytes).map_err(&failed)?;
            at += size as u64;
            left -= size as u64;
        }
        Ok(())
    }
}

/// The headers of one entry: ustar, and a pax header where that is too narrow.
fn headers(path: &TreePath, kind: &Kind, meta: &Meta) -> Vec<u8> {
    let mut name = format!(".{path}");
    if matches!(kind, Kind::Directory) && !path.is_root() {
        name.push('/');
    }
    let (entry_type, size, target, device) = match kind {
        Kind::Directory => (EntryType::Directory, 0, String::new(), None),
        Kind::File(content) => (EntryType::Regular, content.size(), String::new(), None),
        Kind::Symlink(target) => (EntryType::Symlink, 0, target.clone(), None),
        Kind::HardLink(target) => (EntryType::Link, 0, format!(".{target}"), None),
        Kind::CharDevice { major, minor } => {
            (EntryType::Char, 0, String::new(), Some((*major, *minor)))
        }
        Kind::BlockDevice { major, minor } => {
            (EntryType::Block, 0, String::new(), Some((*major, *minor)))
        }
        Kind::Fifo => (EntryType::Fifo, 0, String::new(), None),
    };
    let mut records = Vec::new();
    for (key, text, room) in [("path", &name, 100), ("linkpath", &target, 100)] {
        if text.len() > room || !text.is_ascii() {
            record(&mut records, key, text.as_bytes());
        }
    }
    // The widths of ustar's octal fields: 11 digits for size and time, 7 for owners.
    let numbers = [
        ("size", size, 0o77_777_777_777),
        ("uid", u64::from(meta.uid), 0o7_777_777),
        ("gid", u64::from(meta.gid), 0o7_777_777),
        ("mtime", meta.mtime.max(0) as u64, 0o77_777_777_777),
    ];
    for (key, number, most) in numbers {
        if number > most {
            record(&mut records, key, number.to_string().as_bytes());
        }
    }
    for (name, value) in &meta.xattrs {
        let (key, value) = sink::tar::pax_record(name, value);
        record(&mut records, &key, &value);
    }
    let mut bytes = Vec::new();
    if !records.is_empty() {
        let mut header = ustar(EntryType::XHeader, records.len() as u64, &Meta::root(0o644));
        place(&mut header, 0, "./PaxHeaders");
        header.set_cksum();
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(&records);
        bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
    }
    let mut header = ustar(entry_type, size, meta);
    place(&mut header, 0, &name);
    place(&mut header, 157, &target);
    if let Some((major, minor)) = device {
        header
            .set_device_major(major)
            .expect("a ustar header has one");
        header
            .set_device_minor(minor)
            .expect("a ustar header has one");
    }
    header.set_cksum();
    bytes.extend_from_slice(header.as_bytes());
    bytes
}

fn ustar(entry_type: EntryType, size: u64, meta: &Meta) -> Header {
    let fit = |number: u64, most: u64| if number > most { 0 } else { number };
    let mut header = Header::new_ustar();
    header.set_entry_type(entry_type);
    header.set_size(fit(size, 0o77_777_777_777));
    header.set_mode(u32::from(meta.mode));
    header.set_uid(fit(u64::from(meta.uid), 0o7_777_777));
    header.set_gid(fit(u64::from(meta.gid), 0o7_777_777));
    header.set_mtime(fit(meta.mtime.max(0) as u64, 0o77_777_777_777));
    header
}

/// Puts as much of a text into a field of 100 bytes as fits.
fn place(header: &mut Header, at: usize, text: &str) {
    let bytes = &text.as_bytes()[..text.len().min(100)];
    header.as_mut_bytes()[at..at + bytes.len()].copy_from_slice(bytes);
}

/// One record of a pax header. Its length counts itself.
fn record(records: &mut Vec<u8>, key: &str, value: &[u8]) {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while rest + length.to_string().len() != length {
        length = rest + length.to_string().len();
    }
    records.extend_from_slice(format!("{length} {key}=").as_bytes());
    records.extend_from_slice(value);
    records.push(b'\n');
}
