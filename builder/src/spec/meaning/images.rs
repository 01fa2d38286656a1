//! Kinds of images, where releases come from, what is preloaded and applied.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::syntax::image_reference;
use super::{Checker, Finding};
use crate::blueprint::{Minor, Network};
use crate::failure::Failure;
use crate::spec::cluster::{Interface, Version};
use crate::spec::file::ClusterFile;
use crate::spec::pointer::Pointer;
use crate::spec::warning::Warning;

/// The cluster's blueprint.
pub(super) fn blueprint(
    check: &mut Checker,
    file: &ClusterFile,
    version: Option<Version>,
) -> String {
    let image = file.image.as_deref().unwrap_or("debian-12");
    known(check, Pointer::top().key("image"), image, version);
    image.to_owned()
}

/// Checks that a blueprint exists and can run this Kubernetes.
pub(super) fn known(check: &mut Checker, at: Pointer, image: &str, version: Option<Version>) {
    let blueprint = match check.blueprints.find(image) {
        Ok(blueprint) => blueprint,
        Err(error) => {
            let finding = Finding::error(at, format!("there is no image `{image}`"));
            check.tell(match error.hint() {
                Some(hint) => finding.suggest(hint),
                None => finding,
            });
            return;
        }
    };
    let range = &blueprint.kubernetes;
    let Some(version) = version else {
        return;
    };
    let minor = Minor {
        major: version.major,
        minor: version.minor,
    };
    let until = range.until.filter(|until| minor > *until);
    let from = range.from.filter(|from| minor < *from);
    let finding = Finding::error(at, format!("`{image}` cannot run Kubernetes {minor}"));
    let (finding, label) = match (until, from) {
        (Some(until), _) => (finding, format!("{until} is the last it can run")),
        (_, Some(from)) => (finding, format!("{from} is the first it can run")),
        (None, None) => return,
    };
    let finding = finding.suggest(range.because.clone());
    let other = Pointer::top().key("kubernetes").key("version");
    check.tell(finding.with(other, label));
}

/// Checks that the distribution can tell a node's network card by what the file says of it.
pub(super) fn finds_card(check: &mut Checker, at: &Pointer, image: &str, interface: &Interface) {
    let Interface::Names(names) = interface else {
        return;
    };
    let exact = matches!(names.as_slice(), [name] if !name.contains(['*', '?', '[']));
    let network = check.blueprints.find(image).map(|found| found.network);
    if !exact && matches!(network, Ok(Network::Ifcfg)) {
        check.tell(
            Finding::error(
                at.clone(),
                format!(
                    "`{image}` cannot find its network card: its network scripts know no patterns"
                ),
            )
            .suggest("give the node its `mac`, or the one name as `interface: eth0`"),
        );
    }
}

/// Where upstream's releases come from, without a slash at the end.
pub(super) fn mirror(check: &mut Checker, file: &ClusterFile) -> Option<String> {
    let mirror = file.mirror.as_deref()?;
    let at = Pointer::top().key("mirror");
    let wrong = |message: &str| Finding::error(at.clone(), format!("`{mirror}` {message}"));
    let Some((scheme, rest)) = mirror.split_once("://") else {
        let finding = wrong("is no address");
        check.tell(if mirror.starts_with('/') {
            finding.suggest(format!("did you mean `file://{mirror}`?"))
        } else {
            finding.suggest(
                "write it as `https://mirror.example.org/releases` or `file:///srv/mirror`",
            )
        });
        return None;
    };
    match scheme {
        "file" if !rest.starts_with('/') => {
            check.tell(
                wrong("names no absolute path").suggest(format!("did you mean `file:///{rest}`?")),
            );
            return None;
        }
        "file" => {}
        "http" | "https" => {
            let authority = rest.split('/').next().unwrap_or_default();
            if authority.contains('@') {
                // Nothing of it is shown: it holds a password.
                check.tell(
                    Finding::error(at, "a mirror's address cannot hold a user or password")
                        .secret(),
                );
                return None;
            }
            let host = authority
                .rsplit_once(':')
                .map_or(authority, |(host, _)| host);
            let port = authority.rsplit_once(':').map(|(_, port)| port);
            if !super::syntax::is_host(&host.to_lowercase())
                || port.is_some_and(|port| port.parse::<u16>().is_err())
            {
                check.tell(wrong("names no host"));
                return None;
            }
        }
        _ => {
            check.tell(
                wrong("cannot be fetched from").suggest("use `https://`, `http://` or `file://`"),
            );
            return None;
        }
    }
    if let Some(odd) = mirror
        .chars()
        .find(|&c| c.is_whitespace() || c.is_control() || "?#\\".contains(c))
    {
        check.tell(wrong(&format!("cannot hold {odd:?}")));
        return None;
    }
    Some(mirror.trim_end_matches('/').to_owned())
}

/// The container images to preload.
pub(super) fn preloaded(check: &mut Checker, file: &ClusterFile) -> Vec<String> {
    let images = file.images.as_deref().unwrap_or_default();
    let top = Pointer::top().key("images");
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, image) in images.iter().enumerate() {
        let at = top.index(index);
        if !reference(check, at.clone(), image) {
            continue;
        }
        if let Some(&first) = seen.get(image.as_str()) {
            check.tell(
                Finding::warning(
                    Warning::ListedTwice,
                    at,
                    format!("`{image}` is in the list twice"),
                )
                .with(top.index(first), "first here"),
            );
        }
        seen.entry(image).or_insert(index);
    }
    images.to_vec()
}

/// Checks that an image can be found, and will be the same one tomorrow. Whether there is nothing to say about it.
pub(super) fn reference(check: &mut Checker, at: Pointer, image: &str) -> bool {
    let Some(reference) = image_reference(image) else {
        check.tell(
            Finding::error(at, format!("`{image}` is no image reference"))
                .suggest("write it as `docker.io/library/nginx:1.27`"),
        );
        return false;
    };
    if reference.registry.is_none() {
        let library = if reference.path.contains('/') {
            ""
        } else {
            "library/"
        };
        check.tell(
            Finding::error(at, format!("`{image}` does not say which registry"))
                .suggest(format!("did you mean `docker.io/{library}{image}`?")),
        );
        return false;
    }
    if reference.digest.is_none() && matches!(reference.tag, None | Some("latest")) {
        check.tell(
            Finding::warning(
                Warning::MovingImage,
                at,
                format!("`{image}` may be another image tomorrow"),
            )
            .suggest("name a tag that stays, or a digest"),
        );
        return false;
    }
    true
}

/// The manifests to apply.
pub(super) fn addons(check: &mut Checker, file: &ClusterFile) -> Vec<PathBuf> {
    let addons = file.addons.as_deref().unwrap_or_default();
    let top = Pointer::top().key("addons");
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, addon) in addons.iter().enumerate() {
        let at = top.index(index);
        if addon.is_empty() || addon.contains('\0') {
            check.tell(Finding::error(
                at,
                "an add-on is the path of a file or directory",
            ));
        } else if let Some(&first) = seen.get(addon.as_str()) {
            let finding = Finding::error(at, format!("`{addon}` is in the list twice"));
            check.tell(finding.with(top.index(first), "first here"));
        }
        seen.entry(addon).or_insert(index);
    }
    addons.iter().map(PathBuf::from).collect()
}
