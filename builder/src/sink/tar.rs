//! Archives: a tar with modes, owners and extended attributes (POSIX.1-2001 `pax`, attributes as `SCHILY.xattr.*`,
//! access control lists as `SCHILY.acl.*`).
//!
//! Entries come in path order, hard links behind the files they name; users and groups are numbers only.

use std::io::{self, Read, Write};

use tar::{Builder, EntryType, Header};

use super::SinkError;
use super::source::Source;
use crate::tree::acl::{Acl, AclScope};
use crate::tree::{Content, Entry, Kind, Tree, TreePath};

/// Writes a tree as an archive.
pub fn write(tree: &Tree, output: &mut dyn Write) -> Result<(), SinkError> {
    let mut builder = Builder::new(output);
    let mut source = Source::new();
    let is_link = |entry: &Entry| matches!(entry.kind, Kind::HardLink(_));
    let (links, others): (Vec<_>, Vec<_>) = tree.entries().partition(|(_, entry)| is_link(entry));
    for (path, entry) in others.into_iter().chain(links) {
        append(&mut builder, &mut source, path, entry).map_err(told)?;
    }
    builder.finish()?;
    Ok(())
}

/// The pax record of an extended attribute. Access control lists are text, which every tar reads.
pub(crate) fn pax_record(name: &str, value: &[u8]) -> (String, Vec<u8>) {
    match (AclScope::of_attribute(name), Acl::of_attribute(value)) {
        (Some(scope), Some(list)) => (scope.record().to_owned(), list.to_string().into_bytes()),
        _ => (format!("SCHILY.xattr.{name}"), value.to_owned()),
    }
}

fn append(
    builder: &mut Builder<&mut dyn Write>,
    source: &mut Source,
    path: &TreePath,
    entry: &Entry,
) -> io::Result<()> {
    let records: Vec<(String, Vec<u8>)> = entry
        .meta
        .xattrs
        .iter()
        .map(|(name, value)| pax_record(name, value))
        .collect();
    if !records.is_empty() {
        let records = records.iter();
        builder.append_pax_extensions(records.map(|(key, value)| (key.as_str(), &value[..])))?;
    }
    let mut header = Header::new_ustar();
    header.set_mode(u32::from(entry.meta.mode));
    header.set_uid(u64::from(entry.meta.uid));
    header.set_gid(u64::from(entry.meta.gid));
    header.set_mtime(u64::try_from(entry.meta.mtime).unwrap_or(0));
    header.set_size(0);
    let name = match &entry.kind {
        Kind::Directory if path.is_root() => "./".to_owned(),
        Kind::Directory => format!("{}/", &path.as_str()[1..]),
        _ => path.as_str()[1..].to_owned(),
    };
    let kind = match &entry.kind {
        Kind::File(content) => {
            header.set_entry_type(EntryType::Regular);
            header.set_size(content.size());
            let mut reading = Reading {
                source,
                path,
                content,
                at: 0,
            };
            return builder.append_data(&mut header, name, &mut reading);
        }
        Kind::Symlink(target) => {
            header.set_entry_type(EntryType::Symlink);
            return builder.append_link(&mut header, name, target);
        }
        Kind::HardLink(target) => {
            header.set_entry_type(EntryType::Link);
            return builder.append_link(&mut header, name, &target.as_str()[1..]);
        }
        Kind::CharDevice { major, minor } => {
            header.set_device_major(*major)?;
            header.set_device_minor(*minor)?;
            EntryType::Char
        }
        Kind::BlockDevice { major, minor } => {
            header.set_device_major(*major)?;
            header.set_device_minor(*minor)?;
            EntryType::Block
        }
        Kind::Fifo => EntryType::Fifo,
        Kind::Directory => EntryType::Directory,
    };
    header.set_entry_type(kind);
    builder.append_data(&mut header, name, io::empty())
}

/// Reads a content as a stream. Its errors carry a [`SinkError`].
struct Reading<'a> {
    source: &'a mut Source,
    path: &'a TreePath,
    content: &'a Content,
    at: u64,
}

impl Read for Reading<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = (self.content.size() - self.at).min(buffer.len() as u64);
        let mut filled = 0;
        self.source
            .pieces(self.path, self.content, self.at, size, &mut |piece| {
                buffer[filled..filled + piece.len()].copy_from_slice(piece);
                filled += piece.len();
                Ok(())
            })
            .map_err(io::Error::other)?;
        self.at += size;
        Ok(filled)
    }
}

fn told(error: io::Error) -> SinkError {
    error
        .downcast::<SinkError>()
        .unwrap_or_else(SinkError::Write)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{self, EPOCH, oracle};
    use super::*;

    fn archive() -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        write(&fixture::root("a"), &mut file.as_file()).unwrap();
        file
    }

    #[test]
    fn tar_lists_what_the_tree_holds() {
        let list = oracle(
            "tar",
            &["--numeric-owner", "--full-time", "-tvf"],
            archive().path(),
        );
        // The columns move with what is in them.
        let list = list
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ") + "\n")
            .collect::<String>();
        let time = "2023-11-14 22:13:15";
        assert_eq!(EPOCH - 5, 1_699_999_995);
        for line in [
            format!("drwxrwxrwt 0/0 0 {time} tmp/"),
            format!("-rwsr-x--- 70000/80000 4 {time} usr/bin/ping"),
            format!("-rw------- 0/0 5000 {time} etc/key"),
            format!("crw-rw-rw- 0/0 1,3 {time} dev/null"),
            format!("brw-rw---- 0/0 254,0 {time} dev/vda"),
            format!("prw------- 0/0 0 {time} dev/pipe"),
            "usr/bin/aping link to usr/bin/ping".into(),
            "bin -> usr/bin".into(),
        ] {
            assert!(list.contains(&line), "`{line}` is not in {list}");
        }
    }

    #[test]
    fn tar_takes_out_what_went_in() {
        let out = tempfile::tempdir().unwrap();
        let into = out.path().to_str().unwrap();
        oracle(
            "tar",
            &["--no-same-owner", "--exclude=dev", "-C", into, "-xf"],
            archive().path(),
        );
        let read = |name: &str| std::fs::read(out.path().join(name)).unwrap();
        assert_eq!(read("etc/hostname"), b"a\n");
        assert_eq!(read("usr/bin/aping"), b"ping");
        assert_eq!(read("var/large").len(), 3_000_001);
        let target = std::fs::read_link(out.path().join("etc/long")).unwrap();
        assert_eq!(target.to_str().unwrap().len(), 200);
    }

    #[test]
    fn the_attributes_are_where_tar_looks_for_them() {
        let bytes = std::fs::read(archive().path()).unwrap();
        let mut archive = tar::Archive::new(&bytes[..]);
        let mut found = Vec::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            if entry.path().unwrap().to_str() == Some("usr/bin/ping") {
                for extension in entry.pax_extensions().unwrap().unwrap() {
                    let extension = extension.unwrap();
                    let name = extension.key().unwrap().to_owned();
                    found.push((name, extension.value_bytes().len()));
                }
            }
        }
        let capability = ("SCHILY.xattr.security.capability".to_owned(), 20);
        assert_eq!(
            found,
            [capability, ("SCHILY.xattr.user.note".to_owned(), 300)]
        );
    }

    #[test]
    fn a_content_that_is_gone_is_named() {
        let tree = fixture::slice(std::path::Path::new("/nonexistent/blob"), 0, 10);
        let error = write(&tree, &mut Vec::new()).unwrap_err();
        assert!(matches!(error, SinkError::Read { .. }), "{error}");
    }
}
