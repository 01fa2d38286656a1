//! What every node gets beside Kubernetes: kernel parameters, modules, files, users, keys.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::nodes::Checked;
use super::{Checker, Finding, acls, clock, directories, packages, selinux, syntax, units};
use crate::facts::{CgroupV1, CgroupV2, Minor};
use crate::spec::cluster::{Host, HostFile, User};
use crate::spec::file::{ClusterFile, HostFileFile, Plain, RuntimeName, UserFile};
use crate::spec::pointer::Pointer;
use crate::spec::warning::Warning;
use crate::tree::TreePath;

/// Kernel parameters without which no pod talks to another.
const NEEDED: &[(&str, &str)] = &[
    ("net.bridge.bridge-nf-call-iptables", "1"),
    ("net.bridge.bridge-nf-call-ip6tables", "1"),
    ("net.ipv4.ip_forward", "1"),
];
/// Arguments of the kernel that say where the system is, which kimage decides.
const OWN_ARGUMENTS: &[&str] = &[
    "root",
    "init",
    "rootfstype",
    "initrd",
    "ro",
    "rw",
    "BOOT_IMAGE",
];
/// Where something else is mounted, so that a file in the image is never seen.
pub(super) const MOUNTED_OVER: &[&str] = &["/proc", "/sys", "/dev", "/run"];
const KEY_TYPES: &[&str] = &[
    "ssh-ed25519",
    "ssh-rsa",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
];

/// The section `host`.
pub(super) fn check(
    check: &mut Checker,
    file: &ClusterFile,
    nodes: &[Checked],
    minor: Option<&Minor>,
) -> Host {
    let top = Pointer::top().key("host");
    let given = file.host.clone().unwrap_or_default();
    let runtime = file.runtime.as_ref().and_then(|runtime| runtime.name);
    let runtime = runtime.unwrap_or(RuntimeName::Containerd);
    let packages = packages::check(check, &given, nodes);
    let directories = directories::check(check, &given);
    let timezone = clock::timezone(check, &given);
    let time_service = clock::service(&given);
    Host {
        sysctl: sysctl(check, top.key("sysctl"), given.sysctl.unwrap_or_default()),
        modules: modules(check, top.key("modules"), given.modules.unwrap_or_default()),
        hosts: hosts(
            check,
            top.key("hosts"),
            given.hosts.unwrap_or_default(),
            nodes,
        ),
        ssh_keys: ssh_keys(
            check,
            top.key("sshKeys"),
            given.ssh_keys.unwrap_or_default(),
        ),
        kernel_arguments: kernel_arguments(
            check,
            top.key("kernelArguments"),
            given.kernel_arguments.unwrap_or_default(),
            minor,
        ),
        files: files(
            check,
            top.key("files"),
            given.files.as_deref().unwrap_or_default(),
        ),
        users: users(
            check,
            top.key("users"),
            given.users.as_deref().unwrap_or_default(),
        ),
        units: units::check(
            check,
            top.key("units"),
            given.units.as_deref().unwrap_or_default(),
            runtime,
        ),
        acls: acls::check(
            check,
            top.key("acls"),
            given.acls.as_deref().unwrap_or_default(),
        ),
        packages,
        directories,
        timezone,
        time_service,
        selinux: selinux::check(check, file, nodes),
    }
}

fn sysctl(
    check: &mut Checker,
    top: Pointer,
    given: BTreeMap<String, Plain>,
) -> BTreeMap<String, String> {
    let mut parameters = BTreeMap::new();
    for (key, value) in given {
        let at = top.key(&key);
        let value = value.to_string();
        let name = |name: &str| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-*:@".contains(&byte);
            !name.is_empty() && name.bytes().all(plain)
        };
        if !key.contains(['.', '/']) || !key.split(['.', '/']).all(name) {
            check.tell(
                Finding::error(at, format!("`{key}` is no kernel parameter"))
                    .at_key()
                    .suggest("write it as `net.ipv4.ip_forward`"),
            );
        } else if value.trim().is_empty() || value.contains(['\n', '\0']) {
            check.tell(Finding::error(
                at,
                format!("`{key}` needs a value on one line"),
            ));
        } else if let Some((_, needed)) = NEEDED
            .iter()
            .find(|(needed, wanted)| *needed == key.replace('/', ".") && *wanted != value)
        {
            check.tell(
                Finding::error(at, format!("Kubernetes needs `{key}` to be {needed}"))
                    .suggest("leave it out: kimage sets it"),
            );
        }
        parameters.insert(key, value);
    }
    parameters
}

