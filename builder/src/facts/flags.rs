//! Which flags and configuration fields a program has at a version.
//!
//! `flags.yaml` and `configs.yaml` give every name a *life*: since when, until when, from when on something else is
//! better. [`flag`] and [`field`] look a name up at one version. Values are not known here, only names.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::OnceLock;

use super::range::{Range, short_version};
use crate::spec::{Component, Version};

/// What a program of some version makes of a flag, or of a field of its configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FlagStatus {
    /// It takes it.
    Known,
    /// It takes it, but something else is better.
    Deprecated {
        /// The first version that says so.
        since: Version,
        /// What is better.
        replacement: Option<String>,
    },
    /// It refuses it; older versions took it.
    Removed {
        /// The first version that refuses it.
        since: Version,
        /// What to use instead.
        replacement: Option<String>,
    },
    /// It refuses it; newer versions take it.
    NotYet {
        /// The first version that takes it.
        since: Version,
    },
    /// No version that is known has it.
    Unknown {
        /// A name of this version that looks like it.
        did_you_mean: Option<String>,
    },
}

impl FlagStatus {
    /// Whether the program starts with it.
    pub fn is_accepted(&self) -> bool {
        matches!(self, Self::Known | Self::Deprecated { .. })
    }
}

/// The configuration files whose fields are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConfigurationKind {
    /// `KubeletConfiguration`
    Kubelet,
    /// `KubeProxyConfiguration`
    KubeProxy,
    /// `KubeSchedulerConfiguration`
    KubeScheduler,
}

/// What a program makes of a flag, given without the leading dashes. `version` is Kubernetes', for etcd etcd's own.
pub fn flag(component: Component, name: &str, version: Version) -> FlagStatus {
    let names = flags().get(program(component));
    // Programs of Kubernetes take `log_dir` for `log-dir`.
    let name = match component {
        Component::Etcd => name.to_owned(),
        _ => name.replace('_', "-"),
    };
    status(names, &name, version, |life| {
        let field = life.field.as_deref()?;
        let kind = ConfigurationKind::of(component)?;
        let since = fields_of(kind)?.get(field)?.range.since;
        let program = program(component);
        Some((since, format!("`{field}` in `extraConfig.{program}`")))
    })
}

/// What a program makes of a field of its configuration file. Fields of fields are written with dots, those of lists
/// with brackets: `logging.format`, `reservedMemory[].limits`. A map's keys are no fields.
pub fn field(kind: ConfigurationKind, path: &str, version: Version) -> FlagStatus {
    status(fields_of(kind), path, version, |_| None)
}

/// Every flag that a program takes at a version, in the order of their names.
pub fn flags_at(component: Component, version: Version) -> Vec<&'static str> {
    let names = flags().get(program(component));
    let alive = names.into_iter().flatten();
    alive
        .filter(|(_, life)| life.range.contains(version))
        .map(|(name, _)| name.as_str())
        .collect()
}

/// Every field that a configuration file may have at a version, in the order of their names.
pub fn fields_at(kind: ConfigurationKind, version: Version) -> Vec<&'static str> {
    let names = fields_of(kind);
    let alive = names.into_iter().flatten();
    alive
        .filter(|(_, life)| life.range.contains(version))
        .map(|(name, _)| name.as_str())
        .collect()
}

/// The file name of a component's program.
pub fn program(component: Component) -> &'static str {
    match component {
        Component::Etcd => "etcd",
        Component::KubeApiserver => "kube-apiserver",
        Component::KubeControllerManager => "kube-controller-manager",
        Component::KubeScheduler => "kube-scheduler",
        Component::Kubelet => "kubelet",
        Component::KubeProxy => "kube-proxy",
    }
}

/// What a field of a configuration file holds, as far as its name tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldShape {
    /// Fields of its own.
    Fields,
    /// A list of things that have fields.
    List,
    /// A value, a list of values, or a mapping whose keys are the user's.
    Free,
}

