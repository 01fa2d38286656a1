//! Pod networks that are programs themselves: their versions, images and plugins.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

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

/// What is known about Calico.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalicoFacts {
    /// The versions that kimage can write a manifest for.
    pub known: Range,
    kubernetes: BTreeMap<Range, Range>,
    usual: Table,
    flexvol: Table,
    install: Table,
    finds_mtu: Table,
    cni_account: Table,
    autodetection: Table,
    methods: Vec<Method>,
    kinds: Vec<CalicoKind>,
}

/// Images of a Calico, full references.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CalicoImages {
    /// The daemon of every node.
    pub node: String,
    /// The plugin.
    pub cni: String,
    /// What cleans up.
    pub controllers: String,
    /// The driver of volumes, where there is one.
    pub flexvol: Option<String>,
}

/// A kind of objects that Calico keeps in the API.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CalicoKind {
    /// Its name.
    pub kind: String,
    /// Its name in addresses.
    pub plural: String,
    /// `Cluster` or `Namespaced`.
    #[serde(default = "cluster_scope")]
    pub scope: String,
    /// The group that it is of.
    #[serde(default = "calico_group")]
    pub group: String,
    /// Its version in the API.
    #[serde(default = "first_version")]
    pub version: String,
    #[serde(rename = "in", skip_serializing)]
    range: Option<Range>,
}

/// A way to find a node's address.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Method {
    name: String,
    value: bool,
    #[serde(rename = "in")]
    range: Option<Range>,
}

fn cluster_scope() -> String {
    "Cluster".to_owned()
}

fn calico_group() -> String {
    "crd.projectcalico.org".to_owned()
}

fn first_version() -> String {
    "v1".to_owned()
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

impl CalicoFacts {
    /// The versions of Kubernetes that a known version works with.
    pub fn kubernetes(&self, version: Version) -> Range {
        let mut rows = self.kubernetes.iter();
        let row = rows.find(|(range, _)| range.contains(version));
        row.map_or(self.known, |(_, kubernetes)| *kubernetes)
    }

    /// The version unless the cluster file names another.
    pub fn usual(&self, minor: &Minor) -> Version {
        of(&self.usual, minor.first)
            .and_then(|text| text.parse().ok())
            .unwrap_or(self.known.since)
    }

    /// The images of a known version.
    pub fn images(&self, version: Version) -> CalicoImages {
        let image = |name: &str| format!("docker.io/calico/{name}:v{version}");
        CalicoImages {
            node: image("node"),
            cni: image("cni"),
            controllers: image("kube-controllers"),
            flexvol: of(&self.flexvol, version)
                .filter(|name| *name != "none")
                .map(image),
        }
    }

    /// The program that puts the plugin onto a node, in the plugin's image.
    pub fn install(&self, version: Version) -> &str {
        of(&self.install, version).unwrap_or_default()
    }

    /// Whether it finds out by itself how large packets may be.
    pub fn finds_mtu(&self, version: Version) -> bool {
        of(&self.finds_mtu, version) == Some("true")
    }

    /// The service account of the plugin.
    pub fn cni_account(&self, version: Version) -> &str {
        of(&self.cni_account, version).unwrap_or_default()
    }

    /// How it finds a node's address unless told; `master` is the first master's.
    pub fn autodetection(&self, version: Version, master: &str) -> String {
        of(&self.autodetection, version)
            .unwrap_or_default()
            .replace("{master}", master)
    }

    /// The ways to find a node's address, and whether something follows behind `=`.
    pub fn methods(&self, version: Version) -> Vec<(&str, bool)> {
        let methods = self.methods.iter();
        methods
            .filter(|method| method.range.is_none_or(|range| range.contains(version)))
            .map(|method| (method.name.as_str(), method.value))
            .collect()
    }

    /// The kinds of objects that it keeps in the API.
    pub fn kinds(&self, version: Version) -> Vec<CalicoKind> {
        let kinds = self.kinds.iter();
        kinds
            .filter(|kind| kind.range.is_none_or(|range| range.contains(version)))
            .cloned()
            .collect()
    }
}

/// What is known about Calico.
pub fn calico() -> &'static CalicoFacts {
    &networks().calico
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
    calico: CalicoFacts,
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

    /// The known versions at which a row begins, or ends and so another must begin.
    fn edges<'a>(known: Range, tables: impl IntoIterator<Item = &'a Table>) -> Vec<Version> {
        let rows = tables.into_iter().flatten();
        let mut edges: Vec<Version> = rows
            .flat_map(|(range, _)| [Some(range.since), range.until])
            .flatten()
            .filter(|edge| known.contains(*edge))
            .collect();
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
        let calico = calico();
        let tables = [
            &calico.flexvol,
            &calico.install,
            &calico.finds_mtu,
            &calico.cni_account,
            &calico.autodetection,
        ];
        for version in edges(calico.known, tables) {
            for table in tables {
                has_one_row(table, version);
            }
        }
        for minor in minors() {
            has_one_row(&flannel.plugin, minor.cni_plugins);
            has_one_row(&calico.usual, minor.first);
        }
    }

    #[test]
    fn the_usual_calico_works_with_its_minor() {
        let calico = calico();
        for minor in minors() {
            let usual = calico.usual(minor);
            assert!(calico.known.contains(usual), "{usual}");
            let works = calico.kubernetes(usual).contains(minor.first);
            assert!(works, "{usual} with {}", minor.name());
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
