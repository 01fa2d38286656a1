//! Whether a document has the shape of a cluster file: known keys, right types, nothing missing.
//!
//! The shape is the JSON Schema of [`ClusterFile`], so that parser and schema cannot differ. Every problem is reported;
//! then the document is *mended* (what is wrong goes, what is missing is filled with blanks) so that the rest can
//! still be checked for its meaning in the same run. What is a blank is *tainted*: nobody complains of it again.

use jsonschema::error::ValidationErrorKind;
use serde_json::{Map, Value, json};

use super::file::ClusterFile;
use super::pointer::{Place, Pointer, locate, text_at};
use super::problem::Problem;
use super::schema::{
    VALIDATOR, below, closest, elsewhere, list, properties, purpose, schema_at, types,
};
use super::source::{Content, Node, Style, resolve};

/// A document that has the right shape, at least after mending.
pub(super) struct Mended {
    /// What it says.
    pub(super) file: ClusterFile,
    /// The values that are not the user's.
    pub(super) tainted: Vec<Pointer>,
}

/// Checks a document's shape and decodes it. `None` if it cannot be mended.
pub(super) fn check(document: &Node, problems: &mut Vec<Problem>) -> Option<Mended> {
    let mut value = value(document, schema_at(&Pointer::top()));
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

/// The JSON that a node stands for where a schema says what is wanted.
pub(super) fn value(node: &Node, schema: Option<&Value>) -> Value {
    match &node.content {
        Content::Scalar { text, style } if *style == Style::Quoted => Value::String(text.clone()),
        Content::Scalar { text, .. } => scalar(text, schema),
        Content::Sequence(items) => {
            let schema = schema.and_then(|schema| schema.get("items"));
            items.iter().map(|item| value(item, schema)).collect()
        }
        Content::Mapping(members) => members
            .iter()
            .map(|member| {
                let schema = schema.and_then(|schema| below(schema, &member.key));
                (member.key.clone(), value(&member.node, schema))
            })
            .collect(),
    }
}

/// The JSON of a scalar without quotes. Where a text is as good as a number, it stays the text that was written: `1.10`
/// is not `1.1`. Where only whole numbers are, JSON Schema takes `365.0` for one.
fn scalar(text: &str, schema: Option<&Value>) -> Value {
    let value = resolve(text);
    let wanted = types(schema);
    let takes = |kind: &str| wanted.iter().any(|wanted| wanted == kind);
    match &value {
        Value::Number(_) if takes("string") && takes("number") => Value::String(text.to_owned()),
        Value::Number(number) if takes("integer") => match number.as_f64() {
            Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < 9e15 => {
                Value::from(float as i64)
            }
            _ => value,
        },
        _ => value,
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
            (FaultKind::Unknown(keys), FaultKind::Missing(missing))
                if self.pointer == other.pointer =>
            {
                let known = properties(schema_at(&self.pointer));
                let known = || known.iter().map(String::as_str);
                keys.iter()
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
                let written = text_at(document, &self.pointer);
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
    let plain =
        |text: &&str| text.len() <= 80 && !text.contains('\n') && !text.contains("PRIVATE KEY");
    let written = match written.filter(plain) {
        Some(text) => format!("`{text}`"),
        None => "this".to_owned(),
    };
    if !limit.is_empty() {
        let but = if found.is_number() {
            format!(", but is {written}")
        } else {
            String::new()
        };
        return (format!("{place} {limit}{but}"), None);
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
    let is_version = schema
        .and_then(purpose)
        .is_some_and(|purpose| purpose.contains("version"));
    let suggestion = match (found, types.first().map(String::as_str)) {
        (Value::Number(_), Some("string")) if is_version => {
            Some("a version has three numbers, as `1.34.2`".to_owned())
        }
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

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "decimal",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn noun(kind: &str) -> &'static str {
    match kind {
        "boolean" => "`true` or `false`",
        "number" => "a number",
        "decimal" => "a number with a point",
        "integer" => "a whole number",
        "string" => "a text",
        "array" => "a list",
        "object" => "a mapping of keys",
        _ => "nothing",
    }
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
