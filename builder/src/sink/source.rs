//! Reads the content of files, piece by piece.
//!
//! The slices of a base lie one behind the other in its tar, and trees are written in nearly that order. So one
//! window is kept and read ahead as long as the slices follow each other; a jump reads what is asked for and little
//! more. Files stay open: a slice costs no `open`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::SinkError;
use crate::tree::{Blob, Content, TreePath};

/// What is read at once while slices follow each other. Small enough to stay in a core's own cache.
const AHEAD: usize = 512 << 10;
/// What is read at least after a jump.
const JUMP: usize = 64 << 10;
/// How far a slice may begin behind the window and still count as following it.
const GAP: u64 = 64 << 10;
/// More files than this are not kept open.
const OPEN: usize = 64;

/// An open reader of contents.
pub(super) struct Source {
    open: BTreeMap<Arc<Blob>, File>,
    window: Vec<u8>,
    /// Which bytes are in the window: of which file, from where, how many.
    held: Option<(Arc<Blob>, u64, usize)>,
}

impl Source {
    pub(super) fn new() -> Self {
        Self {
            open: BTreeMap::new(),
            window: vec![0; AHEAD],
            held: None,
        }
    }

    /// Hands out `size` bytes of a content from `from` on, in pieces.
    pub(super) fn pieces(
        &mut self,
        path: &TreePath,
        content: &Content,
        from: u64,
        size: u64,
        take: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<(), SinkError> {
        let slice = match content {
            Content::Bytes(bytes) => {
                take(&bytes[from as usize..(from + size) as usize])?;
                return Ok(());
            }
            Content::Secret(secret) => {
                take(&secret.expose()[from as usize..(from + size) as usize])?;
                return Ok(());
            }
            Content::Slice(slice) => slice,
        };
        let mut at = slice.offset + from;
        let end = at + size;
        while at < end {
            let piece = self.piece(path, &slice.blob, at, end)?;
            take(piece)?;
            at += piece.len() as u64;
        }
        Ok(())
    }

    /// At least one byte of a file from `at` on, at most up to `end`.
    fn piece(
        &mut self,
        path: &TreePath,
        blob: &Arc<Blob>,
        at: u64,
        end: u64,
    ) -> Result<&[u8], SinkError> {
        let mut wanted = JUMP.max(usize::try_from(end - at).unwrap_or(AHEAD).min(AHEAD));
        if let Some((held, start, size)) = &self.held
            && (Arc::ptr_eq(held, blob) || held == blob)
        {
            let until = start + *size as u64;
            if (*start..until).contains(&at) {
                let first = (at - start) as usize;
                let last = (end.min(until) - start) as usize;
                return Ok(&self.window[first..last]);
            }
            if at >= until && at - until <= GAP {
                wanted = AHEAD;
            }
        }
        self.held = None;
        let failed = |source| SinkError::Read {
            path: path.clone(),
            blob: blob.path().to_owned(),
            source,
        };
        if !self.open.contains_key(blob) {
            if self.open.len() >= OPEN {
                self.open.clear();
            }
            let file = File::open(blob.path()).map_err(failed)?;
            self.open.insert(Arc::clone(blob), file);
        }
        let file = &self.open[blob];
        let size = loop {
            match file.read_at(&mut self.window[..wanted], at) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other.map_err(failed)?,
            }
        };
        if size == 0 {
            return Err(SinkError::Short {
                path: path.clone(),
                blob: blob.path().to_owned(),
                end,
            });
        }
        self.held = Some((Arc::clone(blob), at, size));
        let size = usize::try_from(end - at).map_or(size, |left| left.min(size));
        Ok(&self.window[..size])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Slice;
    use proptest::prelude::*;
    use std::io::Write;

    fn blob(size: usize) -> (tempfile::NamedTempFile, Vec<u8>) {
        let pattern: Vec<u8> = (0..65_521u32).map(|at| (at * 31 / 7) as u8).collect();
        let mut bytes = pattern.repeat(size / pattern.len() + 1);
        bytes.truncate(size);
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&bytes).unwrap();
        (file, bytes)
    }

    fn read(
        source: &mut Source,
        blob: &Arc<Blob>,
        offset: u64,
        size: u64,
    ) -> Result<Vec<u8>, SinkError> {
        let content = Content::Slice(Slice {
            blob: Arc::clone(blob),
            offset,
            size,
        });
        let mut out = Vec::new();
        source.pieces(&"/f".parse().unwrap(), &content, 0, size, &mut |piece| {
            out.extend_from_slice(piece);
            Ok(())
        })?;
        Ok(out)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn slices_in_any_order_are_read_as_they_are(
            slices in proptest::collection::vec((0u64..1_500_000, 0u64..700_000), 1..12)
        ) {
            let (file, bytes) = blob(2_300_000);
            let blob = Blob::new(file.path().to_owned());
            let mut source = Source::new();
            for (offset, size) in slices {
                let got = read(&mut source, &blob, offset, size).unwrap();
                prop_assert!(got == bytes[offset as usize..(offset + size) as usize]);
            }
        }
    }

    #[test]
    fn a_file_that_became_shorter_is_named_with_the_entry() {
        let (file, _) = blob(1000);
        let blob = Blob::new(file.path().to_owned());
        let error = read(&mut Source::new(), &blob, 900, 101).unwrap_err();
        assert!(
            matches!(&error, SinkError::Short { end: 1001, .. }),
            "{error}"
        );
        assert!(error.to_string().contains("`/f`"), "{error}");
    }

    #[test]
    fn a_file_that_is_gone_is_named_with_the_entry() {
        let blob = Blob::new("/nonexistent/blob".into());
        let error = read(&mut Source::new(), &blob, 0, 1).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot read `/nonexistent/blob`, which holds the content of `/f`"
        );
    }
}
