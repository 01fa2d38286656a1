//! Whether a document has the shape of a cluster file: known keys, right types, nothing missing.
//!
//! The shape is the JSON Schema of [`ClusterFile`], so that parser and schema cannot differ. Every problem is reported;
//! then the document is *mended* (what is wrong goes, what is missing is filled with blanks) so that the rest can
//! still be checked for its meaning in the same run. What is a blank is *tainted*: nobody complains of it again.

use std::sync::LazyLock;

use jsonschema::Validator;
use jsonschema::error::ValidationErrorKind;
use schemars::generate::SchemaSettings;
use schemars::transform::transform_subschemas;
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};

use super::file::ClusterFile;
use super::pointer::{Place, Pointer, locate};
use super::problem::Problem;
use super::source::Node;

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

static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| {
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

/// A document that has the right shape, at least after mending.
pub(super) struct Mended {
    /// What it says.
    pub(super) file: ClusterFile,
    /// The values that are not the user's.
    pub(super) tainted: Vec<Pointer>,
}

/// Checks a document's shape and decodes it. `None` if it cannot be mended.
pub(super) fn check(document: &Node, problems: &mut Vec<Problem>) -> Option<Mended> {
    let mut value = document.to_json();
    let mut tainted = Vec::new();
    let errors: Vec<Fault> = VALIDATOR.iter_errors(&value).map(Fault::from).collect();
    for fault in &errors {
        if !errors.iter().any(|other| other.explains(fault)) {
            fault.report(document, &value, problems);
        }
    }
    for fault in errors {
        fault.mend(&mut value, &mut tainted);
    }
    match serde_json::from_value(value) {
        Ok(file) => Some(Mended { file, tainted }),
        Err(error) => {
            // The schema takes nothing that serde does not, which a test holds both to.
            if problems.is_empty() {
                problems.push(Problem::error(document.span.clone(), error.to_string()));
            }
            None
        }
    }
}

/// One thing that the schema has against the document.
struct Fault {
    pointer: Pointer,
    kind: FaultKind,
}

enum FaultKind {
    Unknown(Vec<String>),
    Missing(String),
    Wrong(String),
}

impl From<jsonschema::ValidationError<'_>> for Fault {
    fn from(error: jsonschema::ValidationError<'_>) -> Self {
        let pointer = Pointer::from_text(error.instance_path().as_str());
        let kind = match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected } => {
                FaultKind::Unknown(unexpected.clone())
            }
            ValidationErrorKind::Required { property } => {
                FaultKind::Missing(property.as_str().unwrap_or_default().to_owned())
            }
            ValidationErrorKind::Minimum { limit } => {
                FaultKind::Wrong(format!("must be at least {limit}"))
            }
            ValidationErrorKind::Maximum { limit } => {
                FaultKind::Wrong(format!("must be at most {limit}"))
            }
            ValidationErrorKind::MinItems { .. } => {
                FaultKind::Wrong("must not be empty".to_owned())
            }
            _ => FaultKind::Wrong(String::new()),
        };
        Self { pointer, kind }
    }
}

impl Fault {
    /// Whether the other's missing key is only written wrong.
    fn explains(&self, other: &Fault) -> bool {
        match (&self.kind, &other.kind) {
            (FaultKind::Unknown(keys), FaultKind::Missing(missing)) => {
                let known = properties(schema_at(&self.pointer));
                let known = || known.iter().map(String::as_str);
                self.pointer == other.pointer
                    && keys
                        .iter()
                        .any(|key| closest(key, known()) == Some(missing))
            }
            _ => false,
        }
    }

