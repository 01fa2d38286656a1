//! EFI system partitions: FAT32, by `fatfs`.
//!
//! The UEFI specification (2.10, 13.3) asks for FAT32 on fixed disks, and firmware that takes FAT16 as well is not to be
//! relied on; 64 MiB hold a boot loader many times over and are FAT32 by any count of clusters. `fatfs` wants to seek,
//! so the filesystem is made in memory, of which it takes only what it writes; every time stamp is the first that FAT
//! can express.

use std::io::{Seek, SeekFrom, Write};

use fatfs::{Date, DateTime, FatType, FileSystem, FormatVolumeOptions, FsOptions, Time};

use super::mended::mend;
use super::page::Pages;
use super::source::Source;
use super::{Region, SinkError, Tally};
use crate::tree::{Kind, Tree, TreePath};

const FORMAT: &str = "FAT";
const SECTOR: u64 = 512;
/// The size of a partition whose content fits easily.
const USUAL: u64 = 64 << 20;
/// Room for file allocation tables, directories and a second version of everything.
const SPARE: u64 = 16 << 20;

/// A finished filesystem.
#[derive(Debug)]
pub struct Fat {
    pages: Pages,
}

impl Fat {
    /// Makes a filesystem from a tree and further files, which a file of the tree at the same path (in any case)
    /// replaces.
    pub fn seal(
        tree: &Tree,
        further: &[(&TreePath, &[u8])],
        volume_id: u32,
    ) -> Result<Self, SinkError> {
        let content: u64 = tree
            .entries()
            .map(|(_, entry)| match &entry.kind {
                Kind::File(content) => content.size(),
                _ => 0,
            })
            .chain(further.iter().map(|(_, bytes)| bytes.len() as u64))
            .sum();
        let size = USUAL.max((content + content / 4 + SPARE).next_multiple_of(1 << 20));
        let mut pages = Pages::new(size);
        let options = FormatVolumeOptions::new()
            .fat_type(FatType::Fat32)
            .bytes_per_cluster(if size <= 256 << 20 { 512 } else { 4096 })
            .total_sectors(u32::try_from(size / SECTOR).map_err(|_| refused("it is too large"))?)
            .volume_id(volume_id)
            .volume_label(*b"ESP        ");
        fatfs::format_volume(&mut pages, options).map_err(refused)?;
        pages.seek(SeekFrom::Start(0)).map_err(refused)?;
        {
            let options = FsOptions::new().time_provider(&FIRST_MOMENT);
            let filesystem = FileSystem::new(&mut pages, options).map_err(refused)?;
            fill(&filesystem, tree, further)?;
            // Asked for, the number of free clusters is also noted down.
            filesystem.stats().map_err(refused)?;
            filesystem.unmount().map_err(refused)?;
        }
        mend(&mut pages)?;
        Ok(Self { pages })
    }

    /// How many bytes the filesystem has.
    pub fn size(&self) -> u64 {
        self.pages.size()
    }

    /// Writes it.
    pub fn write(&self, region: &mut dyn Region) -> Result<(), SinkError> {
        Ok(self.pages.write(0, self.size(), region)?)
    }

    /// Notes where data will be.
    pub fn tally(&self, tally: &mut Tally, start: u64) -> Result<(), SinkError> {
        let mut own = Tally::new(self.size());
        self.write(&mut own)?;
        for (from, until) in own.runs() {
            tally.expect(start + from, until - from)?;
        }
        Ok(())
    }
}

fn fill(
    filesystem: &FileSystem<&mut Pages>,
    tree: &Tree,
    further: &[(&TreePath, &[u8])],
) -> Result<(), SinkError> {
    let root = filesystem.root_dir();
    let mut source = Source::new();
    for (path, entry) in tree.entries() {
        let unstorable = |reason: String| SinkError::Unstorable {
            format: FORMAT,
            path: path.clone(),
            reason,
        };
        let relative = &path.as_str()[1..];
        match &entry.kind {
            Kind::Directory if path.is_root() => {}
            Kind::Directory => {
                root.create_dir(relative)
                    .map_err(|error| unstorable(error.to_string()))?;
            }
            Kind::File(content) => {
                let mut file = root
                    .create_file(relative)
                    .map_err(|error| unstorable(error.to_string()))?;
                source.pieces(path, content, 0, content.size(), &mut |piece| {
                    file.write_all(piece)
                })?;
                file.flush()?;
            }
            _ => return Err(unstorable("only files and directories can be on it".into())),
        }
    }
    for (path, bytes) in further {
        let taken = tree
            .entries()
            .any(|(other, _)| other.as_str().eq_ignore_ascii_case(path.as_str()));
        if taken {
            continue;
        }
        let mut directory = root.clone();
        let names: Vec<&str> = path.names().collect();
        if let Some((name, above)) = names.split_last() {
            for name in above {
                directory = directory.create_dir(name)?;
            }
            let mut file = directory.create_file(name)?;
            file.write_all(bytes)?;
            file.flush()?;
        }
    }
    Ok(())
}

