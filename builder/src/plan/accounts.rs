//! System accounts that kimage adds to every image, with fixed numbers, because files in the image belong to them.

/// A system user with a group of the same name and number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    /// Name of the user and the group.
    pub name: &'static str,
    /// Number of both. Below 1000, above what distributions hand out when they install packages.
    pub id: u32,
    /// Home directory.
    pub home: &'static str,
}

/// The accounts.
pub const ACCOUNTS: &[Account] = &[Account {
    name: "etcd",
    id: 950,
    home: "/var/lib/etcd",
}];
