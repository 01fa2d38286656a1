//! Pod networks that are programs themselves: their versions, images and plugins.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::minors::Minor;
use super::range::Range;
use crate::spec::Version;

/// What is known about flannel.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlannelFacts {
    /// The versions that kimage can write a manifest for.
    pub known: Range,
    /// The version unless the cluster file names another.
    #[serde(deserialize_with = "version")]
    pub usual: Version,
    image: Table,
    namespace: Table,
    plugin: Table,
}

/// What holds from which version to which.
type Table = BTreeMap<Range, String>;

/// The namespace where anybody's pods may be of the nodes' own priority classes.
const SYSTEM: &str = "kube-system";

impl FlannelFacts {
    /// The image of a known version, a full reference.
    pub fn image(&self, version: Version) -> String {
        of(&self.image, version)
            .unwrap_or_default()
            .replace("{v}", &version.to_string())
    }

    /// The namespace of a known version's objects: where upstream has them, unless this Kubernetes would not let its pods
    /// be as important there as a network is.
    pub fn namespace(&self, version: Version, minor: &Minor) -> &str {
        match of(&self.namespace, version) {
            Some(own) if minor.critical_anywhere => own,
            _ => SYSTEM,
        }
    }
}

/// What is known about flannel.
pub fn flannel() -> &'static FlannelFacts {
    &networks().flannel
}

/// The version of flannel's own plugin that goes with CNI plugins of a version; `None` if they have one themselves.
pub fn flannel_plugin(cni_plugins: Version) -> Option<Version> {
    of(&networks().flannel.plugin, cni_plugins)?.parse().ok()
}

fn of(table: &Table, version: Version) -> Option<&str> {
    let mut rows = table.iter();
    rows.find(|(range, _)| range.contains(version))
        .map(|(_, value)| value.as_str())
}

fn version<'de, D: Deserializer<'de>>(value: D) -> Result<Version, D::Error> {
    String::deserialize(value)?
        .parse()
        .map_err(D::Error::custom)
}

/// The file `networks.yaml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Networks {
    flannel: FlannelFacts,
}

fn networks() -> &'static Networks {
    static NETWORKS: OnceLock<Networks> = OnceLock::new();
    NETWORKS.get_or_init(|| {
        serde_yaml_ng::from_str(include_str!("networks.yaml"))
            .expect("`every_table_has_one_row_for_every_known_version` reads the same text")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{minor, minors};

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    /// The first version of every range, and so every row's beginning, that is a known one.
    fn edges<'a>(known: Range, tables: impl IntoIterator<Item = &'a Table>) -> Vec<Version> {
        let starts = tables.into_iter().flatten().map(|(range, _)| range.since);
        let mut edges: Vec<Version> = starts.filter(|start| known.contains(*start)).collect();
        edges.push(known.since);
        edges
    }

    fn has_one_row(table: &Table, version: Version) {
        let rows = table.keys().filter(|range| range.contains(version));
        assert_eq!(rows.count(), 1, "{version} in {table:?}");
    }

    #[test]
    fn every_table_has_one_row_for_every_known_version() {
        let flannel = flannel();
        let tables = [&flannel.image, &flannel.namespace];
        for version in edges(flannel.known, tables) {
            for table in tables {
                has_one_row(table, version);
            }
        }
        assert!(flannel.known.contains(flannel.usual));
        for minor in minors() {
            has_one_row(&flannel.plugin, minor.cni_plugins);
        }
    }

    #[test]
    fn an_image_is_where_upstream_had_it_at_that_time() {
        let image = |text: &str| flannel().image(version(text));
        assert_eq!(image("0.10.0"), "quay.io/coreos/flannel:v0.10.0-amd64");
        assert_eq!(image("0.15.1"), "quay.io/coreos/flannel:v0.15.1");
        assert_eq!(
            image("0.20.2"),
            "docker.io/rancher/mirrored-flannelcni-flannel:v0.20.2"
        );
        assert_eq!(image("0.26.7"), "docker.io/flannel/flannel:v0.26.7");
    }

    #[test]
    fn a_namespace_of_its_own_must_let_pods_be_important() {
        let namespace = |text: &str, kubernetes: &str| {
            let minor = minor(version(kubernetes)).unwrap();
            flannel().namespace(version(text), minor)
        };
        assert_eq!(namespace("0.26.7", "1.34.2"), "kube-flannel");
        assert_eq!(namespace("0.26.7", "1.16.15"), "kube-system");
        assert_eq!(namespace("0.11.0", "1.15.3"), "kube-system");
    }

    #[test]
    fn old_plugins_have_flannels_among_them() {
        assert_eq!(flannel_plugin(version("0.7.1")), None);
        assert_eq!(flannel_plugin(version("0.9.1")), None);
        assert_eq!(flannel_plugin(version("1.7.1")), Some(version("1.1.2")));
    }
}
