//! What a cluster of one Kubernetes minor is made of: default versions, API versions, names and rules.
//!
//! `minors.yaml` has one table per fact, from which minor to which it holds; a [`Minor`] is one column of all the
//! tables. It knows no patch release: whether 1.34.2 was ever published is not a fact of this program.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

use serde::Serialize;

use super::range::{Range, Short};
use crate::failure::{Exit, Failure};
use crate::spec::{DockerVersion, Version};

/// What holds for one Kubernetes minor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Minor {
    /// Its first release, as 1.34.0.
    pub first: Version,
    /// etcd, unless the cluster file names another.
    pub etcd: Version,
    /// The oldest etcd that the cluster file may name.
    pub etcd_minimum: Version,
    /// containerd, unless the cluster file names another.
    pub containerd: Version,
    /// The oldest containerd that speaks the kubelet's CRI and reads kimage's configuration.
    pub containerd_minimum: Version,
    /// The first containerd that no longer speaks the kubelet's CRI, if there is one.
    pub containerd_until: Option<Version>,
    /// Docker, unless the cluster file names another; `None` where the kubelet does not speak to Docker by itself.
    pub docker: Option<DockerVersion>,
    /// cri-dockerd, unless the cluster file names another; `None` where nobody needs it.
    pub cri_dockerd: Option<Version>,
    /// The oldest cri-dockerd that speaks the kubelet's CRI; `None` where nobody needs it.
    pub cri_dockerd_minimum: Option<Version>,
    /// runc, unless the cluster file names another.
    pub runc: Version,
    /// The CNI plugins, unless the cluster file names others.
    pub cni_plugins: Version,
    /// crictl, unless the cluster file names another.
    pub crictl: Version,
    /// The image of CoreDNS, a full reference.
    pub coredns: String,
    /// Words of the Corefile that this CoreDNS knows and others do not.
    pub corefile: Vec<String>,
    /// The image of the pod sandbox, a full reference: the same in containerd's configuration and the preloaded set.
    pub pause: String,
    /// First lines of the file behind `kubelet --config`.
    pub kubelet_configuration: Api,
    /// First lines of the file behind `kube-proxy --config`.
    pub kube_proxy_configuration: Api,
    /// First lines of the file behind `kube-scheduler --config`; `None` where flags say it all.
    pub scheduler_configuration: Option<Api>,
    /// First lines of the file with the keys that the API server encrypts by.
    pub encryption_configuration: Api,
    /// First lines of the file behind `kube-apiserver --audit-policy-file`.
    pub audit_policy: Api,
    /// First lines of kubeadm's description of a cluster.
    pub kubeadm_cluster: Api,
    /// How flags stand there; `None` where kimage does not write it.
    pub kubeadm_arguments: Option<ArgumentForm>,
    /// Kinds of keys that kubeadm can be told to renew certificates with, in its own words.
    pub kubeadm_keys: Vec<String>,
    /// The feature gate by which a kubelet asks for a certificate as a server, where it does not by itself.
    pub serving_gate: Option<String>,
    /// Whom a kubelet asks for a certificate as a server, where a request says so.
    pub serving_signer: Option<String>,
    /// The group in `admin.conf`'s certificate.
    pub admin_organization: String,
    /// Labels of a master, each with an empty value.
    pub control_plane_labels: Vec<String>,
    /// Taints of a master, as `key:Effect`.
    pub control_plane_taints: Vec<String>,
    /// The label that every kubelet gives its node, with the operating system.
    pub os_label: String,
    /// Whether pods outside of kube-system may be of the priority classes that come before all others.
    pub critical_anywhere: bool,
    /// The version of `apiextensions.k8s.io` by which further kinds of objects are declared.
    pub custom_resources: String,
    /// What the kubelet makes of control groups of version 1.
    pub cgroup_v1: CgroupV1,
    /// What the kubelet makes of control groups of version 2.
    pub cgroup_v2: CgroupV2,
    /// What kube-proxy can make Services with, in its own words.
    pub proxy_modes: Vec<String>,
    /// Those of them that it would rather not.
    pub proxy_modes_deprecated: Vec<String>,
    /// Flags of `kubectl apply`, so that what is applied again changes nothing of what others added.
    pub apply_flags: Vec<String>,
    /// How many minors older than the API server a kubelet may be.
    pub kubelet_skew: u32,
}

