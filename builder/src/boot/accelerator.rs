//! What runs the guests' instructions.
//!
//! `/dev/kvm` may exist and hang every guest, so KVM counts only when a tiny guest has run on it in time.

use std::fmt;
use std::io::{self, Write};
use std::process::Stdio;
use std::time::Duration;

use serde::Serialize;

use super::machine::{qemu, wait_until};

/// What runs the guests' instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Accelerator {
    /// The processor itself.
    Kvm,
    /// QEMU's translator: works anywhere, ten times slower.
    Tcg,
}

/// A boot sector that counts down from 20 million and then tells the `isa-debug-exit` device 0x10.
#[rustfmt::skip]
const PROBE: [u8; 19] = [
    0xba, 0x01, 0x05,                   // mov dx, 0x501
    0x66, 0xb9, 0x00, 0x2d, 0x31, 0x01, // mov ecx, 20000000
    0x66, 0x49,                         // again: dec ecx
    0x75, 0xfc,                         // jnz again
    0xb0, 0x10,                         // mov al, 0x10
    0xee,                               // out dx, al
    0xf4, 0xeb, 0xfd,                   // stop: hlt; jmp stop
];

/// What QEMU exits with when a guest told `isa-debug-exit` 0x10.
const PROBE_EXIT: i32 = 0x10 << 1 | 1;

/// A healthy KVM needs a tenth of it. One that emulates in software needs more, and is no gain.
const PROBE_TIME: Duration = Duration::from_secs(2);

impl Accelerator {
    /// The best that works here.
    pub fn best() -> Self {
        if Self::Kvm.works(PROBE_TIME).unwrap_or(false) {
            Self::Kvm
        } else {
            Self::Tcg
        }
    }

    /// Whether a tiny guest runs to its end within a time.
    pub fn works(self, limit: Duration) -> io::Result<bool> {
        let mut sector = [0; 512];
        sector[..PROBE.len()].copy_from_slice(&PROBE);
        sector[510..].copy_from_slice(&[0x55, 0xaa]);
        let mut disk = tempfile::NamedTempFile::new()?;
        disk.write_all(&sector)?;
        let drive = format!("if=ide,format=raw,file={}", disk.path().display());
        let mut guest = qemu()
            .args(["-accel", &self.to_string(), "-machine", "pc", "-m", "32M"])
            .stderr(Stdio::null())
            .args(["-nodefaults", "-no-user-config", "-display", "none"])
            .args(["-device", "isa-debug-exit", "-drive", &drive])
            .spawn()?;
        match wait_until(&mut guest, limit)? {
            Some(status) => Ok(status.code() == Some(PROBE_EXIT)),
            None => {
                guest.kill()?;
                guest.wait()?;
                Ok(false)
            }
        }
    }

    /// The processor that guests see: all that there is, but for a fifth level of page tables, which costs the translator
    /// a tenth of its speed and gives small guests nothing.
    pub(super) fn processor(self) -> &'static str {
        match self {
            Self::Kvm => "host",
            Self::Tcg => "max,la57=off",
        }
    }

    /// What QEMU calls it, with what makes it quick.
    pub(super) fn argument(self) -> &'static str {
        match self {
            Self::Kvm => "kvm",
            Self::Tcg => "tcg,thread=multi,tb-size=512",
        }
    }
}

impl fmt::Display for Accelerator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kvm => "kvm",
            Self::Tcg => "tcg",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_translator_works_everywhere() {
        assert!(Accelerator::Tcg.works(Duration::from_secs(60)).unwrap());
    }
}
