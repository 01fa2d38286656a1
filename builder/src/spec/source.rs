//! Text to a tree of YAML nodes that know where they stand.
//!
//! YAML 1.2, one document, with three differences that keep people from surprises: a key written twice is a problem, tags
//! and merge keys are refused, and a whole number with a leading zero (`0644`) is text, because YAML 1.1 and 1.2 read
//! different numbers from it. Nothing here knows what a cluster is.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Tag};
use serde_json::{Number, Value};

use super::problem::{Mark, Problem};

/// A larger text than this describes no cluster; a thousand nodes take a twentieth of it.
const LARGEST_TEXT: usize = 4 << 20;
/// No cluster file is nested deeper.
const DEEPEST: usize = 32;
/// With anchors a small text can stand for a huge one.
const MOST_NODES: usize = 500_000;

/// A YAML node and the bytes of the text that it was read from.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) span: Range<usize>,
    pub(super) content: Content,
}

/// What a node is.
#[derive(Debug, Clone)]
pub(super) enum Content {
    Scalar { text: String, style: Style },
    Sequence(Vec<Node>),
    Mapping(Vec<Member>),
}

/// Whether a scalar's look decides what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Bare,
    Quoted,
}

/// One key and its value.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) key: String,
    pub(super) key_span: Range<usize>,
    pub(super) node: Node,
}

impl Node {
    /// The member of a mapping.
    pub(super) fn member(&self, key: &str) -> Option<&Member> {
        match &self.content {
            Content::Mapping(members) => members.iter().find(|member| member.key == key),
            _ => None,
        }
    }

    /// The item of a sequence.
    pub(super) fn item(&self, index: usize) -> Option<&Node> {
        match &self.content {
            Content::Sequence(items) => items.get(index),
            _ => None,
        }
    }
}

/// What a scalar without quotes is, by the core schema of YAML 1.2.
pub(super) fn resolve(text: &str) -> Value {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let decimal = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number =
        |value: Option<Number>| value.map_or_else(|| Value::String(text.to_owned()), Value::Number);
    let radix = |digits: &str, radix: u32| {
        let plain = digits.bytes().all(|byte| byte.is_ascii_alphanumeric());
        number(
            plain
                .then(|| u64::from_str_radix(digits, radix).ok())
                .flatten()
                .map(Number::from),
        )
    };
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    if let Some(octal) = text.strip_prefix("0o") {
        return radix(octal, 8);
    }
    if let Some(hexadecimal) = text.strip_prefix("0x") {
        return radix(hexadecimal, 16);
    }
    if decimal(digits) {
        if digits.len() > 1 && digits.starts_with('0') {
            return Value::String(text.to_owned());
        }
        let signless = text.strip_prefix('+').unwrap_or(text);
        let unsigned = signless.parse::<u64>().ok().map(Number::from);
        return number(unsigned.or_else(|| signless.parse::<i64>().ok().map(Number::from)));
    }
    if looks_like_a_float(digits) {
        return number(text.parse().ok().and_then(Number::from_f64));
    }
    Value::String(text.to_owned())
}

/// `[0-9]*\.?[0-9]*([eE][-+]?[0-9]+)?` with a digit in front of the exponent.
fn looks_like_a_float(text: &str) -> bool {
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let decimal = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    decimal(whole)
        && decimal(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(|exponent| {
            let digits = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
            !digits.is_empty() && decimal(digits)
        })
}

/// Reads a text: its document, and the problems that leave a document to go on with; or the one problem that does not.
pub(super) fn read(text: &str) -> Result<(Node, Vec<Problem>), Box<Problem>> {
    if text.len() > LARGEST_TEXT {
        return Err(Box::new(Problem::error(
            0..0,
            format!("this text is larger than {} MiB", LARGEST_TEXT >> 20),
        )));
    }
    let offsets = Offsets::new(text);
    let mut reader = Reader {
        offsets: &offsets,
        text,
        parser: Parser::new_from_str(text),
        anchors: BTreeMap::new(),
        nodes: 0,
        problems: Vec::new(),
    };
    let document = reader.document()?;
    Ok((document, reader.problems))
}

/// From the parser's character numbers to byte offsets.
struct Offsets {
    /// Empty for a text of ASCII, where both are the same.
    bytes: Vec<usize>,
    end: usize,
}

impl Offsets {
    fn new(text: &str) -> Self {
        let bytes = if text.is_ascii() {
            Vec::new()
        } else {
            text.char_indices().map(|(at, _)| at).collect()
        };
        Self {
            bytes,
            end: text.len(),
        }
    }

    fn of(&self, marker: Marker) -> usize {
        let at = if self.bytes.is_empty() {
            marker.index()
        } else {
            self.bytes.get(marker.index()).copied().unwrap_or(self.end)
        };
        at.min(self.end)
    }
}

struct Reader<'t> {
    offsets: &'t Offsets,
    text: &'t str,
    parser: Parser<'t, saphyr_parser::StrInput<'t>>,
    anchors: BTreeMap<usize, Node>,
    nodes: usize,
    problems: Vec<Problem>,
}

type Spanned<'t> = (Event<'t>, Range<usize>);