/// What a field holds, written as for [`field`].
pub fn shape(kind: ConfigurationKind, path: &str) -> FieldShape {
    let (fields, list) = (format!("{path}."), format!("{path}[]."));
    let names = fields_of(kind).into_iter().flatten();
    names
        .map(|(name, _)| match name {
            name if name.starts_with(&fields) => FieldShape::Fields,
            name if name.starts_with(&list) => FieldShape::List,
            _ => FieldShape::Free,
        })
        .find(|shape| *shape != FieldShape::Free)
        .unwrap_or(FieldShape::Free)
}

/// The flags of a program that do the same as a field of its configuration file, whatever the version.
pub fn flags_of_field(component: Component, path: &str) -> Vec<&'static str> {
    let names = flags().get(program(component)).into_iter().flatten();
    names
        .filter(|(_, life)| life.field.as_deref() == Some(path))
        .map(|(name, _)| name.as_str())
        .collect()
}

impl ConfigurationKind {
    /// The configuration file of a component whose fields do the same as its flags; `None` if it has none.
    pub fn of(component: Component) -> Option<Self> {
        match component {
            Component::Kubelet => Some(Self::Kubelet),
            Component::KubeProxy => Some(Self::KubeProxy),
            _ => None,
        }
    }

    /// As it stands after `kind:`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kubelet => "KubeletConfiguration",
            Self::KubeProxy => "KubeProxyConfiguration",
            Self::KubeScheduler => "KubeSchedulerConfiguration",
        }
    }
}

/// The life of a flag or a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Life {
    /// The versions that take it.
    pub(super) range: Range,
    /// The first version that calls it deprecated.
    deprecated: Option<Version>,
    /// The configuration field that does the same.
    field: Option<String>,
    /// What to use instead.
    replacement: Option<String>,
}

impl FromStr for Life {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // The replacement is prose and may have commas of its own, so it is taken off first.
        let (head, replacement) = match text.split_once(", use ") {
            Some((head, replacement)) => (head, Some(replacement.to_owned())),
            None => (text, None),
        };
        let mut parts = head.split(", ");
        let range = parts.next().unwrap_or_default();
        let mut life = Self {
            range: range.parse().map_err(|error| format!("{error}"))?,
            deprecated: None,
            field: None,
            replacement,
        };
        for part in parts {
            let wrong = || format!("`{part}` is neither `deprecated SINCE` nor `field NAME`");
            match part.split_once(' ').ok_or_else(wrong)? {
                ("deprecated", since) => {
                    life.deprecated = Some(short_version(since).ok_or_else(wrong)?)
                }
                ("field", name) => life.field = Some(name.to_owned()),
                _ => return Err(wrong()),
            }
        }
        Ok(life)
    }
}

pub(super) type Lives = BTreeMap<String, Life>;

/// Looks a name up. `better` says since when a field does the same, and which.
pub(super) fn status(
    names: Option<&'static Lives>,
    name: &str,
    version: Version,
    better: impl Fn(&Life) -> Option<(Version, String)>,
) -> FlagStatus {
    let Some(life) = names.and_then(|names| names.get(name)) else {
        return FlagStatus::Unknown {
            did_you_mean: names.and_then(|names| nearest(names, name, version)),
        };
    };
    let replacement = life.replacement.clone();
    let field = better(life).filter(|(since, _)| *since <= version);
    match (life.range, life.deprecated) {
        (Range { since, .. }, _) if version < since => FlagStatus::NotYet { since },
        (
            Range {
                until: Some(until), ..
            },
            _,
        ) if version >= until => FlagStatus::Removed {
            since: until,
            replacement: replacement.or(field.map(|(_, field)| field)),
        },
        (_, Some(since)) if version >= since => FlagStatus::Deprecated {
            since,
            replacement: replacement.or(field.map(|(_, field)| field)),
        },
        _ => match field {
            Some((since, field)) => FlagStatus::Deprecated {
                since,
                replacement: Some(field),
            },
            None => FlagStatus::Known,
        },
    }
}

