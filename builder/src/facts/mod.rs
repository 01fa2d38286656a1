//! What each version of Kubernetes knows, needs and refuses, as data.
//!
//! Four files, embedded: `minors.yaml` (what a cluster of one minor is made of), `flags.yaml` and `configs.yaml` (the
//! lives of flags and of configuration fields) and `components.yaml` (the flags that kimage gives). Everything here is
//! a question to them at one version, pure and parsed once. No other module compares a Kubernetes version: a new minor
//! is a few rows more.

mod components;
mod containerd;
mod flags;
mod minors;
mod range;

pub use components::{Argument, arguments};
pub use containerd::{CniDirectory, ContainerdConfig, containerd_config};
pub use flags::{ConfigurationKind, FlagStatus, field, fields_at, flag, flags_at, program};
pub use minors::{Api, CgroupV1, Minor, UnknownVersion, minor, minors};
pub use range::{Range, RangeError};
