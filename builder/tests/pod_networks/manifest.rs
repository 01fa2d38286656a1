//! A manifest, and what must be so in any.

use serde::Deserialize as _;
use serde_json::Value;

/// The objects of a manifest.
pub(crate) fn objects(text: &str) -> Vec<Value> {
    serde_yaml_ng::Deserializer::from_str(text)
        .map(|document| {
            Value::deserialize(document).unwrap_or_else(|error| panic!("{error}: {text}"))
        })
        .collect()
}

/// The objects' kinds, namespaces and names, one a line.
pub(crate) fn listing(objects: &[Value]) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    objects
        .iter()
        .map(|object| {
            let metadata = &object["metadata"];
            let place = match text(&metadata["namespace"]).as_str() {
                "" => String::new(),
                namespace => format!("{namespace}/"),
            };
            let name = text(&metadata["name"]);
            format!(
                "{} {} {place}{name}\n",
                text(&object["apiVersion"]),
                text(&object["kind"])
            )
        })
        .collect()
}

/// The one object of a kind and name.
pub(crate) fn object<'a>(objects: &'a [Value], kind: &str, name: &str) -> &'a Value {
    let mut found = objects
        .iter()
        .filter(|object| object["kind"] == kind && object["metadata"]["name"] == name);
    let object = found.next().unwrap_or_else(|| panic!("no {kind} {name}"));
    assert!(found.next().is_none(), "two {kind} {name}");
    object
}

/// The pods that a manifest has made.
pub(crate) fn pods(objects: &[Value]) -> Vec<&Value> {
    objects
        .iter()
        .map(|object| &object["spec"]["template"])
        .filter(|template| template.is_object())
        .collect()
}

/// All containers of a pod, those that run before the others first.
pub(crate) fn containers(pod: &Value) -> Vec<&Value> {
    ["initContainers", "containers"]
        .iter()
        .filter_map(|kind| pod["spec"][*kind].as_array())
        .flatten()
        .collect()
}

/// What must be so of every pod: it mounts what it has, and its images lie on the node.
pub(crate) fn is_sound(pod: &Value, images: &[String]) {
    let names = |list: &Value| -> Vec<String> {
        let list = list.as_array().into_iter().flatten();
        list.map(|item| item["name"].as_str().unwrap().to_owned())
            .collect()
    };
    let volumes = names(&pod["spec"]["volumes"]);
    let mut mounted = Vec::new();
    for container in containers(pod) {
        mounted.extend(names(&container["volumeMounts"]));
        let image = container["image"].as_str().unwrap();
        assert!(images.iter().any(|held| held == image), "{image}");
        assert_eq!(container["imagePullPolicy"], "IfNotPresent", "{image}");
    }
    for volume in &volumes {
        assert!(mounted.contains(volume), "nothing mounts {volume}");
    }
    for mount in &mounted {
        assert!(volumes.contains(mount), "there is no volume {mount}");
    }
}
