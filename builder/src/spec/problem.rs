//! Problems of a cluster file, each at its place, and how people and programs get to see them.
//!
//! A [`Problem`] holds byte ranges only; [`Problems`] holds the text too and is what is printed: like a compiler, by
//! the renderer of rustc. Nothing here decides what is a problem.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use serde::Serialize;

use super::warning::Warning;
use crate::failure::{Exit, Failure};

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// No cluster can be made from this.
    Error,
    /// It can be meant, but seldom is.
    Warning,
}

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in the user's words.
    pub message: String,
    /// What to do about it, where that is known.
    pub suggestion: Option<String>,
    /// The JSON pointer of the value, as `/nodes/0/name`; empty for the whole file.
    pub pointer: String,
    /// Which warning it is; errors have no names.
    pub(super) warning: Option<Warning>,
    pub(super) span: Range<usize>,
    pub(super) mark: Option<Mark>,
    /// Whether the line holds something that must not be seen again.
    pub(super) secret: bool,
}

/// A second place that a problem speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    span: Range<usize>,
    label: String,
}

impl Mark {
    pub(super) fn new(span: Range<usize>, label: impl Into<String>) -> Self {
        let label = label.into();
        Self { span, label }
    }
}

/// A text without line breaks and codes that a terminal would obey.
fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

impl Problem {
    pub(super) fn error(span: Range<usize>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            message: printable(&message.into()),
            suggestion: None,
            pointer: String::new(),
            warning: None,
            span,
            mark: None,
            secret: false,
        }
    }

    pub(super) fn warning(
        warning: Warning,
        span: Range<usize>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            severity: Severity::Warning,
            warning: Some(warning),
            ..Self::error(span, message)
        }
    }

    pub(super) fn suggest(mut self, suggestion: impl Into<String>) -> Self {
        self.suggestion = Some(printable(&suggestion.into()));
        self
    }

    pub(super) fn mark(mut self, mark: Mark) -> Self {
        self.mark = Some(mark);
        self
    }
}

/// The problems of one file, in the order of their places. It displays them as people read them and serializes them as
/// programs do: an array of `{file, line, column, severity, message, suggestion, pointer}`, a warning's name among them.
#[derive(Debug, Clone)]
pub struct Problems {
    file: String,
    text: Arc<str>,
    list: Vec<Problem>,
}

impl Problems {
    pub(super) fn new(file: &str, text: &str, mut list: Vec<Problem>) -> Self {
        list.sort_by_key(|problem| (problem.span.start, problem.severity));
        list.dedup();
        Self {
            file: file.to_owned(),
            // What ends a line elsewhere is shown as a blank: as long, so that all ranges hold.
            text: text.replace("\r\n", " \n").into(),
            list,
        }
    }

    /// The problems.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.list.iter()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many there are of one severity.
    pub fn count(&self, severity: Severity) -> usize {
        let of = |problem: &&Problem| problem.severity == severity;
        self.list.iter().filter(of).count()
    }