/// The first two lines of a configuration file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Api {
    /// After `apiVersion:`.
    pub version: String,
    /// After `kind:`.
    pub kind: String,
}

/// How flags of programs stand in kubeadm's configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ArgumentForm {
    /// By their names.
    Map,
    /// Each with `name` and `value`.
    List,
}

/// What a kubelet makes of a machine with control groups of version 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CgroupV1 {
    /// They are as good as version 2.
    Supported,
    /// It starts, and complains.
    Warned,
    /// It starts only if its configuration says `failCgroupV1: false`.
    Refused,
}

/// What a kubelet makes of a machine with control groups of version 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CgroupV2 {
    /// It looks for the controllers of version 1 and does not start.
    Unknown,
    /// It knows them.
    Supported,
}

/// A Kubernetes version that kimage has no facts about.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Kubernetes `{version}` is not among the known minors {oldest} to {newest}")]
pub struct UnknownVersion {
    /// The version that was asked for.
    pub version: Version,
    /// The oldest known minor, as `1.10`.
    pub oldest: String,
    /// The newest known minor, as `1.36`.
    pub newest: String,
}

impl Failure for UnknownVersion {
    fn exit(&self) -> Exit {
        Exit::UserFiles
    }

    fn hint(&self) -> Option<String> {
        let Self { oldest, newest, .. } = self;
        Some(format!(
            "give `kubernetes.version` a release of {oldest} to {newest}"
        ))
    }
}

/// What holds for the minor that a Kubernetes version belongs to.
///
/// # Errors
///
/// The minor is none of [`minors`].
pub fn minor(version: Version) -> Result<&'static Minor, UnknownVersion> {
    let first = Version {
        patch: 0,
        ..version
    };
    minors()
        .binary_search_by_key(&first, |minor| minor.first)
        .map(|index| &minors()[index])
        .map_err(|_| {
            let shown = |minor: Option<&Minor>| minor.map(Minor::name).unwrap_or_default();
            UnknownVersion {
                version,
                oldest: shown(minors().first()),
                newest: shown(minors().last()),
            }
        })
}

/// All known minors, oldest first.
pub fn minors() -> &'static [Minor] {
    static MINORS: OnceLock<Vec<Minor>> = OnceLock::new();
    MINORS.get_or_init(|| {
        read(include_str!("minors.yaml"))
            .expect("`every_fact_has_one_row_for_every_minor` reads the same text")
    })
}

impl Minor {
    /// The minor as people write it: `1.34`.
    pub fn name(&self) -> String {
        Short(self.first).to_string()
    }
}

/// All minors out of the text of `minors.yaml`.
fn read(text: &str) -> Result<Vec<Minor>, String> {
    let tables: BTreeMap<String, BTreeMap<String, String>> =
        serde_yaml_ng::from_str(text).map_err(|error| error.to_string())?;
    let supported = tables.get("supported").ok_or("no table `supported`")?;
    let mut minors = Vec::new();
    for range in supported.keys() {
        let range: Range = range.parse().map_err(|error| format!("{error}"))?;
        let until = range.until.ok_or("`supported` has an end")?;
        for number in range.since.minor..until.minor {
            minors.push(column(
                &tables,
                Version {
                    minor: number,
                    ..range.since
                },
            )?);
        }
    }
    Ok(minors)
}

