//! Root filesystems: ext4, laid out by `mkext4`.
//!
//! Everything that the nodes of a role share is declared first, in path order, and what is a node's own behind it. ext4's
//! checksums cover metadata only, so two trees that differ in the bytes of [`Sharing::Node`] files alone get images
//! that differ in those bytes alone.
//!
//! The size is found by sealing, not by estimating: a layout is accepted when its own superblock says that enough is
//! free. The filesystem is made to grow: it has as many inodes to the byte as `mke2fs` gives, and a journal that fits a
//! large disk, because neither can be changed while it is mounted.

use std::collections::BTreeMap;
use std::io;

use mkext4::spec::Superblock;
use mkext4::{FsBuilder, InodeCount, InodeHandle, ROOT, RegionSink, SpecialKind};
use uuid::Uuid;

use super::lost_and_found::{Label, Labelled};
use super::source::Source;
use super::{Region, SinkError, Tally};
use crate::tree::acl::{Acl, AclScope};
use crate::tree::{Content, Entry, Kind, Meta, Sharing, Tree, TreePath};

const FORMAT: &str = "ext4";
const BLOCK: u64 = 4096;
/// Sizes are multiples of this.
const STEP: u64 = 1 << 20;
/// Bytes per inode: what `mke2fs` takes for filesystems of this class.
const INODE_RATIO: u64 = 16384;
/// 64 MiB, what `mke2fs` gives a filesystem of 2 to 16 GiB.
const JOURNAL_BLOCKS: u32 = 16384;
/// Smaller filesystems get the journal that `mke2fs` would give them.
const LARGE: u64 = 512 << 20;
/// The smallest one that is laid out.
const SMALLEST: u64 = 16 << 20;
/// Layouts are tried larger and larger, this often.
const ATTEMPTS: u32 = 24;
/// Directory that `e2fsck` needs and that every ext4 has.
const LOST_AND_FOUND: &str = "/lost+found";
/// The attribute that it may have.
const LABEL: &str = "security.selinux";
/// What an inode has for attributes, in bytes; what does not fit takes a block.
const INODE_ATTRIBUTES: usize = 96;

/// What a filesystem is besides its tree.
#[derive(Debug, Clone)]
pub struct Options {
    /// Its UUID, which also seeds the metadata checksums and the directory hashes.
    pub uuid: Uuid,
    /// When it was made, in seconds since 1970.
    pub epoch: i64,
    /// How many bytes are free at least, besides what root alone may use.
    pub headroom: u64,
}

/// A filesystem of which everything but the content of its files is decided.
pub struct Ext4<'a> {
    layout: mkext4::Layout,
    files: Vec<Placed<'a>>,
    /// The label of `/lost+found`, if it has one.
    label: Option<Label>,
}

/// A file and its handle in the layout.
struct Placed<'a> {
    path: &'a TreePath,
    content: &'a Content,
    handle: InodeHandle,
    sharing: Sharing,
}

impl<'a> Ext4<'a> {
    /// Lays out a tree in a filesystem of its own size.
    pub fn seal(tree: &'a Tree, options: &Options) -> Result<Self, SinkError> {
        let demand = Demand::of(tree);
        let mut size = demand.size(options.headroom);
        let mut last = None;
        for _ in 0..ATTEMPTS {
            match Self::seal_at(tree, options, &demand, size) {
                Ok(sealed) => {
                    let superblock = sealed.superblock()?;
                    let free = superblock
                        .free_blocks_count
                        .saturating_sub(superblock.r_blocks_count)
                        * BLOCK;
                    if free >= options.headroom {
                        return Ok(sealed);
                    }
                    size += (options.headroom - free).next_multiple_of(STEP) + STEP;
                }
                Err(error @ SinkError::Unstorable { .. }) => return Err(error),
                Err(error) => {
                    last = Some(error);
                    size += size / 16 / STEP * STEP + 4 * STEP;
                }
            }
        }
        Err(last.unwrap_or_else(|| SinkError::Layout {
            format: FORMAT,
            reason: format!(
                "no size up to {size} bytes leaves {} free",
                options.headroom
            ),
        }))
    }

