//! JSON pointers (RFC 6901) into a document, and where in the text they lead.

use std::ops::Range;

use super::source::{Content, Member, Node};

/// The way from the top of a document to a value, as `/nodes/0/name`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Pointer(String);

/// Which part of a mapping's member is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The key.
    Key,
    /// The value; where there is none, the nearest key above.
    Value,
    /// Where a mapping begins: its own key if it has one, else its first member.
    Head,
}

impl Pointer {
    /// The whole document.
    pub(super) fn top() -> Self {
        Self::default()
    }

    pub(super) fn from_text(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// A member of this mapping.
    pub(super) fn key(&self, key: &str) -> Self {
        Self(format!(
            "{}/{}",
            self.0,
            key.replace('~', "~0").replace('/', "~1")
        ))
    }

    /// An item of this list.
    pub(super) fn index(&self, index: usize) -> Self {
        Self(format!("{}/{index}", self.0))
    }

    /// Another member of the mapping that holds this value.
    pub(super) fn sibling(&self, key: &str) -> Self {
        Self(self.0[..self.0.rfind('/').unwrap_or(0)].to_owned()).key(key)
    }

    /// The steps, unescaped.
    pub(super) fn steps(&self) -> impl Iterator<Item = String> {
        self.0
            .split('/')
            .skip(1)
            .map(|step| step.replace("~1", "/").replace("~0", "~"))
    }

    /// The last step.
    pub(super) fn last(&self) -> Option<String> {
        self.steps().last()
    }

    /// The step before the last.
    pub(super) fn parent_name(&self) -> Option<&str> {
        self.0.rsplit('/').nth(1).filter(|name| !name.is_empty())
    }

    /// The steps as people write them: `nodes[0].name`.
    pub(super) fn dotted(&self) -> String {
        let mut out = String::new();
        for step in self.steps() {
            if step.parse::<usize>().is_ok() {
                out.push_str(&format!("[{step}]"));
            } else {
                if !out.is_empty() {
                    out.push('.');
                }
                out.push_str(&step);
            }
        }
        out
    }

    /// What to call the value: its key in backticks, or an item of the list that it is in.
    pub(super) fn name(&self) -> String {
        match self.last() {
            None => "this file".to_owned(),
            Some(last) if last.parse::<usize>().is_ok() => {
                format!("an item of `{}`", self.parent_name().unwrap_or_default())
            }
            Some(last) => format!("`{last}`"),
        }
    }

    /// Whether this is `other` or lies below it.
    pub(super) fn is_under(&self, other: &Pointer) -> bool {
        self.0
            .strip_prefix(&other.0)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl From<Pointer> for String {
    fn from(pointer: Pointer) -> Self {
        pointer.0
    }
}

/// Where a value stands in the text; the nearest thing above it that stands there, if it does not itself.
pub(super) fn locate(document: &Node, pointer: &Pointer, place: Place) -> Range<usize> {
    let mut node = document;
    let mut member: Option<&Member> = None;
    let mut found = true;
    for step in pointer.steps() {
        if let Some(next) = node.member(&step) {
            member = Some(next);
            node = &next.node;
        } else if let Some(next) = step.parse().ok().and_then(|index| node.item(index)) {
            member = None;
            node = next;
        } else {
            found = false;
            break;
        }
    }
    let place = if found { place } else { Place::Head };
    let key = member.map(|member| member.key_span.clone());
    match (place, key) {
        (Place::Key | Place::Head, Some(key)) => key,
        (Place::Head, None) | (Place::Key, None) => head(node),
        // A value without a text, or one over several lines, is best found by its key.
        (Place::Value, key) => match (&node.content, key) {
            (Content::Scalar { text, .. }, Some(key))
                if text.is_empty() && node.span.is_empty() =>
            {
                key
            }
            (Content::Mapping(_) | Content::Sequence(_), Some(key)) => key,
            _ => node.span.clone(),
        },
    }
}

fn head(node: &Node) -> Range<usize> {
    match &node.content {
        Content::Mapping(members) => match members.first() {
            Some(first) => first.key_span.clone(),
            None => node.span.clone(),
        },
        _ => node.span.clone(),
    }
}

/// The node at a pointer.
pub(super) fn node_at<'n>(document: &'n Node, pointer: &Pointer) -> Option<&'n Node> {
    let mut node = document;
    for step in pointer.steps() {
        node = match node.member(&step) {
            Some(member) => &member.node,
            None => node.item(step.parse().ok()?)?,
        };
    }
    Some(node)
}

/// The text of the scalar at a pointer, as it is written.
pub(super) fn text_at<'n>(document: &'n Node, pointer: &Pointer) -> Option<&'n str> {
    match &node_at(document, pointer)?.content {
        Content::Scalar { text, .. } => Some(text),
        _ => None,
    }
}
