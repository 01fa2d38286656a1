//! What a machine has in place of a BIOS.

use std::path::Path;

use serde::Serialize;

use super::BootError;

/// What a machine has in place of a BIOS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Firmware {
    /// SeaBIOS, which comes with QEMU.
    Bios,
    /// OVMF, with an NVRAM that is blank at the first power-on.
    Uefi,
}

/// The UEFI firmware of this machine: code, which is only read, and the blank NVRAM to begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ovmf {
    pub(super) code: &'static str,
    pub(super) variables: &'static str,
}

/// Where distributions have it: Debian and Ubuntu, Fedora and CentOS, Arch, openSUSE.
const PLACES: &[Ovmf] = &[
    Ovmf {
        code: "/usr/share/OVMF/OVMF_CODE_4M.fd",
        variables: "/usr/share/OVMF/OVMF_VARS_4M.fd",
    },
    Ovmf {
        code: "/usr/share/OVMF/OVMF_CODE.fd",
        variables: "/usr/share/OVMF/OVMF_VARS.fd",
    },
    Ovmf {
        code: "/usr/share/edk2/ovmf/OVMF_CODE.fd",
        variables: "/usr/share/edk2/ovmf/OVMF_VARS.fd",
    },
    Ovmf {
        code: "/usr/share/edk2/x64/OVMF_CODE.4m.fd",
        variables: "/usr/share/edk2/x64/OVMF_VARS.4m.fd",
    },
    Ovmf {
        code: "/usr/share/qemu/ovmf-x86_64-code.bin",
        variables: "/usr/share/qemu/ovmf-x86_64-vars.bin",
    },
];

impl Ovmf {
    /// The first that is there.
    pub(super) fn find() -> Result<Self, BootError> {
        PLACES
            .iter()
            .find(|place| Path::new(place.code).is_file() && Path::new(place.variables).is_file())
            .copied()
            .ok_or(BootError::NoFirmware)
    }
}
