//! What of a root filesystem belongs into a base.

use crate::blueprint::{Blueprint, Pattern};

/// What no image of any distribution holds: what the kernel or the first boot makes, what tells one machine from
/// another, and what the machine that prepared it left behind.
const NEVER: &[&str] = &[
    "/dev/**",
    "/proc/**",
    "/sys/**",
    "/run/**",
    "/tmp/**",
    "/var/tmp/**",
    "/var/run/**",
    "/lost+found",
    "/etc/machine-id",
    "/var/lib/dbus/machine-id",
    "/etc/hostname",
    "/etc/hosts",
    "/etc/resolv.conf",
    "/etc/ssh/ssh_host_*",
    "/etc/passwd-",
    "/etc/group-",
    "/etc/shadow-",
    "/etc/gshadow-",
    "/etc/subuid-",
    "/etc/subgid-",
    "/etc/.pwd.lock",
    "/var/lib/systemd/random-seed",
    "/var/lib/systemd/credential.secret",
    "/root/.bash_history",
    "/root/.ssh/**",
    "/home/*/.ssh/**",
    "/.dockerenv",
];

/// Where files are left out and directories stay, because services expect those.
const NO_FILES: &str = "/var/log/**";

/// Decides path by path.
#[derive(Debug)]
pub(super) struct Selection<'a> {
    blueprint: &'a Blueprint,
    never: Vec<Pattern>,
    no_files: Pattern,
}

impl<'a> Selection<'a> {
    pub(super) fn new(blueprint: &'a Blueprint) -> Self {
        let pattern = |text: &str| {
            Pattern::try_from(text.to_owned()).expect("the tests read each of these patterns")
        };
        Self {
            blueprint,
            never: NEVER.iter().copied().map(pattern).collect(),
            no_files: pattern(NO_FILES),
        }
    }

    /// Whether an entry belongs into the base.
    pub(super) fn keeps(&self, path: &str, is_directory: bool) -> bool {
        if any(&self.never, path) || (!is_directory && self.no_files.matches(path)) {
            return false;
        }
        let kept =
            self.blueprint.keep.iter().any(|pattern| {
                pattern.matches(path) || (is_directory && pattern.reaches_below(path))
            });
        kept || !any(&self.blueprint.drop, path)
    }
}

/// Whether one of the patterns stands for the path or a directory above it.
fn any(patterns: &[Pattern], path: &str) -> bool {
    ancestors(path).any(|part| patterns.iter().any(|pattern| pattern.matches(part)))
}

/// The path, and every directory above it but the root.
fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/')
        .map(|(at, _)| &path[..at])
        .chain([path])
        .filter(|part| !part.is_empty() && *part != "/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blueprint::Blueprints;

    #[test]
    fn what_belongs_to_one_machine_stays_out() {
        let blueprints = Blueprints::embedded().unwrap();
        let selection = Selection::new(blueprints.find("debian-12").unwrap());
        let file = |path| selection.keeps(path, false);
        let directory = |path| selection.keeps(path, true);
        assert!(!file("/etc/ssh/ssh_host_rsa_key") && file("/etc/ssh/sshd_config"));
        assert!(!file("/etc/machine-id") && file("/etc/passwd"));
        assert!(!file("/root/.ssh/authorized_keys") && !file("/home/admin/.ssh/id_rsa"));
        assert!(directory("/run") && !directory("/run/lock") && !file("/dev/null"));
        assert!(directory("/var/log/apt") && !file("/var/log/apt/term.log"));
        assert!(directory("/usr/share/doc/bash") && !file("/usr/share/doc/bash/README"));
        assert!(file("/usr/share/doc/bash/copyright"));
        assert!(!directory("/usr/share/man/man1") && !file("/usr/share/man/man1/ls.1.gz"));
    }
}
