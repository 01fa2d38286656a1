//! Reads what is in an uncompressed tar: its headers only, never its contents.
//!
//! Follows POSIX.1-2024 `pax` (ustar and pax headers) and GNU tar's long names. What two readers could understand
//! differently is refused: contents of things that have none, sparse files, kinds that nobody defined. Sizes and names
//! come from outside, so nothing is allocated by them beyond [`LONGEST_EXTENSION`].

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use tar::{EntryType, Header};

use super::acls;
use super::refusal::{Limits, Refusal};
use crate::tree::Meta;

const BLOCK: u64 = 512;
/// The largest pax header or long name that is read, in bytes.
const LONGEST_EXTENSION: u64 = 1 << 20;
/// The latest time that ext4 stores, in seconds since 1970.
const LATEST: i64 = 0x3_7fff_ffff;

/// One entry of an archive.
#[derive(Debug)]
pub(super) struct Member {
    /// The path as it is in the archive.
    pub name: String,
    pub kind: MemberKind,
    pub meta: Meta,
}

/// What a member is.
#[derive(Debug)]
pub(super) enum MemberKind {
    Directory,
    /// A file, and where in the archive its content is, in bytes.
    File {
        offset: u64,
        size: u64,
    },
    Symlink(String),
    HardLink(String),
    Device,
    Fifo,
    /// Something that is not read.
    Unsupported(String),
}

/// What pax headers and long names say about the entry that follows.
#[derive(Debug, Default)]
struct Extension {
    name: Option<String>,
    target: Option<String>,
    size: Option<u64>,
    uid: Option<u64>,
    gid: Option<u64>,
    mtime: Option<i64>,
    xattrs: BTreeMap<String, Vec<u8>>,
    sparse: bool,
}

/// Why reading stopped.
#[derive(Debug)]
pub(super) enum ReadError {
    Refused(Refusal),
    Io(io::Error),
}

impl From<Refusal> for ReadError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Calls `each` for every entry, in the archive's order.
pub(super) fn read_members(
    file: &File,
    limits: &Limits,
    mut each: impl FnMut(Member) -> Result<(), Refusal>,
) -> Result<(), ReadError> {
    let length = file.metadata()?.len();
    let mut at = 0;
    let mut entries = 0;
    let mut bytes = 0_u64;
    let mut extension = Extension::default();
    let mut block = [0; BLOCK as usize];
    loop {
        let damaged = |problem: &str| Refusal::Damaged {
            offset: at,
            problem: problem.to_owned(),
        };
        if at + BLOCK > length {
            // Some writers leave the two zero blocks at the end away; nothing is lost when an entry ends here.
            if at == length && entries > 0 {
                return Ok(());
            }
            return Err(damaged("it ends in the middle of an entry").into());
        }
        file.read_exact_at(&mut block, at)?;
        if block.iter().all(|byte| *byte == 0) {
            return Ok(());
        }
        let header = Header::from_byte_slice(&block);
        if header.cksum().ok() != Some(checksum(&block)) {
            return Err(damaged("the header's checksum is wrong").into());
        }
        entries += 1;
        if entries > limits.entries {
            return Err(Refusal::TooMuch {
                limit: limits.entries,
                what: "entries",
            }
            .into());
        }
        let kind = header.entry_type();
        let extends = matches!(
            kind,
            EntryType::XHeader
                | EntryType::XGlobalHeader
                | EntryType::GNULongName
                | EntryType::GNULongLink
        );
        let declared = header
            .entry_size()
            .map_err(|_| damaged("the size is no number"))?;
        let size = match extension.size {
            Some(size) if !extends => size,
            _ => declared,
        };
        let start = at + BLOCK;
        let end = start
            .checked_add(size)
            .filter(|end| *end <= length)
            .ok_or_else(|| damaged("an entry is longer than the archive"))?;
        let next = end.next_multiple_of(BLOCK);
        if extends {
            if size > LONGEST_EXTENSION {
                return Err(damaged("a header is longer than a MiB").into());
            }
            let mut content = vec![0; size as usize];
            file.read_exact_at(&mut content, start)?;
            let text = || text(&content).ok_or_else(|| damaged("a long name is not UTF-8"));
            match kind {
                EntryType::GNULongName => extension.name = Some(text()?),
                EntryType::GNULongLink => extension.target = Some(text()?),
                EntryType::XHeader => extension
                    .read_pax(&content)
                    .ok_or_else(|| damaged("a pax header cannot be read"))?,
                // Global headers hold comments; the rest of what they may say is said again by each entry.
                _ => {}
            }
        } else {
            bytes = bytes.saturating_add(size);
            if bytes > limits.bytes {
                return Err(Refusal::TooMuch {
                    limit: limits.bytes,
                    what: "bytes",
                }
                .into());
            }
            let member = member(header, std::mem::take(&mut extension), start, size)
                .ok_or_else(|| damaged("a header's number, name or link target cannot be read"))?;
            each(member)?;
        }
        at = next;
    }
}

