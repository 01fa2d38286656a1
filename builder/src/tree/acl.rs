//! POSIX access control lists (POSIX.1e, draft 17): who may use a file beside its owner, its group and all others.
//!
//! In a tree a list is an attribute as Linux shows it to programs: [`ACCESS`], or [`DEFAULT`] for what will be made in a
//! directory, with numbers for names. That is not what formats store: ext4 has its own form ([`Acl::to_ext4`]) and
//! archives have text ([`Acl`]'s `Display`). A mode shows a list's mask where it shows the group's bits otherwise, so
//! whoever gives an entry a list gives it [`Acl::mode_bits`] too.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// The attribute with the list that decides about an entry.
pub const ACCESS: &str = "system.posix_acl_access";
/// The attribute with the list that a directory gives to what is made in it.
pub const DEFAULT: &str = "system.posix_acl_default";

/// The version of the attribute's form, and of ext4's: <https://docs.kernel.org/filesystems/ext4/attributes.html>.
const VERSION: u32 = 2;
const EXT4_VERSION: u32 = 1;
/// The number in entries that need none.
const NOBODY: u32 = u32::MAX;

/// Whom an entry is about, in the order in which lists have them. `Id` is a number, or a name as people write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AclTag<Id = u32> {
    /// The file's owner.
    Owner,
    /// Another user.
    User(Id),
    /// The file's group.
    Group,
    /// Another group.
    NamedGroup(Id),
    /// The most that other users and all groups get.
    Mask,
    /// Everybody else.
    Other,
}

impl<Id> AclTag<Id> {
    /// The number of the tag in both binary forms.
    fn code(&self) -> u16 {
        match self {
            Self::Owner => 0x01,
            Self::User(_) => 0x02,
            Self::Group => 0x04,
            Self::NamedGroup(_) => 0x08,
            Self::Mask => 0x10,
            Self::Other => 0x20,
        }
    }
}

/// Which of an entry's two lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AclScope {
    /// The one that decides: [`ACCESS`].
    Access,
    /// The one for what is made in a directory: [`DEFAULT`].
    Default,
}

/// One entry, in the words of `setfacl`: `u:kube:r`, `group::r-x`, `default:other::-`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AclEntry<Id = String> {
    /// In which list.
    pub scope: AclScope,
    /// Whom it is about.
    pub tag: AclTag<Id>,
    /// What they may: 4 to read, 2 to write, 1 to execute.
    pub permissions: u8,
}

/// A text that is no entry of a list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no entry of an access control list")]
pub struct AclError(String);

impl FromStr for AclEntry {
    type Err = AclError;

    fn from_str(text: &str) -> Result<Self, AclError> {
        let wrong = || AclError(text.to_owned());
        let mut fields: Vec<&str> = text.split(':').map(str::trim).collect();
        let scope = match fields.first() {
            Some(&("d" | "default")) => {
                fields.remove(0);
                AclScope::Default
            }
            _ => AclScope::Access,
        };
        let (kind, name, permissions) = match fields.as_slice() {
            [kind, name, permissions] => (*kind, *name, *permissions),
            // Who has no name may leave its field out: `o:r`, `m:rx`.
            [kind @ ("m" | "mask" | "o" | "other"), permissions] => (*kind, "", *permissions),
            _ => return Err(wrong()),
        };
        let plain = |name: &str| !name.contains(char::is_whitespace);
        let tag = match (kind, name) {
            ("u" | "user", "") => AclTag::Owner,
            ("u" | "user", name) if plain(name) => AclTag::User(name.to_owned()),
            ("g" | "group", "") => AclTag::Group,
            ("g" | "group", name) if plain(name) => AclTag::NamedGroup(name.to_owned()),
            ("m" | "mask", "") => AclTag::Mask,
            ("o" | "other", "") => AclTag::Other,
            _ => return Err(wrong()),
        };
        Ok(Self {
            scope,
            tag,
            permissions: permission_bits(permissions).ok_or_else(wrong)?,
        })
    }
}

