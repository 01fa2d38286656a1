//! The `kimage` command: parse the arguments, run one command, turn its outcome into an exit code.

use std::process::ExitCode;

use clap::Parser as _;
use kimage::{cli::Cli, commands, report::Report};

fn main() -> ExitCode {
    match commands::run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            Report::to_stderr().failure(failure.as_ref());
            failure.exit().into()
        }
    }
}
