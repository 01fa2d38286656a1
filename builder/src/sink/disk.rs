//! Whole disks that boot with BIOS and with UEFI.
//!
//! | partition | from | holds |
//! |---|---|---|
//! | 1 `bios` | 1 MiB | GRUB's core image, found by the boot code in the MBR |
//! | 2 `esp` | 2 MiB | the EFI system partition, with `EFI/BOOT/BOOTX64.EFI`, so that blank NVRAM boots |
//! | 3 `root` | behind it | the root filesystem; last, so that it can grow |
//!
//! A disk is sealed into a [`DiskLayout`] and written from it, upwards: all metadata first, then the files of the root.
//! Between two nodes of a role the layouts are the same; the GUIDs, the ESP's files and the node's own files differ in
//! their bytes only.

use uuid::Uuid;

use super::ext4::{self, Ext4};
use super::fat::Fat;
use super::gpt::{ALIGNMENT, BOOT_CODE, Purpose, SECTOR, Slot, Table};
use super::joined::Joined;
use super::{Region, SinkError, Tally, Window};
use crate::tree::{Tree, TreePath};

/// The size of the partition with GRUB's core image.
const BIOS_SIZE: u64 = 1 << 20;
/// Where firmware with blank NVRAM looks for a boot loader.
const EFI_PATH: &str = "/EFI/BOOT/BOOTX64.EFI";

/// The boot loader of a base, as `grub-mkimage` and the base's packages made it.
#[derive(Debug, Clone)]
pub struct BootCode {
    /// GRUB's `boot.img`, at most its first 440 bytes.
    pub mbr: Vec<u8>,
    /// GRUB's core image for `i386-pc`.
    pub core: Vec<u8>,
    /// GRUB's core image for `x86_64-efi`.
    pub efi: Vec<u8>,
}

/// What tells one disk from all others.
#[derive(Debug, Clone)]
pub struct DiskIdentity {
    /// GUID of the disk; the node's.
    pub disk: Uuid,
    /// GUID of the BIOS boot partition; the node's.
    pub bios: Uuid,
    /// GUID of the EFI system partition; the node's.
    pub esp: Uuid,
    /// GUID of the root partition, by which the node boots; the node's.
    pub root: Uuid,
    /// UUID of the root filesystem. It seeds metadata checksums and is therefore the role's.
    pub filesystem: Uuid,
    /// Serial number of the EFI system partition's FAT; the role's.
    pub fat: u32,
}

/// A disk to be.
#[derive(Debug, Clone)]
pub struct Disk<'a> {
    /// The root filesystem.
    pub root: &'a Tree,
    /// The EFI system partition, without the boot loader itself.
    pub esp: &'a Tree,
    /// The boot loader.
    pub boot: &'a BootCode,
    /// GUIDs and the like.
    pub identity: DiskIdentity,
    /// When the filesystems were made, in seconds since 1970.
    pub epoch: i64,
    /// How many bytes the root filesystem has free.
    pub headroom: u64,
}

/// A disk of which everything but the content of the root's files is decided.
pub struct DiskLayout<'a> {
    size: u64,
    bios: Slot,
    esp: Slot,
    root: Slot,
    table: Table,
    core: Vec<u8>,
    fat: Fat,
    ext4: Ext4<'a>,
}

impl<'a> Disk<'a> {
    /// Decides where everything lies.
    pub fn layout(&self) -> Result<DiskLayout<'a>, SinkError> {
        let efi: TreePath = EFI_PATH
            .parse()
            .map_err(|error| SinkError::BootCode(format!("{error}")))?;
        let fat = Fat::seal(self.esp, &[(&efi, &self.boot.efi)], self.identity.fat)?;
        let ext4 = Ext4::seal(
            self.root,
            &ext4::Options {
                uuid: self.identity.filesystem,
                epoch: self.epoch,
                headroom: self.headroom,
            },
        )?;
        let bios = Slot {
            purpose: Purpose::BiosBoot,
            guid: self.identity.bios,
            start: ALIGNMENT,
            size: BIOS_SIZE,
        };
        let esp = Slot {
            purpose: Purpose::Esp,
            guid: self.identity.esp,
            start: bios.start + bios.size,
            size: fat.size().next_multiple_of(ALIGNMENT),
        };
        let root = Slot {
            purpose: Purpose::Root,
            guid: self.identity.root,
            start: esp.start + esp.size,
            size: ext4.size().next_multiple_of(ALIGNMENT),
        };
        let size = root.start + root.size + ALIGNMENT;
        let (mbr, core) = installed(self.boot, bios.start / SECTOR)?;
        let table = Table::seal(size, self.identity.disk, &[bios, esp, root], &mbr)?;
        Ok(DiskLayout {
            size,
            bios,
            esp,
            root,
            table,
            core,
            fat,
            ext4,
        })
    }
}