    fn seal_at(
        tree: &'a Tree,
        options: &Options,
        demand: &Demand,
        size: u64,
    ) -> Result<Self, SinkError> {
        let mut settings = mkext4::Options::new(size, options.uuid.into_bytes(), options.epoch);
        settings.inodes = InodeCount::Exact(demand.inodes(size)?);
        settings.label = Some("root".into());
        settings.reserved_percent = 1;
        settings.journal_blocks = (size >= LARGE).then_some(JOURNAL_BLOCKS);
        let mut builder = FsBuilder::new(settings).map_err(refused)?;
        let files = declare(&mut builder, tree)?;
        let layout = builder.seal().map_err(refused)?;
        let mut sealed = Self {
            layout,
            files,
            label: None,
        };
        sealed.label = sealed.label(tree, options)?;
        Ok(sealed)
    }

    /// What has to be changed for `/lost+found` to have its label.
    fn label(&self, tree: &Tree, options: &Options) -> Result<Option<Label>, SinkError> {
        let own = tree.get(LOST_AND_FOUND);
        let Some(value) = own.and_then(|entry| entry.meta.xattrs.get(LABEL)) else {
            return Ok(None);
        };
        let name = LABEL.trim_start_matches("security.");
        let beginning = self.beginning();
        match Label::new(&beginning, options.uuid.as_bytes(), name, value) {
            Some(label) => Ok(Some(label)),
            None => Err(SinkError::Layout {
                format: FORMAT,
                reason: format!("the label of `{LOST_AND_FOUND}` is too long"),
            }),
        }
    }

    /// How many bytes the filesystem has.
    pub fn size(&self) -> u64 {
        self.layout.image_len()
    }

    /// Writes all of it: the metadata and the free space first, the files behind it, upwards.
    pub fn write(&self, region: &mut dyn Region) -> Result<(), SinkError> {
        self.write_metadata(region)?;
        self.write_files(region, |_| true)
    }

    /// Writes the files that are this node's own, and nothing else.
    pub fn write_node(&self, region: &mut dyn Region) -> Result<(), SinkError> {
        self.write_files(region, |sharing| sharing == Sharing::Node)
    }

    /// Notes where data will be, without reading any file.
    pub fn tally(&self, tally: &mut Tally, start: u64) -> Result<(), SinkError> {
        let mut metadata = Tally::new(self.size());
        self.write_metadata(&mut metadata)?;
        for (from, until) in metadata.runs() {
            tally.expect(start + from, until - from)?;
        }
        for file in &self.files {
            for (offset, size) in self.layout.extents(file.handle) {
                tally.expect(start + offset, size.next_multiple_of(BLOCK))?;
            }
        }
        Ok(())
    }

    fn write_metadata(&self, region: &mut dyn Region) -> Result<(), SinkError> {
        let sink = Labelled {
            sink: Adapter(region),
            label: self.label.as_ref(),
        };
        self.layout.writer(sink).map_err(refused)?;
        Ok(())
    }

    fn write_files(
        &self,
        region: &mut dyn Region,
        wanted: impl Fn(Sharing) -> bool,
    ) -> Result<(), SinkError> {
        let mut source = Source::new();
        for file in self.files.iter().filter(|file| wanted(file.sharing)) {
            let mut from = 0;
            for (offset, size) in self.layout.extents(file.handle) {
                let mut at = offset;
                source.pieces(file.path, file.content, from, size, &mut |piece| {
                    region.write_at(at, piece)?;
                    at += piece.len() as u64;
                    Ok(())
                })?;
                let end = (offset + size).next_multiple_of(BLOCK);
                if at < end {
                    region.zero_at(at, end - at)?;
                }
                from += size;
            }
        }
        Ok(())
    }

    /// The first two blocks: superblock, and descriptors of groups.
    fn beginning(&self) -> Vec<u8> {
        let mut beginning = Beginning(Vec::new());
        // It ends the writing as soon as it has what is wanted.
        let _ = self.layout.writer(&mut beginning);
        beginning.0
    }

    fn superblock(&self) -> Result<Superblock, SinkError> {
        let beginning = self.beginning();
        let bytes =
            beginning
                .get(1024..1024 + Superblock::LEN)
                .ok_or_else(|| SinkError::Layout {
                    format: FORMAT,
                    reason: "the layout has no superblock".into(),
                })?;
        Superblock::decode(bytes).map_err(refused)
    }
}

