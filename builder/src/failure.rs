//! What a failed command tells its caller: an exit code, a chain of causes and advice.
//!
//! Every phase has its own error enum. It implements [`Failure`] so that the edge of the program, and only
//! the edge, can turn it into an exit code and a hint.

use std::error::Error;
use std::process::ExitCode;

/// The exit codes of `kimage`, the same for every command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Anything that has no code of its own.
    Other = 1,
    /// The user's files or arguments are at fault.
    UserFiles = 2,
    /// A server did not answer, or answered with an error.
    Network = 3,
    /// Bytes are not what their digest says.
    Integrity = 4,
    /// The machine lacks something: a program, space, a permission.
    Environment = 5,
    /// A check of a finished output or a running cluster failed.
    Verification = 6,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// An error that knows how the program should end because of it.
pub trait Failure: Error + Send + Sync {
    /// The exit code.
    fn exit(&self) -> Exit;

    /// What the reader can do about it, as one sentence without a full stop.
    fn hint(&self) -> Option<String> {
        None
    }
}

impl<F: Failure + 'static> From<F> for Box<dyn Failure> {
    fn from(failure: F) -> Self {
        Box::new(failure)
    }
}

/// What a command returns.
pub type Outcome<T = ()> = Result<T, Box<dyn Failure>>;
