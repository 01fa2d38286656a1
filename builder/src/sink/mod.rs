//! Formats: a tree goes in, bytes come out.
//!
//! A format writes into a [`Region`] and never reads back. It is sealed first, which fixes every size and place, and
//! written afterwards: once into a [`Tally`] where a container has to know beforehand what it must store, and once
//! into the output. From the inside out: [`ext4`] and [`fat`] are filesystems, [`gpt`] is the table that holds them,
//! [`disk`] is the whole bootable disk, [`raw`] and [`qcow2`] are the files that people get.

pub mod directory;
pub mod disk;
pub mod ext4;
mod failed;
pub mod fat;
#[cfg(test)]
pub(crate) mod fixture;
pub mod gpt;
mod hashed;
mod joined;
mod lost_and_found;
mod mended;
mod page;
pub mod qcow2;
pub mod raw;
mod region;
mod source;
pub mod tar;
mod writeback;

pub use disk::{BootCode, Disk, DiskIdentity, DiskLayout};
pub use failed::SinkError;
pub use region::{Checked, Memory, Region, Tally, Window};