/// What a tree needs at most, in blocks and inodes.
struct Demand {
    blocks: u64,
    inodes: u64,
}

impl Demand {
    fn of(tree: &Tree) -> Self {
        let mut blocks = 64;
        let mut names: BTreeMap<&str, u64> = BTreeMap::new();
        for (path, entry) in tree.entries() {
            *names.entry(parent(path)).or_default() += 8 + path.name().len() as u64 + 3;
            // A header, an end, and 16 bytes an entry; names count without what is before their first dot.
            let attributes = entry.meta.xattrs.iter().map(|(name, value)| {
                let name = name.split_once('.').map_or(&**name, |(_, name)| name);
                16 + name.len().next_multiple_of(4) + value.len().next_multiple_of(4)
            });
            if 8 + attributes.sum::<usize>() > INODE_ATTRIBUTES {
                blocks += 1;
            }
            blocks += match &entry.kind {
                // One block more per 128 MiB for the extents that a large file is cut into.
                Kind::File(content) => content.size().div_ceil(BLOCK) + (content.size() >> 27),
                Kind::Symlink(target) if target.len() > 59 => 1,
                _ => 0,
            };
        }
        for size in names.values() {
            // A hashed directory has an index, and leaves that are half full at worst.
            blocks += if *size < BLOCK / 2 {
                1
            } else {
                size * 2 / BLOCK + 3
            };
        }
        Self {
            blocks,
            inodes: tree.count() as u64 + 16,
        }
    }

    /// A first size; sealing tells whether it was right.
    fn size(&self, headroom: u64) -> u64 {
        let content = self.blocks * BLOCK + headroom;
        let inodes = (self.inodes * 5 / 4 * 256).max(content / INODE_RATIO * 256);
        // Per group of 128 MiB: two bitmaps; a 1/100 is for root alone; 2 MiB for the table and its copies.
        let raw = content + inodes + content / 90 + (2 << 20);
        let journal = if raw >= LARGE {
            u64::from(JOURNAL_BLOCKS) * BLOCK
        } else {
            16 << 20
        };
        (raw + journal).next_multiple_of(STEP).max(SMALLEST)
    }

    fn inodes(&self, size: u64) -> Result<u32, SinkError> {
        let wanted = (size / INODE_RATIO).max(self.inodes * 5 / 4);
        u32::try_from(wanted).map_err(|_| SinkError::Layout {
            format: FORMAT,
            reason: format!("{wanted} inodes are too many"),
        })
    }
}

