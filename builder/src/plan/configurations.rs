//! The configuration files of a node's programs: kimage's own fields for the version, the cluster file's laid over them.

use serde_yaml_ng::{Mapping, Value};

use super::{PlanError, yaml};
use crate::facts::{self, ConfigurationKind};
use crate::spec::{Cluster, Component};

/// The fields of one program's configuration file, as YAML without `apiVersion` and `kind`.
pub(super) fn fields(
    cluster: &Cluster,
    component: Component,
    kind: ConfigurationKind,
    vocabulary: &tera::Context,
) -> Result<String, PlanError> {
    let wrong = |field: &str, source: Box<dyn std::error::Error + Send + Sync>| PlanError::Field {
        field: field.to_owned(),
        source,
    };
    let mut file = Mapping::new();
    for setting in facts::settings(kind, cluster.kubernetes.version) {
        let field = setting.field;
        let text = tera::Tera::one_off(setting.value_template, vocabulary, false)
            .map_err(|error| wrong(field, error.into()))?;
        if !text.is_empty() {
            let value =
                serde_yaml_ng::from_str(&text).map_err(|error| wrong(field, error.into()))?;
            lay(&mut file, nested(field, value));
        }
    }
    if let Some(extra) = cluster.extra_config.get(&component) {
        let extra = serde_yaml_ng::to_value(extra).map_err(|error| wrong("any", error.into()))?;
        if let Value::Mapping(extra) = extra {
            lay(&mut file, extra);
        }
    }
    Ok(yaml::written(&file))
}

/// A mapping with nothing but a value at a path, as `authorization.mode`.
fn nested(path: &str, value: Value) -> Mapping {
    let (name, value) = match path.split_once('.') {
        Some((name, rest)) => (name, Value::Mapping(nested(rest, value))),
        None => (path, value),
    };
    Mapping::from_iter([(Value::from(name), value)])
}

/// Lays a mapping over another: what is a mapping in both is merged, anything else replaced.
fn lay(below: &mut Mapping, above: Mapping) {
    for (key, value) in above {
        match (below.get_mut(&key), value) {
            (Some(Value::Mapping(below)), Value::Mapping(above)) => lay(below, above),
            (_, value) => drop(below.insert(key, value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mappings_are_merged_and_everything_else_is_replaced() {
        let read = |text| serde_yaml_ng::from_str::<Mapping>(text).unwrap();
        let mut file = nested("a.b.c", Value::from(1));
        lay(&mut file, nested("a.d", Value::from("x")));
        lay(&mut file, read("{a: {b: {e: 2}, d: [1]}, f: {g: 3}}"));
        lay(&mut file, read("{a: {d: [2, 3]}, f: 4}"));
        assert_eq!(file, read("{a: {b: {c: 1, e: 2}, d: [2, 3]}, f: 4}"));
    }
}
