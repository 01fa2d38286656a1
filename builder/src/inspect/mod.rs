//! Reads finished images: without root, without mounting, and without changing them.
//!
//! [`Image::open`] finds out what a file is by its first bytes: qcow2, or the disk itself. Paths that begin with `/` are in
//! the root filesystem; those that begin with `esp:/` are in the EFI system partition. Links are followed inside the
//! image. Nothing in an image is trusted: what makes no sense is refused. To add a container, implement [`Bytes`].

mod bytes;
mod ext4;
mod fat;
mod gpt;
mod qcow2;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use uuid::Uuid;

pub use bytes::Bytes;
use bytes::{Part, Plain};
use qcow2::Qcow2;

use crate::failure::{Exit, Failure};

/// What a path in the EFI system partition begins with.
pub const ESP: &str = "esp:";

/// Why an image cannot be looked into.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// The file cannot be opened or read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The image.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is no image that kimage could have written, or a damaged one.
    #[error("`{}` is damaged or no disk image: {reason}", path.display())]
    Damaged {
        /// The image.
        path: PathBuf,
        /// What makes no sense in it.
        reason: String,
    },
    /// The image is sound, but has no such path.
    #[error("there is no `{wanted}` in `{}`", path.display())]
    Missing {
        /// The image.
        path: PathBuf,
        /// The path inside it.
        wanted: String,
    },
}

impl Failure for InspectError {
    fn exit(&self) -> Exit {
        match self {
            Self::Read { .. } => Exit::Environment,
            Self::Damaged { .. } => Exit::Integrity,
            Self::Missing { .. } => Exit::UserFiles,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Missing { .. } => Some(
                "paths are absolute; those in the EFI system partition begin with `esp:/`".into(),
            ),
            _ => None,
        }
    }
}

/// Why a format's reader gives up.
#[derive(Debug)]
enum Refusal {
    Io(io::Error),
    Damaged(String),
    Missing,
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            // Something points beyond the end of the image.
            io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData => {
                Self::Damaged(error.to_string())
            }
            _ => Self::Io(error),
        }
    }
}

fn damaged<T>(reason: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::Damaged(reason.into()))
}

/// A partition of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// Counted from 1, as Linux does.
    pub number: u32,
    /// GUID of what it is for.
    pub purpose: Uuid,
    /// Its own GUID (`PARTUUID`).
    pub guid: Uuid,
    /// Its name.
    pub name: String,
    /// Where it begins, in bytes.
    pub start: u64,
    /// Its size in bytes.
    pub size: u64,
}

/// What lies at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link and its target.
    Symlink(String),
    /// A character device: major and minor number.
    CharDevice(u32, u32),
    /// A block device: major and minor number.
    BlockDevice(u32, u32),
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
}

/// An entry of a filesystem in an image. FAT knows no owners and modes; its entries belong to root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its absolute path, with `esp:` before it where it is there.
    pub path: String,
    /// What it is.
    pub kind: Seen,
    /// Permission bits.
    pub mode: u16,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Modification time, in seconds since 1970.
    pub mtime: i64,
    /// The size in bytes of a file; 0 for all else.
    pub size: u64,
}

/// An image that was opened.
pub struct Image {
    path: PathBuf,
    bytes: Box<dyn Bytes>,
    partitions: Vec<Partition>,
}

impl Image {
    /// Opens an image and reads its table of partitions.
    pub fn open(path: &Path) -> Result<Self, InspectError> {
        let opened = File::open(path).and_then(Plain::new);
        opened
            .map_err(Refusal::Io)
            .and_then(|plain| Self::of(path, Box::new(plain)))
            .map_err(|refusal| tell(path, "", refusal))
    }

    fn of(path: &Path, plain: Box<dyn Bytes>) -> Result<Self, Refusal> {
        let bytes: Box<dyn Bytes> = if Qcow2::recognizes(&*plain)? {
            Box::new(Qcow2::open(plain)?)
        } else {
            plain
        };
        let partitions = gpt::partitions(&*bytes)?;
        Ok(Self {
            path: path.to_owned(),
            bytes,
            partitions,
        })
    }

    /// How many bytes the disk has.
    pub fn size(&self) -> u64 {
        self.bytes.size()
    }

    /// The partitions, by number.
    pub fn partitions(&self) -> &[Partition] {
        &self.partitions
    }

    /// What is in the directory at a path, by name; or the entry at the path, if it is no directory.
    pub fn entries(&self, path: &str) -> Result<Vec<Listed>, InspectError> {
        let found = match path.strip_prefix(ESP) {
            Some(inner) => self.esp().and_then(|part| {
                let mut entries = fat::Fat::open(&part)?.entries(inner)?;
                for entry in &mut entries {
                    entry.path.insert_str(0, ESP);
                }
                Ok(entries)
            }),
            None => self.root().and_then(|part| ext4::entries(&part, path)),
        };
        found.map_err(|refusal| tell(&self.path, path, refusal))
    }

