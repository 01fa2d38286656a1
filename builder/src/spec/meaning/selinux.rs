//! SELinux: `host.selinux`.

use std::collections::BTreeMap;

use super::nodes::Checked;
use super::{Checker, Finding};
use crate::selinux::{self, FileKind};
use crate::spec::cluster::{FileContext, Selinux, SelinuxMode};
use crate::spec::file::{ClusterFile, FileContextFile, FileKindFile, SelinuxModeFile};
use crate::spec::pointer::Pointer;
use crate::spec::schema::list;

/// Arguments of the kernel that say the same.
const ARGUMENTS: &[&str] = &["security", "selinux", "enforcing"];

pub(super) fn check(check: &mut Checker, file: &ClusterFile, nodes: &[Checked]) -> Selinux {
    let host = Pointer::top().key("host");
    let top = host.key("selinux");
    let given = file.host.clone().unwrap_or_default();
    let arguments = given.kernel_arguments.unwrap_or_default();
    let given = given.selinux.unwrap_or_default();
    let mode = given.mode.map(|mode| match mode {
        SelinuxModeFile::Enforcing => SelinuxMode::Enforcing,
        SelinuxModeFile::Permissive => SelinuxMode::Permissive,
        SelinuxModeFile::Disabled => SelinuxMode::Disabled,
    });
    let contexts = given.file_contexts.unwrap_or_default();
    let is_wanted = matches!(mode, Some(SelinuxMode::Enforcing | SelinuxMode::Permissive));
    if is_wanted || !contexts.is_empty() {
        policies(check, &top, nodes);
    }
    if mode.is_some() {
        for (index, argument) in arguments.iter().enumerate() {
            let name = argument.split('=').next().unwrap_or_default();
            if ARGUMENTS.contains(&name) {
                let at = host.key("kernelArguments").index(index);
                let finding =
                    Finding::error(at, format!("`{argument}` is what `host.selinux.mode` says"));
                check.tell(
                    finding
                        .with(top.key("mode"), "here")
                        .suggest("leave it out"),
                );
            }
        }
    }
    Selinux {
        mode,
        file_contexts: file_contexts(check, top.key("fileContexts"), &contexts),
    }
}

/// Tells images that have no policy, each once.
fn policies(check: &mut Checker, top: &Pointer, nodes: &[Checked]) {
    let mut told = Vec::new();
    for node in nodes.iter().filter_map(|checked| checked.node.as_ref()) {
        let without = check
            .blueprints
            .find(&node.image)
            .is_ok_and(|blueprint| blueprint.selinux.is_none());
        if without && !told.contains(&node.image) {
            told.push(node.image.clone());
        }
    }
    let with = check.blueprints.iter();
    let with = with.filter(|blueprint| blueprint.selinux.is_some());
    let with = list(
        &with
            .map(|blueprint| blueprint.name.clone())
            .collect::<Vec<_>>(),
    );
    for image in told {
        let message = format!("`{image}` has no SELinux policy");
        check.tell(
            Finding::error(top.clone(), message)
                .at_key()
                .suggest(format!("images that have one: {with}")),
        );
    }
}

fn file_contexts(check: &mut Checker, top: Pointer, given: &[FileContextFile]) -> Vec<FileContext> {
    let mut contexts = Vec::new();
    let mut seen: BTreeMap<(&str, Option<&str>), usize> = BTreeMap::new();
    for (index, context) in given.iter().enumerate() {
        let at = top.index(index);
        pattern(check, at.key("path"), &context.path);
        type_name(check, at.key("type"), &context.r#type);
        let kind = context.kind.map(|kind| field(kind).field());
        if let Some(first) = seen.insert((&context.path, kind), index) {
            let message = format!("`{}` has two types", context.path);
            let finding = Finding::error(at.key("path"), message);
            check.tell(finding.with(top.index(first).key("path"), "the other"));
        }
        contexts.push(FileContext {
            path: context.path.clone(),
            kind,
            r#type: context.r#type.clone(),
        });
    }
    contexts
}

fn field(kind: FileKindFile) -> FileKind {
    match kind {
        FileKindFile::File => FileKind::File,
        FileKindFile::Directory => FileKind::Directory,
        FileKindFile::Link => FileKind::Link,
        FileKindFile::Socket => FileKind::Socket,
        FileKindFile::Pipe => FileKind::Pipe,
        FileKindFile::CharDevice => FileKind::CharDevice,
        FileKindFile::BlockDevice => FileKind::BlockDevice,
    }
}

fn pattern(check: &mut Checker, at: Pointer, text: &str) {
    if !text.starts_with('/') || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        let message = format!("`{text}` is no pattern of paths");
        check.tell(
            Finding::error(at, message).suggest(
                "begin it with `/`, without spaces and in ASCII, as `/data/kubelet(/.*)?`",
            ),
        );
    } else if let Err(error) = selinux::check_pattern(text) {
        check.tell(Finding::error(at, error.to_string()));
    }
}

fn type_name(check: &mut Checker, at: Pointer, text: &str) {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    if text.starts_with(|first: char| first.is_ascii_alphabetic()) && text.bytes().all(plain) {
        return;
    }
    let finding = Finding::error(at, format!("`{text}` is no type"));
    check.tell(match text.split(':').nth(2) {
        Some(part) => finding.suggest(format!("write the type alone: `{part}`")),
        None => finding.suggest("write it as `bin_t`"),
    });
}