impl DiskLayout<'_> {
    /// How many bytes the disk has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Where the root filesystem lies: offset and size in bytes.
    pub fn root(&self) -> (u64, u64) {
        (self.root.start, self.root.size)
    }

    /// Where the EFI system partition lies: offset and size in bytes.
    pub fn esp(&self) -> (u64, u64) {
        (self.esp.start, self.esp.size)
    }

    /// Writes the whole disk.
    pub fn write(&self, region: &mut dyn Region) -> Result<(), SinkError> {
        let mut region = Joined::new(region);
        self.write_around(&mut region)?;
        self.ext4.write(&mut window(&mut region, &self.root)?)?;
        Ok(region.finish()?)
    }

    /// Writes what may differ from another node of the same role into an image of that node: the table of partitions,
    /// the EFI system partition and the node's own files.
    pub fn write_node(&self, region: &mut dyn Region) -> Result<(), SinkError> {
        let mut region = Joined::new(region);
        self.write_around(&mut region)?;
        self.ext4
            .write_node(&mut window(&mut region, &self.root)?)?;
        Ok(region.finish()?)
    }

    /// Where data will be, known without reading any file.
    pub fn tally(&self) -> Result<Tally, SinkError> {
        let mut tally = Tally::new(self.size);
        self.write_around(&mut tally)?;
        self.ext4.tally(&mut tally, self.root.start)?;
        Ok(tally)
    }

    /// Everything but the root filesystem.
    fn write_around(&self, region: &mut dyn Region) -> Result<(), SinkError> {
        self.table
            .write_head(&mut Window::new(region, 0, ALIGNMENT)?)?;
        let mut bios = window(region, &self.bios)?;
        bios.write_at(0, &self.core)?;
        let end = self.core.len() as u64;
        bios.zero_at(end, self.bios.size - end)?;
        let mut esp = window(region, &self.esp)?;
        self.fat.write(&mut esp)?;
        if self.fat.size() < self.esp.size {
            esp.zero_at(self.fat.size(), self.esp.size - self.fat.size())?;
        }
        let mut tail = Window::new(region, self.size - ALIGNMENT, ALIGNMENT)?;
        self.table.write_tail(&mut tail)
    }
}

fn window<'a>(region: &'a mut dyn Region, slot: &Slot) -> Result<Window<'a>, SinkError> {
    Ok(Window::new(region, slot.start, slot.size)?)
}

// What `grub-bios-setup` writes into the images that `grub-mkimage` made (GRUB: util/setup.c, include/grub/i386/pc/boot.h).

/// In `boot.img`, 8 bytes: the sector with the start of the core image.
const KERNEL_SECTOR: usize = 0x5C;
/// In `boot.img`, 2 bytes: a jump that is overwritten on hard disks, so that a drive number that the BIOS passes
/// wrongly is put right.
const DRIVE_CHECK: usize = 0x66;
/// In the core image's first sector, 12 bytes: where the rest lies (sector, count, segment to load it to).
const BLOCK_LIST: usize = SECTOR as usize - 12;
/// The segment behind the core image's first sector, which is loaded to 0x8000.
const REST_SEGMENT: u16 = 0x820;
const NOP: u8 = 0x90;

