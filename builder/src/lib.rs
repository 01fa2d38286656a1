//! kimage: pre-baked Kubernetes node images from one YAML file.
//!
//! The way data goes is one direction, a module per step: [`spec`] (text to meaning), `plan` (decide, nothing else),
//! gathering by `artifact`, `base` and `trust` (read, fetch, verify, issue keys), `compose` (layers to one sealed
//! [`tree`]) and [`sink`] (tree to bytes). `commands` is the only code that knows them all.

pub mod digest;
pub mod failure;
pub mod report;
pub mod secret;
pub mod sink;
pub mod spec;
pub mod tree;
