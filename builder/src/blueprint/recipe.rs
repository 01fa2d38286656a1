//! What a blueprint says.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Minor, Pattern};
use crate::digest::Digest;
use crate::tree::TreePath;

/// One kind of image: how its base is prepared, and what the program has to know about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Blueprint {
    /// What a cluster file's `image` says: `debian-12`.
    pub name: String,
    /// The name for people, as GRUB's menu shows it.
    pub title: String,
    /// Whose conventions it follows.
    pub family: Family,
    /// The machine it is for; today always `amd64`.
    pub architecture: String,
    /// When the blueprint was last looked at. Files that preparing makes get this time.
    pub date: Day,
    /// Where the base comes from.
    #[serde(with = "serde_yaml_ng::with::singleton_map")]
    pub source: Source,
    /// Kernel and initrd.
    pub boot: BootFiles,
    /// What configures its network.
    pub network: Network,
    /// What keeps its clock.
    pub time_sync: TimeSync,
    /// The control groups that it boots with.
    pub cgroup: Cgroup,
    /// The kernel that it has, as `6.1`, when the distribution first came out with it.
    pub kernel_version: String,
    /// The certificates that it trusts, in one file.
    pub ca_certificates: TreePath,
    /// Where users' homes are.
    pub home: TreePath,
    /// Which Kubernetes it can run.
    pub kubernetes: Kubernetes,
    /// What is to be done with its units.
    pub units: Units,
    /// Its SELinux policy, when it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selinux: Option<Selinux>,
    /// Paths that do not belong into an image. A directory that is dropped takes everything below it along.
    #[serde(default)]
    pub drop: Vec<Pattern>,
    /// Files that stay although `drop` names them.
    #[serde(default)]
    pub keep: Vec<Pattern>,
}

/// Whose conventions a distribution follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// dpkg and apt.
    Debian,
    /// rpm and dnf.
    Rhel,
}

/// Where a base comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// From the distribution's packages, by mmdebstrap.
    Mmdebstrap(Mmdebstrap),
    /// It cannot be built here; it is imported.
    Import {
        /// What people can do to get one.
        advice: String,
        /// Packages that nodes need of it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        packages: Vec<String>,
    },
}

impl Source {
    /// The packages that the blueprint names.
    pub fn packages(&self) -> &[String] {
        match self {
            Self::Mmdebstrap(recipe) => &recipe.packages,
            Self::Import { packages, .. } => packages,
        }
    }
}

/// What mmdebstrap is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Mmdebstrap {
    /// The suite, as `bookworm`.
    pub suite: String,
    /// What is there before any package is named.
    pub variant: Variant,
    /// The packages; what they recommend stays out.
    pub packages: Vec<String>,
    /// Files that are there before the packages are, by path.
    #[serde(default)]
    pub files: BTreeMap<TreePath, String>,
}

/// mmdebstrap's variants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Variant {
    /// Packages marked essential.
    Essential,
    /// Those and apt.
    Apt,
    /// Those of priority required and important as well.
    Important,
}

impl Variant {
    /// The name that mmdebstrap knows it by.
    pub fn name(self) -> &'static str {
        match self {
            Self::Essential => "essential",
            Self::Apt => "apt",
            Self::Important => "important",
        }
    }
}

/// Where kernel and initrd lie. `{version}` stands for the newest kernel's directory name in `/usr/lib/modules`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct BootFiles {
    /// The kernel, or a link to it.
    pub kernel: String,
    /// The initrd, or a link to it.
    pub initrd: String,
    /// What made the initrd.
    pub initrd_tool: InitrdTool,
}

/// What makes an initrd.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InitrdTool {
    /// Debian's and Ubuntu's.
    InitramfsTools,
    /// Red Hat's.
    Dracut,
}

/// What configures a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Network {
    /// `/etc/systemd/network`.
    Networkd,
    /// `/etc/netplan`.
    Netplan,
    /// `/etc/NetworkManager/system-connections`.
    NetworkManager,
    /// `/etc/sysconfig/network-scripts`.
    Ifcfg,
}

/// What keeps the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TimeSync {
    /// `/etc/systemd/timesyncd.conf`.
    SystemdTimesyncd,
    /// `/etc/chrony.conf`.
    Chrony,
}

/// The control groups that an image boots with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cgroup {
    /// One hierarchy per controller.
    V1,
    /// The unified hierarchy.
    V2,
}

/// The SELinux of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Selinux {
    /// The policy: a directory's name in `/etc/selinux`.
    pub policy: String,
    /// Arguments without which its kernel takes another security module, or none.
    #[serde(default)]
    pub kernel_arguments: Vec<String>,
}

/// Which Kubernetes an image can run; both ends belong to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Kubernetes {
    /// The first minor version; all older ones when absent.
    #[serde(default)]
    pub from: Option<Minor>,
    /// The last minor version; all newer ones when absent.
    #[serde(default)]
    pub until: Option<Minor>,
    /// Why no others.
    pub because: String,
}

/// What is to be done with units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Units {
    /// They start at boot.
    #[serde(default)]
    pub enable: Vec<String>,
    /// They can never start.
    #[serde(default)]
    pub mask: Vec<String>,
}

/// A day in the calendar, as `2026-11-21`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Day(time::Date);

impl Day {
    /// Its first second (UTC), counted from 1970.
    pub fn seconds(self) -> i64 {
        self.0.midnight().assume_utc().unix_timestamp()
    }
}

impl TryFrom<String> for Day {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let numbers = |text: &str| -> Option<time::Date> {
            let mut parts = text.splitn(3, '-');
            let year = parts.next()?.parse().ok()?;
            let month = parts.next()?.parse::<u8>().ok()?.try_into().ok()?;
            let day = parts.next()?.parse().ok()?;
            time::Date::from_calendar_date(year, month, day).ok()
        };
        numbers(&text)
            .map(Self)
            .ok_or_else(|| format!("`{text}` is no day: `2026-11-21` is one"))
    }
}

impl From<Day> for String {
    fn from(day: Day) -> Self {
        day.to_string()
    }
}

impl std::fmt::Display for Day {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (year, month, day) = self.0.to_calendar_date();
        write!(f, "{year:04}-{:02}-{day:02}", u8::from(month))
    }
}

impl Blueprint {
    /// Reads the text of a blueprint.
    pub fn parse(text: &str) -> Result<Self, serde_yaml_ng::Error> {
        serde_yaml_ng::from_str(text)
    }

    /// What it says, as a digest: another one as soon as anything in it changes but comments.
    pub fn digest(&self) -> Digest {
        let json = serde_json::to_vec(self).expect("a blueprint has text keys and finite values");
        Digest::of(&json)
    }

    /// Why the image cannot run a Kubernetes; `None` when it can.
    pub fn refuses(&self, minor: Minor) -> Option<String> {
        let Kubernetes {
            from,
            until,
            because,
        } = &self.kubernetes;
        let early = from.is_some_and(|from| minor < from);
        let late = until.is_some_and(|until| minor > until);
        (early || late).then(|| format!("`{}` cannot run Kubernetes {minor}: {because}", self.name))
    }
}