/// Declares the shared entries in path order, then the node's own files, then the hard links, which have no inode of
/// their own. Answers the files in the order in which their data lies.
fn declare<'a>(builder: &mut FsBuilder, tree: &'a Tree) -> Result<Vec<Placed<'a>>, SinkError> {
    let mut entries: Vec<(&TreePath, &Entry)> = tree.entries().collect();
    entries.sort_by(|(left, _), (right, _)| depth_first(left.as_str(), right.as_str()));
    let (own, shared): (Vec<_>, Vec<_>) = entries.into_iter().partition(|(_, entry)| {
        entry.sharing == Sharing::Node && matches!(entry.kind, Kind::File(_))
    });

    let mut directories: BTreeMap<&str, InodeHandle> = BTreeMap::new();
    let mut targets: BTreeMap<&str, InodeHandle> = BTreeMap::new();
    let mut links = Vec::new();
    let mut files = Vec::new();
    for (path, entry) in shared.into_iter().chain(own) {
        let unstorable = |reason: String| SinkError::Unstorable {
            format: FORMAT,
            path: path.clone(),
            reason,
        };
        let told = |error: mkext4::Error| unstorable(error.to_string());
        let meta = stored(&entry.meta);
        if path.is_root() {
            builder.set_meta(ROOT, meta).map_err(told)?;
            directories.insert("/", ROOT);
            set_xattrs(builder, ROOT, entry).map_err(told)?;
            continue;
        }
        if path.as_str() == LOST_AND_FOUND && matches!(entry.kind, Kind::Directory) {
            continue;
        }
        let above = *directories
            .get(parent(path))
            .ok_or_else(|| unstorable("`/lost+found` is the filesystem's own".into()))?;
        let name = path.name();
        let handle = match &entry.kind {
            Kind::Directory => {
                let handle = builder.mkdir(above, name, meta).map_err(told)?;
                directories.insert(path.as_str(), handle);
                handle
            }
            Kind::File(content) => {
                let handle = builder
                    .file(above, name, meta, content.size())
                    .map_err(told)?;
                targets.insert(path.as_str(), handle);
                files.push(Placed {
                    path,
                    content,
                    handle,
                    sharing: entry.sharing,
                });
                handle
            }
            Kind::Symlink(target) => builder.symlink(above, name, target, meta).map_err(told)?,
            Kind::HardLink(target) => {
                links.push((path, above, target));
                continue;
            }
            Kind::CharDevice { major, minor } => {
                let (major, minor) = (*major, *minor);
                let kind = SpecialKind::Char { major, minor };
                builder.mknod(above, name, meta, kind).map_err(told)?
            }
            Kind::BlockDevice { major, minor } => {
                let (major, minor) = (*major, *minor);
                let kind = SpecialKind::Block { major, minor };
                builder.mknod(above, name, meta, kind).map_err(told)?
            }
            Kind::Fifo => builder
                .mknod(above, name, meta, SpecialKind::Fifo)
                .map_err(told)?,
        };
        set_xattrs(builder, handle, entry).map_err(told)?;
    }
    for (path, above, target) in links {
        let unstorable = |reason: String| SinkError::Unstorable {
            format: FORMAT,
            path: path.clone(),
            reason,
        };
        let handle = *targets
            .get(target.as_str())
            .ok_or_else(|| unstorable(format!("it links to `{target}`, which is no file")))?;
        builder
            .hardlink(above, path.name(), handle)
            .map_err(|error| unstorable(error.to_string()))?;
    }
    Ok(files)
}

fn set_xattrs(
    builder: &mut FsBuilder,
    handle: InodeHandle,
    entry: &Entry,
) -> Result<(), mkext4::Error> {
    for (name, value) in &entry.meta.xattrs {
        // Programs see another form of access control lists than the one on disk.
        match AclScope::of_attribute(name) {
            None => builder.set_xattr(handle, name, value)?,
            Some(_) => {
                let list = Acl::of_attribute(value).ok_or_else(|| {
                    mkext4::Error::Invalid(format!("`{name}` is no access control list"))
                })?;
                builder.set_xattr(handle, name, &list.to_ext4())?;
            }
        }
    }
    Ok(())
}

fn stored(meta: &Meta) -> mkext4::Meta {
    mkext4::Meta::new(meta.mode & 0o7777, meta.uid, meta.gid, (meta.mtime, 0))
}

/// The path of the directory that holds an entry; for the root, the root.
fn parent(path: &TreePath) -> &str {
    match path.as_str().rfind('/') {
        None | Some(0) => "/",
        Some(at) => &path.as_str()[..at],
    }
}

/// Orders paths so that a directory's whole content follows it, as archives do: as bytes, but `/` before all others.
fn depth_first(left: &str, right: &str) -> std::cmp::Ordering {
    let rank = |byte: u8| if byte == b'/' { 0 } else { byte };
    left.bytes().map(rank).cmp(right.bytes().map(rank))
}

fn refused(error: mkext4::Error) -> SinkError {
    match error {
        mkext4::Error::Io(error) => SinkError::Write(error),
        other => SinkError::Layout {
            format: FORMAT,
            reason: other.to_string(),
        },
    }
}

/// Lets `mkext4` write into a region.
struct Adapter<'a>(&'a mut dyn Region);

impl RegionSink for Adapter<'_> {
    fn data(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.write_at(offset, bytes)
    }

    fn zeros(&mut self, offset: u64, size: u64) -> io::Result<()> {
        self.0.zero_at(offset, size)
    }
}

/// Keeps the first two blocks, and takes no more.
struct Beginning(Vec<u8>);