impl<'t> Reader<'t> {
    fn next(&mut self) -> Result<Spanned<'t>, Box<Problem>> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => {
                let start = self.offsets.of(span.start);
                let end = self.offsets.of(span.end).max(start);
                Ok((event, start..end))
            }
            Some(Err(error)) => {
                let at = self.offsets.of(*error.marker());
                let message = format!("this is not YAML: {}", error.info());
                let problem = Problem::error(at..at, message);
                let line = self.text[..at].rfind('\n').map_or(0, |at| at + 1);
                Err(Box::new(
                    if self.text[line..].starts_with('\t') || self.text[at..].starts_with('\t') {
                        problem.suggest("indent with spaces: YAML takes no tabs")
                    } else {
                        problem
                    },
                ))
            }
            None => Ok((Event::StreamEnd, self.text.len()..self.text.len())),
        }
    }

    fn document(&mut self) -> Result<Node, Box<Problem>> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => break,
                Event::Nothing
                | Event::StreamStart
                | Event::DocumentStart(_)
                | Event::DocumentEnd => {}
                _ if root.is_some() => {
                    return Err(Box::new(
                        Problem::error(span, "this is a second document".to_owned())
                            .suggest("describe one cluster per file"),
                    ));
                }
                event => root = Some(self.node(event, span, 0)?),
            }
        }
        root.ok_or_else(|| {
            let problem = Problem::error(0..0, "this file describes nothing");
            Box::new(problem.suggest("`kimage init` prints one to begin with"))
        })
    }

    fn node(
        &mut self,
        event: Event<'t>,
        span: Range<usize>,
        depth: usize,
    ) -> Result<Node, Box<Problem>> {
        self.nodes += 1;
        if self.nodes > MOST_NODES {
            return Err(Box::new(Problem::error(
                span,
                "anchors make this text stand for too much".to_owned(),
            )));
        }
        if depth > DEEPEST {
            return Err(Box::new(Problem::error(
                span,
                "this is nested too deeply".to_owned(),
            )));
        }
        let (anchor, node) = match event {
            Event::Alias(anchor) => {
                let Some(node) = self.anchors.get(&anchor) else {
                    return Err(Box::new(Problem::error(
                        span,
                        "this anchor holds itself".to_owned(),
                    )));
                };
                let mut node = node.clone();
                self.nodes += place_at(&mut node, &span);
                return Ok(node);
            }
            Event::Scalar(text, style, anchor, tag) => {
                let style = self.style(&span, style, tag)?;
                let text = text.into_owned();
                let content = Content::Scalar { text, style };
                (anchor, Node { span, content })
            }
            Event::SequenceStart(anchor, tag) => {
                self.untagged(&span, tag)?;
                let mut items = Vec::new();
                let end = loop {
                    let (event, at) = self.next()?;
                    match event {
                        Event::SequenceEnd => break at.end,
                        event => items.push(self.node(event, at, depth + 1)?),
                    }
                };
                let content = Content::Sequence(items);
                let span = span.start..end.max(span.end);
                (anchor, Node { span, content })
            }
            Event::MappingStart(anchor, tag) => {
                self.untagged(&span, tag)?;
                let mut members: Vec<Member> = Vec::new();
                let mut keys: BTreeMap<String, usize> = BTreeMap::new();
                let end = loop {
                    let (event, at) = self.next()?;
                    match event {
                        Event::MappingEnd => break at.end,
                        event => {
                            let member = self.member(event, at, depth)?;
                            match keys.get(&member.key) {
                                Some(&first) => {
                                    let message = format!("`{}` is written twice", member.key);
                                    let first = members[first].key_span.clone();
                                    let problem = Problem::error(member.key_span.clone(), message)
                                        .mark(Mark::new(first, "first here"));
                                    self.problems.push(problem);
                                }
                                None => {
                                    keys.insert(member.key.clone(), members.len());
                                    members.push(member);
                                }
                            }
                        }
                    }
                };
                let content = Content::Mapping(members);
                let span = span.start..end.max(span.end);
                (anchor, Node { span, content })
            }
            _ => {
                return Err(Box::new(Problem::error(
                    span,
                    "this is not YAML".to_owned(),
                )));
            }
        };
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn member(
        &mut self,
        event: Event<'t>,
        at: Range<usize>,
        depth: usize,
    ) -> Result<Member, Box<Problem>> {
        let key = self.node(event, at, depth + 1)?;
        let Content::Scalar { text, style } = key.content else {
            return Err(Box::new(Problem::error(
                key.span,
                "a key must be a word".to_owned(),
            )));
        };
        if text == "<<" && style == Style::Bare {
            return Err(Box::new(
                Problem::error(key.span, "merge keys are no part of YAML 1.2".to_owned())
                    .suggest("write the values out, or use an anchor for each"),
            ));
        }
        let (event, at) = self.next()?;
        let node = self.node(event, at, depth + 1)?;
        Ok(Member {
            key: text,
            key_span: key.span,
            node,
        })
    }

    fn style(
        &self,
        span: &Range<usize>,
        style: ScalarStyle,
        tag: Option<Cow<'t, Tag>>,
    ) -> Result<Style, Box<Problem>> {
        match tag {
            Some(tag) if tag.is_yaml_core_schema() && tag.suffix == "str" => Ok(Style::Quoted),
            tag => {
                self.untagged(span, tag)?;
                Ok(match style {
                    ScalarStyle::Plain => Style::Bare,
                    _ => Style::Quoted,
                })
            }
        }
    }

    fn untagged(&self, span: &Range<usize>, tag: Option<Cow<'t, Tag>>) -> Result<(), Box<Problem>> {
        match tag {
            None => Ok(()),
            Some(tag) => Err(Box::new(Problem::error(
                span.clone(),
                format!("the tag `{tag}` means nothing here"),
            ))),
        }
    }
}

/// Lets an alias' nodes stand where the alias does; returns how many they are.
fn place_at(node: &mut Node, span: &Range<usize>) -> usize {
    node.span = span.clone();
    1 + match &mut node.content {
        Content::Scalar { .. } => 0,
        Content::Sequence(items) => items.iter_mut().map(|item| place_at(item, span)).sum(),
        Content::Mapping(members) => members
            .iter_mut()
            .map(|member| {
                member.key_span = span.clone();
                1 + place_at(&mut member.node, span)
            })
            .sum(),
    }
}
