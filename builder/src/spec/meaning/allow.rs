//! Warnings that are meant, and so not shown.

use super::{Checker, Finding};
use crate::spec::file::ClusterFile;
use crate::spec::pointer::Pointer;
use crate::spec::problem::Severity;
use crate::spec::warning::Warning;

/// Takes the warnings away that the list `allow` names. What it names in vain is a warning itself, once nothing else is
/// wrong: an error may be why the other was not found.
pub(super) fn check(check: &mut Checker, file: &ClusterFile) {
    let top = Pointer::top().key("allow");
    let mut allowed: Vec<(Warning, Pointer)> = Vec::new();
    for (index, &warning) in file.allow.iter().flatten().enumerate() {
        let at = top.index(index);
        if check.is_tainted(&at) {
            // Which one was meant, the user says next time.
            check.problems.retain(|of| of.warning.is_none());
            continue;
        }
        match allowed.iter().find(|(other, _)| *other == warning) {
            Some((_, first)) => {
                let message = format!("`{warning}` is in the list twice");
                let finding = Finding::warning(Warning::ListedTwice, at, message);
                check.tell(finding.with(first.clone(), "first here"));
            }
            None => allowed.push((warning, at)),
        }
    }
    // `unused-allow`, the last of them, is about what the others leave.
    allowed.sort();
    let sound = !check
        .problems
        .iter()
        .any(|of| of.severity == Severity::Error);
    for (warning, at) in allowed {
        let before = check.problems.len();
        check.problems.retain(|of| of.warning != Some(warning));
        if check.problems.len() == before && sound {
            let message = format!("`{warning}` silences nothing");
            let finding = Finding::warning(Warning::UnusedAllow, at, message);
            check.tell(finding.suggest("leave it out"));
        }
    }
}
