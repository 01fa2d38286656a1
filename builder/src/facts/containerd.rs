//! How containerd's configuration file is written, by containerd's own version.
//!
//! A key under the wrong plugin is ignored in silence, so the format and the names of the plugins go together.
//! See <https://github.com/containerd/containerd/blob/main/docs/cri/config.md>.

use serde::Serialize;

use crate::spec::Version;

/// A format of `/etc/containerd/config.toml` and where the keys stand in it that kimage sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ContainerdConfig {
    /// The `version =` line.
    pub version: u8,
    /// The table of the CRI runtime plugin, without brackets: `containerd.runtimes.runc` and `cni` are below it.
    pub runtime_table: &'static str,
    /// The table of the CRI image plugin, without brackets: `registry` is below it.
    pub images_table: &'static str,
    /// The table that names the image of the pod sandbox, without brackets.
    pub sandbox_table: &'static str,
    /// The key in `sandbox_table`.
    pub sandbox_key: &'static str,
    /// The key below `cni` with the folders of plugins.
    pub cni_directory: CniDirectory,
    /// Whether it can be told to have what it unpacks on the disk before it counts on it: `sync_fs` of the diff service.
    /// Without that, a power cut leaves empty files that containerd never looks at again.
    pub syncs: bool,
}

/// How the folder of CNI plugins is given; both at once are an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CniDirectory {
    /// `bin_dir = "/opt/cni/bin"`
    One,
    /// `bin_dirs = ["/opt/cni/bin"]`
    List,
}

/// The format for a containerd. Where a containerd takes several, the newest that does not change what kimage sets:
/// format 4, from 2.3.0 on, only moves the daemon's sockets.
pub fn containerd_config(containerd: Version) -> ContainerdConfig {
    let cri = "plugins.\"io.containerd.grpc.v1.cri\"";
    let at = |major, minor| Version {
        major,
        minor,
        patch: 0,
    };
    match containerd {
        version if version < at(1, 3) => ContainerdConfig {
            version: 1,
            runtime_table: "plugins.cri",
            images_table: "plugins.cri",
            sandbox_table: "plugins.cri",
            sandbox_key: "sandbox_image",
            cni_directory: CniDirectory::One,
            syncs: false,
        },
        version if version < at(2, 0) => ContainerdConfig {
            version: 2,
            runtime_table: cri,
            images_table: cri,
            sandbox_table: cri,
            sandbox_key: "sandbox_image",
            cni_directory: CniDirectory::One,
            syncs: false,
        },
        version => ContainerdConfig {
            version: 3,
            runtime_table: "plugins.\"io.containerd.cri.v1.runtime\"",
            images_table: "plugins.\"io.containerd.cri.v1.images\"",
            sandbox_table: "plugins.\"io.containerd.cri.v1.images\".pinned_images",
            sandbox_key: "sandbox",
            cni_directory: if version < at(2, 1) {
                CniDirectory::One
            } else {
                CniDirectory::List
            },
            syncs: true,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_follows_containerds_version() {
        let format = |version: &str| containerd_config(version.parse().unwrap());
        assert_eq!(format("1.2.13").version, 1);
        assert_eq!(format("1.7.28").version, 2);
        assert_eq!(format("2.0.6").version, 3);
        assert_eq!(format("2.3.0").version, 3);
        assert_eq!(format("1.7.28").sandbox_key, "sandbox_image");
        assert_eq!(format("2.1.4").sandbox_key, "sandbox");
        assert_eq!(format("2.0.6").cni_directory, CniDirectory::One);
        assert_eq!(format("2.1.4").cni_directory, CniDirectory::List);
        assert!(format("2.0.6").syncs && !format("1.7.28").syncs);
    }
}
