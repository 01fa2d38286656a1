//! Archives, decompressed once.
//!
//! A `tar.gz` becomes a plain tar in the store and an index of the regular files in it, so that a member is a
//! [`Slice`] of the tar. Nothing is ever extracted to a path, so a hostile name could not do harm here; it is refused
//! all the same, because whoever made it meant some.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufReader, Read, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;

use flate2::read::MultiGzDecoder;
use serde::{Deserialize, Serialize};
use tar::EntryType;

use super::draft::Draft;
use super::store::{digest_of, failed, has_stamp, stamp};
use super::{ArtifactError, Entry, Store};
use crate::digest::{Digest, Hasher};
use crate::tree::{Blob, Slice, TreePath};

/// A decompressed archive and what is in it.
#[derive(Debug, Clone)]
pub struct Unpacked {
    blob: Arc<Blob>,
    members: Arc<BTreeMap<String, Member>>,
}

/// No archive of upstream's is near any of these.
const MOST_MEMBERS: usize = 100_000;
const LARGEST: u64 = 16 << 30;

/// The index of an archive, as it is kept beside the tar.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Index {
    /// The tar's size.
    size: u64,
    /// The tar's digest.
    sha256: Digest,
    /// Its regular files, by path.
    members: BTreeMap<String, Member>,
}

/// A regular file in the tar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Member {
    /// Where its bytes begin.
    offset: u64,
    /// How many they are.
    size: u64,
}

impl Unpacked {
    /// Opens an entry of the store that is a `tar.gz`; `name` is for messages.
    ///
    /// # Errors
    /// It is no archive, or a hostile one; the cache directory cannot be written.
    pub(super) fn open(store: &Store, name: &str, entry: &Entry) -> Result<Self, ArtifactError> {
        let tar = store.unpacked(&entry.digest, ".tar");
        let index_path = store.unpacked(&entry.digest, ".index");
        let index = match Index::read(&index_path) {
            Some(index) if index.describes(&tar)? => index,
            _ => decompress(name, entry, &tar, &index_path)?,
        };
        Ok(Self {
            blob: Blob::new(tar),
            members: Arc::new(index.members),
        })
    }

    /// The regular file of a path, as `kubernetes/server/bin/kubelet`; a leading `./` in the archive does not count.
    pub fn member(&self, path: &str) -> Option<Slice> {
        let member = self.members.get(path)?;
        Some(Slice {
            blob: Arc::clone(&self.blob),
            offset: member.offset,
            size: member.size,
        })
    }

    /// The paths of all regular files, in order.
    pub fn members(&self) -> impl Iterator<Item = &str> {
        self.members.keys().map(String::as_str)
    }
}

impl Index {
    /// The index at a path; `None` where there is none that can be used.
    fn read(path: &Path) -> Option<Self> {
        Self::parse(&fs::read(path).ok()?)
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let index: Self = serde_json::from_slice(bytes).ok()?;
        let inside = |member: &Member| {
            member
                .offset
                .checked_add(member.size)
                .is_some_and(|end| end <= index.size)
        };
        index.members.values().all(inside).then_some(index)
    }

    /// Whether a tar is the one that was indexed: by its stamp, or else by its digest.
    fn describes(&self, tar: &Path) -> Result<bool, ArtifactError> {
        let Ok(metadata) = fs::symlink_metadata(tar) else {
            return Ok(false);
        };
        if !metadata.is_file() || metadata.size() != self.size {
            return Ok(false);
        }
        if has_stamp(tar, &metadata) {
            return Ok(true);
        }
        let same = digest_of(tar)? == self.sha256;
        if same {
            stamp(tar, &metadata)?;
        }
        Ok(same)
    }
}

fn decompress(
    name: &str,
    entry: &Entry,
    tar: &Path,
    index_path: &Path,
) -> Result<Index, ArtifactError> {
    let mut draft =
        Draft::open(&super::store::beside(tar, ".new")).map_err(failed("write", tar))?;
    draft.file.set_len(0).map_err(failed("write", tar))?;
    let archive = fs::File::open(&entry.path).map_err(failed("read", &entry.path))?;
    let index = match index(archive, &mut draft.file) {
        Ok(index) => index,
        Err(problem) => {
            draft.discard().map_err(failed("remove", tar))?;
            return Err(match problem {
                Problem::Write(error) => failed("write", tar)(error).into(),
                Problem::Archive(why) => ArtifactError::Archive {
                    name: name.to_owned(),
                    why,
                },
            });
        }
    };
    // The index goes first: without its tar it describes nothing and is made again.
    let mut index_draft = Draft::open(&super::store::beside(index_path, ".new"))
        .map_err(failed("write", index_path))?;
    let text = serde_json::to_vec(&index).expect("strings and numbers are always JSON");
    index_draft
        .file
        .set_len(0)
        .and_then(|()| index_draft.file.write_all(&text))
        .and_then(|()| index_draft.publish(index_path))
        .map_err(failed("write", index_path))?;
    draft.publish(tar).map_err(failed("write", tar))?;
    let metadata = fs::metadata(tar).map_err(failed("read", tar))?;
    stamp(tar, &metadata)?;
    Ok(index)
}

