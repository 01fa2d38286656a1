//! Which artifacts a cluster is made of, and where upstream keeps them.
//!
//! [`RELEASES`] is the whole knowledge of upstream's names; nothing here opens a file or a connection.

use std::fmt;

use super::{ImageReference, ReferenceError};
use crate::spec::{Cluster, Join, Version};

/// An input of the images that comes from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// What it is called in the lock and in messages: `etcd`, or an image's full name.
    pub name: String,
    /// Where upstream keeps it.
    pub upstream: Upstream,
    /// What is inside.
    pub kind: Kind,
    /// Its path in a mirror: host and path for a release, `images/...` for a container image.
    pub(super) mirror_path: String,
    /// The path in a mirror of the file with its digest.
    pub(super) checksum_path: String,
}

/// A place that upstream publishes at, always by `https`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// As `dl.k8s.io`.
    pub host: String,
    /// Without a slash in front.
    pub path: String,
}

/// What is inside an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A `tar.gz`, whose members are used one by one.
    Archive,
    /// One program.
    Binary,
    /// A container image as an OCI archive, used as a whole.
    Image(ImageReference),
}

impl Upstream {
    fn new(place: &str) -> Self {
        let (host, path) = place.split_once('/').unwrap_or((place, ""));
        Self {
            host: host.to_owned(),
            path: path.to_owned(),
        }
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "https://{}/{}", self.host, self.path)
    }
}

/// A release that upstream publishes as one file.
struct Release {
    /// Its name in the lock.
    name: &'static str,
    /// Host and path; `{v}` is the version.
    place: &'static str,
    /// File with its digest, beside it; `{file}` is the release's own name.
    checksum: &'static str,
    /// What is inside.
    kind: Kind,
    /// Which version a cluster wants; `None` leaves it out.
    version: fn(&Cluster) -> Option<Version>,
}

/// Upstream's releases for Linux on x86-64.
#[rustfmt::skip]
const RELEASES: &[Release] = &[
    Release {
        name: "kubernetes",
        place: "dl.k8s.io/v{v}/kubernetes-server-linux-amd64.tar.gz",
        checksum: "{file}.sha256",
        kind: Kind::Archive,
        version: |cluster| Some(cluster.kubernetes.version),
    },
    Release {
        name: "etcd",
        place: "github.com/etcd-io/etcd/releases/download/v{v}/etcd-v{v}-linux-amd64.tar.gz",
        checksum: "SHA256SUMS",
        kind: Kind::Archive,
        // With kubeadm it comes in an image.
        version: |cluster| (cluster.join != Join::Kubeadm).then_some(cluster.etcd.version),
    },
    Release {
        name: "containerd",
        place: "github.com/containerd/containerd/releases/download/v{v}/containerd-{v}-linux-amd64.tar.gz",
        checksum: "{file}.sha256sum",
        kind: Kind::Archive,
        version: |cluster| Some(cluster.runtime.containerd),
    },
    Release {
        name: "runc",
        place: "github.com/opencontainers/runc/releases/download/v{v}/runc.amd64",
        checksum: "runc.sha256sum",
        kind: Kind::Binary,
        version: |cluster| Some(cluster.runtime.runc),
    },
    Release {
        name: "cni-plugins",
        place: "github.com/containernetworking/plugins/releases/download/v{v}/cni-plugins-linux-amd64-v{v}.tgz",
        checksum: "{file}.sha256",
        kind: Kind::Archive,
        version: |cluster| Some(cluster.runtime.cni_plugins),
    },
    Release {
        name: "crictl",
        place: "github.com/kubernetes-sigs/cri-tools/releases/download/v{v}/crictl-v{v}-linux-amd64.tar.gz",
        checksum: "{file}.sha256",
        kind: Kind::Archive,
        version: |cluster| cluster.runtime.crictl,
    },
];

impl Release {
    fn artifact(&self, version: Version) -> Artifact {
        let place = self.place.replace("{v}", &version.to_string());
        let (folder, file) = place.rsplit_once('/').unwrap_or(("", &place));
        Artifact {
            name: self.name.to_owned(),
            upstream: Upstream::new(&place),
            kind: self.kind.clone(),
            checksum_path: format!("{folder}/{}", self.checksum.replace("{file}", file)),
            mirror_path: place,
        }
    }
}