/// One minor out of all the tables.
fn column(
    tables: &BTreeMap<String, BTreeMap<String, String>>,
    first: Version,
) -> Result<Minor, String> {
    let facts = Column { tables, first };
    Ok(Minor {
        first,
        etcd: facts.value("etcd")?,
        etcd_minimum: facts.value("etcd_minimum")?,
        containerd: facts.value("containerd")?,
        containerd_minimum: facts.value("containerd_minimum")?,
        containerd_until: facts.unless_none("containerd_until")?,
        docker: facts.unless_none("docker")?,
        cri_dockerd: facts.unless_none("cri_dockerd")?,
        cri_dockerd_minimum: facts.unless_none("cri_dockerd_minimum")?,
        runc: facts.value("runc")?,
        cni_plugins: facts.value("cni_plugins")?,
        crictl: facts.value("crictl")?,
        coredns: facts.value("coredns")?,
        corefile: facts.words("corefile")?,
        pause: facts.value("pause")?,
        kubelet_configuration: facts.value("kubelet_configuration")?,
        kube_proxy_configuration: facts.value("kube_proxy_configuration")?,
        scheduler_configuration: facts.unless_none("scheduler_configuration")?,
        encryption_configuration: facts.value("encryption_configuration")?,
        audit_policy: facts.value("audit_policy")?,
        kubeadm_cluster: facts.value("kubeadm_cluster")?,
        kubeadm_arguments: facts.unless_none("kubeadm_arguments")?,
        kubeadm_keys: facts.words("kubeadm_keys")?,
        serving_gate: facts.unless_none("serving_gate")?,
        serving_signer: facts.unless_none("serving_signer")?,
        admin_organization: facts.value("admin_organization")?,
        control_plane_labels: facts.words("control_plane_labels")?,
        control_plane_taints: facts.words("control_plane_taints")?,
        os_label: facts.value("os_label")?,
        critical_anywhere: facts.value("critical_anywhere")?,
        custom_resources: facts.value("custom_resources")?,
        cgroup_v1: facts.value("cgroup_v1")?,
        cgroup_v2: facts.value("cgroup_v2")?,
        proxy_modes: facts.words("proxy_modes")?,
        proxy_modes_deprecated: facts.words("proxy_modes_deprecated")?,
        apply_flags: facts.words("apply_flags")?,
        kubelet_skew: facts.value("kubelet_skew")?,
    })
}

/// The tables, seen from one minor.
struct Column<'a> {
    tables: &'a BTreeMap<String, BTreeMap<String, String>>,
    first: Version,
}

impl Column<'_> {
    /// What a table says; exactly one row must hold.
    fn value<T: FromStr<Err: fmt::Display>>(&self, fact: &str) -> Result<T, String> {
        let about = |problem: String| format!("`{fact}` of {}: {problem}", Short(self.first));
        let mut found = None;
        for (range, value) in self.tables.get(fact).into_iter().flatten() {
            let range: Range = range.parse().map_err(|error| about(format!("{error}")))?;
            if range.contains(self.first) && found.replace(value).is_some() {
                return Err(about("two rows".to_owned()));
            }
        }
        found
            .ok_or_else(|| about("no row".to_owned()))?
            .parse()
            .map_err(|error| about(format!("{error}")))
    }

    /// What a table says, where it does not say `none`.
    fn unless_none<T: FromStr<Err: fmt::Display>>(&self, fact: &str) -> Result<Option<T>, String> {
        match self.value::<String>(fact)?.as_str() {
            "none" => Ok(None),
            _ => self.value(fact).map(Some),
        }
    }

    /// What a table says, as words between spaces; `none` are none.
    fn words(&self, fact: &str) -> Result<Vec<String>, String> {
        let text: Option<String> = self.unless_none(fact)?;
        let words = text.iter().flat_map(|text| text.split(' '));
        Ok(words.map(str::to_owned).collect())
    }
}

impl FromStr for Api {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (version, kind) = text.split_once(' ').ok_or("no apiVersion and kind")?;
        Ok(Self {
            version: version.to_owned(),
            kind: kind.to_owned(),
        })
    }
}

impl FromStr for ArgumentForm {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "map" => Ok(Self::Map),
            "list" => Ok(Self::List),
            other => Err(format!("`{other}` is none of map, list")),
        }
    }
}