/// Which side of decompressing failed.
#[derive(Debug)]
enum Problem {
    Archive(String),
    Write(io::Error),
}

/// Decompresses an archive into `tar` and indexes it on the way.
fn index(archive: impl Read, tar: &mut dyn Write) -> Result<Index, Problem> {
    let mut tee = Tee {
        from: MultiGzDecoder::new(BufReader::with_capacity(1 << 18, archive)),
        to: tar,
        hasher: Hasher::new(),
        size: 0,
        failure: None,
    };
    let members = members(&mut tee);
    // The rest is read too, for gzip's own checksum at the end and for the digest.
    let drained = members.and_then(|members| {
        io::copy(&mut tee, &mut io::sink())
            .map(|_| members)
            .map_err(|error| error.to_string())
    });
    match (tee.failure.take(), drained) {
        (Some(error), _) => Err(Problem::Write(error)),
        (None, Err(why)) => Err(Problem::Archive(why)),
        (None, Ok(members)) => Ok(Index {
            size: tee.size,
            sha256: tee.hasher.finish(),
            members,
        }),
    }
}

/// The regular files of a tar, by path.
fn members(tar: impl Read) -> Result<BTreeMap<String, Member>, String> {
    let mut members = BTreeMap::new();
    let mut count = 0;
    let mut archive = tar::Archive::new(tar);
    for entry in archive.entries().map_err(|error| error.to_string())? {
        let entry = entry.map_err(|error| error.to_string())?;
        count += 1;
        if count > MOST_MEMBERS {
            return Err(format!("it has more than {MOST_MEMBERS} members"));
        }
        let raw = entry.path_bytes();
        let Ok(path) = std::str::from_utf8(&raw) else {
            return Err(format!("the name `{}` is not UTF-8", raw.escape_ascii()));
        };
        let Some(path) = normal(path) else {
            return Err(format!(
                "`{}` leads out of the archive",
                path.escape_debug()
            ));
        };
        match entry.header().entry_type() {
            EntryType::Regular | EntryType::Continuous => {
                let member = Member {
                    offset: entry.raw_file_position(),
                    size: entry.size(),
                };
                if members.insert(path.clone(), member).is_some() {
                    return Err(format!("`{path}` is there twice"));
                }
            }
            EntryType::Directory | EntryType::XGlobalHeader => {}
            // A link has no bytes of its own; one that stays inside is nobody's harm, and nobody's member.
            EntryType::Symlink | EntryType::Link => {
                let target = entry.link_name_bytes().unwrap_or_default();
                if target.starts_with(b"/")
                    || target.split(|byte| *byte == b'/').any(|n| n == b"..")
                {
                    return Err(format!("the link `{path}` leads out of the archive"));
                }
            }
            _ => return Err(format!("`{path}` is a device or something stranger")),
        }
    }
    Ok(members)
}

/// A member's path without `./` in front and `/` behind; `None` where it is absolute or climbs.
fn normal(path: &str) -> Option<String> {
    let path = path.strip_prefix("./").unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    if path.is_empty() || path == "." {
        return Some(String::new());
    }
    format!("/{path}")
        .parse::<TreePath>()
        .ok()
        .map(|_| path.to_owned())
}

/// Copies what is read from one side to the other.
struct Tee<'a, R> {
    from: R,
    to: &'a mut dyn Write,
    hasher: Hasher,
    size: u64,
    failure: Option<io::Error>,
}

