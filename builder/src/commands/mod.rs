//! The commands: each a short script of phases, and the only code that knows all phases.
//!
//! What is not an input of a build enters here and nowhere else: the clock, the environment, the current directory.

mod addons;
mod audit_policy;
mod base;
mod boot;
mod build;
mod certs;
mod check;
mod fetch;
mod gather;
mod init;
mod inspect;
mod plan;
mod policy;
mod redact;
mod render;
mod select;
mod shell;
mod site;
mod wanted;

use crate::cli::{Cli, Command};
use crate::failure::Outcome;
use site::Site;

/// Runs one command.
///
/// # Errors
///
/// Whatever the phases of the command find.
pub fn run(cli: Cli) -> Outcome {
    let site = Site::new(&cli)?;
    match cli.command {
        Command::Init(arguments) => init::run(&site, &arguments),
        Command::Check(arguments) => check::run(&site, &arguments),
        Command::Plan(arguments) => plan::run(&site, &arguments),
        Command::Fetch(arguments) => fetch::run(&site, &arguments),
        Command::Base(command) => base::run(&site, command),
        Command::Build(arguments) => build::run(&site, &arguments),
        Command::Render(arguments) => render::run(&site, &arguments),
        Command::Inspect(arguments) => inspect::run(&arguments),
        Command::Certs(command) => certs::run(&site, command),
        Command::Boot(arguments) => boot::run(&site, &arguments),
        Command::Schema => shell::schema(),
        Command::Completions { shell } => shell::completions(shell),
        Command::Man => shell::man(),
    }
}
