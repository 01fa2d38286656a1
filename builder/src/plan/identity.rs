//! Identifiers that are a function of names: the same at every rebuild, different for every node.

use serde::Serialize;
use uuid::Uuid;

use crate::spec::NodeName;

/// The namespace of all identifiers that kimage derives (a random UUID, drawn once).
const NAMESPACE: Uuid = Uuid::from_u128(0x6b1f_22c6_8f0e_4d0c_9a53_5f1d_0c7e_91ab);

/// Names of a node's disk and partitions: UUIDv5 (RFC 9562) of cluster, node and part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct DiskNames {
    /// The disk's GUID.
    pub disk: Uuid,
    /// The BIOS boot partition's GUID.
    pub bios: Uuid,
    /// The EFI system partition's GUID.
    pub esp: Uuid,
    /// The root partition's GUID, by which the node boots.
    pub root: Uuid,
}

impl DiskNames {
    /// The names for a node.
    pub fn of(cluster: &str, node: &NodeName) -> Self {
        let part = |part| derive(&["disk", cluster, node.as_str(), part]);
        Self {
            disk: part("disk"),
            bios: part("bios"),
            esp: part("esp"),
            root: part("root"),
        }
    }
}

/// The machine-id of a node: 32 hexadecimal digits.
pub(super) fn machine_id(cluster: &str, node: &NodeName) -> String {
    derive(&["machine", cluster, node.as_str()])
        .simple()
        .to_string()
}

/// The UUID of the root filesystem that all nodes of a role share, because ext4 mixes it into its checksums.
pub fn filesystem(role: &str, base: &str) -> Uuid {
    derive(&["filesystem", role, base])
}

fn derive(parts: &[&str]) -> Uuid {
    Uuid::new_v5(&NAMESPACE, parts.join("\0").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_parts_nodes_or_clusters_share_a_name() {
        let node: NodeName = "a".parse().unwrap();
        let (one, other) = (DiskNames::of("lab", &node), DiskNames::of("lab2", &node));
        let all = [
            one.disk, one.bios, one.esp, one.root, other.disk, other.bios, other.esp, other.root,
        ];
        let mut distinct = all.to_vec();
        distinct.sort();
        distinct.dedup();
        assert_eq!(distinct.len(), all.len());
        assert_eq!(DiskNames::of("lab", &node), one);
    }
}
