//! What each version of Kubernetes knows, needs and refuses, as data.
//!
//! Eight files, embedded: `minors.yaml` (what a cluster of one minor is made of), `flags.yaml`, `configs.yaml` and
//! `gates.yaml` (the lives of flags, of configuration fields and of feature gates), `components.yaml` and `settings.yaml`
//! (the flags and the fields that kimage gives), `docker.yaml` (what Docker's versions know), `networks.yaml` (pod
//! networks that are programs themselves). Everything here is a question to them at one version, pure and parsed once.
//! No other module compares a Kubernetes version.
//!
//! The facts were gathered from Kubernetes' reference pages, the source of its option packages and its release notes,
//! and are held against real programs by `builder/tests/facts_match_binaries.rs`. Where they disagreed, the programs
//! were right.
//!
//! To add a minor, newer or older:
//! 1. widen `supported` in `minors.yaml`; `every_fact_has_one_row_for_every_minor` then names each row that is missing;
//! 2. end what the minor removes and add what it brings in `flags.yaml`, `configs.yaml` and `gates.yaml`; a removed flag
//!    that kimage gives needs its successor in `components.yaml`, and a test says which;
//! 3. put a release of it into the tests' mirror, and the programs themselves name what is still wrong.
//!
//! Admission plugins and the values that a flag or a field takes are not known here.

mod components;
mod containerd;
mod coredns;
mod docker;
mod flags;
mod gates;
mod minors;
mod networks;
mod range;
mod settings;

pub use components::{Argument, arguments, kubeadm_arguments};
pub use containerd::{CniDirectory, ContainerdConfig, containerd_config};
pub use coredns::{coredns_for_kubeadm, corefile};
pub use docker::{DockerTrait, daemon_key, daemon_keys};
pub use flags::{
    ConfigurationKind, FieldShape, FlagStatus, field, fields_at, flag, flags_at, flags_of_field,
    program, shape,
};
pub use gates::{gate, gates_at};
pub use minors::{Api, ArgumentForm, CgroupV1, CgroupV2, Minor, UnknownVersion, minor, minors};
pub use networks::{
    CalicoFacts, CalicoImages, CalicoKind, FlannelFacts, calico, flannel, flannel_plugin,
};
pub use range::{Range, RangeError};
pub use settings::{Setting, settings};
