//! Why nodes did not come up.

use std::io;
use std::path::PathBuf;

use crate::failure::{Exit, Failure};
use crate::program::ProgramError;
use crate::spec::NodeName;

/// Why nodes did not come up.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    /// A program that booting needs is not there, or failed.
    #[error("cannot prepare machines")]
    Program(#[from] ProgramError),
    /// There is no UEFI firmware for the guests.
    #[error("there is no UEFI firmware for QEMU here")]
    NoFirmware,
    /// An image cannot be used as it is.
    #[error("cannot use the image {path} of node `{node}`")]
    Image {
        /// Whose image.
        node: NodeName,
        /// Where it is looked for.
        path: PathBuf,
        /// What is wrong.
        source: io::Error,
    },
    /// The disk that was asked for does not hold the image.
    #[error("a disk of {disk} bytes is smaller than the image of node `{node}`, which has {image}")]
    DiskTooSmall {
        /// Whose disk.
        node: NodeName,
        /// What was asked for.
        disk: u64,
        /// What the image needs.
        image: u64,
    },
    /// A kept disk belongs to another image than the one there is now.
    #[error("the kept disk of node `{node}` in {directory} lies over another build of its image")]
    OtherImage {
        /// Whose disk.
        node: NodeName,
        /// Where it lies.
        directory: PathBuf,
    },
    /// A network has no room for the addresses that watching needs.
    #[error("the network of node `{node}` has no free address to watch it from")]
    NoAddress {
        /// Whose network.
        node: NodeName,
    },
    /// The credentials for the API are unusable.
    #[error("the administrator's credentials cannot be used")]
    Credentials {
        /// Why.
        source: ureq::Error,
    },
    /// Another run uses the directory.
    #[error("another `kimage boot` uses {directory}")]
    Busy {
        /// Which directory.
        directory: PathBuf,
    },
    /// Files of the run cannot be written or read.
    #[error("cannot use {path}")]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A machine could not be switched on.
    #[error("QEMU for node `{node}` does not start")]
    Start {
        /// Which node.
        node: NodeName,
        /// Why.
        source: io::Error,
    },
    /// A machine went off by itself.
    #[error("the machine of node `{node}` ended by itself: {words}")]
    Ended {
        /// Which node.
        node: NodeName,
        /// QEMU's last words.
        words: String,
    },
    /// Time is up.
    #[error("not Ready after {seconds} s: {nodes}")]
    NotReady {
        /// How long it was waited.
        seconds: u64,
        /// The nodes and how far they came.
        nodes: String,
        /// Where the logs are.
        directory: PathBuf,
    },
    /// The program that was to run once the nodes were Ready failed.
    #[error("`{program}` failed: {status}")]
    Then {
        /// Its name.
        program: String,
        /// How it ended.
        status: String,
    },
    /// It was stopped before the nodes were Ready.
    #[error("stopped before the nodes were Ready")]
    Stopped,
}

impl Failure for BootError {
    fn exit(&self) -> Exit {
        match self {
            Self::Program(_) | Self::NoFirmware | Self::Busy { .. } => Exit::Environment,
            Self::File { .. } | Self::Start { .. } => Exit::Environment,
            Self::Image { .. } | Self::DiskTooSmall { .. } | Self::OtherImage { .. } => {
                Exit::UserFiles
            }
            Self::NoAddress { .. } | Self::Credentials { .. } => Exit::UserFiles,
            Self::Ended { .. } | Self::NotReady { .. } | Self::Then { .. } => Exit::Verification,
            Self::Stopped => Exit::Other,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Program(error) => return error.hint(),
            Self::NoFirmware => "install the package `ovmf`, or boot with BIOS".to_owned(),
            Self::Image { .. } => "build it first: `kimage build --all`".to_owned(),
            Self::DiskTooSmall { .. } => "give a larger `--disk-size`, or none".to_owned(),
            Self::OtherImage { directory, .. } => {
                format!("remove {} to begin afresh", directory.display())
            }
            Self::NoAddress { .. } => "leave three addresses of it unused".to_owned(),
            Self::NotReady { directory, .. } => format!(
                "what the machines said last is in {}: console.log and screen.png of each node",
                directory.display()
            ),
            _ => return None,
        })
    }
}