    fn report(&self, document: &Node, value: &Value, problems: &mut Vec<Problem>) {
        let schema = schema_at(&self.pointer);
        match &self.kind {
            FaultKind::Unknown(keys) => {
                let known = properties(schema);
                for key in keys {
                    let pointer = self.pointer.key(key);
                    let message = match self.pointer.last() {
                        None => format!("unknown key `{key}`"),
                        Some(place) if place.parse::<usize>().is_ok() => {
                            format!("unknown key `{key}`")
                        }
                        Some(place) => format!("unknown key `{key}` in `{place}`"),
                    };
                    let span = locate(document, &pointer, Place::Key);
                    let mut problem = Problem::error(span, message);
                    problem.suggestion =
                        Some(match closest(key, known.iter().map(String::as_str)) {
                            Some(close) => format!("did you mean `{close}`?"),
                            None => match elsewhere(key) {
                                Some(path) => format!("it belongs to `{path}`"),
                                None => format!("known here: {}", list(&known)),
                            },
                        });
                    problem.pointer = pointer.into();
                    problems.push(problem);
                }
            }
            FaultKind::Missing(key) => {
                let message = match self.pointer.last() {
                    None => format!("`{key}` is missing"),
                    Some(_) => {
                        let name = value
                            .pointer(self.pointer.as_str())
                            .and_then(|value| value.get("name"))
                            .and_then(Value::as_str);
                        match (self.pointer.parent_name(), name) {
                            (Some("nodes"), Some(name)) => format!("node `{name}` has no `{key}`"),
                            (Some("nodes"), None) => format!("a node has no `{key}`"),
                            _ => format!("`{key}` is missing in `{}`", self.pointer.dotted()),
                        }
                    }
                };
                let span = locate(document, &self.pointer, Place::Head);
                let mut problem = Problem::error(span, message);
                problem.suggestion = schema_at(&self.pointer.key(key)).and_then(purpose);
                problem.pointer = self.pointer.clone().into();
                problems.push(problem);
            }
            FaultKind::Wrong(message) => {
                let span = locate(document, &self.pointer, Place::Value);
                let written = super::pointer::text_at(document, &self.pointer);
                let found = value.pointer(self.pointer.as_str()).unwrap_or(&Value::Null);
                let (message, suggestion) = wrong(&self.pointer, schema, found, written, message);
                let mut problem = Problem::error(span, message);
                problem.suggestion = suggestion;
                problem.pointer = self.pointer.clone().into();
                problems.push(problem);
            }
        }
    }

    /// Takes the fault out of the document.
    fn mend(self, value: &mut Value, tainted: &mut Vec<Pointer>) {
        match self.kind {
            FaultKind::Unknown(keys) => {
                if let Some(Value::Object(map)) = value.pointer_mut(self.pointer.as_str()) {
                    for key in keys {
                        map.remove(&key);
                    }
                }
            }
            FaultKind::Missing(key) => {
                let pointer = self.pointer.key(&key);
                let blank = blank(schema_at(&pointer), &pointer, tainted);
                if let Some(Value::Object(map)) = value.pointer_mut(self.pointer.as_str()) {
                    map.entry(key).or_insert(blank);
                }
                tainted.push(pointer);
            }
            FaultKind::Wrong(_) => {
                let blank = blank(schema_at(&self.pointer), &self.pointer, tainted);
                if let Some(place) = value.pointer_mut(self.pointer.as_str()) {
                    *place = blank;
                }
                tainted.push(self.pointer);
            }
        }
    }
}

/// What to say of a value that does not fit, and what to do about it.
fn wrong(
    pointer: &Pointer,
    schema: Option<&Value>,
    found: &Value,
    written: Option<&str>,
    limit: &str,
) -> (String, Option<String>) {
    let place = pointer.name();
    let written = written.map_or_else(|| shown(found), |text| format!("`{text}`"));
    if !limit.is_empty() {
        return (format!("{place} {limit}, but is {written}"), None);
    }
    if found.is_null() {
        let what = types(schema).first().map_or("a value", |kind| noun(kind));
        return (format!("{place} has no value: {what} is needed"), None);
    }
    if let Some(options) = schema
        .and_then(|schema| schema.get("enum"))
        .and_then(Value::as_array)
    {
        let options: Vec<String> = options
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect();
        let text = found.as_str().unwrap_or_default();
        let message = format!("{place} cannot be {written}");
        let close = closest(text, options.iter().map(String::as_str));
        let suggestion = match close {
            Some(close) => format!("did you mean `{close}`?"),
            None => format!("it can be {}", list(&options)),
        };
        return (message, Some(suggestion));
    }
    let types = types(schema);
    let wanted = types
        .iter()
        .map(|kind| noun(kind))
        .collect::<Vec<_>>()
        .join(" or ");
    let message = format!(
        "{place} must be {wanted}, but {written} is {}",
        noun(kind_of(found))
    );
    let suggestion = match (found, types.first().map(String::as_str)) {
        (Value::Number(_) | Value::Bool(_), Some("string")) => Some(format!(
            "write it in quotes: \"{}\"",
            written.trim_matches('`')
        )),
        (Value::String(text), Some("boolean")) => match text.to_lowercase().as_str() {
            "yes" | "on" | "y" => Some("write `true`".to_owned()),
            "no" | "off" | "n" => Some("write `false`".to_owned()),
            _ => None,
        },
        (Value::String(text), Some("integer")) if text.parse::<i64>().is_ok() => {
            Some("write it without quotes and without leading zeros".to_owned())
        }
        (Value::String(_), Some("array")) => {
            Some(format!("write a list: [{}]", written.trim_matches('`')))
        }
        _ => None,
    };
    (message, suggestion)
}