/// The bits of `r-x`, `rx`, `-` or `5`.
fn permission_bits(text: &str) -> Option<u8> {
    if let [digit @ b'0'..=b'7'] = text.as_bytes() {
        return Some(digit - b'0');
    }
    let mut bits = 0;
    for letter in text.chars() {
        bits |= match letter {
            'r' => 4,
            'w' => 2,
            'x' => 1,
            '-' => 0,
            _ => return None,
        };
    }
    (!text.is_empty()).then_some(bits)
}

impl AclEntry {
    /// The entry with numbers for names, or the name that is none. What looks like a number is one.
    pub fn numbered(
        self,
        user: impl FnOnce(&str) -> Option<u32>,
        group: impl FnOnce(&str) -> Option<u32>,
    ) -> Result<AclEntry<u32>, String> {
        let tag = match self.tag {
            AclTag::User(name) => {
                AclTag::User(name.parse().ok().or_else(|| user(&name)).ok_or(name)?)
            }
            AclTag::NamedGroup(name) => {
                AclTag::NamedGroup(name.parse().ok().or_else(|| group(&name)).ok_or(name)?)
            }
            AclTag::Owner => AclTag::Owner,
            AclTag::Group => AclTag::Group,
            AclTag::Mask => AclTag::Mask,
            AclTag::Other => AclTag::Other,
        };
        Ok(AclEntry {
            scope: self.scope,
            tag,
            permissions: self.permissions,
        })
    }
}

impl<Id: fmt::Display> fmt::Display for AclEntry<Id> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.scope == AclScope::Default {
            f.write_str("default:")?;
        }
        match &self.tag {
            AclTag::Owner => f.write_str("user::")?,
            AclTag::User(id) => write!(f, "user:{id}:")?,
            AclTag::Group => f.write_str("group::")?,
            AclTag::NamedGroup(id) => write!(f, "group:{id}:")?,
            AclTag::Mask => f.write_str("mask::")?,
            AclTag::Other => f.write_str("other::")?,
        }
        for (bit, letter) in [(4, "r"), (2, "w"), (1, "x")] {
            f.write_str(if self.permissions & bit != 0 {
                letter
            } else {
                "-"
            })?;
        }
        Ok(())
    }
}

impl<Id: fmt::Display> Serialize for AclEntry<Id> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A whole list: owner, group and others always, a mask as soon as anybody is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acl(BTreeMap<AclTag, u8>);

impl Acl {
    /// What a mode says.
    pub fn of_mode(mode: u16) -> Self {
        let bits = |shift: u16| (mode >> shift & 7) as u8;
        Self(BTreeMap::from([
            (AclTag::Owner, bits(6)),
            (AclTag::Group, bits(3)),
            (AclTag::Other, bits(0)),
        ]))
    }

    /// The list that these entries are; `None` when one is missing or comes twice.
    pub fn of_entries(entries: impl IntoIterator<Item = AclEntry<u32>>) -> Option<Self> {
        let mut list = BTreeMap::new();
        for entry in entries {
            if list.insert(entry.tag, entry.permissions).is_some() {
                return None;
            }
        }
        Self(list).checked()
    }

    fn checked(self) -> Option<Self> {
        let needed = [AclTag::Owner, AclTag::Group, AclTag::Other];
        let has_mask = self.0.contains_key(&AclTag::Mask);
        let whole = needed.iter().all(|tag| self.0.contains_key(tag));
        (whole && (has_mask || !self.names_anybody())).then_some(self)
    }

    fn names_anybody(&self) -> bool {
        let named = |tag: &AclTag| matches!(tag, AclTag::User(_) | AclTag::NamedGroup(_));
        self.0.keys().any(named)
    }