fn modules(check: &mut Checker, top: Pointer, given: Vec<String>) -> Vec<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for (index, module) in given.iter().enumerate() {
        let at = top.index(index);
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
        if module.is_empty() || module.len() > 55 || !module.bytes().all(plain) {
            let finding = Finding::error(at, format!("`{module}` is no name of a kernel module"));
            let file = module.rsplit('/').next().unwrap_or_default();
            let bare = file.split('.').next().unwrap_or_default();
            check.tell(if !bare.is_empty() && bare.bytes().all(plain) {
                finding.suggest(format!("did you mean `{bare}`?"))
            } else {
                finding
            });
            continue;
        }
        // The kernel takes both letters for one.
        let name = module.replace('-', "_");
        match seen.get(&name) {
            Some(&first) => {
                let finding = Finding::warning(
                    Warning::ListedTwice,
                    at,
                    format!("`{module}` is in the list twice"),
                );
                check.tell(finding.with(top.index(first), "first here"));
            }
            None => drop(seen.insert(name, index)),
        }
    }
    given
}

fn hosts(
    check: &mut Checker,
    top: Pointer,
    given: BTreeMap<String, Vec<String>>,
    nodes: &[Checked],
) -> BTreeMap<Ipv4Addr, Vec<String>> {
    let mut lines = BTreeMap::new();
    for (text, names) in given {
        let at = top.key(&text);
        let Ok(address) = text.parse::<Ipv4Addr>() else {
            let turned = names.iter().any(|name| name.parse::<Ipv4Addr>().is_ok());
            let finding = Finding::error(at, format!("`{text}` is no IPv4 address")).at_key();
            check.tell(if turned {
                finding.suggest("the address comes first, its names behind it")
            } else {
                finding
            });
            continue;
        };
        if names.is_empty() {
            check.tell(Finding::error(at.clone(), format!("`{text}` has no names")));
        }
        for (index, name) in names.iter().enumerate() {
            let at = at.index(index);
            if !syntax::is_dns_name(&name.to_lowercase()) {
                check.tell(Finding::error(at, format!("`{name}` is no host name")));
                continue;
            }
            let other = nodes.iter().find(|node| {
                node.name == *name && node.address.is_some_and(|net| net.addr() != address)
            });
            if let Some(node) = other {
                check.tell(
                    Finding::error(at, format!("`{name}` is a node with another address"))
                        .suggest("leave it out: kimage writes all nodes into /etc/hosts")
                        .with(node.at.key("address"), "its address"),
                );
            }
        }
        lines.insert(address, names);
    }
    lines
}

fn ssh_keys(check: &mut Checker, top: Pointer, given: Vec<String>) -> Vec<String> {
    for (index, key) in given.iter().enumerate() {
        let at = top.index(index);
        if key.contains("PRIVATE KEY") {
            // The value is not shown.
            check.tell(
                Finding::error(at, "a private key does not belong here")
                    .secret()
                    .suggest("take the line of its `.pub` file"),
            );
            continue;
        }
        let mut words = key
            .split_whitespace()
            .skip_while(|word| !KEY_TYPES.contains(word));
        let (kind, body) = (words.next(), words.next());
        let named = |body: &str| {
            let bytes = STANDARD.decode(body).ok()?;
            let (length, rest) = bytes.split_first_chunk::<4>()?;
            let name = rest.get(..u32::from_be_bytes(*length) as usize)?;
            String::from_utf8(name.to_vec()).ok()
        };
        let fits = match (kind, body.and_then(named)) {
            (Some(kind), Some(name)) => kind == name,
            _ => false,
        };
        if !fits || key.trim().contains('\n') {
            let finding = Finding::error(at, "this is no public SSH key");
            check.tell(if key.contains("ssh-dss") {
                finding.suggest(
                    "OpenSSH takes no DSA keys any more: make one with `ssh-keygen -t ed25519`",
                )
            } else {
                finding
                    .suggest("take the whole line of a `.pub` file, as `ssh-ed25519 AAAA... name`")
            });
        }
    }
    given
}

