//! Which artifacts a cluster is made of, and where upstream keeps them.
//!
//! [`RELEASES`] is the whole knowledge of upstream's names; nothing here opens a file or a connection.

use std::fmt;

use super::{ImageReference, ReferenceError};
use crate::facts::{self, DockerTrait};
use crate::spec::{Cluster, Engine, Join, Version};

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
    /// Whether that file must be there.
    pub(super) published: Published,
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

/// Whether upstream publishes a file with an artifact's digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Published {
    /// Without it nothing is believed.
    Always,
    /// Only mirrors may have one; where there is none, what comes first is pinned.
    InMirrors,
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
    /// Whether upstream has that file.
    published: Published,
    /// What is inside.
    kind: Kind,
    /// Which version a cluster wants; `None` leaves it out.
    version: fn(&Cluster) -> Option<String>,
}

/// The first release of the CNI plugins whose archive has the system's name in its own.
const CNI_PLUGINS_NAME_LINUX: Version = Version {
    major: 0,
    minor: 8,
    patch: 0,
};

/// Upstream's releases for Linux on x86-64.
#[rustfmt::skip]
const RELEASES: &[Release] = &[
    Release {
        name: "kubernetes",
        place: "dl.k8s.io/v{v}/kubernetes-server-linux-amd64.tar.gz",
        checksum: "{file}.sha256",
        published: Published::Always,
        kind: Kind::Archive,
        version: |cluster| Some(cluster.kubernetes.version.to_string()),
    },
    Release {
        name: "etcd",
        place: "github.com/etcd-io/etcd/releases/download/v{v}/etcd-v{v}-linux-amd64.tar.gz",
        checksum: "SHA256SUMS",
        published: Published::Always,
        kind: Kind::Archive,
        // With kubeadm it comes in an image.
        version: |cluster| {
            (cluster.join != Join::Kubeadm).then(|| cluster.etcd.version.to_string())
        },
    },
    Release {
        name: "containerd",
        place: "github.com/containerd/containerd/releases/download/v{v}/containerd-{v}-linux-amd64.tar.gz",
        checksum: "{file}.sha256sum",
        published: Published::Always,
        kind: Kind::Archive,
        version: |cluster| match &cluster.runtime.engine {
            Engine::Containerd { version, .. } => Some(version.to_string()),
            Engine::Docker(_) | Engine::CriDockerd { .. } => None,
        },
    },
    Release {
        name: "runc",
        place: "github.com/opencontainers/runc/releases/download/v{v}/runc.amd64",
        checksum: "runc.sha256sum",
        published: Published::Always,
        kind: Kind::Binary,
        version: |cluster| match &cluster.runtime.engine {
            Engine::Containerd { runc, .. } => Some(runc.to_string()),
            Engine::Docker(_) | Engine::CriDockerd { .. } => None,
        },
    },
    Release {
        name: "docker",
        place: "download.docker.com/linux/static/stable/x86_64/docker-{v}.tgz",
        checksum: "{file}.sha256",
        published: Published::InMirrors,
        kind: Kind::Archive,
        version: |cluster| {
            let docker = cluster.runtime.engine.docker()?;
            let community = DockerTrait::CommunityEdition.holds(&docker.version);
            Some(format!("{}{}", docker.version, if community { "-ce" } else { "" }))
        },
    },
    Release {
        name: "cri-dockerd",
        place: "github.com/Mirantis/cri-dockerd/releases/download/v{v}/cri-dockerd-{v}.amd64.tgz",
        checksum: "{file}.sha256",
        published: Published::InMirrors,
        kind: Kind::Archive,
        version: |cluster| match &cluster.runtime.engine {
            Engine::CriDockerd { version, .. } => Some(version.to_string()),
            Engine::Containerd { .. } | Engine::Docker(_) => None,
        },
    },
    Release {
        name: "cni-plugins",
        place: "github.com/containernetworking/plugins/releases/download/v{v}/cni-plugins-linux-amd64-v{v}.tgz",
        checksum: "{file}.sha256",
        published: Published::Always,
        kind: Kind::Archive,
        version: |cluster| {
            let version = cluster.runtime.cni_plugins;
            (version >= CNI_PLUGINS_NAME_LINUX).then(|| version.to_string())
        },
    },
    Release {
        name: "cni-plugins",
        place: "github.com/containernetworking/plugins/releases/download/v{v}/cni-plugins-amd64-v{v}.tgz",
        checksum: "{file}.sha256",
        published: Published::Always,
        kind: Kind::Archive,
        version: |cluster| {
            let version = cluster.runtime.cni_plugins;
            (version < CNI_PLUGINS_NAME_LINUX).then(|| version.to_string())
        },
    },
    Release {
        name: "flannel-cni-plugin",
        place: "github.com/flannel-io/cni-plugin/releases/download/v{v}/cni-plugin-flannel-linux-amd64-v{v}.tgz",
        checksum: "{file}.sha256",
        published: Published::Always,
        kind: Kind::Archive,
        version: |cluster| {
            cluster.network.cni.flannel()?;
            facts::flannel_plugin(cluster.runtime.cni_plugins).map(|version| version.to_string())
        },
    },
    Release {
        name: "crictl",
        place: "github.com/kubernetes-sigs/cri-tools/releases/download/v{v}/crictl-v{v}-linux-amd64.tar.gz",
        checksum: "{file}.sha256",
        published: Published::Always,
        kind: Kind::Archive,
        version: |cluster| cluster.runtime.crictl.map(|version| version.to_string()),
    },
];