    /// The content of the file at a path.
    pub fn file(&self, path: &str) -> Result<Vec<u8>, InspectError> {
        let found = match path.strip_prefix(ESP) {
            Some(inner) => self
                .esp()
                .and_then(|part| fat::Fat::open(&part)?.file(inner)),
            None => self.root().and_then(|part| ext4::file(&part, path)),
        };
        found.map_err(|refusal| tell(&self.path, path, refusal))
    }

    /// The extended attributes of the entry at a path in the root filesystem, which may be a link.
    pub fn xattrs(&self, path: &str) -> Result<Vec<(String, Vec<u8>)>, InspectError> {
        self.root()
            .and_then(|part| ext4::xattrs(&part, path))
            .map_err(|refusal| tell(&self.path, path, refusal))
    }

    fn root(&self) -> Result<Part<'_>, Refusal> {
        self.partition(crate::sink::gpt::Purpose::Root)
    }

    fn esp(&self) -> Result<Part<'_>, Refusal> {
        self.partition(crate::sink::gpt::Purpose::Esp)
    }

    fn partition(&self, purpose: crate::sink::gpt::Purpose) -> Result<Part<'_>, Refusal> {
        let found = self
            .partitions
            .iter()
            .find(|partition| partition.purpose == purpose.guid());
        match found {
            Some(partition) => Ok(Part::new(&*self.bytes, partition.start, partition.size)),
            None => damaged(format!("it has no partition for `{}`", purpose.name())),
        }
    }
}

