//! Sends a file to the disk while it is still being written, so that little is left to wait for at its end.
//!
//! An image that has its name must be on the disk. Left to itself, the kernel begins to write half a minute later, and
//! whoever asks for the whole file at the end waits for the whole disk.

use std::fs::File;
use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// The disk is asked for in steps of this many bytes: large enough for it to be busy, and seldom enough for its journal.
const STEP: u64 = 64 << 20;

/// Counts what is written and asks for it to be sent on.
pub(super) struct Writeback {
    ask: SyncSender<()>,
    pending: u64,
}

/// Answers requests until nobody can make any more.
pub(super) struct Asked(Receiver<()>);

impl Writeback {
    pub(super) fn new() -> (Self, Asked) {
        // While one request is at work, one more may wait: it covers all that was written until it begins.
        let (ask, asked) = sync_channel(1);
        (Self { ask, pending: 0 }, Asked(asked))
    }

    /// `size` more bytes were written.
    pub(super) fn wrote(&mut self, size: u64) {
        self.pending += size;
        if self.pending >= STEP && self.ask.try_send(()).is_ok() {
            self.pending = 0;
        }
    }
}

impl Asked {
    /// The work of a thread of its own. A disk that fails tells it once, so it must not go unheard.
    pub(super) fn serve(self, file: &File) -> io::Result<()> {
        self.0.iter().try_for_each(|()| file.sync_data())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_disk_is_asked_once_a_step_and_not_again_while_a_request_waits() {
        let (mut writeback, asked) = Writeback::new();
        writeback.wrote(STEP - 1);
        assert!(asked.0.try_recv().is_err());
        writeback.wrote(1);
        writeback.wrote(STEP);
        assert!(asked.0.try_recv().is_ok());
        assert!(asked.0.try_recv().is_err());
        writeback.wrote(0);
        assert!(asked.0.try_recv().is_ok());
    }

    #[test]
    fn a_disk_that_fails_is_heard_of() {
        let (mut writeback, asked) = Writeback::new();
        writeback.wrote(STEP);
        drop(writeback);
        // What cannot be synced: a socket has no disk behind it.
        let (socket, _other) = std::os::unix::net::UnixStream::pair().unwrap();
        let file = File::from(std::os::fd::OwnedFd::from(socket));
        assert!(asked.serve(&file).is_err());
    }
}