impl Release {
    fn artifact(&self, version: &str) -> Artifact {
        let place = self.place.replace("{v}", version);
        let (folder, file) = place.rsplit_once('/').unwrap_or(("", &place));
        Artifact {
            name: self.name.to_owned(),
            upstream: Upstream::new(&place),
            kind: self.kind.clone(),
            checksum_path: format!("{folder}/{}", self.checksum.replace("{file}", file)),
            published: self.published,
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
            published: Published::InMirrors,
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
        .filter_map(|release| Some(release.artifact(&(release.version)(cluster)?)));
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
        release.artifact(version)
    }

    #[test]
    fn dockers_archive_is_called_as_docker_writes_its_version() {
        for (version, file) in [
            ("17.06.2", "docker-17.06.2-ce.tgz"),
            ("18.09.9", "docker-18.09.9.tgz"),
        ] {
            let text = format!(
                "{{kubernetes: {{version: 1.13.12}}, image: centos-7, runtime: {{name: docker, version: {version}}}, \
                 nodes: [{{name: m, role: master, address: 192.0.2.11/24, interface: eth0}}]}}"
            );
            let (cluster, _) = crate::spec::parse(&text, "cluster.yaml").unwrap();
            let needed = needed(&cluster, []).unwrap();
            let docker = needed.iter().find(|artifact| artifact.name == "docker");
            assert_eq!(docker.unwrap().file_name(), file);
            // It brings its own.
            for other in ["containerd", "runc"] {
                assert!(needed.iter().all(|artifact| artifact.name != other));
            }
        }
    }

    #[test]
    fn old_cni_plugins_are_called_as_upstream_called_them() {
        for (version, file) in [
            ("0.7.1", "cni-plugins-amd64-v0.7.1.tgz"),
            ("0.8.0", "cni-plugins-linux-amd64-v0.8.0.tgz"),
        ] {
            let text = format!(
                "{{kubernetes: {{version: 1.13.12}}, image: centos-7, runtime: {{name: docker, cniPlugins: {version}}}, \
                 nodes: [{{name: m, role: master, address: 192.0.2.11/24, interface: eth0}}]}}"
            );
            let (cluster, _) = crate::spec::parse(&text, "cluster.yaml").unwrap();
            let needed = needed(&cluster, []).unwrap();
            let plugins = needed.iter().filter(|of| of.name == "cni-plugins");
            let files: Vec<String> = plugins.map(|of| of.file_name().to_string()).collect();
            assert_eq!(files, [file]);
        }
    }

    #[test]
    fn releases_have_upstreams_names() {
        let mut listing = String::new();
        for release in RELEASES {
            let artifact = release.artifact("1.2.3");
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
        docker
        https://download.docker.com/linux/static/stable/x86_64/docker-1.2.3.tgz
        download.docker.com/linux/static/stable/x86_64/docker-1.2.3.tgz.sha256
        cri-dockerd
        https://github.com/Mirantis/cri-dockerd/releases/download/v1.2.3/cri-dockerd-1.2.3.amd64.tgz
        github.com/Mirantis/cri-dockerd/releases/download/v1.2.3/cri-dockerd-1.2.3.amd64.tgz.sha256
        cni-plugins
        https://github.com/containernetworking/plugins/releases/download/v1.2.3/cni-plugins-linux-amd64-v1.2.3.tgz
        github.com/containernetworking/plugins/releases/download/v1.2.3/cni-plugins-linux-amd64-v1.2.3.tgz.sha256
        cni-plugins
        https://github.com/containernetworking/plugins/releases/download/v1.2.3/cni-plugins-amd64-v1.2.3.tgz
        github.com/containernetworking/plugins/releases/download/v1.2.3/cni-plugins-amd64-v1.2.3.tgz.sha256
        flannel-cni-plugin
        https://github.com/flannel-io/cni-plugin/releases/download/v1.2.3/cni-plugin-flannel-linux-amd64-v1.2.3.tgz
        github.com/flannel-io/cni-plugin/releases/download/v1.2.3/cni-plugin-flannel-linux-amd64-v1.2.3.tgz.sha256
        crictl
        https://github.com/kubernetes-sigs/cri-tools/releases/download/v1.2.3/crictl-v1.2.3-linux-amd64.tar.gz
        github.com/kubernetes-sigs/cri-tools/releases/download/v1.2.3/crictl-v1.2.3-linux-amd64.tar.gz.sha256
        ");
    }
}
