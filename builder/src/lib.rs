//! kimage: pre-baked Kubernetes node images from one YAML file.
//!
//! The way data goes is one direction, a module per step: [`spec`] (text to meaning), `plan` (decide, nothing else),
//! gathering by `artifact`, `base` and `trust` (read, fetch, verify, issue keys), `compose` (layers to one sealed
//! [`tree`]) and [`sink`] (tree to bytes). `commands` is the only code that knows them all.

pub mod artifact;
pub mod base;
pub mod blueprint;
pub mod boot;
pub mod cli;
pub mod commands;
pub mod compose;
pub mod digest;
pub mod facts;
pub mod failure;
pub mod inspect;
pub mod output;
pub mod overlay;
pub mod plan;
pub mod program;
pub mod report;
pub mod secret;
pub mod selinux;
pub mod sink;
pub mod spec;
pub(crate) mod tls;
pub mod tree;
pub mod trust;
