//! The JSON Schema of the cluster file, and what it says about one place.
//!
//! It is derived from the types of `file`, brought into a plain form (nothing by reference, `null` beside a type and
//! not as an alternative) and then asked for everything: what fits, what is known here, what was probably meant.

use std::sync::LazyLock;

use jsonschema::Validator;
use schemars::generate::SchemaSettings;
use schemars::transform::transform_subschemas;
use schemars::{JsonSchema, Schema};
use serde_json::{Value, json};

use super::file::ClusterFile;
use super::pointer::Pointer;

/// The JSON Schema (draft 2020-12) of the cluster file.
pub fn schema() -> Value {
    SCHEMA.clone()
}

static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    let settings =
        SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut schema = ClusterFile::json_schema(&mut settings.into_generator());
    schema.insert(
        "$schema".to_owned(),
        json!("https://json-schema.org/draft/2020-12/schema"),
    );
    simplify(&mut schema);
    schema.to_value()
});

pub(super) static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| {
    jsonschema::validator_for(&SCHEMA)
        .expect("a schema that schemars made is a schema: a test compiles it")
});

/// Says `a thing or null` by the thing's own `type` and `enum`, instead of `anyOf`: one place, so one clear problem.
fn simplify(schema: &mut Schema) {
    transform_subschemas(&mut simplify, schema);
    schema.remove("format");
    let Some(alternatives) = schema.get("anyOf").and_then(Value::as_array) else {
        return;
    };
    let [thing, null] = alternatives.as_slice() else {
        return;
    };
    if *null != json!({"type": "null"}) {
        return;
    }
    let Some(mut thing) = thing.as_object().cloned() else {
        return;
    };
    let types = match thing.remove("type") {
        Some(Value::Array(types)) => types,
        Some(one) => vec![one],
        None => return,
    };
    let types = types.into_iter().chain([json!("null")]).collect();
    thing.insert("type".to_owned(), Value::Array(types));
    if let Some(Value::Array(options)) = thing.get_mut("enum") {
        options.push(Value::Null);
    }
    schema.remove("anyOf");
    for (keyword, value) in thing {
        // What is said of the field says more than what is said of its type.
        if !schema
            .as_object()
            .is_some_and(|object| object.contains_key(&keyword))
        {
            schema.insert(keyword, value);
        }
    }
}

/// The schema of the value at a pointer.
pub(super) fn schema_at(pointer: &Pointer) -> Option<&'static Value> {
    let mut schema: &'static Value = &SCHEMA;
    for step in pointer.steps() {
        schema = match schema.get("items") {
            Some(items) => items,
            None => below(schema, &step)?,
        };
    }
    Some(schema)
}

/// The schema of a mapping's member.
pub(super) fn below<'s>(schema: &'s Value, key: &str) -> Option<&'s Value> {
    let property = schema
        .get("properties")
        .and_then(|properties| properties.get(key));
    property.or_else(|| {
        schema
            .get("additionalProperties")
            .filter(|value| value.is_object())
    })
}

/// The keys that a mapping can have.
pub(super) fn properties(schema: Option<&Value>) -> Vec<String> {
    let properties = schema
        .and_then(|schema| schema.get("properties"))
        .and_then(Value::as_object);
    properties
        .map(|map| map.keys().cloned().collect())
        .unwrap_or_default()
}

/// The types that a value can have, `null` excepted.
pub(super) fn types(schema: Option<&Value>) -> Vec<String> {
    let names: Vec<String> = match schema.and_then(|schema| schema.get("type")) {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(several)) => several
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        _ => Vec::new(),
    };
    names.into_iter().filter(|name| name != "null").collect()
}

/// What a value is for: the words that it can be, or the first sentence of its description.
pub(super) fn purpose(schema: &Value) -> Option<String> {
    if let Some(options) = schema.get("enum").and_then(Value::as_array) {
        let options = options.iter().filter_map(Value::as_str).map(str::to_owned);
        return Some(format!("it can be {}", list(&options.collect::<Vec<_>>())));
    }
    let text = schema.get("description")?.as_str()?.replace('\n', " ");
    let end = text.find(". ").unwrap_or(text.len());
    let sentence = text[..end].trim_end_matches('.');
    let first = sentence.chars().next()?;
    Some(format!(
        "{}{}",
        first.to_lowercase(),
        &sentence[first.len_utf8()..]
    ))
}

/// Keys that other programs have for the same thing.
const FOREIGN: &[(&str, &str)] = &[
    ("bootstrapTokens", "bootstrap.tokens"),
    ("certSANs", "controlPlane.sans"),
    ("clusterCIDR", "network.pods"),
    ("clusterName", "name"),
    ("controlPlaneEndpoint", "controlPlane.endpoint"),
    ("dnsDomain", "network.dns.domain"),
    ("hostname", "nodes[].name"),
    ("imageRepository", "mirror"),
    ("ip", "nodes[].address"),
    ("kubernetesVersion", "kubernetes.version"),
    ("masters", "nodes"),
    ("podSubnet", "network.pods"),
    ("scheduler", "extraArgs.kube-scheduler"),
    ("serverTLSBootstrap", "bootstrap.servingCertificates"),
    ("serviceSubnet", "network.services"),
    ("workers", "nodes"),
];

/// The one place where a key is known, as `network.dns.domain`.
pub(super) fn elsewhere(key: &str) -> Option<String> {
    if let Some((_, place)) = FOREIGN.iter().find(|(foreign, _)| *foreign == key) {
        return Some((*place).to_owned());
    }
    fn search(schema: &Value, key: &str, at: &str, found: &mut Vec<String>) {
        for (name, below) in schema["properties"].as_object().into_iter().flatten() {
            let path = if at.is_empty() {
                name.clone()
            } else {
                format!("{at}.{name}")
            };
            if name == key {
                found.push(path.clone());
            }
            // What is below are names of certificates, as people call programs too.
            if path == "pki.certificates" {
                continue;
            }
            search(below, key, &path, found);
            search(&below["items"], key, &format!("{path}[]"), found);
        }
    }
    let mut found = Vec::new();
    search(&SCHEMA, key, "", &mut found);
    match found.as_slice() {
        [one] => Some(one.clone()),
        _ => None,
    }
}

/// The word that was probably meant.
pub(super) fn closest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |word: &str| word.to_lowercase().replace(['-', '_'], "");
    let wanted = plain(word);
    known
        .map(|known| (strsim::damerau_levenshtein(&wanted, &plain(known)), known))
        .filter(|(distance, known)| *distance <= known.len().min(wanted.len()) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// Words as a list that is read aloud.
pub(super) fn list(words: &[String]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        None => "nothing".to_owned(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_others_lead_to_keys_that_there_are() {
        for (foreign, place) in FOREIGN {
            let pointer = place.replace("[]", "/0").replace('.', "/");
            let schema = schema_at(&Pointer::from_text(&format!("/{pointer}")));
            assert!(schema.is_some(), "`{foreign}` leads to `{place}`");
            assert_ne!(place.rsplit('.').next(), Some(*foreign), "a key here");
        }
    }

    #[test]
    fn nothing_is_said_by_reference_or_alternative() {
        let text = SCHEMA.to_string();
        for keyword in ["$ref", "anyOf", "oneOf", "$defs"] {
            assert!(!text.contains(&format!("\"{keyword}\"")), "{keyword}");
        }
    }
}
