//! Which feature gates the programs of a version know.
//!
//! A program stops at a gate that it does not know, and gates go some releases after what they gate has become ordinary.
//! `gates.yaml` gives every gate a life, in the notation of `flags.yaml`; [`gate`] looks one up. Whether a gate may be
//! turned off, and what it does, is not known here.

use std::sync::OnceLock;

use super::flags::{FlagStatus, Lives, read, status};
use crate::spec::Version;

/// What the programs of a version make of a feature gate.
pub fn gate(name: &str, version: Version) -> FlagStatus {
    status(Some(gates()), name, version, |_| None)
}

/// Every feature gate that the programs of a version know, in the order of their names.
pub fn gates_at(version: Version) -> Vec<&'static str> {
    let alive = gates().iter();
    alive
        .filter(|(_, life)| life.range.contains(version))
        .map(|(name, _)| name.as_str())
        .collect()
}

fn gates() -> &'static Lives {
    static GATES: OnceLock<Lives> = OnceLock::new();
    GATES.get_or_init(|| {
        read(include_str!("gates.yaml"))
            .expect("`every_gate_is_read` reads the same text")
            .remove("Kubernetes")
            .unwrap_or_default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(name: &str, version: &str) -> FlagStatus {
        gate(name, version.parse().unwrap())
    }

    #[test]
    fn every_gate_is_read() {
        let text = include_str!("gates.yaml");
        let lines = text.lines().filter(|line| line.starts_with("  ")).count();
        assert_eq!(gates().len(), lines);
        assert!(lines > 400, "{lines}");
    }

    #[test]
    fn a_gate_comes_and_goes() {
        let name = "RotateKubeletServerCertificate";
        assert_eq!(at(name, "1.10.0"), FlagStatus::Known);
        assert!(matches!(
            at("DynamicAuditing", "1.34.2"),
            FlagStatus::Removed { .. }
        ));
        assert!(matches!(
            at("SidecarContainers", "1.15.3"),
            FlagStatus::NotYet { .. }
        ));
        assert!(
            matches!(at("SidecarContainer", "1.34.2"), FlagStatus::Unknown { did_you_mean: Some(name) } if name == "SidecarContainers")
        );
    }
}
