//! The root filesystem of a finished image, as `debugfs` reads it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// What is at a path.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub kind: Kind,
    /// Permission bits.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    /// A file's bytes, or a link's target.
    pub content: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Directory,
    Link,
    Other,
}

/// A root filesystem in a file of its own, taken out of a disk image.
pub(crate) struct Image {
    root: PathBuf,
    scratch: TempDir,
    known: RefCell<BTreeMap<String, Option<Found>>>,
}

impl Image {
    /// Takes the root partition out of a raw image and forgets the rest.
    pub(crate) fn open(raw: &Path) -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let root = scratch.path().join("root.ext4");
        let table = said("sfdisk", &["--json", &raw.to_string_lossy()]);
        let table: serde_json::Value = serde_json::from_str(&table).unwrap();
        let sector = |key: &str| {
            table["partitiontable"]["partitions"][2][key]
                .as_u64()
                .unwrap()
        };
        said(
            "dd",
            &[
                &format!("if={}", raw.display()),
                &format!("of={}", root.display()),
                &format!("skip={}", sector("start") * 512),
                &format!("count={}", sector("size") * 512),
                "iflag=skip_bytes,count_bytes",
                "bs=1M",
                "conv=sparse",
                "status=none",
            ],
        );
        fs::remove_file(raw).unwrap();
        Self {
            root,
            scratch,
            known: RefCell::default(),
        }
    }

    /// What is at a path; the last link is not followed.
    pub(crate) fn find(&self, path: &str) -> Option<Found> {
        if let Some(found) = self.known.borrow().get(path) {
            return found.clone();
        }
        let found = self.look(path);
        self.known
            .borrow_mut()
            .insert(path.to_owned(), found.clone());
        found
    }

    fn look(&self, path: &str) -> Option<Found> {
        let stat = self.debugfs(&format!("stat {path}"));
        let after = |key: &str| {
            let (_, rest) = stat.split_once(key)?;
            rest.split_whitespace().next().map(str::to_owned)
        };
        let number = |key: &str| after(key)?.parse().ok();
        let kind = match after("Type:")?.as_str() {
            "regular" => Kind::File,
            "directory" => Kind::Directory,
            "symlink" => Kind::Link,
            _ => Kind::Other,
        };
        let content = match kind {
            Kind::File => self.dumped(&format!("dump {path}")),
            Kind::Link => match stat.split_once("Fast link dest: \"") {
                Some((_, rest)) => rest.split('"').next()?.as_bytes().to_vec(),
                None => self.dumped(&format!("dump {path}")),
            },
            _ => Vec::new(),
        };
        Some(Found {
            kind,
            mode: u32::from_str_radix(&after("Mode:")?, 8).ok()?,
            uid: number("User:")?,
            gid: number("Group:")?,
            content,
        })
    }

    /// Everything there is, a line each: kind as `ls` writes it, mode, owner and path; where a link leads.
    pub(crate) fn listing(&self) -> String {
        let mut lines = Vec::new();
        let mut folders = vec![String::new()];
        while let Some(folder) = folders.pop() {
            for line in self.debugfs(&format!("ls -p {folder}/")).lines() {
                // `/inode/mode/user/group/name/size/`
                let words: Vec<&str> = line.split('/').collect();
                let [_, _, mode, uid, gid, name, ..] = words.as_slice() else {
                    continue;
                };
                if matches!(*name, "." | ".." | "lost+found") {
                    continue;
                }
                let path = format!("{folder}/{name}");
                let (kind, permissions) = mode.split_at(2);
                let (kind, target) = match kind {
                    "04" => {
                        folders.push(path.clone());
                        ('d', String::new())
                    }
                    "12" => {
                        let target = self.find(&path).unwrap().content;
                        ('l', format!(" -> {}", String::from_utf8(target).unwrap()))
                    }
                    _ => ('-', String::new()),
                };
                lines.push((
                    path.clone(),
                    format!("{kind} {permissions} {uid}:{gid} {path}{target}"),
                ));
            }
        }
        lines.sort();
        let lines: Vec<String> = lines.into_iter().map(|(_, line)| line).collect();
        lines.join("\n")
    }

    /// An extended attribute's bytes; none if there is no such attribute.
    pub(crate) fn attribute(&self, path: &str, name: &str) -> Vec<u8> {
        let out = self.scratch.path().join("out");
        let _ = fs::remove_file(&out);
        self.debugfs(&format!("ea_get -f {} {path} {name}", out.display()));
        fs::read(&out).unwrap_or_default()
    }

    /// The entries of a POSIX access list, as `user:200:r--`.
    pub(crate) fn access_list(&self, path: &str) -> Vec<String> {
        let bytes = self.attribute(path, "system.posix_acl_access");
        let entries = bytes.get(4..).unwrap_or_default().chunks_exact(8);
        entries
            .map(|entry| {
                let half = |at: usize| u16::from_le_bytes([entry[at], entry[at + 1]]);
                let id = u32::from_le_bytes([entry[4], entry[5], entry[6], entry[7]]);
                let tag = match half(0) {
                    1 => "user:".to_owned(),
                    2 => format!("user:{id}"),
                    4 => "group:".to_owned(),
                    8 => format!("group:{id}"),
                    16 => "mask:".to_owned(),
                    _ => "other:".to_owned(),
                };
                let may = |bit: u16, letter: char| if half(2) & bit == 0 { '-' } else { letter };
                format!("{tag}:{}{}{}", may(4, 'r'), may(2, 'w'), may(1, 'x'))
            })
            .collect()
    }

    fn dumped(&self, request: &str) -> Vec<u8> {
        let out = self.scratch.path().join("out");
        let _ = fs::remove_file(&out);
        self.debugfs(&format!("{request} {}", out.display()));
        fs::read(&out).unwrap_or_default()
    }

    fn debugfs(&self, request: &str) -> String {
        said("debugfs", &["-R", request, &self.root.to_string_lossy()])
    }
}

/// What a program of the distribution says.
fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {words}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