impl Artifact {
    /// A container image by its name.
    pub fn image(reference: ImageReference) -> Self {
        Self {
            name: reference.to_string(),
            upstream: Upstream {
                host: reference.registry().to_owned(),
                path: format!(
                    "v2/{}/manifests/{}",
                    reference.repository(),
                    reference.manifest()
                ),
            },
            mirror_path: reference.mirror_path(),
            checksum_path: reference.mirror_path() + ".sha256",
            kind: Kind::Image(reference),
        }
    }

    /// Its path in a mirror: host and path for a release, `images/...` for a container image.
    pub fn mirror_path(&self) -> &str {
        &self.mirror_path
    }

    /// The path in a mirror of the file with its digest.
    pub fn checksum_path(&self) -> &str {
        &self.checksum_path
    }

    /// The name of its file upstream, as `runc.amd64`.
    pub fn file_name(&self) -> &str {
        self.mirror_path
            .rsplit('/')
            .next()
            .unwrap_or(&self.mirror_path)
    }
}

/// Everything that a cluster's images are made of, beside their base: releases in the order of the table, then
/// container images by name: the ones that kimage needs itself (`system_images`: the pause image, CoreDNS) and the ones
/// that the cluster file names.
///
/// # Errors
/// An image name that cannot be one.
pub fn needed<'a>(
    cluster: &'a Cluster,
    system_images: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<Artifact>, ReferenceError> {
    let mut images = system_images
        .into_iter()
        .chain(cluster.images.iter().map(String::as_str))
        .map(str::parse)
        .collect::<Result<Vec<ImageReference>, _>>()?;
    images.sort();
    images.dedup();
    let releases = RELEASES
        .iter()
        .filter_map(|release| Some(release.artifact((release.version)(cluster)?)));
    Ok(releases
        .chain(images.into_iter().map(Artifact::image))
        .collect())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The release of a name, at a version.
    pub(in crate::artifact) fn release(name: &str, version: &str) -> Artifact {
        let release = RELEASES
            .iter()
            .find(|release| release.name == name)
            .unwrap();
        release.artifact(version.parse().unwrap())
    }

    #[test]
    fn releases_have_upstreams_names() {
        let mut listing = String::new();
        for release in RELEASES {
            let artifact = release.artifact("1.2.3".parse().unwrap());
            let Artifact {
                name,
                upstream,
                checksum_path,
                ..
            } = artifact;
            listing += &format!("{name}\n{upstream}\n{checksum_path}\n");
        }
        insta::assert_snapshot!(listing, @r"
        kubernetes
        https://dl.k8s.io/v1.2.3/kubernetes-server-linux-amd64.tar.gz
        dl.k8s.io/v1.2.3/kubernetes-server-linux-amd64.tar.gz.sha256
        etcd
        https://github.com/etcd-io/etcd/releases/download/v1.2.3/etcd-v1.2.3-linux-amd64.tar.gz
        github.com/etcd-io/etcd/releases/download/v1.2.3/SHA256SUMS
        containerd
        https://github.com/containerd/containerd/releases/download/v1.2.3/containerd-1.2.3-linux-amd64.tar.gz
        github.com/containerd/containerd/releases/download/v1.2.3/containerd-1.2.3-linux-amd64.tar.gz.sha256sum
        runc
        https://github.com/opencontainers/runc/releases/download/v1.2.3/runc.amd64
        github.com/opencontainers/runc/releases/download/v1.2.3/runc.sha256sum
        cni-plugins
        https://github.com/containernetworking/plugins/releases/download/v1.2.3/cni-plugins-linux-amd64-v1.2.3.tgz
        github.com/containernetworking/plugins/releases/download/v1.2.3/cni-plugins-linux-amd64-v1.2.3.tgz.sha256
        crictl
        https://github.com/kubernetes-sigs/cri-tools/releases/download/v1.2.3/crictl-v1.2.3-linux-amd64.tar.gz
        github.com/kubernetes-sigs/cri-tools/releases/download/v1.2.3/crictl-v1.2.3-linux-amd64.tar.gz.sha256
        ");
    }
}
