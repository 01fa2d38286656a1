//! Fields that the user lays over those of kimage's configuration files.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Checker, Finding, feature_gates, lifetime};
use crate::facts::{self, ConfigurationKind, FieldShape};
use crate::spec::cluster::{Component, Version};
use crate::spec::file::ClusterFile;
use crate::spec::pointer::Pointer;

/// A field and, where there is one, the key to set instead.
type Own = (&'static str, Option<&'static str>);

/// Fields that say who a component is, whom it trusts or which ranges are whose, as with flags (`extra_args`): the values
/// come from one place, the key behind the field, or kimage alone.
const OWN: &[(Component, &[Own])] = &[
    (
        Component::Kubelet,
        &[
            ("apiVersion", Some("kubernetes.version")),
            ("authentication.x509.clientCAFile", None),
            ("cgroupDriver", None),
            ("clusterDNS", Some("network.dns.address")),
            ("clusterDomain", Some("network.dns.domain")),
            ("containerRuntimeEndpoint", Some("runtime")),
            ("kind", None),
            ("podCIDR", Some("network.pods")),
            ("registerWithTaints", Some("nodes[].taints")),
            ("serverTLSBootstrap", Some("bootstrap.servingCertificates")),
            ("tlsCertFile", None),
            ("tlsPrivateKeyFile", None),
        ],
    ),
    (
        Component::KubeProxy,
        &[
            ("apiVersion", Some("kubernetes.version")),
            ("clientConnection.kubeconfig", None),
            ("clusterCIDR", Some("network.pods")),
            ("hostnameOverride", Some("nodes[].name")),
            ("ipvs.scheduler", Some("kubeProxy.scheduler")),
            ("kind", None),
            ("mode", Some("kubeProxy.mode")),
        ],
    ),
];

/// The section `extraConfig`. `extra_args` is the section of that name: a flag that does the same as a field would win.
pub(super) fn check(
    check: &mut Checker,
    file: &ClusterFile,
    version: Option<Version>,
    extra_args: &BTreeMap<Component, BTreeMap<String, String>>,
) -> BTreeMap<Component, Map<String, Value>> {
    let given = file.extra_config.clone().unwrap_or_default();
    let sections = [
        (
            Component::Kubelet,
            ConfigurationKind::Kubelet,
            given.kubelet,
        ),
        (
            Component::KubeProxy,
            ConfigurationKind::KubeProxy,
            given.kube_proxy,
        ),
    ];
    let mut all = BTreeMap::new();
    for (component, kind, fields) in sections {
        let Some(fields) = fields else { continue };
        let at = Pointer::top()
            .key("extraConfig")
            .key(facts::program(component));
        let mut section = Section {
            check,
            component,
            kind,
            version,
            flags: extra_args.get(&component),
        };
        all.insert(component, section.fields(&at, "", fields));
    }
    all
}

/// The fields of one component's file.
struct Section<'s, 'c> {
    check: &'s mut Checker<'c>,
    component: Component,
    kind: ConfigurationKind,
    version: Option<Version>,
    flags: Option<&'s BTreeMap<String, String>>,
}

impl Section<'_, '_> {
    /// Checks fields below a path of the facts, and leaves out those without a value, as everywhere in this file.
    fn fields(
        &mut self,
        at: &Pointer,
        path: &str,
        given: Map<String, Value>,
    ) -> Map<String, Value> {
        let mut fields = Map::new();
        for (name, value) in given {
            let at = at.key(&name);
            let path = match path {
                "" => name.clone(),
                path => format!("{path}.{name}"),
            };
            if !value.is_null() && self.is_free(&at, &path) {
                fields.insert(name, self.value(&at, &path, value));
            }
        }
        fields
    }

    /// Whether the user may write a field; tells why not.
    fn is_free(&mut self, at: &Pointer, path: &str) -> bool {
        let program = facts::program(self.component);
        let own = OWN.iter().find(|(of, _)| *of == self.component);
        let own = own.and_then(|(_, fields)| fields.iter().find(|(name, _)| *name == path));
        if let Some((_, key)) = own {
            let message = format!("kimage decides `{path}` of {program}");
            let finding = Finding::error(at.clone(), message).at_key();
            self.check.tell(match key {
                Some(key) => finding.suggest(format!("set `{key}`")),
                None => finding.suggest(
                    "other files of the image hold the same value: it cannot be set alone",
                ),
            });
            return false;
        }
        if let Some(version) = self.version {
            let (program, shown) = (format!("{program} {version}"), format!("`{path}`"));
            let status = facts::field(self.kind, path, version);
            let known = status.is_accepted();
            lifetime::tell(self.check, at.clone(), &program, "field", &shown, status);
            if !known {
                return false;
            }
        }
        self.said_once(at, path);
        true
    }

    /// Tells of a flag in the same file that does the same as a field.
    fn said_once(&mut self, at: &Pointer, path: &str) {
        let Some(flags) = self.flags else { return };
        for flag in facts::flags_of_field(self.component, path) {
            if flags.contains_key(flag) {
                let program = facts::program(self.component);
                let other = Pointer::top().key("extraArgs").key(program).key(flag);
                self.check.tell(
                    Finding::error(
                        at.clone(),
                        format!("`{path}` and the flag `--{flag}` say the same"),
                    )
                    .at_key()
                    .suggest("leave the flag out")
                    .with(other, "the flag"),
                );
            }
        }
    }

    /// Checks what is in a field, as far as facts tell.
    fn value(&mut self, at: &Pointer, path: &str, value: Value) -> Value {
        match (facts::shape(self.kind, path), value) {
            (FieldShape::Fields, Value::Object(fields)) => {
                Value::Object(self.fields(at, path, fields))
            }
            (FieldShape::Fields, value) => {
                self.wrong(at, path, "a mapping of fields");
                value
            }
            (FieldShape::List, Value::Array(items)) => {
                let below = format!("{path}[]");
                let items = items.into_iter().enumerate();
                let checked = items.map(|(index, item)| match item {
                    Value::Object(fields) => {
                        Value::Object(self.fields(&at.index(index), &below, fields))
                    }
                    item => {
                        self.wrong(&at.index(index), path, "a list of mappings");
                        item
                    }
                });
                Value::Array(checked.collect())
            }
            (FieldShape::List, value) => {
                self.wrong(at, path, "a list of mappings");
                value
            }
            (FieldShape::Free, Value::Object(gates)) if path == "featureGates" => {
                for (name, value) in &gates {
                    if value.is_boolean() {
                        feature_gates::known(self.check, at.key(name), name, self.version);
                    } else {
                        self.wrong(&at.key(name), name, "`true` or `false`");
                    }
                }
                Value::Object(gates)
            }
            (FieldShape::Free, value) => value,
        }
    }

    fn wrong(&mut self, at: &Pointer, name: &str, wanted: &str) {
        let message = format!("`{name}` must be {wanted}");
        self.check.tell(Finding::error(at.clone(), message));
    }
}