/// The living name that looks most like one that does not exist.
fn nearest(names: &'static Lives, name: &str, version: Version) -> Option<String> {
    let alive = names
        .iter()
        .filter(|(_, life)| life.range.contains(version));
    alive
        .map(|(known, _)| (strsim::normalized_damerau_levenshtein(known, name), known))
        .filter(|(likeness, _)| *likeness > 0.7)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, known)| known.clone())
}

/// All flags, by program.
fn flags() -> &'static BTreeMap<String, Lives> {
    static FLAGS: OnceLock<BTreeMap<String, Lives>> = OnceLock::new();
    FLAGS.get_or_init(|| {
        read(include_str!("flags.yaml"))
            .expect("`every_line_of_the_data_is_read` reads the same text")
    })
}

/// The fields of one kind of configuration.
fn fields_of(kind: ConfigurationKind) -> Option<&'static Lives> {
    fields().get(kind.name())
}

/// All fields, by kind of configuration.
fn fields() -> &'static BTreeMap<String, Lives> {
    static FIELDS: OnceLock<BTreeMap<String, Lives>> = OnceLock::new();
    FIELDS.get_or_init(|| {
        read(include_str!("configs.yaml"))
            .expect("`every_line_of_the_data_is_read` reads the same text")
    })
}

/// Lives by name, by program or kind.
pub(super) fn read(text: &str) -> Result<BTreeMap<String, Lives>, String> {
    let texts: BTreeMap<String, BTreeMap<String, String>> =
        serde_yaml_ng::from_str(text).map_err(|error| error.to_string())?;
    let lives = |names: BTreeMap<String, String>| -> Result<Lives, String> {
        let mut lives = Lives::new();
        for (name, life) in names {
            let life = life.parse().map_err(|error| format!("`{name}`: {error}"))?;
            lives.insert(name, life);
        }
        Ok(lives)
    };
    let mut all = BTreeMap::new();
    for (owner, names) in texts {
        all.insert(owner, lives(names)?);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(version: &str) -> Version {
        version.parse().unwrap()
    }

    #[test]
    fn every_line_of_the_data_is_read() {
        let count = |text: &str| -> (usize, usize) {
            let read = read(text).unwrap();
            let lines = text.lines().filter(|line| line.starts_with("  ")).count();
            (read.values().map(BTreeMap::len).sum(), lines)
        };
        for text in [include_str!("flags.yaml"), include_str!("configs.yaml")] {
            let (read, written) = count(text);
            assert_eq!(read, written);
            assert!(read > 200, "{read}");
        }
    }

    #[test]
    fn every_field_that_a_flag_names_exists() {
        for (component, kind) in [
            (Component::Kubelet, ConfigurationKind::Kubelet),
            (Component::KubeProxy, ConfigurationKind::KubeProxy),
        ] {
            for (name, life) in &flags()[program(component)] {
                if let Some(field) = &life.field {
                    assert!(
                        fields()[kind.name()].contains_key(field),
                        "--{name}: {field}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_flag_is_known_deprecated_removed_or_not_there_yet() {
        let flag = |name, version| flag(Component::KubeApiserver, name, at(version));
        assert_eq!(flag("authorization-mode", "1.34.2"), FlagStatus::Known);
        assert_eq!(
            flag("cloud-provider", "1.30.0"),
            FlagStatus::Deprecated {
                since: at("1.29.0"),
                replacement: None
            }
        );
        assert_eq!(
            flag("insecure-bind-address", "1.28.15"),
            FlagStatus::Removed {
                since: at("1.24.0"),
                replacement: Some("--bind-address".to_owned())
            }
        );
        assert_eq!(
            flag("authentication-config", "1.28.15"),
            FlagStatus::NotYet {
                since: at("1.29.0")
            }
        );
    }

    #[test]
    fn a_misspelt_flag_is_unknown_with_the_nearest_living_name() {
        assert_eq!(
            flag(Component::KubeApiserver, "authorisation-mode", at("1.34.2")),
            FlagStatus::Unknown {
                did_you_mean: Some("authorization-mode".to_owned())
            }
        );
        assert_eq!(
            flag(Component::Kubelet, "zzz", at("1.34.2")),
            FlagStatus::Unknown { did_you_mean: None }
        );
    }

    #[test]
    fn a_flag_with_a_configuration_field_is_deprecated_since_the_field_exists() {
        let endpoint = |version| {
            flag(
                Component::Kubelet,
                "container-runtime-endpoint",
                at(version),
            )
        };
        assert_eq!(endpoint("1.26.15"), FlagStatus::Known);
        assert_eq!(
            endpoint("1.28.15"),
            FlagStatus::Deprecated {
                since: at("1.27.0"),
                replacement: Some("`containerRuntimeEndpoint` in `extraConfig.kubelet`".to_owned())
            }
        );
        assert_eq!(
            flag(Component::Kubelet, "node-ip", at("1.34.2")),
            FlagStatus::Known
        );
    }

    #[test]
    fn underscores_are_dashes_to_kubernetes_and_not_to_etcd() {
        let (kubernetes, etcd) = (at("1.34.2"), at("3.5.21"));
        assert_eq!(
            flag(Component::Kubelet, "node_ip", kubernetes),
            FlagStatus::Known
        );
        assert!(!flag(Component::Etcd, "data_dir", etcd).is_accepted());
    }

    #[test]
    fn etcd_is_asked_by_its_own_version() {
        let flag = |name, version| flag(Component::Etcd, name, at(version));
        assert_eq!(flag("data-dir", "3.5.21"), FlagStatus::Known);
        assert!(matches!(
            flag("feature-gates", "3.5.21"),
            FlagStatus::NotYet { .. }
        ));
        assert_eq!(
            flag("experimental-initial-corrupt-check", "3.5.21"),
            FlagStatus::Known
        );
        assert!(matches!(
            flag("experimental-initial-corrupt-check", "3.6.5"),
            FlagStatus::Deprecated { .. }
        ));
    }

    #[test]
    fn fields_have_lives_too() {
        let kubelet = |path, version| field(ConfigurationKind::Kubelet, path, at(version));
        assert_eq!(kubelet("failCgroupV1", "1.34.2"), FlagStatus::Known);
        assert!(matches!(
            kubelet("failCgroupV1", "1.28.15"),
            FlagStatus::NotYet { .. }
        ));
        assert!(
            matches!(kubelet("clusterDns", "1.34.2"), FlagStatus::Unknown { did_you_mean: Some(name) } if name == "clusterDNS")
        );
        let proxy = |path, version| field(ConfigurationKind::KubeProxy, path, at(version));
        assert_eq!(proxy("nftables.syncPeriod", "1.29.0"), FlagStatus::Known);
        assert!(matches!(
            proxy("udpIdleTimeout", "1.28.15"),
            FlagStatus::Removed { .. }
        ));
    }

    #[test]
    fn a_field_holds_fields_or_a_list_of_them_or_what_the_user_likes() {
        let kubelet = |path| shape(ConfigurationKind::Kubelet, path);
        assert_eq!(kubelet("authentication.x509"), FieldShape::Fields);
        assert_eq!(kubelet("reservedMemory"), FieldShape::List);
        for path in [
            "evictionHard",
            "maxPods",
            "authentication.x509.clientCAFile",
        ] {
            assert_eq!(kubelet(path), FieldShape::Free);
        }
        let flags = flags_of_field(Component::Kubelet, "failSwapOn");
        assert_eq!(flags, ["experimental-fail-swap-on", "fail-swap-on"]);
    }
}
