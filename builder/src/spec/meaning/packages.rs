//! Packages of the distribution that the base of every node has.

use std::collections::BTreeMap;

use super::nodes::Checked;
use super::{Checker, Finding};
use crate::blueprint::Family;
use crate::spec::file::HostSection;
use crate::spec::pointer::Pointer;
use crate::spec::warning::Warning;

/// What the same thing is called by Debian's family and by Red Hat's.
const NAMES: &[(&str, &str)] = &[
    ("conntrack", "conntrack-tools"),
    ("cloud-guest-utils", "cloud-utils-growpart"),
    ("iproute2", "iproute"),
    ("iputils-ping", "iputils"),
    ("libseccomp2", "libseccomp"),
    ("nfs-common", "nfs-utils"),
    ("open-iscsi", "iscsi-initiator-utils"),
    ("procps", "procps-ng"),
];

/// The list `host.packages`.
pub(super) fn check(check: &mut Checker, given: &HostSection, nodes: &[Checked]) -> Vec<String> {
    let top = Pointer::top().key("host").key("packages");
    let packages = given.packages.as_deref().unwrap_or_default();
    let family = family(check, nodes);
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, package) in packages.iter().enumerate() {
        let at = top.index(index);
        if !is_name(package) {
            let finding = Finding::error(at, format!("`{package}` is no name of a package"));
            let bare = package.split(['=', ' ', '/', ':']).next();
            check.tell(match bare.filter(|bare| is_name(bare)) {
                Some(bare) => finding.suggest(format!("did you mean `{bare}`?")),
                None => finding,
            });
        } else if let Some((image, name)) = family
            .as_ref()
            .and_then(|(image, family)| Some((image, other_name(package, *family)?)))
        {
            let message = format!("`{image}` has no package `{package}`");
            check.tell(Finding::error(at, message).suggest(format!("there it is `{name}`")));
        } else if let Some(&first) = seen.get(package.as_str()) {
            let message = format!("`{package}` is in the list twice");
            let finding = Finding::warning(Warning::ListedTwice, at, message);
            check.tell(finding.with(top.index(first), "first here"));
        }
        seen.entry(package).or_insert(index);
    }
    packages.to_vec()
}

/// The family of all nodes and an image of it; none if they are of several.
fn family(check: &Checker, nodes: &[Checked]) -> Option<(String, Family)> {
    let mut families = nodes.iter().filter_map(|node| {
        let image = &node.node.as_ref()?.image;
        Some((image.clone(), check.blueprints.find(image).ok()?.family))
    });
    let first = families.next()?;
    families
        .all(|(_, family)| family == first.1)
        .then_some(first)
}

/// What a family calls a package that has this name in the other.
fn other_name(package: &str, family: Family) -> Option<&'static str> {
    let (debian, rhel) = NAMES
        .iter()
        .find(|(debian, rhel)| *debian == package || *rhel == package)?;
    let name = match family {
        Family::Debian => debian,
        Family::Rhel => rhel,
    };
    (*name != package).then_some(name)
}

/// What dpkg or rpm takes for a name.
fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"+._-".contains(&byte);
    text.len() > 1
        && text.bytes().all(plain)
        && text.starts_with(|first: char| first.is_ascii_alphanumeric())
}