fn kernel_arguments(
    check: &mut Checker,
    top: Pointer,
    given: Vec<String>,
    minor: Option<&Minor>,
) -> Vec<String> {
    for (index, argument) in given.iter().enumerate() {
        let at = top.index(index);
        let name = argument.split('=').next().unwrap_or_default();
        let plain = |c: char| c.is_ascii_graphic() && !"\"'\\$;`{}".contains(c);
        if name.is_empty() || !argument.chars().all(plain) {
            let finding = Finding::error(at, format!("`{argument}` is no argument of a kernel"));
            check.tell(if argument.contains(' ') {
                finding.suggest("write each argument as an item of its own")
            } else {
                finding
            });
        } else if OWN_ARGUMENTS.contains(&name) {
            check.tell(
                Finding::error(at, format!("kimage decides `{name}`"))
                    .suggest("leave it out: each disk boots from its own root"),
            );
        } else if let Some(minor) = minor {
            let other = Pointer::top().key("kubernetes").key("version");
            let (asked, verb, needed) = match argument.as_str() {
                "systemd.unified_cgroup_hierarchy=0" if minor.cgroup_v1 == CgroupV1::Refused => {
                    (1, "refuses", 2)
                }
                "systemd.unified_cgroup_hierarchy=1" if minor.cgroup_v2 == CgroupV2::Unknown => {
                    (2, "does not know", 1)
                }
                _ => continue,
            };
            let message = format!(
                "this asks for control groups of version {asked}, which the kubelet of {} {verb}",
                minor.name()
            );
            check.tell(Finding::error(at, message).with(other, format!("needs version {needed}")));
        }
    }
    given
}

fn files(check: &mut Checker, top: Pointer, given: &[HostFileFile]) -> Vec<HostFile> {
    let mut files: Vec<HostFile> = Vec::new();
    let mut seen: BTreeMap<TreePath, usize> = BTreeMap::new();
    for (index, file) in given.iter().enumerate() {
        let at = top.index(index);
        let path = file_path(check, at.key("path"), &file.path);
        let mode = mode(
            check,
            at.key("mode"),
            file.mode.as_deref().unwrap_or("0644"),
        );
        let owner = user_name(
            check,
            at.key("owner"),
            file.owner.as_deref().unwrap_or("root"),
            "user",
        );
        let group = user_name(
            check,
            at.key("group"),
            file.group.as_deref().unwrap_or("root"),
            "group",
        );
        let Some(path) = path else {
            continue;
        };
        let at = at.key("path");
        if let Some(&first) = seen.get(&path) {
            let finding = Finding::error(at, format!("`{path}` is described twice"));
            check.tell(finding.with(top.index(first).key("path"), "first here"));
            continue;
        }
        let below =
            |(other, _): &(&TreePath, &usize)| other.is_under(&path) || path.is_under(other);
        if let Some((other, &first)) = seen.iter().find(below) {
            let (file, within) = if path.is_under(other) {
                (other, &path)
            } else {
                (&path, other)
            };
            let finding = Finding::error(
                at,
                format!("`{within}` lies under `{file}`, which is a file"),
            );
            check.tell(finding.with(top.index(first).key("path"), "the other"));
            continue;
        }
        seen.insert(path.clone(), index);
        if let (Some(mode), Some(owner), Some(group)) = (mode, owner, group) {
            files.push(HostFile {
                path,
                mode,
                owner,
                group,
                content: file.content.clone(),
                replace: file.replace.unwrap_or(false),
            });
        }
    }
    files
}