fn refused(error: impl ToString) -> SinkError {
    SinkError::Layout {
        format: FORMAT,
        reason: error.to_string(),
    }
}

/// The clock of all filesystems: it stands still at the first moment that FAT can express.
#[derive(Debug)]
struct FirstMoment;

static FIRST_MOMENT: FirstMoment = FirstMoment;

impl fatfs::TimeProvider for FirstMoment {
    fn get_current_date(&self) -> Date {
        Date {
            year: 1980,
            month: 1,
            day: 1,
        }
    }

    fn get_current_date_time(&self) -> DateTime {
        DateTime {
            date: self.get_current_date(),
            time: Time {
                hour: 0,
                min: 0,
                sec: 0,
                millis: 0,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{self, oracle};
    use super::super::{Checked, Memory};
    use super::*;

    fn image(volume_id: u32) -> Vec<u8> {
        let efi: TreePath = "/EFI/BOOT/BOOTX64.EFI".parse().unwrap();
        let tree = fixture::esp();
        let sealed = Fat::seal(&tree, &[(&efi, &[0xEF; 200_000])], volume_id).unwrap();
        let mut region = Checked::new(Memory::new(sealed.size() as usize));
        sealed.write(&mut region).unwrap();
        region.finish().unwrap().into_bytes()
    }

    fn file() -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&image(0xCAFE_F00D)).unwrap();
        file
    }

    #[test]
    fn fsck_vfat_finds_nothing_to_complain_about_and_it_is_fat32() {
        let said = oracle("fsck.vfat", &["-n", "-v"], file().path());
        assert!(said.contains("32 bit entries"), "{said}");
    }

    #[test]
    fn mtools_see_what_the_tree_holds() {
        let file = file();
        let list = oracle("mdir", &["-/", "-b", "-i"], file.path());
        assert!(list.contains("::/EFI/BOOT/BOOTX64.EFI"), "{list}");
        assert!(list.contains("::/EFI/kimage/grub.cfg"), "{list}");
        let label = oracle("mlabel", &["-s", "-i"], file.path());
        assert!(label.contains("ESP"), "{label}");
        let info = oracle("minfo", &["-i"], file.path());
        assert!(info.contains("CAFEF00D"), "{info}");
    }

    #[test]
    fn the_same_files_give_the_same_bytes() {
        assert!(image(1) == image(1));
        assert!(image(1) != image(2));
    }

    #[test]
    fn a_boot_loader_in_the_tree_stands_before_the_further_one() {
        let mut layer = crate::tree::Layer::new(crate::tree::Origin::new("overlay"));
        let at = "/efi/boot/bootx64.efi".parse().unwrap();
        let content = crate::tree::Content::bytes("signed");
        layer.file(at, crate::tree::Meta::root(0o644), content);
        let tree = Tree::seal([layer]).unwrap();
        let efi: TreePath = "/EFI/BOOT/BOOTX64.EFI".parse().unwrap();
        let sealed = Fat::seal(&tree, &[(&efi, b"own")], 1).unwrap();
        let mut region = Memory::new(sealed.size() as usize);
        sealed.write(&mut region).unwrap();
        let bytes = region.into_bytes();
        assert!(bytes.windows(6).any(|window| window == b"signed"));
    }

    #[test]
    fn a_link_is_refused_by_name() {
        let mut layer = crate::tree::Layer::new(crate::tree::Origin::new("overlay"));
        layer.symlink("/x".parse().unwrap(), "y");
        let tree = Tree::seal([layer]).unwrap();
        let error = Fat::seal(&tree, &[], 1).unwrap_err();
        assert_eq!(
            error.to_string(),
            "FAT cannot store `/x`: only files and directories can be on it"
        );
    }
}
