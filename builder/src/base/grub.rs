//! The boot loader: GRUB for BIOS and for UEFI, made by `grub-mkimage`.
//!
//! The disk has a BIOS boot partition, then the ESP, then the root. Both images look for `/EFI/kimage/grub.cfg` on
//! the ESP: the one for BIOS in the second partition of the disk that it was started from (GRUB fills the disk in), the
//! one for UEFI on the partition that it was loaded from. Its bytes depend on the installed GRUB alone.

use std::fs;
use std::path::Path;

use tempfile::NamedTempFile;

use crate::program::{Program, ProgramError};
use crate::sink::BootCode;

use super::BaseError;

/// What both images can do.
const MODULES: &[&str] = &[
    "part_gpt",
    "fat",
    "ext2",
    "normal",
    "linux",
    "configfile",
    "regexp",
    "search",
    "search_fs_uuid",
    "test",
    "echo",
    "serial",
    "terminal",
    "gzio",
    "minicmd",
    "reboot",
    "halt",
    "ls",
    "cat",
];
/// Where Debian and Ubuntu keep GRUB's modules, and Red Hat too.
const GRUB: &str = "/usr/lib/grub";
/// How much of the first sector is code; the partition table of old begins behind it.
const MBR_CODE: usize = 440;

/// Makes the boot code with this machine's GRUB.
pub(super) fn boot_code(image: &str) -> Result<BootCode, BaseError> {
    let bios = Path::new(GRUB).join("i386-pc");
    let first = bios.join("boot.img");
    if !first.exists() {
        return Err(missing(image, "grub-pc-bin"));
    }
    let mbr = fs::read(&first).map_err(BaseError::machine("read", &first))?;
    if mbr.len() != 512 {
        return Err(BaseError::Damaged {
            image: image.to_owned(),
            problem: format!("`{}` is no boot sector", first.display()),
        });
    }
    let efi = Path::new(GRUB).join("x86_64-efi");
    if !efi.join("kernel.img").exists() {
        return Err(missing(image, "grub-efi-amd64-bin"));
    }
    let output =
        NamedTempFile::new().map_err(BaseError::machine("write in", &std::env::temp_dir()))?;
    let made = |program: Program| {
        program
            .arg("--output")
            .arg(output.path())
            .args(MODULES)
            .run()
            .map_err(BaseError::program(image))?;
        fs::read(output.path()).map_err(BaseError::machine("read", output.path()))
    };
    Ok(BootCode {
        mbr: mbr[..MBR_CODE].to_vec(),
        core: made(mkimage("i386-pc", &bios, "(,gpt2)/EFI/kimage").arg("biosdisk"))?,
        efi: made(mkimage("x86_64-efi", &efi, "/EFI/kimage").args([
            "efi_gop",
            "efi_uga",
            "all_video",
        ]))?,
    })
}

/// `grub-mkimage` for a platform. It has to be told a file: it cannot flush a pipe.
fn mkimage(platform: &str, directory: &Path, prefix: &str) -> Program {
    Program::new("grub-mkimage")
        .args(["--format", platform, "--prefix", prefix, "--directory"])
        .arg(directory)
}

fn missing(image: &str, package: &str) -> BaseError {
    BaseError::program(image)(ProgramError::Missing {
        name: package.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boot_code_is_the_same_each_time_it_is_made() {
        let first = boot_code("test").unwrap();
        let second = boot_code("test").unwrap();
        assert_eq!(first.core, second.core);
        assert_eq!(first.efi, second.efi);
        assert_eq!((first.mbr.len(), &first.efi[..2]), (440, &b"MZ"[..]));
        let segment = &first.core[510..512];
        assert_eq!(segment, [0x20, 0x08], "the block list in the first sector");
    }
}
