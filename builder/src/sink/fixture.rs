//! Trees and boot code to test formats with, and oracles to judge the results.

use std::path::Path;
use std::process::Command;

use uuid::Uuid;

use super::{BootCode, Disk, DiskIdentity};
use crate::tree::{Blob, Content, Kind, Layer, Meta, Origin, Overwrite, Sharing, Slice, Tree};

pub(crate) const EPOCH: i64 = 1_700_000_000;

fn mode(mode: u16) -> Meta {
    Meta {
        mtime: EPOCH - 5,
        ..Meta::root(mode)
    }
}

/// Something of every kind, small and large, and two files of the node `name`.
pub(crate) fn root(name: &str) -> Tree {
    let mut base = Layer::new(Origin::new("base test"));
    let at = |path: &str| path.parse().expect("a path");
    for path in ["/", "/etc", "/usr", "/usr/bin", "/var", "/var/lib", "/dev"] {
        base.directory(at(path), mode(0o755));
    }
    base.directory(at("/tmp"), mode(0o1777));
    base.directory(at("/lost+found"), mode(0o700));
    base.symlink(at("/bin"), "usr/bin");
    base.symlink(at("/etc/long"), "x".repeat(200));
    base.file(at("/etc/empty"), mode(0o644), Content::bytes(""));
    base.file(
        at("/etc/passwd"),
        mode(0o644),
        Content::bytes("root:x:0:0::/root:/bin/sh\n"),
    );
    base.file(
        at("/var/large"),
        mode(0o640),
        Content::bytes(
            (0..3_000_001u32)
                .map(|at| (at / 3) as u8)
                .collect::<Vec<u8>>(),
        ),
    );
    let mut owned = Meta {
        uid: 70_000,
        gid: 80_000,
        ..mode(0o4750)
    };
    owned.xattrs.insert(
        "security.capability".into(),
        b"\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0".to_vec(),
    );
    owned.xattrs.insert("user.note".into(), vec![b'n'; 300]);
    base.file(at("/usr/bin/ping"), owned, Content::bytes("ping"));
    let shared = Sharing::Role;
    let kept = Overwrite::Refuse;
    base.add(
        at("/usr/bin/aping"),
        Kind::HardLink(at("/usr/bin/ping")),
        mode(0o755),
        shared,
        kept,
    );
    base.add(
        at("/dev/null"),
        Kind::CharDevice { major: 1, minor: 3 },
        mode(0o666),
        shared,
        kept,
    );
    base.add(
        at("/dev/vda"),
        Kind::BlockDevice {
            major: 254,
            minor: 0,
        },
        mode(0o660),
        shared,
        kept,
    );
    base.add(at("/dev/pipe"), Kind::Fifo, mode(0o600), shared, kept);
    for number in 0..300 {
        let path = format!("/var/lib/many/a-file-with-a-long-name-{number:04}");
        let content = Content::bytes(format!("{number}\n"));
        base.file(at(&path), mode(0o644), content);
    }
    let mut own = Layer::new(Origin::new("stage node"));
    let hostname = format!("{name}\n");
    own.node_file(at("/etc/hostname"), mode(0o644), Content::bytes(hostname));
    own.node_file(
        at("/etc/key"),
        mode(0o600),
        Content::Secret(crate::secret::Secret::new(vec![b'k'; 5000])),
    );
    Tree::seal([base, own]).expect("a tree")
}

/// A tree whose only file is a slice of a file on this machine.
pub(crate) fn slice(path: &Path, offset: u64, size: u64) -> Tree {
    let mut base = Layer::new(Origin::new("base test"));
    let slice = Slice {
        blob: Blob::new(path.to_owned()),
        offset,
        size,
    };
    let at = "/slice".parse().expect("a path");
    base.file(at, mode(0o644), Content::Slice(slice));
    Tree::seal([base]).expect("a tree")
}

pub(crate) fn esp() -> Tree {
    let mut layer = Layer::new(Origin::new("boot"));
    layer.file(
        "/EFI/kimage/grub.cfg".parse().expect("a path"),
        Meta::root(0o644),
        Content::bytes("linux /vmlinuz\n"),
    );
    Tree::seal([layer]).expect("a tree")
}

pub(crate) fn boot() -> BootCode {
    BootCode {
        mbr: (0..440).map(|at| at as u8).collect(),
        core: vec![0xC0; 33_000],
        efi: vec![0xEF; 200_000],
    }
}

pub(crate) fn identity(node: u128) -> DiskIdentity {
    let guid = |of: u128| Uuid::from_u128(0x1000_4000_8000_0000_0000 + node * 16 + of);
    DiskIdentity {
        disk: guid(1),
        bios: guid(2),
        esp: guid(3),
        root: guid(4),
        filesystem: Uuid::from_u128(0xF5),
        fat: 0xCAFE_F00D,
    }
}

/// The places where two images differ. Equal blocks are skipped at once, so that this is fast without optimisation.
pub(crate) fn differences(first: &[u8], second: &[u8]) -> Vec<usize> {
    assert_eq!(first.len(), second.len());
    let blocks = first.chunks(4096).zip(second.chunks(4096)).enumerate();
    blocks
        .filter(|(_, (first, second))| first != second)
        .flat_map(|(block, (first, second))| {
            let bytes = first.iter().zip(second).enumerate();
            bytes
                .filter(|(_, (first, second))| first != second)
                .map(move |(at, _)| block * 4096 + at)
        })
        .collect()
}

/// Runs an oracle and answers what it said; anything but success fails the test.
#[allow(clippy::disallowed_methods)] // An oracle is no part of the program.
pub(crate) fn oracle(program: &str, arguments: &[&str], image: &Path) -> String {
    let path = "/usr/sbin:/usr/bin:/sbin:/bin";
    let output = Command::new(program)
        .args(arguments)
        .arg(image)
        .env("PATH", path)
        .env("LC_ALL", "C")
        .output()
        .unwrap_or_else(|error| panic!("the oracle `{program}` is missing: {error}"));
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success(), "{program}: {said}");
    said
}

/// The disk of a node.
pub(crate) fn disk<'a>(root: &'a Tree, esp: &'a Tree, boot: &'a BootCode, node: u128) -> Disk<'a> {
    Disk {
        root,
        esp,
        boot,
        identity: identity(node),
        epoch: EPOCH,
        headroom: 4 << 20,
    }
}