    /// Changes entries as `setfacl -m` does: the mask becomes what anybody gets that it limits, unless it is among them.
    pub fn modify(&mut self, entries: impl IntoIterator<Item = (AclTag, u8)>) {
        let mut mask_is_given = false;
        for (tag, permissions) in entries {
            mask_is_given |= tag == AclTag::Mask;
            self.0.insert(tag, permissions);
        }
        if !mask_is_given && (self.names_anybody() || self.0.contains_key(&AclTag::Mask)) {
            let limited = |tag: &AclTag| {
                matches!(tag, AclTag::User(_) | AclTag::Group | AclTag::NamedGroup(_))
            };
            let mask = self.0.iter().filter(|(tag, _)| limited(tag));
            let mask = mask.fold(0, |mask, (_, permissions)| mask | permissions);
            self.0.insert(AclTag::Mask, mask);
        }
    }

    /// Whether a mode says all of it, so that no attribute is needed.
    pub fn is_minimal(&self) -> bool {
        self.0.len() == 3
    }

    /// The nine permission bits that a mode shows: owner's, mask's (or else the group's), others'.
    pub fn mode_bits(&self) -> u16 {
        let bits = |tag| self.0.get(&tag).copied().map(u16::from);
        let group = bits(AclTag::Mask).or_else(|| bits(AclTag::Group));
        bits(AclTag::Owner).unwrap_or(0) << 6
            | group.unwrap_or(0) << 3
            | bits(AclTag::Other).unwrap_or(0)
    }

    /// The value of the attribute: 8 bytes an entry behind the version.
    pub fn to_attribute(&self) -> Vec<u8> {
        let mut bytes = VERSION.to_le_bytes().to_vec();
        for (tag, permissions) in &self.0 {
            bytes.extend(tag.code().to_le_bytes());
            bytes.extend(u16::from(*permissions).to_le_bytes());
            let id = match tag {
                AclTag::User(id) | AclTag::NamedGroup(id) => *id,
                _ => NOBODY,
            };
            bytes.extend(id.to_le_bytes());
        }
        bytes
    }

    /// Reads the value of an attribute; `None` when it is none.
    pub fn of_attribute(bytes: &[u8]) -> Option<Self> {
        let entries = bytes.strip_prefix(&VERSION.to_le_bytes())?;
        let (entries, []) = entries.as_chunks::<8>() else {
            return None;
        };
        let mut list = BTreeMap::new();
        for [t0, t1, p0, p1, id @ ..] in entries {
            let id = u32::from_le_bytes(*id);
            let tag = match u16::from_le_bytes([*t0, *t1]) {
                0x01 => AclTag::Owner,
                0x02 => AclTag::User(id),
                0x04 => AclTag::Group,
                0x08 => AclTag::NamedGroup(id),
                0x10 => AclTag::Mask,
                0x20 => AclTag::Other,
                _ => return None,
            };
            let permissions = u8::try_from(u16::from_le_bytes([*p0, *p1])).ok()?;
            if permissions > 7 || list.insert(tag, permissions).is_some() {
                return None;
            }
        }
        Self(list).checked()
    }

    /// What ext4 has on disk: version 1, and numbers only where there are any.
    pub fn to_ext4(&self) -> Vec<u8> {
        let mut bytes = EXT4_VERSION.to_le_bytes().to_vec();
        for (tag, permissions) in &self.0 {
            bytes.extend(tag.code().to_le_bytes());
            bytes.extend(u16::from(*permissions).to_le_bytes());
            if let AclTag::User(id) | AclTag::NamedGroup(id) = tag {
                bytes.extend(id.to_le_bytes());
            }
        }
        bytes
    }
}

/// The text of archives, all on one line: `user::rw-,user:200:r--,group::r--,mask::r--,other::r--`.
impl fmt::Display for Acl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (tag, permissions)) in self.0.iter().enumerate() {
            let comma = if place > 0 { "," } else { "" };
            let entry = AclEntry {
                scope: AclScope::Access,
                tag: *tag,
                permissions: *permissions,
            };
            write!(f, "{comma}{entry}")?;
        }
        Ok(())
    }
}

