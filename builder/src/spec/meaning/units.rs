//! Units of systemd that users add, change or mask.

use std::collections::BTreeMap;

use super::{Checker, Finding};
use crate::facts;
use crate::spec::cluster::{Component, Unit, UnitChange};
use crate::spec::file::{RuntimeName, UnitFile};
use crate::spec::pointer::Pointer;

/// What a unit's name ends with, from `systemd.unit(5)`.
const TYPES: [&str; 11] = [
    "service",
    "socket",
    "device",
    "mount",
    "automount",
    "swap",
    "target",
    "path",
    "timer",
    "slice",
    "scope",
];

/// The section `host.units`.
///
/// `runtime` is what runs containers.
pub(super) fn check(
    check: &mut Checker,
    top: Pointer,
    given: &[UnitFile],
    runtime: RuntimeName,
) -> Vec<Unit> {
    let mut units = Vec::new();
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, unit) in given.iter().enumerate() {
        let at = top.index(index);
        let named = name(check, at.key("name"), &unit.name);
        if let Some(&first) = seen.get(unit.name.as_str()) {
            let finding = Finding::error(
                at.key("name"),
                format!("`{}` is in the list twice", unit.name),
            );
            check.tell(finding.with(top.index(first).key("name"), "first here"));
            continue;
        }
        seen.insert(&unit.name, index);
        let changed = change(check, &at, unit, runtime);
        if let (true, Some(change)) = (named, changed) {
            units.push(Unit {
                name: unit.name.clone(),
                change,
            });
        }
    }
    units
}

/// Whether a text is the name of a unit.
fn name(check: &mut Checker, at: Pointer, name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b":-_.\\@".contains(&byte);
    let (stem, end) = name.rsplit_once('.').unwrap_or((name, ""));
    if !stem.is_empty() && name.len() < 256 && name.bytes().all(plain) && TYPES.contains(&end) {
        return true;
    }
    let finding = Finding::error(at, format!("`{name}` is no name of a unit"));
    check.tell(
        if !name.is_empty() && name.bytes().all(plain) && !TYPES.contains(&end) {
            finding.suggest(format!("did you mean `{name}.service`?"))
        } else {
            finding.suggest("write it as `backup.timer`")
        },
    );
    false
}

/// What is to be done with a unit.
fn change(
    check: &mut Checker,
    at: &Pointer,
    unit: &UnitFile,
    runtime: RuntimeName,
) -> Option<UnitChange> {
    let mask = unit.mask == Some(true);
    let (key, change) = match (&unit.drop_in, &unit.content, mask) {
        (Some(text), None, false) => ("dropIn", UnitChange::DropIn(text.clone())),
        (None, Some(text), false) => ("content", UnitChange::Content(text.clone())),
        (None, None, true) => ("mask", UnitChange::Mask),
        (None, None, false) => {
            let message = format!("nothing is to be done with `{}`", unit.name);
            check.tell(
                Finding::error(at.key("name"), message)
                    .suggest("give `dropIn`, `content` or `mask: true`"),
            );
            return None;
        }
        _ => {
            let message = format!(
                "`{}` has several of `dropIn`, `content` and `mask`",
                unit.name
            );
            check.tell(Finding::error(at.key("name"), message).suggest("leave all but one out"));
            return None;
        }
    };
    let at = at.key(key);
    if let UnitChange::DropIn(text) | UnitChange::Content(text) = &change {
        written(check, at.clone(), &unit.name, text);
    }
    if is_ours(&unit.name, runtime) && !matches!(change, UnitChange::DropIn(_)) {
        let finding = Finding::error(at, format!("`{}` is kimage's own", unit.name)).at_key();
        check.tell(finding.suggest("change it with a `dropIn`"));
        return None;
    }
    Some(change)
}

/// Whether every node, or every master, needs a unit.
fn is_ours(name: &str, runtime: RuntimeName) -> bool {
    let stem = name.strip_suffix(".service").unwrap_or_default();
    let engine: &[&str] = match runtime {
        RuntimeName::Containerd => &["containerd"],
        RuntimeName::Docker => &["docker"],
        RuntimeName::CriDockerd => &["docker", "cri-docker"],
    };
    engine.contains(&stem)
        || stem.starts_with("kimage-")
        || Component::ALL
            .iter()
            .any(|component| facts::program(*component) == stem)
}

/// Whether a unit of a name may have a section: what every unit has, its type's, and `X-` for whoever else reads it.
fn has_section(name: &str, section: &str) -> bool {
    let own = name.rsplit('.').next().unwrap_or_default();
    ["Unit", "Install"].contains(&section)
        || section.starts_with("X-")
        || (section.eq_ignore_ascii_case(own)
            && section.starts_with(|first: char| first.is_ascii_uppercase()))
}

/// Tells of the first line that systemd would not read: it drops such a line and starts without it.
fn written(check: &mut Checker, at: Pointer, name: &str, text: &str) {
    let mut within = false;
    let mut continued = false;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        let is_comment = line.is_empty() || line.starts_with(['#', ';']);
        let was_continued = continued;
        continued = line.ends_with('\\') || (was_continued && is_comment);
        if was_continued || is_comment {
            continue;
        }
        let number = index + 1;
        let section = line
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        let (fault, advice) = match section {
            Some(section) if has_section(name, section) => {
                within = true;
                continue;
            }
            Some(_) => (
                format!("line {number} begins a section that `{name}` does not have"),
                "sections are `[Unit]`, `[Install]` and the unit's type, as `[Service]`",
            ),
            None if is_setting(line) && within => continue,
            None if is_setting(line) => (
                format!("line {number} belongs to no section"),
                "write `[Service]` above it",
            ),
            None => (
                format!("line {number} is no setting of a unit"),
                "write it as `Nice=5`",
            ),
        };
        check.tell(Finding::error(at, fault).suggest(advice));
        return;
    }
    if !within {
        check.tell(
            Finding::error(at, "it has no section").suggest("begin with one, as `[Service]`"),
        );
    }
}

/// Whether a line is a name and a value.
fn is_setting(line: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    line.split_once('=')
        .is_some_and(|(name, _)| name.trim_end().bytes().all(plain))
}
