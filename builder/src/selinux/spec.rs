//! One line of `file_contexts`.

use std::sync::OnceLock;

use regex::bytes::Regex;

use super::pattern::{self, Outline, Rest};
use super::{PatternError, SelinuxError};

/// A kind of file, as far as policies tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileKind {
    /// `--`
    File,
    /// `-d`
    Directory,
    /// `-l`
    Link,
    /// `-s`
    Socket,
    /// `-p`
    Pipe,
    /// `-c`
    CharDevice,
    /// `-b`
    BlockDevice,
}

impl FileKind {
    /// The field that stands for it.
    pub fn field(self) -> &'static str {
        match self {
            Self::File => "--",
            Self::Directory => "-d",
            Self::Link => "-l",
            Self::Socket => "-s",
            Self::Pipe => "-p",
            Self::CharDevice => "-c",
            Self::BlockDevice => "-b",
        }
    }

    fn of_field(field: &str) -> Option<Self> {
        [
            Self::File,
            Self::Directory,
            Self::Link,
            Self::Socket,
            Self::Pipe,
            Self::CharDevice,
            Self::BlockDevice,
        ]
        .into_iter()
        .find(|kind| kind.field() == field)
    }
}

/// One line of `file_contexts`: a pattern of paths, maybe a kind of file, and a context or `<<none>>`.
#[derive(Debug)]
pub(super) struct Spec {
    pattern: String,
    pub(super) outline: Outline,
    kind: Option<FileKind>,
    /// `None` says that such paths get no label.
    pub(super) context: Option<String>,
    /// Made when it is needed: of a policy's thousands, one tree needs some dozens.
    regex: OnceLock<Result<Regex, PatternError>>,
    file: &'static str,
    line: usize,
}

impl Spec {
    /// Reads a line; `None` when it is empty or a comment.
    pub(super) fn parse(
        text: &str,
        file: &'static str,
        line: usize,
    ) -> Result<Option<Self>, SelinuxError> {
        let wrong = |problem| SelinuxError::Line {
            file,
            line,
            problem,
        };
        let mut fields = text.split_ascii_whitespace();
        let Some(pattern) = fields.next().filter(|first| !first.starts_with('#')) else {
            return Ok(None);
        };
        if !text.is_ascii() {
            return Err(wrong("it is not ASCII"));
        }
        let second = fields.next().ok_or_else(|| wrong("it has no context"))?;
        let (kind, context) = match fields.next() {
            None => (None, second),
            Some(context) => {
                let kind = FileKind::of_field(second);
                let unknown = || wrong("its second field is no kind of file");
                (Some(kind.ok_or_else(unknown)?), context)
            }
        };
        Ok(Some(Self {
            outline: pattern::outline(pattern),
            pattern: pattern.to_owned(),
            kind,
            context: (context != "<<none>>").then(|| context.to_owned()),
            regex: OnceLock::new(),
            file,
            line,
        }))
    }

    /// Whether it is a path and no pattern.
    pub(super) fn is_exact(&self) -> bool {
        pattern::is_exact(&self.pattern)
    }

    /// Whether it stands for a path.
    pub(super) fn matches(&self, path: &str, kind: FileKind) -> Result<bool, SelinuxError> {
        if self.kind.is_some_and(|own| own != kind) {
            return Ok(false);
        }
        let Some(behind) = path.strip_prefix(self.outline.prefix.as_str()) else {
            return Ok(false);
        };
        match &self.outline.rest {
            Rest::Nothing => return Ok(behind.is_empty()),
            Rest::Anything => return Ok(true),
            Rest::Below => return Ok(behind.is_empty() || behind.starts_with('/')),
            Rest::Matching(text) if !behind.contains(text.as_str()) => return Ok(false),
            Rest::Matching(_) => {}
        }
        match self.regex.get_or_init(|| pattern::compile(&self.pattern)) {
            Ok(regex) => Ok(regex.is_match(path.as_bytes())),
            Err(source) => Err(SelinuxError::Pattern {
                file: self.file,
                line: self.line,
                source: source.clone(),
            }),
        }
    }
}