impl FromStr for CgroupV1 {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "supported" => Ok(Self::Supported),
            "warned" => Ok(Self::Warned),
            "refused" => Ok(Self::Refused),
            other => Err(format!("`{other}` is none of supported, warned, refused")),
        }
    }
}

impl FromStr for CgroupV2 {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "unknown" => Ok(Self::Unknown),
            "supported" => Ok(Self::Supported),
            other => Err(format!("`{other}` is none of unknown, supported")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(version: &str) -> &'static Minor {
        minor(version.parse().unwrap()).unwrap()
    }

    #[test]
    fn every_fact_has_one_row_for_every_minor() {
        let minors = read(include_str!("minors.yaml")).unwrap();
        let names: Vec<String> = minors.iter().map(Minor::name).collect();
        let all: Vec<String> = (10..=36).map(|minor| format!("1.{minor}")).collect();
        assert_eq!(names, all);
    }

    #[test]
    fn a_missing_and_a_doubled_row_are_found() {
        let text = include_str!("minors.yaml");
        let gap = text.replace("  1.29..1.30: 3.5.16\n", "");
        assert_eq!(read(&gap).unwrap_err(), "`etcd` of 1.29: no row");
        let twice = text.replace("  1.29..1.30: 3.5.16\n", "  1.29..1.31: 3.5.16\n");
        assert_eq!(read(&twice).unwrap_err(), "`etcd` of 1.30: two rows");
    }

    #[test]
    fn a_patch_release_has_its_minors_facts() {
        assert_eq!(of("1.34.0"), of("1.34.99"));
        assert_eq!(of("1.34.2").etcd.to_string(), "3.6.5");
        assert_eq!(of("1.28.15").pause, "registry.k8s.io/pause:3.9");
        assert_eq!(of("1.10.13").etcd.to_string(), "3.1.12");
        assert_eq!(of("1.17.17").serving_signer, None);
        assert!(of("1.11.10").serving_gate.is_some() && of("1.12.10").serving_gate.is_none());
        assert_eq!(of("1.15.12").apply_flags, [""; 0]);
        assert_eq!(of("1.16.0").apply_flags[0], "--server-side");
        assert_eq!(of("1.18.20").pause, "registry.k8s.io/pause:3.2");
        assert_eq!(of("1.18.20").cgroup_v2, CgroupV2::Unknown);
        assert_eq!(of("1.22.17").scheduler_configuration, None);
        assert_eq!(of("1.28.15").admin_organization, "system:masters");
        assert_eq!(of("1.29.0").admin_organization, "kubeadm:cluster-admins");
        assert_eq!(of("1.34.9").cgroup_v1, CgroupV1::Warned);
        assert_eq!(of("1.35.0").cgroup_v1, CgroupV1::Refused);
    }

    #[test]
    fn an_unknown_minor_is_refused_with_what_is_known() {
        for version in ["1.9.11", "1.37.0", "2.30.0", "0.34.0"] {
            let error = minor(version.parse().unwrap()).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("Kubernetes `{version}` is not among the known minors 1.10 to 1.36")
            );
            assert_eq!(error.exit(), Exit::UserFiles);
        }
    }

    #[test]
    fn the_default_containerd_speaks_the_kubelets_interface() {
        for minor in minors() {
            let old = minor.containerd < minor.containerd_minimum;
            let new = minor
                .containerd_until
                .is_some_and(|until| minor.containerd >= until);
            assert!(!old && !new, "{}", minor.name());
        }
    }

    #[test]
    fn the_default_etcd_is_not_too_old() {
        for minor in minors() {
            assert!(minor.etcd >= minor.etcd_minimum, "{}", minor.name());
        }
    }

    #[test]
    fn images_are_full_references_with_a_tag() {
        for minor in minors() {
            for image in [&minor.pause, &minor.coredns] {
                let (name, tag) = image.rsplit_once(':').unwrap();
                assert!(
                    name.starts_with("registry.k8s.io/") && !tag.is_empty(),
                    "{image}"
                );
            }
        }
    }
}
