//! What later phases, which know more, have against a value of the cluster file.

use super::pointer::{Place, Pointer, locate};
use super::problem::{Problem, Problems, SpecError};
use super::source;

/// Something that a value asks for and cannot have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objection {
    /// The JSON pointer of the value, as `/host/packages/0`.
    pub pointer: String,
    /// Why not.
    pub message: String,
    /// What to do about it.
    pub suggestion: String,
}

/// Shows objections at their places in a cluster file's text; `file_name` is what they call it.
pub fn objections(text: &str, file_name: &str, objections: &[Objection]) -> SpecError {
    let document = match source::read(text) {
        Ok((document, _)) => document,
        Err(problem) => return SpecError::new(Problems::new(file_name, text, vec![*problem])),
    };
    let problem = |objection: &Objection| {
        let pointer = Pointer::from_text(&objection.pointer);
        let span = locate(&document, &pointer, Place::Value);
        let mut problem =
            Problem::error(span, objection.message.as_str()).suggest(objection.suggestion.as_str());
        problem.pointer = pointer.into();
        problem
    };
    let problems = objections.iter().map(problem).collect();
    SpecError::new(Problems::new(file_name, text, problems))
}
