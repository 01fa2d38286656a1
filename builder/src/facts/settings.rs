//! The fields that kimage writes into the configuration files of a cluster's programs.
//!
//! `settings.yaml` lists them once for all versions, as `components.yaml` does for flags; [`settings`] leaves those that
//! one version has. Rendering the values and laying users' fields over them is not done here.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

use super::flags::{ConfigurationKind, field};
use super::range::Range;
use crate::spec::Version;

/// A field of a configuration file and the template of its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// The field, with dots between a mapping and what is in it: `authorization.mode`.
    pub field: &'static str,
    /// Its value, a Tera template over the node's vocabulary that makes YAML.
    pub value_template: &'static str,
}

/// The fields that kimage gives a program of a version, in order. Every one of them is known to that version. One whose
/// value renders to nothing is left out.
pub fn settings(kind: ConfigurationKind, version: Version) -> Vec<Setting> {
    lines(kind)
        .iter()
        .filter(|line| line.range.is_none_or(|range| range.contains(version)))
        .filter(|line| field(kind, &line.field, version).is_accepted())
        .map(|line| Setting {
            field: &line.field,
            value_template: &line.value,
        })
        .collect()
}

/// A line of `settings.yaml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    field: String,
    value: String,
    #[serde(rename = "in")]
    range: Option<Range>,
}

/// All lines of a kind of configuration.
fn lines(kind: ConfigurationKind) -> &'static [Line] {
    static LINES: OnceLock<BTreeMap<String, Vec<Line>>> = OnceLock::new();
    LINES
        .get_or_init(|| {
            read(include_str!("settings.yaml")).expect("`no_line_is_lost` reads the same text")
        })
        .get(kind.name())
        .map_or(&[], Vec::as_slice)
}

fn read(text: &str) -> Result<BTreeMap<String, Vec<Line>>, serde_yaml_ng::Error> {
    serde_yaml_ng::from_str(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::minors;

    const KINDS: [ConfigurationKind; 2] =
        [ConfigurationKind::Kubelet, ConfigurationKind::KubeProxy];

    fn fields(kind: ConfigurationKind, version: &str) -> Vec<&'static str> {
        let settings = settings(kind, version.parse().unwrap());
        settings.iter().map(|setting| setting.field).collect()
    }

    #[test]
    fn no_line_is_lost() {
        let read = read(include_str!("settings.yaml")).unwrap();
        assert_eq!(read.len(), KINDS.len());
        for kind in KINDS {
            assert!(!lines(kind).is_empty());
            for line in lines(kind) {
                let ever = minors().iter().any(|minor| {
                    let settings = settings(kind, minor.first);
                    settings.iter().any(|setting| setting.field == line.field)
                });
                assert!(ever, "{} has no `{}`", kind.name(), line.field);
            }
        }
    }

    #[test]
    fn no_field_is_given_twice() {
        for kind in KINDS {
            for minor in minors() {
                let mut fields: Vec<_> = settings(kind, minor.first)
                    .iter()
                    .map(|setting| setting.field)
                    .collect();
                let count = fields.len();
                fields.sort_unstable();
                fields.dedup();
                assert_eq!(fields.len(), count, "{} {}", kind.name(), minor.name());
            }
        }
    }

    #[test]
    fn a_version_gets_the_fields_that_it_knows() {
        let late = [
            "containerRuntimeEndpoint",
            "registerWithTaints",
            "rotateCertificates",
            "seccompDefault",
        ];
        let of = |version| -> Vec<&str> {
            let fields = fields(ConfigurationKind::Kubelet, version);
            late.into_iter()
                .filter(|field| fields.contains(field))
                .collect()
        };
        assert_eq!(of("1.10.13"), [""; 0]);
        assert_eq!(of("1.15.3"), ["rotateCertificates"]);
        assert_eq!(of("1.24.17"), ["registerWithTaints", "rotateCertificates"]);
        assert_eq!(of("1.28.15"), late);
    }
}