fn users(check: &mut Checker, top: Pointer, given: &[UserFile]) -> Vec<User> {
    let mut users: Vec<User> = Vec::new();
    let mut names: BTreeMap<&str, usize> = BTreeMap::new();
    let mut ids: BTreeMap<u32, usize> = BTreeMap::new();
    for (index, user) in given.iter().enumerate() {
        let at = top.index(index);
        let name = user_name(check, at.key("name"), &user.name, "user");
        let home = path(
            check,
            at.key("home"),
            user.home.as_deref().unwrap_or("/nonexistent"),
        );
        let shell = path(
            check,
            at.key("shell"),
            user.shell.as_deref().unwrap_or("/usr/sbin/nologin"),
        );
        if user.name == "root" || user.name == "nobody" {
            let finding = Finding::error(
                at.key("name"),
                format!("every image has the user `{}`", user.name),
            );
            check.tell(finding.suggest("choose another name"));
        }
        if let Some(&first) = names.get(user.name.as_str()) {
            let finding = Finding::error(
                at.key("name"),
                format!("two users are named `{}`", user.name),
            );
            check.tell(finding.with(top.index(first).key("name"), "first here"));
        }
        if let Some(&first) = ids.get(&user.id) {
            let finding = Finding::error(
                at.key("id"),
                format!("two users have the number {}", user.id),
            );
            check.tell(finding.with(top.index(first).key("id"), "first here"));
        }
        names.entry(&user.name).or_insert(index);
        ids.entry(user.id).or_insert(index);
        if let (Some(name), Some(home), Some(shell)) = (name, home, shell) {
            users.push(User {
                name,
                id: user.id,
                home: home.to_string(),
                shell: shell.to_string(),
            });
        }
    }
    users
}

/// The path of a file that somebody will see.
pub(super) fn file_path(check: &mut Checker, at: Pointer, text: &str) -> Option<TreePath> {
    let path = path(check, at.clone(), text)?;
    if path.is_root() {
        check.tell(Finding::error(at, "`/` is a directory"));
        return None;
    }
    let hidden =
        |over: &&&str| path.as_str() == **over || path.as_str().starts_with(&format!("{over}/"));
    if let Some(over) = MOUNTED_OVER.iter().find(hidden) {
        let message = format!("nobody would see `{path}`: something is mounted over `{over}`");
        check.tell(Finding::error(at, message));
        return None;
    }
    Some(path)
}

pub(super) fn path(check: &mut Checker, at: Pointer, text: &str) -> Option<TreePath> {
    match text.parse::<TreePath>() {
        // A colon or a line break would end a field or a line of /etc/passwd or of a unit.
        Ok(path) if !text.contains([':', '\n', '\r']) => Some(path),
        Ok(_) => {
            check.tell(Finding::error(
                at,
                "a path here holds neither `:` nor a line break",
            ));
            None
        }
        Err(error) => {
            check.tell(Finding::error(at, error.to_string()));
            None
        }
    }
}

pub(super) fn mode(check: &mut Checker, at: Pointer, text: &str) -> Option<u16> {
    let digits = text.strip_prefix("0o").unwrap_or(text);
    let octal = (3..=5)
        .contains(&digits.len())
        .then(|| u16::from_str_radix(digits, 8).ok())
        .flatten();
    if let Some(mode) = octal.filter(|mode| *mode <= 0o7777 && !digits.starts_with('+')) {
        return Some(mode);
    }
    let finding = Finding::error(at, format!("`{text}` is no mode"));
    check.tell(finding.suggest("write it in octal, as \"0644\", \"7777\" at most"));
    None
}

pub(super) fn user_name(
    check: &mut Checker,
    at: Pointer,
    text: &str,
    what: &str,
) -> Option<String> {
    if syntax::is_user_name(text) {
        return Some(text.to_owned());
    }
    check.tell(
        Finding::error(at, format!("`{text}` is no name of a {what}"))
            .suggest("use lower-case letters, digits, `-` and `_`, 32 characters at most"),
    );
    None
}