impl<R: Read> Read for Tee<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(buffer)?;
        self.size += count as u64;
        if self.size > LARGEST {
            return Err(io::Error::other(format!(
                "it is larger than {} GiB",
                LARGEST >> 30
            )));
        }
        if let Err(error) = self.to.write_all(&buffer[..count]) {
            let stop = io::Error::from(error.kind());
            self.failure = Some(error);
            return Err(stop);
        }
        self.hasher.update(&buffer[..count]);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn gz(bytes: &[u8]) -> Vec<u8> {
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(bytes).unwrap();
        gz.finish().unwrap()
    }

    /// A tar of one header, whose name no builder would take, and some bytes.
    fn tar_of(kind: EntryType, name: &str, target: &str, bytes: &[u8]) -> Vec<u8> {
        let mut header = tar::Header::new_gnu();
        header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
        header.as_gnu_mut().unwrap().linkname[..target.len()].copy_from_slice(target.as_bytes());
        header.set_entry_type(kind);
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        let mut tar = header.as_bytes().to_vec();
        tar.extend(bytes);
        tar.resize(tar.len().next_multiple_of(512), 0);
        tar
    }

    fn refusal(tar: &[u8]) -> String {
        match index(gz(tar).as_slice(), &mut Vec::new()) {
            Err(Problem::Archive(why)) => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_hostile_archive_is_refused_with_the_member_that_is() {
        use EntryType as Type;
        for (kind, name, target, why) in [
            (Type::Regular, "../etc/passwd", "", "leads out"),
            (Type::Regular, "a/../../b", "", "leads out"),
            (Type::Regular, "/etc/passwd", "", "leads out"),
            (Type::Symlink, "a", "/etc/passwd", "leads out"),
            (Type::Link, "a", "../b", "leads out"),
            (Type::Char, "a", "", "device"),
            (Type::Block, "a", "", "device"),
            (Type::Fifo, "a", "", "device"),
        ] {
            let refusal = refusal(&tar_of(kind, name, target, b""));
            assert!(refusal.contains(why) && refusal.contains(name), "{refusal}");
        }
        let mut twice = tar_of(Type::Regular, "a", "", b"1");
        twice.extend(tar_of(Type::Regular, "./a", "", b"2"));
        assert!(refusal(&twice).contains("twice"));
    }

    #[test]
    fn an_archive_of_a_million_members_is_refused() {
        let one = tar_of(EntryType::Directory, "a/", "", b"");
        assert!(refusal(&one.repeat(MOST_MEMBERS + 1)).contains("more than"));
    }

    #[test]
    fn an_index_that_leads_out_of_its_tar_is_not_used() {
        let tar = tar_of(EntryType::Regular, "a", "", &[7; 700]);
        let mut index = index(gz(&tar).as_slice(), &mut Vec::new()).unwrap();
        for (offset, size) in [(512, tar.len() as u64 - 511), (u64::MAX, 2)] {
            assert!(Index::parse(&serde_json::to_vec(&index).unwrap()).is_some());
            let whole = index.members["a"];
            index.members.insert("a".into(), Member { offset, size });
            assert!(Index::parse(&serde_json::to_vec(&index).unwrap()).is_none());
            index.members.insert("a".into(), whole);
        }
    }

    #[test]
    fn a_damaged_end_is_found() {
        let whole = gz(&tar_of(EntryType::Regular, "a", "", &[7; 3000]));
        assert!(index(whole.as_slice(), &mut Vec::new()).is_ok());
        let mut wrong = whole.clone();
        let crc = wrong.len() - 8;
        wrong[crc] ^= 1;
        for damaged in [&whole[..whole.len() - 9], wrong.as_slice()] {
            assert!(matches!(
                index(damaged, &mut Vec::new()),
                Err(Problem::Archive(_))
            ));
        }
    }

    proptest! {
        #[test]
        fn foreign_bytes_are_refused_or_indexed_within_the_tar(
            mut tar in Just(tar_of(EntryType::Regular, "a/b", "", &[7; 700])),
            damage in proptest::collection::vec((0usize..1536, any::<u8>()), 0..6),
        ) {
            for (at, byte) in damage {
                tar[at] = byte;
            }
            let mut copy = Vec::new();
            if let Ok(index) = index(gz(&tar).as_slice(), &mut copy) {
                prop_assert_eq!(&copy, &tar);
                prop_assert_eq!(index.sha256, Digest::of(&tar));
                let text = serde_json::to_vec(&index).unwrap();
                prop_assert_eq!(Index::parse(&text).map(|read| read.members), Some(index.members));
            }
        }

        #[test]
        fn a_damaged_index_never_leads_out_of_the_tar(at in 0usize..130, byte in any::<u8>()) {
            let tar = tar_of(EntryType::Regular, "a/b", "", &[7; 700]);
            let index = index(gz(&tar).as_slice(), &mut Vec::new()).unwrap();
            let mut text = serde_json::to_vec(&index).unwrap();
            let at = at.min(text.len() - 1);
            text[at] = byte;
            if let Some(index) = Index::parse(&text) {
                prop_assert!(index.members.values().all(|member| member.offset + member.size <= index.size));
            }
        }
    }
}