fn tell(path: &Path, wanted: &str, refusal: Refusal) -> InspectError {
    let path = path.to_owned();
    match refusal {
        Refusal::Io(source) => InspectError::Read { path, source },
        Refusal::Damaged(reason) => InspectError::Damaged { path, reason },
        Refusal::Missing => InspectError::Missing {
            path,
            wanted: wanted.to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::fixture;
    use crate::sink::{qcow2 as qcow2_sink, raw};
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use std::sync::OnceLock;

    struct Made {
        raw: tempfile::NamedTempFile,
        qcow2: tempfile::NamedTempFile,
    }

    /// One disk in both formats, made once.
    fn made() -> &'static Made {
        static MADE: OnceLock<Made> = OnceLock::new();
        MADE.get_or_init(|| {
            let (root, esp, boot) = (fixture::root("a"), fixture::esp(), fixture::boot());
            let layout = fixture::disk(&root, &esp, &boot, 1).layout().unwrap();
            let made = Made {
                raw: tempfile::NamedTempFile::new().unwrap(),
                qcow2: tempfile::NamedTempFile::new().unwrap(),
            };
            raw::write(&layout, made.raw.as_file()).unwrap();
            qcow2_sink::write(&layout, made.qcow2.as_file()).unwrap();
            made
        })
    }

    fn listing(image: &Image, path: &str) -> String {
        let lines = image.entries(path).unwrap().into_iter().map(|entry| {
            let Listed {
                path,
                kind,
                mode,
                uid,
                gid,
                size,
                ..
            } = entry;
            format!("{mode:04o} {uid}:{gid} {size} {path} {kind:?}\n")
        });
        lines.collect()
    }

    #[test]
    fn both_formats_show_the_tree() {
        for file in [&made().raw, &made().qcow2] {
            let image = Image::open(file.path()).unwrap();
            insta::allow_duplicates! {
                insta::assert_snapshot!(listing(&image, "/dev"), @r#"
                0666 0:0 0 /dev/null CharDevice(1, 3)
                0600 0:0 0 /dev/pipe Fifo
                0660 0:0 0 /dev/vda BlockDevice(254, 0)
                "#);
                insta::assert_snapshot!(listing(&image, "/etc"), @r#"
                0644 0:0 0 /etc/empty File
                0644 0:0 2 /etc/hostname File
                0600 0:0 5000 /etc/key File
                0777 0:0 0 /etc/long Symlink("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")
                0644 0:0 26 /etc/passwd File
                "#);
                insta::assert_snapshot!(listing(&image, "/usr/bin/ping"), @"4750 70000:80000 4 /usr/bin/ping File");
                insta::assert_snapshot!(listing(&image, "esp:/EFI"), @r#"
                0755 0:0 0 esp:/EFI/BOOT Directory
                0755 0:0 0 esp:/EFI/kimage Directory
                "#);
                insta::assert_snapshot!(listing(&image, "esp:/efi/KIMAGE/grub.cfg"), @"0644 0:0 15 esp:/EFI/kimage/grub.cfg File");
            }
            assert_eq!(image.entries("/var/lib/many").unwrap().len(), 300);
            assert_eq!(image.file("/etc/hostname").unwrap(), b"a\n");
            assert_eq!(image.file("/bin/../bin/aping").unwrap(), b"ping");
            let large = image.file("/var/large").unwrap();
            assert!(large.len() == 3_000_001 && large[3_000_000] == (3_000_000 / 3) as u8);
            assert_eq!(
                image.file("esp:/EFI/kimage/grub.cfg").unwrap(),
                b"linux /vmlinuz\n"
            );
            assert_eq!(
                image.file("esp:/EFI/BOOT/BOOTX64.EFI").unwrap(),
                fixture::boot().efi
            );
            let xattrs: Vec<String> = image
                .xattrs("/usr/bin/ping")
                .unwrap()
                .into_iter()
                .map(|(name, _)| name)
                .collect();
            assert_eq!(xattrs, ["security.capability", "user.note"]);
            let names: Vec<&str> = image
                .partitions()
                .iter()
                .map(|part| part.name.as_str())
                .collect();
            assert_eq!(names, ["bios", "esp", "root"]);
            assert_eq!(image.partitions()[2].guid, fixture::identity(1).root);
        }
    }

    #[test]
    fn what_is_not_there_is_named() {
        let image = Image::open(made().raw.path()).unwrap();
        for path in [
            "/etc/nothing",
            "/etc/hostname/x",
            "/etc",
            "/etc/long",
            "esp:/none",
            "esp:/EFI",
        ] {
            let error = image.file(path).unwrap_err();
            assert!(
                matches!(&error, InspectError::Missing { wanted, .. } if wanted == path),
                "{error}"
            );
        }
    }

    #[test]
    fn another_file_is_no_image() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        std::io::Write::write_all(&mut file, &[b'x'; 5000]).unwrap();
        let error = Image::open(file.path()).err().unwrap();
        assert!(
            error.to_string().ends_with("no disk image: it has no GPT"),
            "{error}"
        );
        assert_eq!(error.exit(), Exit::Integrity);
    }

    /// An image with some bytes changed.
    struct Changed {
        file: Plain,
        changes: BTreeMap<u64, u8>,
    }

    impl Bytes for Changed {
        fn size(&self) -> u64 {
            self.file.size()
        }

        fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
            self.file.read_at(offset, buffer)?;
            for (at, value) in self.changes.range(offset..offset + buffer.len() as u64) {
                buffer[(at - offset) as usize] = *value;
            }
            Ok(())
        }
    }

    /// Looks at everything; what is wrong is refused, and that is all.
    fn look(image: &Image) {
        for path in [
            "/",
            "/etc",
            "/dev",
            "/var/lib/many",
            "esp:/",
            "esp:/EFI/kimage",
        ] {
            let _ = image.entries(path);
        }
        for path in [
            "/bin/ping",
            "/etc/key",
            "esp:/EFI/kimage/grub.cfg",
            "esp:/EFI/BOOT/BOOTX64.EFI",
        ] {
            let _ = image.file(path);
        }
        let _ = image.xattrs("/bin/ping");
    }

    /// Where a raw image has what its readers look at first.
    fn places() -> impl Strategy<Value = u64> {
        let root: u64 = (2 << 20) + (64 << 20);
        let esp: u64 = 2 << 20;
        prop_oneof![
            0u64..40 * 512,                   // the table of partitions
            esp..esp + 512,                   // FAT: the boot sector
            esp + 4096..esp + 8192,           // FAT: the allocation table
            esp + 0x10_0000..esp + 0x10_4000, // FAT: directories
            root + 1024..root + 2048,         // ext4: the superblock
            root + 4096..root + 4096 + 64,    // ext4: group descriptors
            root + 4096..root + (4 << 20),    // ext4: inodes and directories
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]
        #[test]
        fn a_damaged_raw_image_is_refused_and_nothing_worse(
            changes in proptest::collection::btree_map(places(), any::<u8>(), 1..40)
        ) {
            let file = Plain::new(made().raw.reopen().unwrap()).unwrap();
            if let Ok(image) = Image::of(Path::new("x"), Box::new(Changed { file, changes })) {
                look(&image);
            }
        }

        #[test]
        fn a_damaged_qcow2_image_is_refused_and_nothing_worse(
            changes in proptest::collection::btree_map(
                prop_oneof![0u64..112, 65_536u64..65_600, 131_072u64..262_144],
                any::<u8>(),
                1..20,
            )
        ) {
            let file = Plain::new(made().qcow2.reopen().unwrap()).unwrap();
            if let Ok(image) = Image::of(Path::new("x"), Box::new(Changed { file, changes })) {
                look(&image);
            }
        }
    }
}
