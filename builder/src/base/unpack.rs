//! Unpacks compressed archives into the cache, as far as that is reasonable.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use tempfile::NamedTempFile;

use super::refusal::{Limits, Refusal};
use super::{BaseError, store};
use crate::program::{Program, ProgramError};

/// Up to this size nothing is called a bomb, whatever it was before: one GiB.
const HARMLESS: u64 = 1 << 30;

/// How a file is compressed, by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Gzip,
    Zstd,
    Xz,
    /// In a way that is not read.
    Unknown(&'static str),
}

impl Compression {
    /// Looks at the first bytes.
    pub(super) fn of(bytes: &[u8]) -> Self {
        match bytes {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Xz,
            [b'B', b'Z', b'h', ..] => Self::Unknown("bzip2"),
            [b'P', b'K', 3, 4, ..] => Self::Unknown("zip"),
            _ => Self::None,
        }
    }

    /// Looks at the first bytes of a file.
    pub(super) fn of_file(path: &Path) -> Result<Self, BaseError> {
        let mut bytes = Vec::new();
        File::open(path)
            .and_then(|file| file.take(8).read_to_end(&mut bytes))
            .map_err(BaseError::machine("read", path))?;
        Ok(Self::of(&bytes))
    }
}

/// Where an archive is unpacked to, and how much it may hold.
pub(super) struct Unpacker<'a> {
    pub cache: &'a Path,
    pub image: &'a str,
    pub limits: &'a Limits,
    /// What the user gave, for errors.
    pub given: &'a Path,
}

impl Unpacker<'_> {
    /// Unpacks `packed`, which is `size` bytes long, to a temporary file.
    pub(super) fn unpack(
        &self,
        compression: Compression,
        packed: &mut (dyn Read + Send),
        size: u64,
    ) -> Result<NamedTempFile, BaseError> {
        let mut out = store::temporary(self.cache, self.image)?;
        let most = (size.saturating_mul(self.limits.ratio).max(HARMLESS)).min(self.limits.bytes);
        let refused = |source| BaseError::Refused {
            path: self.given.to_owned(),
            source,
        };
        let to = out.path().to_owned();
        let copied = match compression {
            Compression::None => copy(packed, out.as_file_mut(), most),
            Compression::Gzip => copy(
                &mut flate2::read::MultiGzDecoder::new(packed),
                out.as_file_mut(),
                most,
            ),
            Compression::Zstd => zstd::stream::read::Decoder::new(packed)
                .map_err(CopyError::Read)
                .and_then(|mut reader| copy(&mut reader, out.as_file_mut(), most)),
            Compression::Xz => self.unpack_xz(packed, out.as_file_mut(), most)?,
            Compression::Unknown(name) => {
                return Err(BaseError::Unsuitable {
                    path: self.given.to_owned(),
                    problem: format!("it is compressed with {name}"),
                });
            }
        };
        match copied {
            Ok(()) => Ok(out),
            Err(CopyError::Write(error)) => Err(BaseError::machine("write", &to)(error)),
            Err(CopyError::Read(error)) => Err(refused(Refusal::Damaged {
                offset: 0,
                problem: format!("it cannot be unpacked: {error}"),
            })),
            Err(CopyError::TooMuch) => Err(refused(Refusal::TooMuch {
                limit: most,
                what: "bytes when it is unpacked",
            })),
        }
    }

    /// There is no need for an xz library when every distribution has the program.
    fn unpack_xz(
        &self,
        packed: &mut (dyn Read + Send),
        out: &mut File,
        most: u64,
    ) -> Result<Result<(), CopyError>, BaseError> {
        let mut whole = store::temporary(self.cache, self.image)?;
        let path = whole.path().to_owned();
        io::copy(packed, whole.as_file_mut()).map_err(BaseError::machine("write", &path))?;
        let input = File::open(&path).map_err(BaseError::machine("read", &path))?;
        let mut copied = Ok(());
        let ran = Program::new("xz")
            .args(["--decompress", "--stdout"])
            .stdin_file(input)
            .run_reading(
                |_| {},
                |reader| {
                    copied = copy(reader, out, most);
                    match copied {
                        Ok(()) => Ok(()),
                        Err(_) => Err(io::ErrorKind::Interrupted.into()),
                    }
                },
            );
        match ran {
            Ok(_) | Err(ProgramError::Run { .. }) if copied.is_err() => Ok(copied),
            Ok(_) => Ok(Ok(())),
            Err(ProgramError::Failed { last, .. }) => {
                Ok(Err(CopyError::Read(io::Error::other(last.join("; ")))))
            }
            Err(error) => Err(BaseError::program(self.image)(error)),
        }
    }
}

enum CopyError {
    Read(io::Error),
    Write(io::Error),
    TooMuch,
}

/// Copies to the end, or refuses to when there is more than `most`.
fn copy(from: &mut dyn Read, to: &mut File, most: u64) -> Result<(), CopyError> {
    let mut buffer = vec![0; 1 << 18];
    let mut copied = 0;
    loop {
        let size = match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(size) => size,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(CopyError::Read(error)),
        };
        copied += size as u64;
        if copied > most {
            return Err(CopyError::TooMuch);
        }
        to.write_all(&buffer[..size]).map_err(CopyError::Write)?;
    }
}