impl RegionSink for Beginning {
    fn data(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        if offset == self.0.len() as u64 {
            self.0.extend_from_slice(bytes);
        }
        if (self.0.len() as u64) < 2 * BLOCK && offset < 2 * BLOCK {
            return Ok(());
        }
        Err(io::ErrorKind::Interrupted.into())
    }

    fn zeros(&mut self, offset: u64, size: u64) -> io::Result<()> {
        let end = (offset + size).min(2 * BLOCK);
        if offset == self.0.len() as u64 && offset < end {
            self.0.resize(end as usize, 0);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{self, EPOCH, oracle};
    use super::super::{Checked, Memory};
    use super::*;
    use crate::tree::acl::{ACCESS, AclEntry, DEFAULT};
    use proptest::prelude::*;
    use std::io::Write;

    fn options() -> Options {
        Options {
            uuid: Uuid::from_u128(0xF5),
            epoch: EPOCH,
            headroom: 8 << 20,
        }
    }

    fn image(tree: &Tree, options: &Options) -> Vec<u8> {
        let sealed = Ext4::seal(tree, options).unwrap();
        let mut region = Checked::new(Memory::new(sealed.size() as usize));
        sealed.write(&mut region).unwrap();
        region.finish().unwrap().into_bytes()
    }

    fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    #[test]
    fn e2fsck_finds_nothing_to_complain_about() {
        let image = file(&image(&fixture::root("a"), &options()));
        oracle("e2fsck", &["-fn"], image.path());
    }

    #[test]
    fn debugfs_sees_what_the_tree_holds() {
        let image = file(&image(&fixture::root("a"), &options()));
        let ask = |request: &str| oracle("debugfs", &["-R", request], image.path());
        assert!(ask("cat /etc/hostname").contains("a\n"));
        let ping = ask("stat /usr/bin/ping");
        for part in [
            "Mode:  04750",
            "User: 70000",
            "Group: 80000",
            "Links: 2",
            "security.capability (20)",
            "user.note (300)",
        ] {
            assert!(ping.contains(part), "`{part}` is not in {ping}");
        }
        assert!(ask("stat /etc/long").contains("Size: 200"));
        let null = ask("stat /dev/null");
        assert!(null.contains("Type: character special"), "{null}");
        assert!(null.contains("Device major/minor number: 01:03"), "{null}");
        assert!(ask("stat /dev/pipe").contains("Type: FIFO"));
        assert!(ask("stat /tmp").contains("Mode:  01777"));
        assert!(ask("stat /var/large").contains("Size: 3000001"));
        assert!(
            ask("stats").contains("Filesystem UUID:          00000000-0000-0000-0000-0000000000f5")
        );
    }

    /// A file with a list for a user, and a directory with one for what is made in it.
    fn tree_with_lists() -> Tree {
        let list = |mode, entry: &str| {
            let entry: AclEntry = entry.parse().unwrap();
            let entry = entry.numbered(|_| None, |_| None).unwrap();
            let mut list = Acl::of_mode(mode);
            list.modify([(entry.tag, entry.permissions)]);
            list
        };
        let mut layer = crate::tree::Layer::new(crate::tree::Origin::new("base"));
        let access = list(0o600, "u:200:r");
        let mut meta = Meta::root(access.mode_bits());
        meta.xattrs.insert(ACCESS.into(), access.to_attribute());
        layer.file("/key".parse().unwrap(), meta, Content::bytes("key"));
        let mut meta = Meta::root(0o700);
        let given = list(0o700, "g:4:rx");
        meta.xattrs.insert(DEFAULT.into(), given.to_attribute());
        layer.directory("/keys".parse().unwrap(), meta);
        Tree::seal([layer]).unwrap()
    }

    #[test]
    fn a_list_is_on_disk_as_ext4_has_it() {
        let image = file(&image(&tree_with_lists(), &options()));
        oracle("e2fsck", &["-fn"], image.path());
        let ask = |request: &str| oracle("debugfs", &["-R", request], image.path());
        let hex = |text: String| {
            let line = text.lines().find(|line| line.contains(" = ")).unwrap_or("");
            line.rsplit(" = ").next().unwrap_or("").replace(' ', "")
        };
        // What is stored, and what programs will see of it.
        assert_eq!(
            hex(ask("ea_get -xr /key system.posix_acl_access")),
            "010000000100060002000400c8000000040000001000040020000000"
        );
        assert_eq!(
            hex(ask("ea_get -x /key system.posix_acl_access")),
            "02000000010006000000000002000400c8000000040000000000000010000400000000002000000000000000"
        );
        assert_eq!(
            hex(ask("ea_get -xr /keys system.posix_acl_default")),
            "01000000010007000400000008000500040000001000050020000000"
        );
        assert!(ask("stat /key").contains("Mode:  0640"));
    }

    #[test]
    fn what_is_no_list_is_refused() {
        let mut tree = tree_with_lists();
        let broken = |_: &TreePath, _: &Kind, meta: &mut Meta| {
            meta.xattrs.insert(ACCESS.into(), b"?".to_vec());
            Ok::<(), std::convert::Infallible>(())
        };
        tree.try_dress(broken).unwrap();
        let error = Ext4::seal(&tree, &options()).err().unwrap().to_string();
        assert!(error.contains("is no access control list"), "{error}");
    }

    /// Only root may mount, and only where there are loop devices; `debugfs` above needs neither.
    #[test]
    fn the_kernel_reads_the_list_where_it_may_be_asked() {
        let image = file(&image(&tree_with_lists(), &options()));
        let at = tempfile::tempdir().unwrap();
        let (from, to) = (image.path().to_str().unwrap(), at.path().to_str().unwrap());
        let mounted = crate::program::Program::new("mount")
            .args(["-o", "loop,ro", from, to])
            .run();
        if let Err(error) = mounted {
            eprintln!("not mounted, so only debugfs has judged it: {error}");
            return;
        }
        let key = at.path().join("key");
        let seen = crate::program::Program::new("getfacl")
            .args(["--numeric", "--absolute-names", "--omit-header"])
            .arg(&key)
            .run();
        crate::program::Program::new("umount")
            .arg(at.path())
            .run()
            .unwrap();
        let lines = "user::rw-\nuser:200:r--\ngroup::---\nmask::r--\nother::---";
        assert_eq!(
            String::from_utf8(seen.unwrap().stdout).unwrap().trim(),
            lines
        );
    }

    /// A tree in which everything has a label of the usual length.
    fn labelled() -> Tree {
        let mut tree = fixture::root("a");
        let dress = |path: &TreePath, _: &Kind, meta: &mut Meta| {
            let name = if path.as_str() == LOST_AND_FOUND {
                "lost_found_t"
            } else {
                "etc_t"
            };
            let label = format!("system_u:object_r:{name}:s0\0");
            meta.xattrs.insert(LABEL.into(), label.into_bytes());
            Ok::<(), std::convert::Infallible>(())
        };
        tree.try_dress(dress).unwrap();
        tree
    }

    #[test]
    fn everything_has_its_label_and_lost_and_found_too() {
        let image = file(&image(&labelled(), &options()));
        oracle("e2fsck", &["-fn"], image.path());
        let ask = |path: &str| {
            let request = format!("ea_get {path} security.selinux");
            oracle("debugfs", &["-R", &request], image.path())
        };
        for (path, name) in [
            ("/", "etc_t"),
            ("/lost+found", "lost_found_t"),
            ("/usr/bin/ping", "etc_t"),
            ("/usr/bin/aping", "etc_t"),
            ("/etc/long", "etc_t"),
            ("/dev/null", "etc_t"),
        ] {
            let wanted = format!("\"system_u:object_r:{name}:s0\\000\"");
            let said = ask(path);
            assert!(said.contains(&wanted), "{path}: {said}");
        }
        let stat = oracle("debugfs", &["-R", "stat /usr/bin/ping"], image.path());
        assert!(stat.contains("security.capability (20)"), "{stat}");
    }

    #[test]
    fn labels_take_no_blocks() {
        let demand = |tree: &Tree| Demand::of(tree).blocks;
        assert_eq!(demand(&labelled()), demand(&fixture::root("a")));
    }

    #[test]
    fn the_same_tree_gives_the_same_bytes_and_another_other_bytes() {
        let first = image(&fixture::root("a"), &options());
        assert!(first == image(&fixture::root("a"), &options()));
        let later = Options {
            epoch: EPOCH + 1,
            ..options()
        };
        assert!(first != image(&fixture::root("a"), &later));
    }

    #[test]
    fn two_nodes_whose_files_differ_in_one_byte_differ_in_one_byte() {
        let first = image(&fixture::root("a"), &options());
        let second = image(&fixture::root("b"), &options());
        assert_eq!(fixture::differences(&first, &second).len(), 1);
    }

    #[test]
    fn writing_a_nodes_own_files_turns_one_nodes_image_into_anothers() {
        let sealed_at = |name| image(&fixture::root(name), &options());
        let (first, second) = (sealed_at("a"), sealed_at("b"));
        let tree = fixture::root("b");
        let sealed = Ext4::seal(&tree, &options()).unwrap();
        let mut region = Memory::new(first.len());
        region.write_at(0, &first).unwrap();
        sealed.write_node(&mut region).unwrap();
        assert!(region.into_bytes() == second);
    }

    #[test]
    fn the_headroom_is_free_and_little_more() {
        let tree = fixture::root("a");
        for headroom in [0, 100 << 20, 700 << 20, 3 << 30] {
            let sealed = Ext4::seal(
                &tree,
                &Options {
                    headroom,
                    ..options()
                },
            )
            .unwrap();
            let superblock = sealed.superblock().unwrap();
            let free = (superblock.free_blocks_count - superblock.r_blocks_count) * BLOCK;
            assert!(free >= headroom, "{free} of {headroom}");
            assert!(
                free < headroom + headroom / 16 + (16 << 20),
                "{free} of {headroom}"
            );
        }
    }

    #[test]
    fn the_tally_names_the_blocks_that_are_written() {
        let tree = fixture::root("a");
        let sealed = Ext4::seal(&tree, &options()).unwrap();
        let mut announced = Tally::new(sealed.size());
        sealed.tally(&mut announced, 0).unwrap();
        let mut written = Tally::new(sealed.size());
        sealed.write(&mut written).unwrap();
        let blocks = |tally: &Tally| {
            let runs = tally.runs();
            runs.flat_map(|(from, until)| from / BLOCK..until.div_ceil(BLOCK))
                .collect::<std::collections::BTreeSet<u64>>()
        };
        assert_eq!(blocks(&announced), blocks(&written));
    }

    #[test]
    fn a_file_in_lost_and_found_is_refused_by_name() {
        let mut layer = crate::tree::Layer::new(crate::tree::Origin::new("base"));
        let at = "/lost+found/x".parse().unwrap();
        layer.file(at, Meta::root(0o644), Content::bytes("x"));
        let tree = Tree::seal([layer]).unwrap();
        let error = Ext4::seal(&tree, &options()).err().unwrap();
        assert!(error.to_string().contains("`/lost+found/x`"), "{error}");
    }

    #[test]
    fn a_slice_is_read_from_its_file() {
        let blob = file(&(0..=255u8).cycle().take(1 << 20).collect::<Vec<u8>>());
        let tree = fixture::slice(blob.path(), 1000, 900_000);
        let image = file(&image(&tree, &options()));
        let target = tempfile::NamedTempFile::new().unwrap();
        let request = format!("dump /slice {}", target.path().display());
        oracle("debugfs", &["-R", &request], image.path());
        let blob = std::fs::read(blob.path()).unwrap();
        assert!(std::fs::read(target.path()).unwrap() == blob[1000..901_000]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]
        #[test]
        fn any_tree_of_files_is_clean_and_has_its_headroom(
            files in proptest::collection::btree_map("(/[a-d]{1,2}){1,3}/f[a-z]{0,200}", 0usize..200_000, 0..60),
            headroom in 0u64..(40 << 20),
        ) {
            let mut layer = crate::tree::Layer::new(crate::tree::Origin::new("base"));
            for (path, size) in files {
                let content = Content::bytes(vec![b'x'; size]);
                layer.file(path.parse().unwrap(), Meta::root(0o644), content);
            }
            let tree = Tree::seal([layer]).unwrap();
            let image = file(&image(&tree, &Options { headroom, ..options() }));
            oracle("e2fsck", &["-fn"], image.path());
        }
    }
}
