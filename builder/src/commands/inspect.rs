//! `kimage inspect`: look inside a finished image, without root or mounting.

use crate::cli::Inspect;
use crate::failure::Outcome;

pub(super) fn run(_: &Inspect) -> Outcome {
    Ok(())
}
