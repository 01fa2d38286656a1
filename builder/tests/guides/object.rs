//! Fields of YAML and JSON documents, and objects of manifests.

use serde::Deserialize as _;
use serde_json::Value;

/// `POINTER: VALUE` or `POINTER:`: some document has that scalar there.
pub(crate) fn field(text: &str, wanted: &str) -> Result<(), String> {
    let documents = documents(text)?;
    let mut there = documents.iter().map(|document| scalar(document, wanted));
    there
        .find(Result::is_ok)
        .or_else(|| documents.first().map(|first| scalar(first, wanted)))
        .unwrap_or_else(|| Err("no document".to_owned()))
}

/// `KIND NAME` or `KIND NAME POINTER: VALUE`: the manifest has such an object, and in it that scalar.
pub(crate) fn object(text: &str, wanted: &str) -> Result<(), String> {
    let mut words = wanted.splitn(3, ' ');
    let (kind, name) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    let documents = documents(text)?;
    let found = documents
        .iter()
        .find(|document| document["kind"] == kind && document["metadata"]["name"] == name);
    match (found, words.next()) {
        (None, _) => Err("no such object".to_owned()),
        (Some(_), None) => Ok(()),
        (Some(found), Some(field)) => scalar(found, field),
    }
}

fn documents(text: &str) -> Result<Vec<Value>, String> {
    serde_yaml_ng::Deserializer::from_str(text)
        .map(|document| Value::deserialize(document).map_err(|error| error.to_string()))
        .filter(|document| !matches!(document, Ok(Value::Null)))
        .collect()
}

fn scalar(document: &Value, wanted: &str) -> Result<(), String> {
    let (pointer, value) = wanted
        .split_once(": ")
        .or_else(|| Some((wanted.strip_suffix(':')?, "")))
        .ok_or("no value is wanted")?;
    let is = match document.pointer(pointer) {
        None => return Err(format!("nothing is at {pointer}")),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    match is == value {
        true => Ok(()),
        false => Err(format!("it is `{is}`")),
    }
}

#[test]
fn fields_are_looked_up_and_compared() {
    let text = "kind: A\nmetadata: {name: a}\nspec: {x: 1, y: [true, \"\"]}\n---\nkind: B\nmetadata: {name: a}\nspec: {x: 2}\n";
    assert_eq!(field(text, "/spec/x: 2"), Ok(()));
    assert_eq!(field(text, "/spec/y/1:"), Ok(()));
    assert!(field(text, "/spec/x: 3").is_err());
    assert_eq!(object(text, "A a /spec/y/0: true"), Ok(()));
    assert!(object(text, "A a /spec/x: 2").is_err());
    assert!(object(text, "C a").is_err());
}
