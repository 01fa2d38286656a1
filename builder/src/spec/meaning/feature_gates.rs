//! Feature gates: of all components, or of one through its configuration file.

use std::collections::BTreeMap;

use super::{Checker, Finding, lifetime};
use crate::facts;
use crate::spec::cluster::{Component, Version};
use crate::spec::file::ClusterFile;
use crate::spec::pointer::Pointer;

/// The section `featureGates`. `extra_args` is the section of that name: it may have the gates of one component as a flag,
/// which would silently win.
pub(super) fn check(
    check: &mut Checker,
    file: &ClusterFile,
    version: Option<Version>,
    extra_args: &BTreeMap<Component, BTreeMap<String, String>>,
) -> BTreeMap<String, bool> {
    let top = Pointer::top().key("featureGates");
    let gates = file.feature_gates.clone().unwrap_or_default();
    for name in gates.keys() {
        known(check, top.key(name), name, version);
    }
    // etcd's gates are its own.
    let components = extra_args
        .iter()
        .filter(|(component, _)| **component != Component::Etcd);
    for (component, flags) in components {
        let Some(value) = flags.get("feature-gates") else {
            continue;
        };
        let program = facts::program(*component);
        let flag = Pointer::top()
            .key("extraArgs")
            .key(program)
            .key("feature-gates");
        for gate in value.split(',') {
            let name = gate.split('=').next().unwrap_or(gate);
            known(check, flag.clone(), name.trim(), version);
        }
        if !gates.is_empty() {
            check.tell(
                Finding::error(
                    flag,
                    format!("`--feature-gates` of {program} would hide `featureGates`"),
                )
                .at_key()
                .suggest("write all gates under `featureGates`")
                .with(top.clone(), "these"),
            );
        }
    }
    gates
}

/// Tells of a gate that a version of Kubernetes does not know.
pub(super) fn known(check: &mut Checker, at: Pointer, name: &str, version: Option<Version>) {
    let Some(version) = version else {
        return;
    };
    let (program, shown) = (format!("Kubernetes {version}"), format!("`{name}`"));
    let status = facts::gate(name, version);
    lifetime::tell(check, at, &program, "feature gate", &shown, status);
}