fn shown(value: &Value) -> String {
    match value {
        Value::Object(_) => "this".to_owned(),
        Value::Array(_) => "this".to_owned(),
        other => format!("`{other}`"),
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn noun(kind: &str) -> &'static str {
    match kind {
        "boolean" => "`true` or `false`",
        "number" => "a number with a point",
        "integer" => "a whole number",
        "string" => "a text",
        "array" => "a list",
        "object" => "a mapping of keys",
        _ => "nothing",
    }
}

/// What a value is for: the words that it can be, or the first sentence of its description.
fn purpose(schema: &Value) -> Option<String> {
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

/// Words as a list that is read aloud.
fn list(words: &[String]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        None => "nothing".to_owned(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
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

/// The one other section that knows a key.
fn elsewhere(key: &str) -> Option<String> {
    fn search(schema: &Value, key: &str, at: &str, found: &mut Vec<String>) {
        if let Some(Value::Object(properties)) = schema.get("properties") {
            for (name, below) in properties {
                let path = if at.is_empty() {
                    name.clone()
                } else {
                    format!("{at}.{name}")
                };
                if name == key {
                    found.push(if at.is_empty() {
                        "the top".to_owned()
                    } else {
                        at.to_owned()
                    });
                }
                search(below, key, &path, found);
            }
        }
        if let Some(items) = schema.get("items") {
            search(items, key, at, found);
        }
    }
    let mut found = Vec::new();
    search(&SCHEMA, key, "", &mut found);
    match found.as_slice() {
        [one] => Some(one.clone()),
        _ => None,
    }
}

/// The schema of the value at a pointer.
fn schema_at(pointer: &Pointer) -> Option<&'static Value> {
    let mut schema: &'static Value = &SCHEMA;
    for step in pointer.steps() {
        let property = schema
            .get("properties")
            .and_then(|properties| properties.get(&step));
        let additional = || {
            schema
                .get("additionalProperties")
                .filter(|value| value.is_object())
        };
        schema = property
            .or_else(|| schema.get("items"))
            .or_else(additional)?;
    }
    Some(schema)
}

fn properties(schema: Option<&Value>) -> Vec<String> {
    let properties = schema
        .and_then(|schema| schema.get("properties"))
        .and_then(Value::as_object);
    properties
        .map(|map| map.keys().cloned().collect())
        .unwrap_or_default()
}

fn types(schema: Option<&Value>) -> Vec<String> {
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

/// The least value that a schema takes: null where it may be.
fn blank(schema: Option<&Value>, pointer: &Pointer, tainted: &mut Vec<Pointer>) -> Value {
    let Some(schema) = schema else {
        return Value::Null;
    };
    let nullable = match schema.get("type") {
        Some(Value::Array(types)) => types.contains(&json!("null")),
        _ => false,
    };
    if nullable {
        return Value::Null;
    }
    if let Some(Value::Array(options)) = schema.get("enum") {
        return options.last().cloned().unwrap_or_default();
    }
    match types(Some(schema)).first().map(String::as_str) {
        Some("string") => json!(""),
        Some("integer") => schema.get("minimum").cloned().unwrap_or(json!(0)),
        Some("boolean") => json!(false),
        Some("array") => json!([]),
        Some("object") => {
            let mut map = Map::new();
            let required = schema.get("required").and_then(Value::as_array);
            for key in required.into_iter().flatten().filter_map(Value::as_str) {
                let below = pointer.key(key);
                let value = blank(schema_at(&below), &below, tainted);
                tainted.push(below);
                map.insert(key.to_owned(), value);
            }
            Value::Object(map)
        }
        _ => Value::Null,
    }
}
