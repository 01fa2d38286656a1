//! What Docker's versions know and are: `docker.yaml`, asked at one version.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::flags::{FlagStatus, Lives, read, status};
use crate::spec::DockerVersion;

/// Something that holds for some versions of Docker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DockerTrait {
    /// Upstream has an archive of it.
    Archive,
    /// Its archive's name ends in `-ce`.
    CommunityEdition,
    /// It works on a machine with control groups of version 2.
    CgroupV2,
    /// It asks for the kernel's number before it uses overlay2.
    KernelNumber,
}

impl DockerTrait {
    /// All of them.
    #[cfg(test)]
    const ALL: [Self; 4] = [
        Self::Archive,
        Self::CommunityEdition,
        Self::CgroupV2,
        Self::KernelNumber,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Archive => "archive",
            Self::CommunityEdition => "community-edition",
            Self::CgroupV2 => "cgroup-v2",
            Self::KernelNumber => "kernel-number",
        }
    }

    /// Whether it holds for a version.
    pub fn holds(self, version: &DockerVersion) -> bool {
        self.life()
            .is_some_and(|life| life.range.contains(version.numbers()))
    }

    /// The first version for which it holds.
    pub fn since(self) -> Option<DockerVersion> {
        self.life().map(|life| life.range.since.into())
    }

    fn life(self) -> Option<&'static super::flags::Life> {
        tables().get("traits")?.get(self.name())
    }
}

/// What a Docker makes of a key of `daemon.json`.
pub fn daemon_key(name: &str, version: &DockerVersion) -> FlagStatus {
    status(tables().get("daemon.json"), name, version.numbers(), |_| {
        None
    })
}

/// Every key that `daemon.json` has in some version.
pub fn daemon_keys() -> impl Iterator<Item = &'static str> {
    let keys = tables().get("daemon.json").into_iter().flatten();
    keys.map(|(name, _)| name.as_str())
}

fn tables() -> &'static BTreeMap<String, Lives> {
    static TABLES: OnceLock<BTreeMap<String, Lives>> = OnceLock::new();
    TABLES.get_or_init(|| {
        read(include_str!("docker.yaml")).expect("`every_line_is_read` reads the same text")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_read() {
        let text = include_str!("docker.yaml");
        let is_fact = |line: &&str| line.starts_with("  ") && !line.starts_with("  #");
        let lines = text.lines().filter(is_fact).count();
        assert_eq!(daemon_keys().count() + DockerTrait::ALL.len(), lines);
        assert!(DockerTrait::ALL.iter().all(|fact| fact.life().is_some()));
    }

    #[test]
    fn a_key_comes_and_goes() {
        let at = |name: &str, version: &str| daemon_key(name, &version.parse().unwrap());
        assert_eq!(at("graph", "17.03.2"), FlagStatus::Known);
        assert!(at("graph", "18.09.9").is_accepted());
        assert!(matches!(at("graph", "24.0.7"), FlagStatus::Removed { .. }));
        assert!(matches!(
            at("data-root", "17.03.2"),
            FlagStatus::NotYet { .. }
        ));
    }

    #[test]
    fn traits_follow_the_version() {
        let holds = |fact: DockerTrait, version: &str| fact.holds(&version.parse().unwrap());
        assert!(holds(DockerTrait::CommunityEdition, "18.06.3"));
        assert!(!holds(DockerTrait::CommunityEdition, "18.09.0"));
        assert!(!holds(DockerTrait::CgroupV2, "19.03.15"));
        assert!(holds(DockerTrait::CgroupV2, "20.10.0"));
    }
}
