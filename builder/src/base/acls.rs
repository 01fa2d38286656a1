//! Access control lists of an archive: text with names, which only the archive's own accounts turn into numbers.
//!
//! `SCHILY.acl.access` and `SCHILY.acl.default` are star's, and GNU tar's and bsdtar's: entries in the words of `setfacl`,
//! one after another with commas between, sometimes with the number as a fourth field.

use super::archive::ReadError;
use super::filesystem::Filesystem;
use super::lookup;
use super::refusal::Refusal;
use crate::tree::acl::{Acl, AclEntry, AclScope};
use crate::tree::{Content, Meta, account_number};

/// How the keys of such texts begin.
pub(super) const TEXT: &str = "SCHILY.acl.";

/// Turns every list into the attribute that a tree has.
pub(super) fn resolve(filesystem: &mut Filesystem) -> Result<(), ReadError> {
    let mut accounts = Vec::new();
    for path in ["/etc/passwd", "/etc/group"] {
        let slice = filesystem.file(path).cloned();
        let bytes = slice.map(|slice| lookup::read_content(&Content::Slice(slice)));
        let bytes = bytes.transpose()?.unwrap_or_default();
        accounts.push(String::from_utf8_lossy(&bytes).into_owned());
    }
    for (path, meta) in filesystem.metas_mut() {
        for scope in [AclScope::Access, AclScope::Default] {
            attribute(meta, scope, &accounts[0], &accounts[1]).map_err(|problem| {
                let entry = path.clone();
                Refusal::AccessList { entry, problem }
            })?;
        }
    }
    Ok(())
}

/// Makes one list an attribute, and looks whether what came as an attribute is a list.
fn attribute(meta: &mut Meta, scope: AclScope, passwd: &str, group: &str) -> Result<(), String> {
    let name = scope.attribute();
    let Some(text) = meta.xattrs.remove(scope.record()) else {
        return match meta.xattrs.get(name).map(|value| Acl::of_attribute(value)) {
            Some(None) => Err(format!("`{name}` has another form")),
            Some(Some(_)) | None => Ok(()),
        };
    };
    let text = String::from_utf8(text).map_err(|_| "it is not UTF-8".to_owned())?;
    let list = read(&text, passwd, group)?;
    match list.is_minimal() && scope == AclScope::Access {
        true => meta.xattrs.remove(name),
        false => meta.xattrs.insert(name.to_owned(), list.to_attribute()),
    };
    Ok(())
}

/// Reads a list's text.
fn read(text: &str, passwd: &str, group: &str) -> Result<Acl, String> {
    let mut entries = Vec::new();
    for line in text.split([',', '\n']) {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        let entry = with_number(line);
        let entry: AclEntry = entry
            .parse()
            .map_err(|error: crate::tree::acl::AclError| error.to_string())?;
        let entry = entry
            .numbered(
                |name| account_number(passwd, name),
                |name| account_number(group, name),
            )
            .map_err(|name| format!("the archive has no account `{name}`"))?;
        entries.push(AclEntry {
            scope: AclScope::Access,
            ..entry
        });
    }
    Acl::of_entries(entries).ok_or_else(|| format!("`{text}` is not whole"))
}

/// `user:kube:r--:200` with its number as its name: `user:200:r--`.
fn with_number(line: &str) -> String {
    match line.split(':').collect::<Vec<_>>().as_slice() {
        [kind @ ("u" | "user" | "g" | "group"), _, permissions, id]
            if id.parse::<u32>().is_ok() =>
        {
            format!("{kind}:{id}:{permissions}")
        }
        _ => line.to_owned(),
    }
}
