//! Which drivers an initrd holds, from its own bytes.
//!
//! An initrd is a row of cpio archives ("newc"), as the kernel's `initramfs-buffer-format` says: first, maybe, one or more that are not compressed
//! (microcode), then one that is. Only names are read; what is unpacked is counted, not kept.

use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader, Read};

/// How much an initrd may hold unpacked, in bytes.
const MOST: u64 = 2 << 30;
/// How many names it may hold.
const MOST_NAMES: usize = 200_000;

/// Why nothing is known about an initrd.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum InitrdError {
    /// It is compressed in a way that is not read.
    Compression(&'static str),
    /// It cannot be unpacked.
    Damaged,
}

/// The kernel modules in an initrd, by name with `_` for `-`.
pub(super) fn modules(bytes: &[u8]) -> Result<BTreeSet<String>, InitrdError> {
    let mut names = BTreeSet::new();
    let mut rest = bytes;
    read_archives(&mut rest, &mut names).map_err(|_| InitrdError::Damaged)?;
    if rest.is_empty() {
        return Ok(names);
    }
    let unpacked: Box<dyn Read + '_> = match rest {
        [0x1f, 0x8b, ..] => Box::new(flate2::read::MultiGzDecoder::new(rest)),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            Box::new(zstd::stream::read::Decoder::new(rest).map_err(|_| InitrdError::Damaged)?)
        }
        [0xfd, b'7', b'z', ..] => return Err(InitrdError::Compression("xz")),
        [0x5d, 0, ..] => return Err(InitrdError::Compression("lzma")),
        [b'B', b'Z', b'h', ..] => return Err(InitrdError::Compression("bzip2")),
        [0x02, 0x21, 0x4c, 0x18, ..] | [0x04, 0x22, 0x4d, 0x18, ..] => {
            return Err(InitrdError::Compression("lz4"));
        }
        [0x89, b'L', b'Z', b'O', ..] => return Err(InitrdError::Compression("lzo")),
        _ => return Err(InitrdError::Damaged),
    };
    let mut inner = BufReader::with_capacity(1 << 16, unpacked.take(MOST));
    read_archives(&mut inner, &mut names).map_err(|_| InitrdError::Damaged)?;
    let ended = matches!(inner.fill_buf(), Ok([]));
    if ended && inner.get_ref().limit() > 0 {
        Ok(names)
    } else {
        Err(InitrdError::Damaged)
    }
}

/// Reads archives as long as there are any, and stops before what is none.
fn read_archives(reader: &mut impl BufRead, names: &mut BTreeSet<String>) -> io::Result<()> {
    loop {
        // Archives are padded with zeros to whatever their writers liked.
        let next = reader.fill_buf()?;
        let zeros = next.iter().take_while(|byte| **byte == 0).count();
        if zeros > 0 {
            reader.consume(zeros);
        } else if next.first() == Some(&b'0') {
            read_archive(reader, names)?;
        } else {
            return Ok(());
        }
    }
}

/// Reads one archive to its trailer.
fn read_archive(reader: &mut impl BufRead, names: &mut BTreeSet<String>) -> io::Result<()> {
    loop {
        let member = cpio::newc::Reader::new(&mut *reader)?;
        let trailer = member.entry().is_trailer();
        if let Some(name) = module_name(member.entry().name()) {
            names.insert(name);
        }
        if names.len() > MOST_NAMES {
            return Err(io::ErrorKind::InvalidData.into());
        }
        member.finish()?;
        if trailer {
            return Ok(());
        }
    }
}

/// The name of the kernel module in a file, if there is one: `virtio_blk` for `.../virtio-blk.ko.xz`.
pub(super) fn module_name(path: &str) -> Option<String> {
    let file = path.rsplit('/').next()?;
    let stem = [".ko", ".ko.xz", ".ko.zst", ".ko.gz"]
        .iter()
        .find_map(|ending| file.strip_suffix(ending))?;
    Some(stem.replace('-', "_"))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use proptest::prelude::*;

    fn archive(names: &[&str]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for name in names {
            let mut writer = cpio::NewcBuilder::new(name)
                .mode(0o100644)
                .write(&mut bytes, 3);
            writer.write_all(b"abc").unwrap();
            writer.finish().unwrap();
        }
        cpio::newc::trailer(&mut bytes).unwrap();
        bytes.resize(bytes.len().next_multiple_of(512), 0);
        bytes
    }

    fn initrd() -> Vec<u8> {
        let early = archive(&["kernel/x86/microcode/GenuineIntel.bin"]);
        let main = archive(&[
            "usr/lib/modules/6.1/virtio-blk.ko",
            "lib/nvme.ko.xz",
            "init",
        ]);
        [early, zstd::encode_all(main.as_slice(), 3).unwrap()].concat()
    }

    #[test]
    fn modules_behind_microcode_and_compression_are_found() {
        let names: Vec<_> = modules(&initrd()).unwrap().into_iter().collect();
        assert_eq!(names, ["nvme", "virtio_blk"]);
    }

    #[test]
    fn an_initrd_that_cannot_be_read_is_not_an_empty_one() {
        assert_eq!(
            modules(b"\xfd7zXZ\0abc"),
            Err(InitrdError::Compression("xz"))
        );
        assert_eq!(modules(b"hello"), Err(InitrdError::Damaged));
        let whole = initrd();
        assert_eq!(
            modules(&whole[..whole.len() - 10]),
            Err(InitrdError::Damaged)
        );
    }

    proptest! {
        #[test]
        fn damaged_initrds_never_panic(at in 0_usize..700, byte: u8, cut in 0_usize..700) {
            let mut bytes = initrd();
            let at = at % bytes.len();
            bytes[at] = byte;
            let _ = modules(&bytes);
            let _ = modules(&bytes[..cut.min(bytes.len())]);
        }
    }
}
