//! What holds for bases as a whole.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use tar::{EntryType, Header};

use super::*;
use crate::blueprint::Blueprints;
use crate::failure::{Exit, Failure};
use crate::program::Program;
use crate::tree::{Kind, Tree, acl};

/// The time of everything in these archives, in seconds since 1970.
const TIME: u64 = 1_700_000_000;

/// An archive in the making. Names and targets are put into headers as they are, whatever the `tar` crate thinks.
#[derive(Default)]
struct Archive(Vec<u8>);

impl Archive {
    fn entry(mut self, kind: EntryType, name: &str, target: &str, content: &[u8]) -> Self {
        let mode = match kind {
            EntryType::Symlink => 0o777,
            EntryType::Directory => 0o755,
            _ if name.contains("bin/") => 0o755,
            _ => 0o644,
        };
        let mut header = Header::new_ustar();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(TIME);
        header.set_size(content.len() as u64);
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.as_mut_bytes()[157..157 + target.len()].copy_from_slice(target.as_bytes());
        header.set_cksum();
        self.0.extend_from_slice(header.as_bytes());
        self.0.extend_from_slice(content);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    fn directory(self, name: &str) -> Self {
        self.entry(EntryType::Directory, name, "", b"")
    }

    fn file(self, name: &str, content: &str) -> Self {
        self.entry(EntryType::Regular, name, "", content.as_bytes())
    }

    fn symlink(self, name: &str, target: &str) -> Self {
        self.entry(EntryType::Symlink, name, target, b"")
    }

    fn hard_link(self, name: &str, target: &str) -> Self {
        self.entry(EntryType::Link, name, target, b"")
    }

    /// Describes the next entry by an extended header of one record.
    fn described(self, key: &str, value: &str) -> Self {
        self.entry(EntryType::XHeader, "pax", "", &pax(&[(key, value)]))
    }

    fn bytes(mut self) -> Vec<u8> {
        self.0.extend_from_slice(&[0; 1024]);
        self.0
    }
}

/// A small filesystem, in two orders that mean the same.
fn small() -> [Archive; 2] {
    let there = Archive::default()
        .directory("./")
        .directory("./etc/")
        .file("./etc/hello", "hello")
        .directory("./usr/")
        .directory("./usr/bin/")
        .file("./usr/bin/one", "#!/bin/sh\n")
        .hard_link("./usr/bin/two", "./usr/bin/one")
        .symlink("./bin", "usr/bin");
    let back = Archive::default()
        .directory("usr")
        .symlink("bin", "usr/bin")
        .directory("usr/bin")
        .file("usr/bin/two", "#!/bin/sh\n")
        .hard_link("usr/bin/one", "usr/bin/two")
        .directory("etc")
        .file("etc/hello", "hello")
        .directory("./");
    [there, back]
}

struct Scene {
    directory: tempfile::TempDir,
    blueprint: Blueprint,
}

impl Scene {
    fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            blueprint: Blueprints::embedded()
                .unwrap()
                .find("debian-12")
                .unwrap()
                .clone(),
        }
    }

    fn cache(&self) -> PathBuf {
        self.directory.path().join("cache")
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.directory.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    fn read_with(&self, path: &Path, limits: &Limits) -> Result<Layer, BaseError> {
        let mut filesystem = Filesystem::new();
        let selection = selection::Selection::new(&self.blueprint);
        let report = Report::to_stderr();
        let unpacked = import::read(
            &mut filesystem,
            &self.blueprint,
            &self.cache(),
            path,
            limits,
            &selection,
            &report,
        )?;
        // Packing reads what was unpacked; then the archive is all that is left.
        let mut file = store::temporary(&self.cache(), "test")?;
        let tar = self.directory.path().join("packed.tar");
        let layer = filesystem.into_layer(Origin::new("base test"));
        let packed = pack::pack(layer, file.as_file_mut(), &Blob::new(tar.clone())).unwrap();
        store::persist(file, &tar)?;
        drop(unpacked);
        assert_eq!(store::digest_of(&tar)?, packed.digest);
        Ok(packed.layer)
    }

    fn read(&self, path: &Path) -> Result<Layer, BaseError> {
        self.read_with(path, &Limits::USUAL)
    }

    fn packed(&self) -> Digest {
        store::digest_of(&self.directory.path().join("packed.tar")).unwrap()
    }

    fn refusal(&self, archive: Archive) -> String {
        let path = self.write("hostile.tar", &archive.bytes());
        let error = self.read(&path).unwrap_err();
        assert_eq!(error.exit(), Exit::UserFiles, "{error}");
        assert_eq!(
            error.to_string(),
            format!("`{}` is refused", path.display())
        );
        std::error::Error::source(&error).unwrap().to_string()
    }
}

