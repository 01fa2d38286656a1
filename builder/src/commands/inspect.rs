//! `kimage inspect`: look inside a finished image, without root or mounting.

use super::site::{print, print_json};
use crate::cli::Inspect;
use crate::failure::Outcome;
use crate::inspect;

pub(super) fn run(_arguments: &Inspect) -> Outcome {
    Ok(())
}