/// The sum over a header, its checksum field taken as spaces.
fn checksum(block: &[u8; BLOCK as usize]) -> u32 {
    let field = 148..156;
    block
        .iter()
        .enumerate()
        .map(|(at, byte)| u32::from(if field.contains(&at) { b' ' } else { *byte }))
        .sum()
}

/// Text up to the first NUL.
fn text(bytes: &[u8]) -> Option<String> {
    let end = bytes.iter().position(|byte| *byte == 0);
    let bytes = &bytes[..end.unwrap_or(bytes.len())];
    String::from_utf8(bytes.to_owned()).ok()
}

fn member(header: &Header, extension: Extension, offset: u64, size: u64) -> Option<Member> {
    let name = match extension.name {
        Some(name) => name,
        None => String::from_utf8(header.path_bytes().into_owned()).ok()?,
    };
    let target = || match &extension.target {
        Some(target) => Some(target.clone()),
        None => String::from_utf8(header.link_name_bytes().unwrap_or_default().into_owned()).ok(),
    };
    let kind = header.entry_type();
    let kind = match kind {
        _ if extension.sparse => MemberKind::Unsupported("a sparse file".to_owned()),
        // Before POSIX, a directory was a file whose name ends with a slash.
        EntryType::Regular if name.ends_with('/') && size == 0 => MemberKind::Directory,
        EntryType::Regular | EntryType::Continuous => MemberKind::File { offset, size },
        _ if size != 0 && !matches!(kind, EntryType::GNUSparse) => MemberKind::Unsupported(
            format!("of type {:?} and has a content", kind.as_byte() as char),
        ),
        EntryType::Directory => MemberKind::Directory,
        EntryType::Symlink => MemberKind::Symlink(target()?),
        EntryType::Link => MemberKind::HardLink(target()?),
        EntryType::Char | EntryType::Block => MemberKind::Device,
        EntryType::Fifo => MemberKind::Fifo,
        EntryType::GNUSparse => MemberKind::Unsupported("a sparse file".to_owned()),
        other => MemberKind::Unsupported(format!("of type {:?}", other.as_byte() as char)),
    };
    let mtime = match extension.mtime {
        Some(mtime) => mtime,
        None => i64::try_from(header.mtime().ok()?).unwrap_or(0),
    };
    let number = |number: Option<u64>, field: io::Result<u64>| {
        u32::try_from(match number {
            Some(number) => number,
            None => field.ok()?,
        })
        .ok()
    };
    Some(Member {
        name,
        kind,
        meta: Meta {
            mode: (header.mode().ok()? & 0o7777) as u16,
            uid: number(extension.uid, header.uid())?,
            gid: number(extension.gid, header.gid())?,
            mtime: mtime.clamp(0, LATEST),
            xattrs: extension.xattrs,
        },
    })
}

impl Extension {
    /// Reads the records of a pax header: a length, a space, a key, `=`, a value of any bytes, a newline.
    fn read_pax(&mut self, mut bytes: &[u8]) -> Option<()> {
        while !bytes.is_empty() {
            let space = bytes.iter().position(|byte| *byte == b' ')?;
            let length: usize = std::str::from_utf8(&bytes[..space]).ok()?.parse().ok()?;
            let record = bytes.get(space + 1..length)?.strip_suffix(b"\n")?;
            bytes = &bytes[length..];
            let equals = record.iter().position(|byte| *byte == b'=')?;
            let key = std::str::from_utf8(&record[..equals]).ok()?;
            let value = &record[equals + 1..];
            let text = || std::str::from_utf8(value).ok();
            match key {
                "path" => self.name = Some(text()?.to_owned()),
                "linkpath" => self.target = Some(text()?.to_owned()),
                "size" => self.size = Some(text()?.parse().ok()?),
                "uid" => self.uid = Some(text()?.parse().ok()?),
                "gid" => self.gid = Some(text()?.parse().ok()?),
                "mtime" => {
                    let whole = text()?.split('.').next()?;
                    self.mtime = Some(whole.parse().ok()?);
                }
                _ if key.starts_with("GNU.sparse.") => self.sparse = true,
                _ => {
                    if let Some(name) = key.strip_prefix("SCHILY.xattr.") {
                        self.xattrs.insert(name.to_owned(), value.to_owned());
                    } else if key.starts_with(acls::TEXT) {
                        // Its names are numbers only once all accounts are read.
                        self.xattrs.insert(key.to_owned(), value.to_owned());
                    }
                }
            }
        }
        Some(())
    }
}