fn listing(layer: Layer) -> String {
    Tree::seal([layer]).unwrap().listing_under("/")
}

fn compress(program: &str, bytes: &[u8]) -> Vec<u8> {
    Program::new(program)
        .arg("-c")
        .stdin(bytes)
        .run()
        .unwrap()
        .stdout
}

/// An OCI archive of some layers, as a tar.
fn oci(layers: &[Vec<u8>]) -> Archive {
    let mut archive = Archive::default().file("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#);
    let mut blob = |bytes: &[u8]| {
        let digest = Digest::of(bytes);
        archive = std::mem::take(&mut archive).entry(
            EntryType::Regular,
            &format!("blobs/sha256/{digest}"),
            "",
            bytes,
        );
        serde_json::json!({"digest": format!("sha256:{digest}"), "size": bytes.len()})
    };
    let layers: Vec<_> = layers.iter().map(|layer| blob(layer)).collect();
    let manifest = serde_json::json!({"schemaVersion": 2, "layers": layers});
    let manifest = blob(manifest.to_string().as_bytes());
    let index = serde_json::json!({"schemaVersion": 2, "manifests": [manifest]});
    archive.file("index.json", &index.to_string())
}

#[test]
fn the_same_filesystem_is_the_same_base_however_it_came() {
    let scene = Scene::new();
    let [there, back] = small();
    let (there, back) = (there.bytes(), back.bytes());
    let mut digests = Vec::new();
    for (name, bytes) in [
        ("a.tar", there.clone()),
        ("b.tar", back.clone()),
        ("c.tar.gz", compress("gzip", &back)),
        ("d.tar.zst", zstd::encode_all(back.as_slice(), 1).unwrap()),
        ("e.tar.xz", compress("xz", &there)),
        ("f.oci.tar", oci(&[compress("gzip", &back)]).bytes()),
    ] {
        let path = scene.write(name, &bytes);
        let listing = listing(scene.read(&path).unwrap());
        assert!(
            listing.contains("/usr/bin/two => /usr/bin/one"),
            "{listing}"
        );
        digests.push((name, scene.packed()));
    }
    assert!(
        digests.iter().all(|(_, digest)| *digest == digests[0].1),
        "{digests:?}"
    );
    let other = small()[0].0.clone();
    let other = Archive(other).file("./etc/hullo", "hello").bytes();
    scene.read(&scene.write("other.tar", &other)).unwrap();
    assert_ne!(scene.packed(), digests[0].1);
}

#[test]
fn a_directory_is_the_base_that_its_tar_is() {
    let scene = Scene::new();
    let tar = scene.write("a.tar", &small()[0].0.clone());
    let root = scene.directory.path().join("root");
    fs::create_dir(&root).unwrap();
    let tar = tar.to_str().unwrap();
    Program::new("tar")
        .args(["-xpf", tar, "-C", root.to_str().unwrap()])
        .run()
        .unwrap();
    let owner = fs::metadata(&root).unwrap().uid();
    let mut layer = scene.read(&root).unwrap();
    let unlike = "a directory's entries belong to whoever unpacked them";
    assert_eq!(layer.get("/etc/hello").unwrap().meta.uid, owner, "{unlike}");
    if owner != 0 {
        return;
    }
    let digest = scene.packed();
    layer = scene.read(Path::new(tar)).unwrap();
    assert_eq!(scene.packed(), digest, "{}", listing(layer));
}

#[test]
fn gnu_tar_reads_what_we_write() {
    let scene = Scene::new();
    let long = format!("{}/ä\n{}", "d".repeat(90), "f".repeat(90));
    let pax = pax(&[
        ("path", long.as_str()),
        ("SCHILY.xattr.user.note", "a\nb\0c"),
    ]);
    let archive = Archive::default()
        .entry(EntryType::XHeader, "pax", "", &pax)
        .file("short", "content")
        .symlink("link", &"t".repeat(100));
    let layer = scene.read(&scene.write("a.tar", &archive.bytes())).unwrap();
    let meta = &layer.get(&format!("/{long}")).unwrap().meta;
    assert_eq!(meta.xattrs["user.note"], b"a\nb\0c");

    let tar = scene.directory.path().join("packed.tar");
    let out = scene.directory.path().join("out");
    fs::create_dir(&out).unwrap();
    Program::new("tar")
        .args(["-xf", tar.to_str().unwrap(), "-C", out.to_str().unwrap()])
        .run()
        .unwrap();
    assert_eq!(fs::read_to_string(out.join(&long)).unwrap(), "content");
    assert_eq!(
        fs::read_link(out.join("link")).unwrap().to_str(),
        Some("t".repeat(100).as_str())
    );
    assert_eq!(fs::metadata(out.join(&long)).unwrap().mtime(), TIME as i64);
    let again = scene.packed();
    let copy = scene.directory.path().join("copy.tar");
    fs::copy(&tar, &copy).unwrap();
    let layer = scene.read(&copy).unwrap();
    let meta = &layer.get(&format!("/{long}")).unwrap().meta;
    assert_eq!(meta.xattrs["user.note"], b"a\nb\0c");
    assert_eq!(
        scene.packed(),
        again,
        "packing what was packed changes nothing"
    );
}

/// A pax header with these records.
fn pax(records: &[(&str, &str)]) -> Vec<u8> {
    let mut pax = Vec::new();
    for (key, value) in records {
        let rest = key.len() + value.len() + 3;
        let length = (rest + 2..)
            .find(|length| rest + length.to_string().len() == *length)
            .unwrap();
        writeln!(pax, "{length} {key}={value}").unwrap();
    }
    pax
}

#[test]
fn access_control_lists_keep_their_meaning_from_archive_to_archive() {
    let scene = Scene::new();
    let list = "user::rw-,user:kube:r--,group::---,group:adm:rw-:4,mask::rw-,other::---";
    let archive = Archive::default()
        .described("SCHILY.acl.access", list)
        .file("etc/key", "secret")
        .described("SCHILY.acl.default", "user::rwx,group::r-x,other::---")
        .directory("etc/keys")
        .file(
            "etc/passwd",
            "root:x:0:0::/root:/bin/sh\nkube:x:200:200::/:/bin/sh\n",
        )
        .file("etc/group", "adm:x:4:\n");
    let layer = scene.read(&scene.write("a.tar", &archive.bytes())).unwrap();
    let list = |layer: &Layer, path: &str, attribute: &str| {
        let meta = &layer.get(path).unwrap().meta;
        assert_eq!(meta.xattrs.len(), 1, "{:?}", meta.xattrs);
        let list = acl::Acl::of_attribute(&meta.xattrs[attribute]);
        list.unwrap().to_string()
    };
    let numbers = "user::rw-,user:200:r--,group::---,group:4:rw-,mask::rw-,other::---";
    assert_eq!(list(&layer, "/etc/key", acl::ACCESS), numbers);
    let given = "user::rwx,group::r-x,other::---";
    assert_eq!(list(&layer, "/etc/keys", acl::DEFAULT), given);

    // As GNU tar takes it out, and as we take in what GNU tar made of that.
    let packed = scene.directory.path().join("packed.tar");
    let out = scene.directory.path().join("out");
    fs::create_dir(&out).unwrap();
    let tar = |arguments: &[&str]| Program::new("tar").args(arguments).run().unwrap();
    let at = out.to_str().unwrap();
    tar(&["--acls", "-xf", packed.to_str().unwrap(), "-C", at]);
    let seen = Program::new("getfacl")
        .args(["--numeric", "--absolute-names", "--omit-header"])
        .arg(out.join("etc/key"))
        .run()
        .unwrap();
    let seen = String::from_utf8(seen.stdout).unwrap();
    assert_eq!(seen.trim().replace('\n', ","), numbers);
    let again = scene.directory.path().join("again.tar");
    let again = again.to_str().unwrap();
    tar(&[
        "--acls",
        "--numeric-owner",
        "--format=pax",
        "--sort=name",
        "-cf",
        again,
        "-C",
        at,
        ".",
    ]);
    let layer = scene.read(Path::new(again)).unwrap();
    assert_eq!(list(&layer, "/etc/key", acl::ACCESS), numbers);
    assert_eq!(list(&layer, "/etc/keys", acl::DEFAULT), given);
}

#[test]
fn a_list_that_names_nobody_we_know_is_refused() {
    let scene = Scene::new();
    for (list, problem) in [
        (
            "user::rw-,user:ghost:r--,group::---,mask::r--,other::---",
            "the archive has no account `ghost`",
        ),
        ("user::rw-,user:7:r--,group::---,other::---", "is not whole"),
        (
            "user::rw-,nobody",
            "`nobody` is no entry of an access control list",
        ),
    ] {
        let archive = Archive::default()
            .described("SCHILY.acl.access", list)
            .file("etc/key", "secret");
        let error = scene
            .read(&scene.write("a.tar", &archive.bytes()))
            .unwrap_err();
        let text = std::error::Error::source(&error).unwrap().to_string();
        assert!(
            text.starts_with("entry `/etc/key` has an access control list that cannot be read"),
            "{text}"
        );
        assert!(text.contains(problem), "{text}");
    }
}

#[test]
fn hostile_archives_are_refused_with_the_entrys_name() {
    let scene = Scene::new();
    let new = Archive::default;
    let device = |kind| new().entry(kind, "srv/disk", "", b"");
    let cases = [
        (
            new().file("../etc/passwd", "x"),
            "`../etc/passwd` has no path inside the root",
        ),
        (
            new().file("/etc/../../x", "x"),
            "`/etc/../../x` has no path inside the root",
        ),
        (
            new().symlink("a", "/etc").file("a/passwd", "x"),
            "`/a/passwd` lies below `/a`, which is no directory",
        ),
        (
            new().file("a", "x").file("a/b", "x"),
            "`/a/b` lies below `/a`",
        ),
        (
            new().directory("a").symlink("a", "/etc"),
            "`/a` comes twice, as a directory and as a link",
        ),
        (
            new().file("a", "x").symlink("a", "/etc"),
            "`/a` comes twice, as a file and as a link",
        ),
        (
            new().hard_link("a", "/etc/shadow"),
            "`/a` is a hard link to `/etc/shadow`, which is not",
        ),
        (
            new().hard_link("a", "../../etc/shadow"),
            "`../../etc/shadow` has no path inside",
        ),
        (
            new().directory("b").hard_link("a", "b"),
            "`/a` is a hard link to `/b`",
        ),
        (
            new().symlink("a", ""),
            "`/a` is a link with an unusable target: it is empty",
        ),
        (device(EntryType::Block), "`/srv/disk` is a device"),
        (device(EntryType::Char), "`/srv/disk` is a device"),
        (
            new().entry(EntryType::GNUSparse, "a", "", b""),
            "`/a` is a sparse file",
        ),
        (
            new().entry(EntryType::Directory, "a", "", b"x"),
            "`/a` is of type '5' and has a content",
        ),
        (
            new().entry(EntryType::new(b'V'), "a", "", b""),
            "`/a` is of type 'V'",
        ),
        (
            new().entry(EntryType::Regular, "./", "", b"x"),
            "the root is a directory",
        ),
        (
            new()
                .entry(EntryType::XHeader, "p", "", b"99 path=a\n")
                .file("b", ""),
            "a pax header cannot be read",
        ),
        (
            new()
                .entry(EntryType::XHeader, "p", "", b"26 GNU.sparse.realsize=10\n")
                .file("b", ""),
            "`/b` is a sparse file",
        ),
        (
            new()
                .entry(EntryType::XHeader, "p", "", b"25 size=9999999999999999\n")
                .file("b", ""),
            "longer than the archive",
        ),
        (
            new()
                .file(&format!("{}/b", "a".repeat(98)), "")
                .entry(EntryType::GNULongName, "l", "", "n".repeat(300).as_bytes())
                .file("b", ""),
            "over 255 bytes",
        ),
    ];
    for (archive, expected) in cases {
        let refusal = scene.refusal(archive);
        assert!(
            refusal.contains(expected),
            "{refusal:?} does not say {expected:?}"
        );
    }
}

#[test]
fn what_the_kernel_makes_is_left_out_not_refused() {
    let scene = Scene::new();
    let archive = Archive::default()
        .entry(EntryType::Char, "dev/null", "", b"")
        .hard_link("dev/zero", "dev/null")
        .file("proc/1/status", "x")
        .file("etc/machine-id", "0123")
        .file("etc/ssh/ssh_host_rsa_key", "private")
        .hard_link("etc/ssh/copy", "etc/ssh/ssh_host_rsa_key")
        .entry(EntryType::GNUSparse, "var/log/lastlog", "", b"")
        .directory("dev");
    let layer = scene.read(&scene.write("a.tar", &archive.bytes())).unwrap();
    insta::assert_snapshot!(listing(layer), @"
    d0755 0:0 /
    d0755 0:0 /dev
    ");
}

#[test]
fn bombs_and_floods_are_refused() {
    let scene = Scene::new();
    let limits = Limits {
        entries: 100,
        bytes: 1 << 20,
        ratio: 10,
    };
    let refused = |name, bytes: &[u8]| {
        let error = scene
            .read_with(&scene.write(name, bytes), &limits)
            .unwrap_err();
        std::error::Error::source(&error).unwrap().to_string()
    };
    let zeros = vec![0; 4 << 20];
    for (name, bytes) in [
        ("a.gz", compress("gzip", &zeros)),
        ("a.zst", zstd::encode_all(zeros.as_slice(), 1).unwrap()),
        ("a.xz", compress("xz", &zeros)),
    ] {
        let refusal = refused(name, &bytes);
        assert_eq!(
            refusal,
            "it holds more than 1048576 bytes when it is unpacked"
        );
    }
    let mut flood = Archive::default();
    for number in 0..101 {
        flood = flood.directory(&format!("run/{number}"));
    }
    assert_eq!(
        refused("a.tar", &flood.bytes()),
        "it holds more than 100 entries"
    );
    let large = Archive::default().entry(EntryType::Regular, "a", "", &vec![1; (1 << 20) + 1]);
    assert_eq!(
        refused("b.tar", &large.bytes()),
        "it holds more than 1048576 bytes"
    );
}

#[test]
fn layers_replace_and_take_away() {
    let scene = Scene::new();
    let lower = Archive::default()
        .file("etc/kept", "lower")
        .file("etc/replaced", "lower")
        .hard_link("etc/other-name", "etc/replaced")
        .file("etc/gone", "lower")
        .file("opt/a/b", "lower")
        .file("srv/old", "lower")
        .directory("was/directory");
    let upper = Archive::default()
        .file("etc/replaced", "upper!")
        .file("etc/.wh.gone", "")
        .file("opt/.wh.a", "")
        .file("srv/new", "upper")
        .file("srv/.wh..wh..opq", "")
        .file("was/directory", "a file now");
    let path = scene.write("a.tar", &oci(&[lower.bytes(), upper.bytes()]).bytes());
    let layer = scene.read(&path).unwrap();
    let text = |path| String::from_utf8(lookup::read(&layer, path).unwrap().unwrap()).unwrap();
    assert_eq!(text("/etc/replaced"), "upper!");
    assert_eq!(text("/etc/other-name"), "lower");
    insta::assert_snapshot!(listing(layer), @"
    d0755 0:0 /
    d0755 0:0 /etc
    -0644 0:0 /etc/kept
    -0644 0:0 /etc/other-name
    -0644 0:0 /etc/replaced
    d0755 0:0 /opt
    d0755 0:0 /srv
    -0644 0:0 /srv/new
    d0755 0:0 /was
    -0644 0:0 /was/directory
    ");
}

#[test]
fn a_changed_blob_of_an_oci_archive_is_found() {
    let scene = Scene::new();
    let mut bytes = oci(&[small()[0].0.clone()]).bytes();
    let at = bytes
        .windows(5)
        .position(|window| window == b"hello")
        .unwrap();
    bytes[at + 512] ^= 1;
    let error = scene
        .read(&scene.write("a.tar", &bytes))
        .unwrap_err()
        .to_string();
    assert!(error.contains("the bytes have another digest"), "{error}");
}

#[test]
fn what_cannot_be_imported_says_so() {
    let scene = Scene::new();
    let problem = |name, bytes: &[u8]| scene.read(&scene.write(name, bytes)).unwrap_err();
    assert!(
        problem("a", b"hello")
            .to_string()
            .ends_with("it is no tar, no directory and no OCI image")
    );
    let bzip2 = problem("b", b"BZh9hello");
    assert!(bzip2.to_string().ends_with("it is compressed with bzip2"));
    assert!(bzip2.hint().unwrap().contains("xz"));
    let missing = scene.read(Path::new("/nonexistent")).unwrap_err();
    assert_eq!(missing.to_string(), "cannot read `/nonexistent`");
}

/// A filesystem that a node could run on, as far as can be seen.
fn complete() -> Archive {
    let mut initrd = Vec::new();
    cpio::newc::trailer(&mut initrd).unwrap();
    let drivers = [
        "ext4",
        "virtio_pci",
        "virtio_blk",
        "sd_mod",
        "virtio_scsi",
        "nvme",
        "ahci",
        "vmw_pvscsi",
        "hv_storvsc",
        "xen-blkfront",
        "virtio_net",
        "overlay",
        "br_netfilter",
        "bridge",
        "veth",
        "nf_conntrack",
        "vmxnet3",
        "hv_netvsc",
        "xen-netfront",
        "e1000e",
        "igb",
    ];
    let builtin: String = drivers
        .iter()
        .map(|name| format!("kernel/{name}.ko\n"))
        .collect();
    let mut archive = Archive::default()
        .symlink("lib", "usr/lib")
        .symlink("vmlinuz", "boot/vmlinuz-6.1.0-9")
        .symlink("initrd.img", "boot/initrd.img-6.1.0-9")
        .file("boot/vmlinuz-6.1.0-9", "kernel")
        .entry(EntryType::Regular, "boot/initrd.img-6.1.0-9", "", &initrd)
        .file("usr/lib/modules/6.1.0-9/modules.builtin", &builtin)
        .file("usr/lib/systemd/systemd", "init")
        .file("etc/passwd", "root:x:0:0::/root:/bin/sh\n")
        .symlink("usr/sbin/iptables", "/etc/alternatives/iptables")
        .symlink("etc/alternatives/iptables", "/usr/sbin/iptables-nft")
        .file("usr/sbin/iptables-nft", "program");
    for name in [
        "ip",
        "mount",
        "modprobe",
        "touch",
        "nsenter",
        "ebtables",
        "ethtool",
        "socat",
        "tc",
        "conntrack",
        "growpart",
        "resize2fs",
    ] {
        archive = archive.file(&format!("usr/bin/{name}"), "program");
    }
    archive
}

fn imported(scene: &Scene, archive: Archive) -> Result<Prepared, BaseError> {
    let path = scene.write("root.tar", &archive.bytes());
    let report = Report::to_stderr();
    import(
        &scene.blueprint,
        &scene.cache(),
        &path,
        &Limits::USUAL,
        &report,
    )
}

#[test]
fn a_base_that_lacks_nothing_is_kept_and_opened() {
    let scene = Scene::new();
    let prepared = imported(&scene, complete()).unwrap();
    assert_eq!(prepared.lacks, Vec::<String>::new());
    assert_eq!(prepared.kernel.as_deref(), Some("6.1.0-9"));
    let base = Base::open(&scene.cache(), "debian-12").unwrap();
    assert_eq!(base.digest, prepared.digest);
    assert_eq!(
        base.kernel(&scene.blueprint).unwrap().as_str(),
        "/boot/vmlinuz-6.1.0-9"
    );
    assert_eq!(
        base.initrd(&scene.blueprint).unwrap().as_str(),
        "/boot/initrd.img-6.1.0-9"
    );
    assert_eq!(
        base.read_file("/etc/passwd").unwrap().unwrap(),
        b"root:x:0:0::/root:/bin/sh\n"
    );
    assert_eq!(base.read_file("/etc/nothing").unwrap(), None);
    Base::verify(&scene.cache(), "debian-12").unwrap();
    let blueprints = Blueprints::embedded().unwrap();
    let listed = list(&scene.cache(), &blueprints);
    let prepared: Vec<_> = listed
        .iter()
        .filter(|listed| matches!(listed.prepared, Ok(Some(_))))
        .map(|listed| (listed.blueprint.name.as_str(), listed.is_outdated()))
        .collect();
    assert_eq!(prepared, [("debian-12", false)]);
}

#[test]
fn everything_that_is_missing_is_named_at_once() {
    let scene = Scene::new();
    let error = imported(&scene, Archive::default().file("usr/bin/ip", "")).unwrap_err();
    assert_eq!(error.exit(), Exit::UserFiles);
    insta::assert_snapshot!(error, @"
    `debian-12` lacks what a node cannot do without:
        kernel modules in `/usr/lib/modules` (there is no kernel without them)
        systemd (it starts everything else)
        the command `ip` (routes to other nodes' pods)
        the command `iptables` (kube-proxy and the CNI plugins)
        the command `mount` (kubelet mounts volumes with it)
        the command `modprobe` (loading br_netfilter and overlay)
        the command `touch` (kubelet and kubeadm run it)
    ");
    let missing = Base::open(&scene.cache(), "debian-12").unwrap_err();
    assert_eq!(missing.exit(), Exit::Environment);
    assert!(
        missing
            .hint()
            .unwrap()
            .contains("kimage base build debian-12")
    );
}

#[test]
fn a_base_with_a_password_is_reported() {
    let scene = Scene::new();
    let shadow =
        "root:$6$salt$hash:1::::::\ndaemon:*:1::::::\nguest::1::::::\nadmin:!$6$a$b:1::::::\n";
    let prepared = imported(&scene, complete().file("etc/shadow", shadow)).unwrap();
    let lacks: Vec<_> = prepared
        .lacks
        .iter()
        .map(|lack| lack.split(" (").next())
        .collect();
    assert_eq!(
        lacks,
        [
            Some("a locked password of `root`"),
            Some("a locked password of `guest`")
        ]
    );
}

#[test]
fn a_driver_that_is_missing_from_the_initrd_is_named() {
    let scene = Scene::new();
    let complete = complete().bytes();
    let text = String::from_utf8_lossy(&complete).into_owned();
    let less = text.replace("kernel/vmw_pvscsi.ko", "kernel/not_vmware.ko");
    let path = scene.write("a.tar", less.as_bytes());
    let layer = scene.read(&path).unwrap();
    let lacks = lack::lacks(&scene.blueprint, &layer).unwrap();
    let lacks: Vec<_> = lacks.iter().map(Lack::to_string).collect();
    assert_eq!(
        lacks,
        ["the driver `vmw_pvscsi` in its initrd (VMware's disks)"]
    );
}

#[test]
fn a_link_in_a_circle_is_no_command() {
    let scene = Scene::new();
    let archive = complete().symlink("usr/sbin/iptables-nft2", "iptables-nft2");
    let layer = scene.read(&scene.write("a.tar", &archive.bytes())).unwrap();
    assert!(lookup::find(&layer, "/usr/sbin/iptables-nft2").is_none());
    assert!(lookup::find(&layer, "/usr/sbin/iptables").is_some());
    assert!(lookup::find(&layer, "/../../etc/./passwd").is_some());
}

#[test]
fn a_damaged_index_is_made_again_and_a_damaged_tar_is_named() {
    let scene = Scene::new();
    let prepared = imported(&scene, complete()).unwrap();
    let directory = store::directory(&scene.cache(), "debian-12");
    let paths = store::Paths::new(&directory, prepared.digest);
    let whole = fs::read(&paths.index).unwrap();
    let list = || listing(Base::open(&scene.cache(), "debian-12").unwrap().layer);
    let before = list();
    fs::write(&paths.index, &whole[..whole.len() / 2]).unwrap();
    assert_eq!(list(), before);
    assert_eq!(fs::read(&paths.index).unwrap(), whole);
    fs::remove_file(&paths.index).unwrap();
    assert_eq!(list(), before);

    let open = || Base::open(&scene.cache(), "debian-12").unwrap_err();
    let core = fs::read(paths.boot.join("core.img")).unwrap();
    fs::write(paths.boot.join("core.img"), &core[1..]).unwrap();
    assert!(open().to_string().contains("the boot code in"));
    fs::write(paths.boot.join("core.img"), &core).unwrap();

    let mut tar = fs::read(&paths.tar).unwrap();
    let last = tar.len() - 2000;
    tar[last] ^= 1;
    fs::write(&paths.tar, &tar).unwrap();
    let error = Base::verify(&scene.cache(), "debian-12").unwrap_err();
    assert_eq!(error.exit(), Exit::Integrity);
    fs::write(&paths.tar, &tar[..last]).unwrap();
    assert_eq!(open().exit(), Exit::Integrity);
}

#[test]
fn the_base_before_the_last_one_goes() {
    let scene = Scene::new();
    let names = || {
        let mut names: Vec<_> = fs::read_dir(store::directory(&scene.cache(), "debian-12"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".tar"))
            .collect();
        names.sort();
        names
    };
    let prepare = |text: &str| {
        let prepared = imported(&scene, complete().file("etc/motd", text)).unwrap();
        format!("{}.tar", prepared.digest)
    };
    let (first, second) = (prepare("1"), prepare("2"));
    assert!(names().contains(&first) && names().contains(&second));
    let third = prepare("3");
    let mut expected = vec![second, third];
    expected.sort();
    assert_eq!(names(), expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn damaged_archives_never_panic_and_nothing_escapes(
        changes in prop::collection::vec((0_usize..6000, any::<u8>()), 0..6),
        cut in 0_usize..8000,
        fix_checksums: bool,
    ) {
        let scene = Scene::new();
        let mut bytes = small()[0].0.clone();
        bytes.truncate(cut.max(512));
        for (at, byte) in changes {
            let length = bytes.len();
            bytes[at % length] = byte;
        }
        if fix_checksums {
            for block in bytes.chunks_exact_mut(512) {
                if block[257..].starts_with(b"ustar") {
                    let mut header = Header::new_old();
                    header.as_mut_bytes().copy_from_slice(block);
                    header.set_cksum();
                    block.copy_from_slice(header.as_bytes());
                }
            }
        }
        if let Ok(layer) = scene.read(&scene.write("a.tar", &bytes)) {
            for (path, layered) in layer.entries() {
                prop_assert!(path.names().all(|name| name != ".." && !name.is_empty()));
                if let Kind::File(content) = &layered.entry.kind {
                    prop_assert!(lookup::read_content(content).is_ok());
                }
            }
            prop_assert!(Tree::seal([layer]).is_ok());
        }
    }

    #[test]
    fn a_changed_index_is_never_believed(at: usize, byte: u8, cut: usize) {
        let layer = {
            let scene = Scene::new();
            scene.read(&scene.write("a.tar", &small()[0].0)).unwrap()
        };
        let bytes = index::encode(&layer, 10_000);
        let blob = Blob::new("/tar".into());
        let decode = |bytes: &[u8]| index::decode(bytes, Origin::new("base test"), &blob, 10_000);
        prop_assert_eq!(listing(decode(&bytes).unwrap()), listing(layer));
        prop_assert!(decode(&bytes[..cut % bytes.len()]).is_none());
        let mut changed = bytes.clone();
        let at = at % bytes.len();
        changed[at] = byte;
        prop_assert_eq!(decode(&changed).is_some(), byte == bytes[at]);
    }

    #[test]
    fn an_index_of_foreign_bytes_never_panics(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut bytes = b"kimage index 01\n".to_vec();
        bytes.extend(10_000_u64.to_le_bytes());
        bytes.extend(body);
        let digest = Digest::of(&bytes);
        bytes.extend_from_slice(digest.as_bytes());
        let _ = index::decode(&bytes, Origin::new("base test"), &Blob::new("/tar".into()), 10_000);
    }
}

#[test]
fn a_directory_with_hard_links_and_old_times_is_read() {
    let scene = Scene::new();
    let root = scene.directory.path().join("root");
    fs::create_dir_all(root.join("etc")).unwrap();
    fs::write(root.join("etc/b"), "text").unwrap();
    fs::hard_link(root.join("etc/b"), root.join("etc/a")).unwrap();
    let old = SystemTime::UNIX_EPOCH - Duration::from_secs(10);
    File::options()
        .write(true)
        .open(root.join("etc/a"))
        .unwrap()
        .set_modified(old)
        .unwrap();
    std::os::unix::fs::symlink("/etc/shadow", root.join("etc/link")).unwrap();
    let layer = scene.read(&root).unwrap();
    assert!(
        matches!(&layer.get("/etc/b").unwrap().kind, Kind::HardLink(target) if target.as_str() == "/etc/a")
    );
    assert!(
        matches!(&layer.get("/etc/link").unwrap().kind, Kind::Symlink(target) if target == "/etc/shadow")
    );
    assert_eq!(layer.get("/etc/a").unwrap().meta.mtime, 0);
}

#[test]
fn a_base_says_which_packages_it_has_or_a_list_beside_it_does() {
    let scene = Scene::new();
    let status = "Package: ipset\nStatus: install ok installed\nVersion: 7.17-1\n\n\
                  Package: ntp\nStatus: deinstall ok config-files\nVersion: 1:4.2\n";
    let archive = || complete().file("var/lib/dpkg/status", status);
    let prepared = imported(&scene, archive()).unwrap();
    assert_eq!(prepared.packages, ["ipset 7.17-1"]);
    scene.write(
        "root.tar.packages",
        b"ipset 7.1-1.el7\n\nchrony 3.4-1.el7\n",
    );
    let prepared = imported(&scene, archive()).unwrap();
    assert_eq!(prepared.packages, ["chrony 3.4-1.el7", "ipset 7.1-1.el7"]);
    let base = Base::open(&scene.cache(), "debian-12").unwrap();
    assert!(base.has("/lib/systemd/systemd") && !base.has("/lib/systemd/other"));
}