/// The MBR's code and the core image, for a core image that begins at a sector.
fn installed(boot: &BootCode, sector: u64) -> Result<(Vec<u8>, Vec<u8>), SinkError> {
    let mut mbr = boot.mbr.clone();
    mbr.truncate(BOOT_CODE);
    if mbr.len() < DRIVE_CHECK + 2 {
        return Err(SinkError::BootCode(format!(
            "`boot.img` has only {} bytes",
            mbr.len()
        )));
    }
    mbr[KERNEL_SECTOR..KERNEL_SECTOR + 8].copy_from_slice(&sector.to_le_bytes());
    mbr[DRIVE_CHECK..DRIVE_CHECK + 2].fill(NOP);

    let mut core = boot.core.clone();
    core.resize(core.len().next_multiple_of(SECTOR as usize), 0);
    let rest = (core.len() as u64 / SECTOR).saturating_sub(1);
    if rest == 0 || core.len() as u64 > BIOS_SIZE {
        return Err(SinkError::BootCode(format!(
            "the core image has {} bytes; more than {SECTOR} and at most {BIOS_SIZE} are needed",
            boot.core.len()
        )));
    }
    core[BLOCK_LIST..BLOCK_LIST + 8].copy_from_slice(&(sector + 1).to_le_bytes());
    core[BLOCK_LIST + 8..BLOCK_LIST + 10].copy_from_slice(&(rest as u16).to_le_bytes());
    core[BLOCK_LIST + 10..BLOCK_LIST + 12].copy_from_slice(&REST_SEGMENT.to_le_bytes());
    Ok((mbr, core))
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{self, disk, oracle};
    use super::super::{Checked, Memory};
    use super::*;
    use std::io::Write;

    fn image(name: &str, node: u128) -> Vec<u8> {
        let (root, esp, boot) = (fixture::root(name), fixture::esp(), fixture::boot());
        let layout = disk(&root, &esp, &boot, node).layout().unwrap();
        let mut region = Checked::new(Memory::new(layout.size() as usize));
        layout.write(&mut region).unwrap();
        region.finish().unwrap().into_bytes()
    }

    #[test]
    fn sgdisk_finds_nothing_to_complain_about_and_sees_the_partitions() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&image("a", 1)).unwrap();
        let said = oracle("sgdisk", &["-v", "-p"], file.path());
        assert!(said.contains("No problems found"), "{said}");
        for part in ["EF02  bios", "EF00  esp", "8304  root"] {
            assert!(said.contains(part), "`{part}` is not in {said}");
        }
        let root = oracle("sgdisk", &["-i", "3"], file.path());
        let guid = fixture::identity(1).root.to_string().to_uppercase();
        assert!(root.contains(&guid), "{root}");
    }

    #[test]
    fn the_partitions_hold_clean_filesystems() {
        let bytes = image("a", 1);
        let (root, esp, boot) = (fixture::root("a"), fixture::esp(), fixture::boot());
        let layout = disk(&root, &esp, &boot, 1).layout().unwrap();
        for ((start, size), program, arguments) in [
            (layout.root(), "e2fsck", "-fn"),
            (layout.esp(), "fsck.vfat", "-n"),
        ] {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(&bytes[start as usize..(start + size) as usize])
                .unwrap();
            oracle(program, &[arguments], file.path());
        }
    }

    #[test]
    fn the_boot_code_finds_the_core_image_and_the_core_image_its_rest() {
        let bytes = image("a", 1);
        let sector = u64::from_le_bytes(bytes[0x5C..0x64].try_into().unwrap());
        assert_eq!(sector, 2048);
        assert_eq!(bytes[0x66..0x68], [0x90, 0x90]);
        assert_eq!(bytes[0x64..0x66], fixture::boot().mbr[0x64..0x66]);
        assert_eq!(bytes[510..512], [0x55, 0xAA]);
        let first = &bytes[(sector * 512) as usize..][..512];
        assert_eq!(first[..500], fixture::boot().core[..500]);
        assert_eq!(first[500..508], 2049u64.to_le_bytes());
        assert_eq!(first[508..510], 64u16.to_le_bytes());
        assert_eq!(first[510..512], 0x820u16.to_le_bytes());
    }

    #[test]
    fn two_nodes_differ_in_their_guids_and_their_own_files_only() {
        let (first, second) = (image("a", 1), image("b", 2));
        let (tree, esp, boot) = (fixture::root("a"), fixture::esp(), fixture::boot());
        let layout = disk(&tree, &esp, &boot, 1).layout().unwrap();
        let root = layout.root().0 as usize..(layout.root().0 + layout.root().1) as usize;
        let (inside, outside): (Vec<usize>, Vec<usize>) = fixture::differences(&first, &second)
            .into_iter()
            .partition(|at| root.contains(at));
        assert_eq!(inside.len(), 1);
        assert!(!outside.is_empty());
        let table = |at: &usize| *at < 34 * 512 || *at >= first.len() - 33 * 512;
        assert!(outside.iter().all(table), "{outside:?}");
    }

    #[test]
    fn writing_a_nodes_own_bytes_turns_one_nodes_disk_into_anothers() {
        let (first, second) = (image("a", 1), image("b", 2));
        let (root, esp, boot) = (fixture::root("b"), fixture::esp(), fixture::boot());
        let layout = disk(&root, &esp, &boot, 2).layout().unwrap();
        let mut region = Memory::new(first.len());
        region.write_at(0, &first).unwrap();
        layout.write_node(&mut region).unwrap();
        assert!(region.into_bytes() == second);
    }

    #[test]
    fn a_core_image_that_does_not_fit_is_refused() {
        let (root, esp) = (fixture::root("a"), fixture::esp());
        for (mbr, core) in [(440, 512), (440, (1 << 20) + 1), (100, 33_000)] {
            let boot = BootCode {
                mbr: vec![0; mbr],
                core: vec![0; core],
                efi: Vec::new(),
            };
            let error = disk(&root, &esp, &boot, 1).layout().err().unwrap();
            assert!(matches!(error, SinkError::BootCode(_)), "{error}");
        }
    }
}
