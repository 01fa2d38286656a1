//! What each version of Kubernetes knows, needs and refuses, as data.
//!
//! Four files, embedded: `minors.yaml` (what a cluster of one minor is made of), `flags.yaml` and `configs.yaml` (the
//! lives of flags and of configuration fields) and `components.yaml` (the flags that kimage gives). Everything here is
//! a question to them at one version, pure and parsed once. No other module compares a Kubernetes version.
//!
//! The facts were gathered from Kubernetes' reference pages, the source of its option packages and its release notes,
//! and are held against real programs by `builder/tests/facts_match_binaries.rs`. Where they disagreed, the programs
//! were right.
//!
//! To add a minor, newer or older:
//! 1. widen `supported` in `minors.yaml`; `every_fact_has_one_row_for_every_minor` then names each row that is missing;
//! 2. end what the minor removes and add what it brings in `flags.yaml` and `configs.yaml`; a removed flag that kimage
//!    gives needs its successor in `components.yaml`, and a test says which;
//! 3. put a release of it into the tests' mirror, and the programs themselves name what is still wrong.
//!
//! Feature gates, admission plugins and the values that a flag takes are not known here.

mod components;
mod containerd;
mod coredns;
mod flags;
mod minors;
mod range;

pub use components::{Argument, arguments};
pub use containerd::{CniDirectory, ContainerdConfig, containerd_config};
pub use coredns::corefile;
pub use flags::{ConfigurationKind, FlagStatus, field, fields_at, flag, flags_at, program};
pub use minors::{Api, CgroupV1, CgroupV2, Minor, UnknownVersion, minor, minors};
pub use range::{Range, RangeError};
