//! Folders that are not where upstream has them.

use super::{Checker, Finding};
use crate::spec::Paths;
use crate::spec::file::ClusterFile;
use crate::spec::pointer::Pointer;
use crate::tree::TreePath;

use super::host::MOUNTED_OVER;

/// What is a link into `/usr` wherever directories are merged, and so no directory to put something into.
const LINKS: &[&str] = &["/bin", "/sbin", "/lib", "/lib64"];

/// Folders that belong to something else, wholly.
const TAKEN: &[(&str, &str)] = &[
    ("/boot", "the kernel"),
    ("/etc/cni/net.d", "the pod network"),
    ("/etc/containerd", "containerd"),
    ("/etc/docker", "Docker"),
    ("/etc/kimage", "kimage"),
    ("/etc/kubernetes/addons", "the add-ons"),
    ("/etc/systemd", "systemd"),
    ("/opt/cni/bin", "the CNI plugins"),
    ("/root", "root, and other accounts do not get in"),
    ("/usr/lib", "the distribution"),
    ("/usr/local/lib/kimage", "kimage"),
    ("/var/lib/containerd", "containerd"),
    ("/var/lib/docker", "Docker"),
    ("/var/lib/etcd", "etcd"),
    ("/var/lib/kimage", "kimage"),
    ("/var/log", "logs"),
];

/// Folders that more than one thing uses: fine for programs and certificates, not for what the kubelet closes.
const SHARED: &[&str] = &[
    "/etc/kubernetes",
    "/home",
    "/usr/bin",
    "/usr/local/bin",
    "/usr/local/sbin",
    "/usr/sbin",
];

/// The section `paths`.
pub(super) fn check(check: &mut Checker, file: &ClusterFile) -> Paths {
    let top = Pointer::top().key("paths");
    let given = file.paths.clone().unwrap_or_default();
    let usual = Paths::default();
    let mut of = |key: &str, text: Option<String>, usual: TreePath| match text {
        Some(text) => folder(check, top.key(key), &text).unwrap_or(usual),
        None => usual,
    };
    let paths = Paths {
        binaries: of("binaries", given.binaries, usual.binaries),
        pki: of("pki", given.pki, usual.pki),
        kubelet: of("kubelet", given.kubelet, usual.kubelet),
    };
    closed(check, top.key("kubelet"), &paths.kubelet);
    apart(check, &top, &paths);
    paths
}

/// A folder, if something can be put there.
fn folder(check: &mut Checker, at: Pointer, text: &str) -> Option<TreePath> {
    let path = match text.parse::<TreePath>() {
        Ok(path) => path,
        Err(error) => {
            let finding = Finding::error(at, error.to_string());
            let bare = text.trim_end_matches('/');
            check.tell(match bare.parse::<TreePath>() {
                Ok(_) => finding.suggest(format!("did you mean `{bare}`?")),
                Err(_) => finding,
            });
            return None;
        }
    };
    // Units, scripts and YAML have it without quotation marks.
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte);
    let within = |folders: &[&'static str]| {
        let over = |folder: &&str| is_under(&path, folder);
        folders.iter().copied().find(over)
    };
    let finding = if !text.bytes().all(plain) {
        Finding::error(at, format!("`{path}` is no folder for `paths`"))
            .suggest("use letters, digits, `.`, `_` and `-`")
    } else if path.is_root() {
        Finding::error(at, "`/` is the whole system").suggest("name a folder below it")
    } else if let Some(link) = within(LINKS) {
        Finding::error(at, format!("`{link}` is a link in most distributions"))
            .suggest(format!("did you mean `/usr{path}`?"))
    } else if let Some(over) = within(MOUNTED_OVER) {
        let message = format!("nobody would see `{path}`: something is mounted over `{over}`");
        Finding::error(at, message)
    } else if let Some((folder, owner)) = TAKEN.iter().find(|(taken, _)| is_under(&path, taken)) {
        Finding::error(at, format!("`{folder}` belongs to {owner}"))
            .suggest("name a folder that nothing else uses")
    } else {
        return Some(path);
    };
    check.tell(finding);
    None
}

/// The kubelet's folder is for root alone: nothing that others use may lie in it.
fn closed(check: &mut Checker, at: Pointer, kubelet: &TreePath) {
    let folders = SHARED.iter().chain(TAKEN.iter().map(|(folder, _)| folder));
    let mut folders = folders.filter_map(|folder| folder.parse::<TreePath>().ok());
    if let Some(other) = folders.find(|other| other.is_under(kubelet)) {
        check.tell(
            Finding::error(
                at,
                format!("only root gets into the kubelet's folder, but others use `{other}`"),
            )
            .suggest("name a folder of its own, as `/data/kubelet`"),
        );
    }
}

/// The three folders lie beside each other: what one program cleans, closes or hands out is not another's.
fn apart(check: &mut Checker, top: &Pointer, paths: &Paths) {
    let all = [
        ("binaries", &paths.binaries),
        ("pki", &paths.pki),
        ("kubelet", &paths.kubelet),
    ];
    for (index, (key, path)) in all.iter().enumerate() {
        for (other_key, other) in &all[..index] {
            if !(path.is_under(other) || other.is_under(path)) {
                continue;
            }
            // What is written is shown; a default has no place.
            let (at, second) = if check.has(&top.key(key)) {
                (top.key(key), top.key(other_key))
            } else {
                (top.key(other_key), top.key(key))
            };
            let message = if path == other {
                format!("`{other_key}` and `{key}` are both `{path}`")
            } else if path.is_under(other) {
                format!("`{path}` for `{key}` lies in `{other}`, which is for `{other_key}`")
            } else {
                format!("`{other}` for `{other_key}` lies in `{path}`, which is for `{key}`")
            };
            check.tell(
                Finding::error(at, message)
                    .suggest("let them lie beside each other")
                    .with(second, "the other"),
            );
        }
    }
}

fn is_under(path: &TreePath, folder: &str) -> bool {
    folder
        .parse::<TreePath>()
        .is_ok_and(|folder| path.is_under(&folder))
}