    /// The problems as programs read them.
    pub fn records(&self) -> impl Iterator<Item = Record<'_>> {
        self.list.iter().map(|problem| {
            let (line, column) = self.position(problem);
            Record {
                file: &self.file,
                line,
                column,
                severity: problem.severity,
                warning: problem.warning,
                message: &problem.message,
                suggestion: problem.suggestion.as_deref(),
                pointer: &problem.pointer,
            }
        })
    }

    /// The problems as text, with the colours of a terminal.
    pub fn styled(&self) -> String {
        self.render(&Renderer::styled())
    }

    /// Line and column of a problem's begin, both from 1, columns in characters.
    pub fn position(&self, problem: &Problem) -> (usize, usize) {
        let before = &self.text[..self.char_boundary(problem.span.start)];
        let line = before.matches('\n').count() + 1;
        let column = before[before.rfind('\n').map_or(0, |at| at + 1)..]
            .chars()
            .count()
            + 1;
        (line, column)
    }

    fn render(&self, renderer: &Renderer) -> String {
        let renderer = renderer.clone().decor_style(DecorStyle::Ascii);
        let mut out = String::new();
        for (index, problem) in self.list.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n\n" };
            out.push_str(separator);
            out.push_str(&self.render_one(problem, &renderer));
        }
        out
    }

    fn render_one(&self, problem: &Problem, renderer: &Renderer) -> String {
        let level = match problem.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let mut title = level.primary_title(problem.message.as_str());
        if let Some(warning) = problem.warning {
            title = title.id(warning.to_string());
        }
        if problem.secret {
            let (line, column) = self.position(problem);
            let place = Origin::path(&self.file).line(line).char_column(column);
            return self.finish(title.element(place), problem, renderer);
        }
        // The renderer walks all the text it is given: it gets the lines that matter.
        let span = self.shown(&problem.span);
        let mark = problem
            .mark
            .as_ref()
            .map(|mark| (self.shown(&mark.span), &mark.label));
        let first = mark
            .as_ref()
            .map_or(span.start, |(mark, _)| mark.start.min(span.start));
        let last = mark
            .as_ref()
            .map_or(span.end, |(mark, _)| mark.end.max(span.end));
        let begin = self.text[..first].rfind('\n').map_or(0, |at| at + 1);
        let end = self.text[last..]
            .find('\n')
            .map_or(self.text.len(), |at| last + at);
        let line = self.text[..begin].matches('\n').count() + 1;
        let within = |span: Range<usize>| span.start - begin..span.end - begin;
        let mut snippet = Snippet::source(&self.text[begin..end])
            .path(&self.file)
            .line_start(line)
            .annotation(AnnotationKind::Primary.span(within(span)));
        if let Some((span, label)) = mark {
            snippet = snippet.annotation(AnnotationKind::Context.span(within(span)).label(label));
        }
        self.finish(title.element(snippet), problem, renderer)
    }

    fn finish<'a>(
        &'a self,
        mut group: Group<'a>,
        problem: &'a Problem,
        renderer: &Renderer,
    ) -> String {
        if let Some(suggestion) = &problem.suggestion {
            group = group.element(Level::HELP.message(suggestion.as_str()));
        }
        renderer.render(&[group])
    }

    /// The part of a span that is underlined: its first line, without blanks at the end, and at least a character.
    fn shown(&self, span: &Range<usize>) -> Range<usize> {
        let start = self.char_boundary(span.start);
        let end = self.char_boundary(span.end).max(start);
        let line = self.text[start..end].lines().next().unwrap_or("");
        let shown = line.trim_end().len();
        if shown > 0 {
            return start..start + shown;
        }
        let next = self.text[start..]
            .chars()
            .next()
            .filter(|&next| next != '\n');
        start..start + next.map_or(0, char::len_utf8)
    }

    fn char_boundary(&self, at: usize) -> usize {
        let mut at = at.min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(&Renderer::plain()))
    }
}

/// A problem as programs read it.
#[derive(Serialize)]
pub struct Record<'a> {
    file: &'a str,
    line: usize,
    column: usize,
    severity: Severity,
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<Warning>,
    message: &'a str,
    suggestion: Option<&'a str>,
    pointer: &'a str,
}

impl Serialize for Problems {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.records())
    }
}

/// Why a text describes no cluster: at least one error, and the warnings beside it.
#[derive(Debug, Clone)]
pub struct SpecError(Problems);

impl SpecError {
    pub(super) fn new(problems: Problems) -> Self {
        Self(problems)
    }

    /// All that was found.
    pub fn problems(&self) -> &Problems {
        &self.0
    }

    /// How many problems there are in which file, in a few words.
    pub fn summary(&self) -> String {
        let count = |severity, one: &str, many: &str| match self.0.count(severity) {
            0 => None,
            1 => Some(format!("1 {one}")),
            several => Some(format!("{several} {many}")),
        };
        let errors = count(Severity::Error, "error", "errors");
        let warnings = count(Severity::Warning, "warning", "warnings");
        let found: Vec<String> = errors.into_iter().chain(warnings).collect();
        format!("{} in `{}`", found.join(" and "), self.0.file)
    }
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n\n{}\n", self.summary(), self.0)
    }
}

impl std::error::Error for SpecError {}

impl Failure for SpecError {
    fn exit(&self) -> Exit {
        Exit::UserFiles
    }
}
