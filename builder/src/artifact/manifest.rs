//! Which container images the objects of a manifest run.
//!
//! An image stands where a pod says it: in an item of `containers`, `initContainers` or `ephemeralContainers`, or in a
//! volume of images. Those keys are looked for at any depth, because pods stand inside Deployments, CronJobs and kinds
//! that nobody here has heard of. What a program is told in its arguments is not known here.
//!
//! See <https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/>.

use std::collections::BTreeSet;

use serde::Deserialize as _;
use serde_yaml_ng::{Deserializer, Value};

use super::{ImageReference, ReferenceError};
use crate::failure::{Exit, Failure};

/// The lists of containers that a pod has.
const CONTAINERS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];

/// Why a manifest cannot be applied.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// It is no YAML, or no UTF-8.
    #[error("it is no YAML")]
    Yaml(#[source] serde_yaml_ng::Error),
    /// One of its documents, counted from 1, lacks what makes it an object of Kubernetes.
    #[error("its document {document} is no object of Kubernetes: it has no `{key}`")]
    NoObject {
        /// Which of its documents.
        document: usize,
        /// What it lacks.
        key: &'static str,
    },
    /// An image in it cannot be found, or not the same one tomorrow.
    #[error("one of its images is not to be had")]
    Image(#[from] ReferenceError),
}

impl Failure for ManifestError {
    fn exit(&self) -> Exit {
        Exit::UserFiles
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Image(ReferenceError::Floating(image)) => Some(format!(
                "name a tag that stays, as `{image}:1.2.3`: the image is preloaded, and nodes need no registry"
            )),
            _ => None,
        }
    }
}

/// The images that a manifest runs, by their full names.
///
/// # Errors
///
/// When `kubectl apply` would refuse the text before it asks an API, or an image has no name that stays.
pub fn images_of_manifest(text: &[u8]) -> Result<BTreeSet<ImageReference>, ManifestError> {
    let mut images = BTreeSet::new();
    for (place, document) in Deserializer::from_slice(text).enumerate() {
        let object = Value::deserialize(document).map_err(ManifestError::Yaml)?;
        // `---` at the beginning, or twice.
        if object.is_null() {
            continue;
        }
        for key in ["apiVersion", "kind"] {
            if !object.get(key).is_some_and(Value::is_string) {
                let document = place + 1;
                return Err(ManifestError::NoObject { document, key });
            }
        }
        collect(&object, &mut images)?;
    }
    Ok(images)
}

/// Adds the images below a value.
fn collect(value: &Value, images: &mut BTreeSet<ImageReference>) -> Result<(), ReferenceError> {
    match value {
        Value::Sequence(items) => items.iter().try_for_each(|item| collect(item, images)),
        Value::Mapping(members) => {
            for (key, below) in members {
                for image in named(key.as_str().unwrap_or_default(), below) {
                    images.insert(image.parse()?);
                }
                collect(below, images)?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// The images that a member of a mapping names by itself.
fn named<'v>(key: &str, value: &'v Value) -> Vec<&'v str> {
    match key {
        // A volume of an image.
        "image" => value
            .get("reference")
            .and_then(Value::as_str)
            .into_iter()
            .collect(),
        key if CONTAINERS.contains(&key) => value
            .as_sequence()
            .into_iter()
            .flatten()
            .filter_map(|container| container.get("image")?.as_str())
            .collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn images(text: &str) -> Result<Vec<String>, ManifestError> {
        let images = images_of_manifest(text.as_bytes())?;
        Ok(images.iter().map(ToString::to_string).collect())
    }

    fn refused(text: &str) -> String {
        let error = images(text).unwrap_err();
        let cause = std::error::Error::source(&error);
        cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
    }

    #[test]
    fn images_are_found_wherever_pods_stand_and_by_their_full_names() {
        let found = images(
            "---\n\
             apiVersion: apps/v1\n\
             kind: Deployment\n\
             spec:\n  template:\n    spec:\n      initContainers: [{name: a, image: 'busybox:1.36'}]\n\
             \x20     containers:\n      - {name: b, image: 'registry.k8s.io/metrics-server/metrics-server:v0.7.2'}\n\
             \x20     - {name: c, image: 'grafana/grafana:11.1.0'}\n\
             \x20     volumes: [{name: d, image: {reference: 'quay.io/a/b:1'}}]\n\
             ---\n\
             ---\n\
             apiVersion: v1\n\
             kind: List\n\
             items:\n- apiVersion: batch/v1\n  kind: CronJob\n  spec: {jobTemplate: {spec: {template: {spec: \
             {containers: [{image: 'busybox:1.36'}, {image: 'localhost:5000/x:2'}]}}}}}\n",
        );
        insta::assert_snapshot!(found.unwrap().join("\n"), @r"
        docker.io/grafana/grafana:11.1.0
        docker.io/library/busybox:1.36
        localhost:5000/x:2
        quay.io/a/b:1
        registry.k8s.io/metrics-server/metrics-server:v0.7.2
        ");
    }

    #[test]
    fn what_only_looks_like_an_image_is_none() {
        let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {labels: {image: a}}\n\
                    data: {containers: 'image: busybox:1', image: nginx}\n\
                    ---\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n\
                    spec: {properties: {containers: {type: array, items: {properties: {image: {type: string}}}}}}\n";
        assert_eq!(images(text).unwrap(), [""; 0]);
    }

    #[test]
    fn a_text_that_kubectl_would_refuse_is_refused() {
        insta::assert_snapshot!(refused("kind: Pod\n"), @"its document 1 is no object of Kubernetes: it has no `apiVersion`");
        insta::assert_snapshot!(
            refused("apiVersion: v1\nkind: Pod\n---\napiVersion: v1\nkind: 1\n"),
            @"its document 2 is no object of Kubernetes: it has no `kind`"
        );
        insta::assert_snapshot!(
            refused("a: [1\nb: 2\n"),
            @"it is no YAML: did not find expected ',' or ']' at line 2 column 2, while parsing a flow sequence at line 1 column 4"
        );
        assert!(refused("\u{0}").starts_with("it is no YAML: "));
    }

    #[test]
    fn an_image_that_moves_is_refused() {
        let pod = |image: &str| {
            format!("apiVersion: v1\nkind: Pod\nspec: {{containers: [{{image: '{image}'}}]}}\n")
        };
        insta::assert_snapshot!(
            refused(&pod("nginx")),
            @"one of its images is not to be had: image `nginx` has neither a tag nor a digest, and `latest` is another image every day"
        );
        insta::assert_snapshot!(
            refused(&pod("Nginx:1")),
            @"one of its images is not to be had: image `Nginx:1` has no valid name: lower-case letters, digits, `.`, `_`, `-` and `/` make one"
        );
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,200}", bytes in proptest::collection::vec(0u8.., 0..200)) {
            let _ = images_of_manifest(text.as_bytes());
            let _ = images_of_manifest(&bytes);
        }
    }
}
