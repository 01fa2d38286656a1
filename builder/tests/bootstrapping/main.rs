//! Nodes that join by a token: what kimage writes for them, and what the real programs make of it.
//!
//! `cluster` starts real programs of the tests' mirror of upstream releases, whose folder is `KIMAGE_TEST_MIRROR`.

#![allow(clippy::unwrap_used)] // All of this is test code.
#![allow(clippy::disallowed_methods)] // Oracles are run as people run them, and tokens end by the clock.

mod cluster;
mod every_minor;
mod hostile;
mod request;
mod site;
