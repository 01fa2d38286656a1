//! Formats: a tree goes in, bytes come out.
//!
//! A format writes into a [`Region`] and never reads back. Sizes and content come from the same function, run once
//! into a [`Tally`] and once into the output.

mod region;

pub use region::{Checked, Memory, Region, Tally, Window};
