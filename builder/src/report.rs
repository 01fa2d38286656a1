//! What people see on standard error: progress, warnings, failures.

use std::error::Error;
use std::io::Write;

use anstyle::{AnsiColor, Style};

use crate::failure::Failure;

/// Writes to standard error; results go to standard output elsewhere.
#[derive(Debug, Clone, Copy, Default)]
pub struct Report;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default().bold();

impl Report {
    /// Reports to standard error, in colour where that is a terminal and `NO_COLOR` is not set.
    pub fn to_stderr() -> Self {
        Self
    }

    /// A failure: the error, its causes one by one, and the hint.
    pub fn failure(&self, failure: &dyn Failure) {
        let mut text = format!("{ERROR}error{ERROR:#}: {failure}\n");
        let mut cause = failure.source();
        while let Some(error) = cause {
            text.push_str(&format!("  because: {error}\n"));
            cause = Error::source(error);
        }
        if let Some(hint) = failure.hint() {
            text.push_str(&format!("{HINT}hint{HINT:#}: {hint}\n"));
        }
        self.write(&text);
    }

    /// Something that may be meant, but probably is not.
    pub fn warning(&self, text: &str) {
        self.write(&format!("{WARNING}warning{WARNING:#}: {text}\n"));
    }

    /// One step that was done.
    pub fn step(&self, text: &str) {
        self.write(&format!("{text}\n"));
    }

    /// Text that is laid out already.
    pub fn plain(&self, text: &str) {
        self.write(&format!("{}\n", text.trim_end()));
    }

    fn write(&self, text: &str) {
        // Nobody is left to tell when standard error is closed.
        let _ = anstream::stderr().lock().write_all(text.as_bytes());
    }
}
