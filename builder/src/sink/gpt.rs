//! The table of partitions: GPT with its protective MBR (UEFI specification 2.10, chapter 5), by the `gpt` library.
//!
//! The library invents GUIDs where none are given, so all are given.

use std::collections::BTreeMap;

use gpt::GptConfig;
use gpt::disk::LogicalBlockSize;
use gpt::mbr::ProtectiveMBR;
use gpt::partition::Partition;
use gpt::partition_types::{OperatingSystem, Type};
use uuid::Uuid;

use super::page::Pages;
use super::{Region, SinkError};

/// Bytes per logical block.
pub const SECTOR: u64 = 512;
/// Partitions begin at multiples of this, and no partition lies in the first or the last of it.
pub const ALIGNMENT: u64 = 1 << 20;
/// How much boot code the MBR has room for.
pub const BOOT_CODE: usize = 440;

/// What a partition is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Holds the boot loader's core for BIOS machines.
    BiosBoot,
    /// EFI system partition.
    Esp,
    /// Root filesystem of an x86-64 Linux, by the Discoverable Partitions Specification.
    Root,
}

impl Purpose {
    /// The GUID of the partition's type.
    pub const fn guid(self) -> Uuid {
        Uuid::from_u128(match self {
            Self::BiosBoot => 0x21686148_6449_6E6F_744E_656564454649,
            Self::Esp => 0xC12A7328_F81F_11D2_BA4B_00A0C93EC93B,
            Self::Root => 0x4F68BCE3_E8CD_4DB1_96E7_FBCAF984B709,
        })
    }

    /// The partition's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BiosBoot => "bios",
            Self::Esp => "esp",
            Self::Root => "root",
        }
    }
}

/// A partition of a disk.
#[derive(Debug, Clone, Copy)]
pub struct Slot {
    /// What it is for.
    pub purpose: Purpose,
    /// Its own GUID.
    pub guid: Uuid,
    /// Where it begins, in bytes.
    pub start: u64,
    /// Its size in bytes.
    pub size: u64,
}

/// A finished table, numbered from 1 in the order of its slots.
#[derive(Debug)]
pub struct Table {
    pages: Pages,
}

impl Table {
    /// Makes the table of a disk of `size` bytes.
    pub fn seal(size: u64, disk: Uuid, slots: &[Slot], mbr: &[u8]) -> Result<Self, SinkError> {
        let mut pages = Pages::new(size);
        let last = u32::try_from(size / SECTOR - 1).unwrap_or(u32::MAX);
        let mut protective = ProtectiveMBR::with_lb_size(last);
        let mut code = [0; BOOT_CODE];
        let room = code
            .get_mut(..mbr.len())
            .ok_or_else(|| SinkError::BootCode(format!("{} bytes do not fit", mbr.len())))?;
        room.copy_from_slice(mbr);
        protective.set_bootcode(code);
        protective.overwrite_lba0(&mut pages).map_err(refused)?;
        let mut table = GptConfig::new()
            .writable(true)
            .logical_block_size(LogicalBlockSize::Lb512)
            .create_from_device(pages, Some(disk))
            .map_err(refused)?;
        let partitions: BTreeMap<u32, Partition> = (1..).zip(slots.iter().map(entry)).collect();
        table.update_partitions(partitions).map_err(refused)?;
        let pages = table.write().map_err(refused)?;
        Ok(Self { pages })
    }

    /// Writes what lies before the first partition: the MBR and the primary table.
    pub fn write_head(&self, region: &mut dyn Region) -> Result<(), SinkError> {
        Ok(self.pages.write(0, ALIGNMENT, region)?)
    }

    /// Writes what lies behind the last partition: the backup table.
    pub fn write_tail(&self, region: &mut dyn Region) -> Result<(), SinkError> {
        let size = self.pages.size();
        Ok(self.pages.write(size - ALIGNMENT, size, region)?)
    }
}

fn entry(slot: &Slot) -> Partition {
    Partition {
        part_type_guid: Type {
            guid: slot.purpose.guid(),
            os: OperatingSystem::None,
        },
        part_guid: slot.guid,
        first_lba: slot.start / SECTOR,
        last_lba: (slot.start + slot.size) / SECTOR - 1,
        flags: 0,
        name: slot.purpose.name().to_owned(),
    }
}

fn refused(error: impl ToString) -> SinkError {
    SinkError::Layout {
        format: "GPT",
        reason: error.to_string(),
    }
}
