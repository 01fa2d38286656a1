//! From an overlay to a layer: static files as they are, templates rendered.

use std::collections::BTreeMap;

use serde_json::Value;

use super::enable::enable;
use super::header::Header;
use super::{Overlay, OverlayError, Source};
use crate::plan::Values;
use crate::tree::{Content, Kind, Layer, Meta, Origin, Overwrite, Sharing, TreePath};

/// How large the files are that differ between the nodes of a role: as large as the longest, so that all nodes of the
/// role share one filesystem layout.
#[derive(Debug, Clone, Default)]
pub struct Slots(BTreeMap<TreePath, usize>);

impl Slots {
    /// Measures an overlay's files over all nodes of a role.
    ///
    /// # Errors
    ///
    /// When a template uses a value that does not exist.
    pub fn measure<'a>(
        overlay: &Overlay,
        nodes: impl IntoIterator<Item = &'a Values>,
    ) -> Result<Self, OverlayError> {
        let mut slots = BTreeMap::new();
        for values in nodes {
            let context = context(values)?;
            for (path, source) in &overlay.files {
                if let Source::Template(header) = source
                    && header.is_per_node()
                    && wanted(header, values)
                {
                    let size = render(overlay, path, &context)?.len();
                    let slot = slots.entry(path.clone()).or_insert(size);
                    *slot = size.max(*slot);
                }
            }
        }
        Ok(Self(slots))
    }
}

/// Renders an overlay for one node. What an overlay writes replaces what the base has.
///
/// # Errors
///
/// When a template uses a value that does not exist.
pub fn layer(
    name: &str,
    overlay: &Overlay,
    node: &Values,
    slots: &Slots,
) -> Result<Layer, OverlayError> {
    let mut layer = Layer::new(Origin::new(format!("overlay {name}")));
    let context = context(node)?;
    for (path, source) in &overlay.files {
        let (content, mode, sharing) = match source {
            Source::Static(bytes) => {
                let mode = if bytes.starts_with(b"#!") {
                    0o755
                } else {
                    0o644
                };
                (bytes.clone(), mode, Sharing::Role)
            }
            Source::Template(header) if !wanted(header, node) => continue,
            Source::Template(header) => {
                let rendered = render(overlay, path, &context)?.into_bytes();
                if header.is_per_node() {
                    let size = slots.0.get(path).copied().unwrap_or_default();
                    (pad(path, rendered, size), header.mode, Sharing::Node)
                } else {
                    (rendered, header.mode, Sharing::Role)
                }
            }
        };
        let kind = Kind::File(Content::bytes(content));
        layer.add(
            path.clone(),
            kind,
            Meta::root(mode),
            sharing,
            Overwrite::Replace,
        );
    }
    enable(&mut layer);
    Ok(layer)
}

/// Fills a text up to a size with what its format ignores at the end.
pub fn pad(path: &TreePath, mut text: Vec<u8>, size: usize) -> Vec<u8> {
    let json = path.name().ends_with(".json") || path.name().ends_with(".conflist");
    let filler = if json { b' ' } else { b'\n' };
    if text.len() < size {
        text.resize(size, filler);
    }
    text
}

fn context(values: &Values) -> Result<tera::Context, OverlayError> {
    tera::Context::from_serialize(values).map_err(|source| OverlayError::Render {
        path: TreePath::root(),
        source,
    })
}

fn render(
    overlay: &Overlay,
    path: &TreePath,
    context: &tera::Context,
) -> Result<String, OverlayError> {
    overlay
        .templates
        .render(path.as_str(), context)
        .map_err(|source| OverlayError::Render {
            path: path.clone(),
            source,
        })
}

/// Whether the header's conditions hold.
fn wanted(header: &Header, values: &Values) -> bool {
    if header.when.is_empty() {
        return true;
    }
    let Ok(values) = serde_json::to_value(values) else {
        return false;
    };
    header.when.iter().all(|condition| {
        let value = condition
            .value
            .split('.')
            .try_fold(&values, |value, key| value.get(key));
        match value {
            None | Some(Value::Null | Value::Bool(false)) => false,
            Some(Value::Array(values)) if values.is_empty() => false,
            Some(Value::String(text)) if !condition.words.is_empty() => {
                condition.words.contains(text)
            }
            Some(_) => condition.words.is_empty(),
        }
    })
}
