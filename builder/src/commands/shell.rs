//! `kimage schema`, `completions` and `man`: what editors and shells want to know.

use clap::CommandFactory as _;

use super::site::{SiteError, print, print_json};
use crate::cli::Cli;
use crate::failure::Outcome;
use crate::spec;

pub(super) fn schema() -> Outcome {
    Ok(print_json(&spec::schema())?)
}

pub(super) fn completions(shell: clap_complete::Shell) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "kimage", &mut script);
    Ok(print(&String::from_utf8_lossy(&script))?)
}

pub(super) fn man() -> Outcome {
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command())
        .render(&mut page)
        .map_err(SiteError::Output)?;
    Ok(print(&String::from_utf8_lossy(&page))?)
}