impl AclScope {
    /// The name of the attribute that holds the list.
    pub fn attribute(self) -> &'static str {
        match self {
            Self::Access => ACCESS,
            Self::Default => DEFAULT,
        }
    }

    /// The name of the list's record in archives: star's, and GNU tar's and bsdtar's.
    pub fn record(self) -> &'static str {
        match self {
            Self::Access => "SCHILY.acl.access",
            Self::Default => "SCHILY.acl.default",
        }
    }

    /// The scope of an attribute; `None` when it holds no list.
    pub fn of_attribute(name: &str) -> Option<Self> {
        [Self::Access, Self::Default]
            .into_iter()
            .find(|scope| scope.attribute() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry(text: &str) -> AclEntry<u32> {
        let entry: AclEntry = text.parse().unwrap();
        entry.numbered(|_| None, |_| None).unwrap()
    }

    fn modified(mode: u16, entries: &[&str]) -> Acl {
        let mut list = Acl::of_mode(mode);
        list.modify(entries.iter().map(|text| {
            let entry = entry(text);
            (entry.tag, entry.permissions)
        }));
        list
    }

    #[test]
    fn the_group_bits_of_the_mode_become_the_mask() {
        let list = modified(0o600, &["u:200:r"]);
        assert_eq!(format!("{:04o}", list.mode_bits()), "0640");
        let text = "user::rw-,user:200:r--,group::---,mask::r--,other::---";
        assert_eq!(list.to_string(), text);
        // Who sets the mask means it.
        let list = modified(0o640, &["u:200:rwx", "m::r"]);
        assert_eq!(format!("{:04o}", list.mode_bits()), "0640");
    }

    #[test]
    fn entries_without_names_are_the_mode() {
        let list = modified(0o600, &["g::r", "o:0"]);
        assert!(list.is_minimal());
        assert_eq!(list.mode_bits(), 0o640);
    }

    #[test]
    fn programs_and_ext4_see_different_bytes() {
        let list = modified(0o600, &["u:200:r"]);
        assert_eq!(
            hex::encode(list.to_attribute()),
            "02000000\
             01000600ffffffff02000400c800000004000000ffffffff10000400ffffffff20000000ffffffff"
        );
        assert_eq!(
            hex::encode(list.to_ext4()),
            "01000000\
             01000600 02000400c8000000 04000000 10000400 20000000"
                .replace(' ', "")
        );
    }

    #[test]
    fn what_is_no_entry_is_refused() {
        for text in [
            "",
            "u",
            "u:kube",
            "x:kube:r",
            "o:kube:r",
            "u:kube:rq",
            "u:kube:8",
            "u:a b:r",
            "u:kube:",
        ] {
            assert!(text.parse::<AclEntry>().is_err(), "{text}");
        }
        for text in [
            "u:kube:r",
            "user:kube:r--",
            "g::rx",
            "d:u:kube:rw",
            "m:5",
            "o::-",
        ] {
            assert!(text.parse::<AclEntry>().is_ok(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_attribute_and_the_text_say_the_same(
            mode in 0u16..0o1000,
            named in proptest::collection::btree_map(0u32..70_000, 0u8..8, 0..5),
        ) {
            let mut list = Acl::of_mode(mode);
            list.modify(named.into_iter().map(|(id, permissions)| {
                let tag = if id % 2 == 0 { AclTag::User(id) } else { AclTag::NamedGroup(id) };
                (tag, permissions)
            }));
            prop_assert_eq!(Acl::of_attribute(&list.to_attribute()), Some(list.clone()));
            let text = list.to_string();
            prop_assert_eq!(Acl::of_entries(text.split(',').map(entry)), Some(list));
        }

        #[test]
        fn foreign_bytes_are_refused_or_read(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            if let Some(list) = Acl::of_attribute(&bytes) {
                prop_assert_eq!(Acl::of_attribute(&list.to_attribute()), Some(list));
            }
        }
    }
}
