//! What a version makes of a name that people wrote: a flag, a field, a feature gate.

use super::{Checker, Finding};
use crate::facts::FlagStatus;
use crate::spec::pointer::Pointer;
use crate::spec::warning::Warning;

/// Says what a program of a version makes of a thing, unless it simply takes it. `program` is the program with its
/// version, `kind` what the thing is (`flag`), `name` the thing as it is to be shown.
pub(super) fn tell(
    check: &mut Checker,
    at: Pointer,
    program: &str,
    kind: &str,
    name: &str,
    status: FlagStatus,
) {
    let instead = |replacement: Option<String>| match replacement {
        Some(replacement) => format!("use {replacement} instead"),
        None => "leave it out".to_owned(),
    };
    let finding = match status {
        FlagStatus::Known => return,
        FlagStatus::Deprecated { since, replacement } => {
            let finding = Finding::warning(
                Warning::Deprecated,
                at,
                format!("{name} is deprecated since {since}"),
            );
            match replacement {
                Some(_) => finding.suggest(instead(replacement)),
                None => finding,
            }
        }
        FlagStatus::Removed { since, replacement } => Finding::error(
            at,
            format!("{program} has no {kind} {name}: it is gone since {since}"),
        )
        .suggest(instead(replacement)),
        FlagStatus::NotYet { since } => {
            Finding::error(at, format!("{program} has no {kind} {name} yet"))
                .suggest(format!("it comes with {since}"))
        }
        FlagStatus::Unknown { did_you_mean } => {
            let finding = Finding::error(at, format!("{program} has no {kind} {name}"));
            match did_you_mean {
                Some(close) => finding.suggest(format!("did you mean `{close}`?")),
                None => finding,
            }
        }
    };
    check.tell(finding.at_key());
}
