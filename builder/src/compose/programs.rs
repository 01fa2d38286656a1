//! Programs out of upstream's releases, and where they go.

use std::collections::BTreeMap;

use super::{ComposeError, Materials};
use crate::artifact::Material;
use crate::plan::NodePlan;
use crate::spec::{Join, Role};
use crate::tree::{Content, Layer, Meta, Origin, Slice};

/// What was fetched, by its name in the lock.
pub type Programs = BTreeMap<String, Material>;

/// A program of a release.
struct Program {
    /// The artifact's name in the lock.
    artifact: &'static str,
    /// Its path in the release: the end of it, because some begin with the version. `*` means all members, `docker/*` those
    /// of that folder but not of folders in it.
    member: &'static str,
    /// Where it goes.
    place: Place,
    /// Who has it.
    owner: Owner,
    /// How Kubernetes must be installed.
    install: Install,
}

#[derive(Clone, Copy)]
enum Place {
    /// The cluster's folder of programs.
    Binaries,
    /// A folder where others look for it.
    Folder(&'static str),
    /// A path of its own, if upstream calls it otherwise than those who look for it.
    File(&'static str),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner {
    Every,
    Masters,
    /// Masters, and workers that ask the API themselves.
    Clients,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Install {
    Any,
    /// Units start its programs.
    Binaries,
    /// kubeadm starts them, in pods.
    Kubeadm,
}

const fn every(artifact: &'static str, member: &'static str, place: Place) -> Program {
    Program {
        artifact,
        member,
        place,
        owner: Owner::Every,
        install: Install::Any,
    }
}

const fn masters(artifact: &'static str, member: &'static str) -> Program {
    Program {
        artifact,
        member,
        place: Place::Binaries,
        owner: Owner::Masters,
        install: Install::Any,
    }
}

impl Program {
    const fn with(self, install: Install) -> Self {
        Self { install, ..self }
    }
}

/// All programs. To install one more, add a line.
const PROGRAMS: &[Program] = &[
    every("kubernetes", "server/bin/kubelet", Place::Binaries),
    every("kubernetes", "server/bin/kube-proxy", Place::Binaries).with(Install::Binaries),
    every("kubernetes", "server/bin/kubeadm", Place::Binaries).with(Install::Kubeadm),
    masters("kubernetes", "server/bin/kube-apiserver").with(Install::Binaries),
    masters("kubernetes", "server/bin/kube-controller-manager").with(Install::Binaries),
    masters("kubernetes", "server/bin/kube-scheduler").with(Install::Binaries),
    Program {
        owner: Owner::Clients,
        ..masters("kubernetes", "server/bin/kubectl")
    },
    masters("etcd", "/etcd"),
    masters("etcd", "/etcdctl"),
    masters("etcd", "/etcdutl"),
    every("containerd", "bin/containerd", Place::Binaries),
    // containerd looks for its shim beside itself, the shim for runc in `PATH`.
    every("containerd", "bin/containerd-shim-runc-v2", Place::Binaries),
    every("containerd", "bin/ctr", Place::Binaries),
    // With the containerd, shim and runc that belong to it: it looks for them in `PATH`.
    every("docker", "docker/*", Place::Binaries),
    every("cri-dockerd", "cri-dockerd/cri-dockerd", Place::Binaries),
    every("runc", "", Place::Folder("/usr/local/sbin")),
    every("cni-plugins", "*", Place::Folder("/opt/cni/bin")),
    every(
        "flannel-cni-plugin",
        "flannel-amd64",
        Place::File("/opt/cni/bin/flannel"),
    ),
    every("crictl", "crictl", Place::Binaries),
];

/// The stage.
pub(super) fn layer(node: &NodePlan, materials: &Materials<'_>) -> Result<Layer, ComposeError> {
    let mut layer = Layer::new(Origin::new("stage programs"));
    let install = match materials.cluster.join {
        Join::Certificate | Join::Bootstrap(_) => Install::Binaries,
        Join::Kubeadm => Install::Kubeadm,
    };
    let asks = node.values.cluster.kube_proxy.token.is_some();
    for program in PROGRAMS {
        if !program.is_for(node.role, asks, install) {
            continue;
        }
        // What the cluster file leaves out is no artifact of it.
        let Some(material) = materials.programs.get(program.artifact) else {
            continue;
        };
        for (name, slice) in program.slices(material)? {
            let path = match program.place {
                Place::Binaries => format!("{}/{name}", node.values.cluster.paths.binaries),
                Place::Folder(folder) => format!("{folder}/{name}"),
                Place::File(path) => path.to_owned(),
            };
            let path = path.parse()?;
            layer.file(path, Meta::root(0o755), Content::Slice(slice));
        }
    }
    Ok(layer)
}

impl Program {
    /// Whether a node of a role has it; `asks` says whether workers ask the API themselves.
    fn is_for(&self, role: Role, asks: bool, install: Install) -> bool {
        let owned = match self.owner {
            Owner::Every => true,
            Owner::Masters => role == Role::Master,
            Owner::Clients => role == Role::Master || asks,
        };
        owned && [Install::Any, install].contains(&self.install)
    }

    /// Whether the line names a member of the release.
    fn names(&self, path: &str) -> bool {
        match self.member.strip_suffix('*') {
            Some("") => !path.ends_with(".md") && !path.ends_with("LICENSE"),
            Some(folder) => (path.strip_prefix(folder)).is_some_and(|name| !name.contains('/')),
            None => path.ends_with(self.member),
        }
    }

    /// The files that the line names, each with its last name.
    fn slices(&self, material: &Material) -> Result<Vec<(String, Slice)>, ComposeError> {
        let archive = match material {
            Material::Archive(archive) => archive,
            Material::Binary(slice) | Material::Image(slice) => {
                return Ok(vec![(self.artifact.to_owned(), slice.clone())]);
            }
        };
        let slices: Vec<(String, Slice)> = archive
            .members()
            .filter(|path| self.names(path))
            .filter_map(|path| Some((path.rsplit('/').next()?.to_owned(), archive.member(path)?)))
            .collect();
        if slices.is_empty() {
            return Err(ComposeError::NoProgram {
                artifact: self.artifact.to_owned(),
                member: self.member.to_owned(),
            });
        }
        Ok(slices)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docker_has_the_programs_of_its_folder_but_not_what_shells_complete() {
        let docker = every("docker", "docker/*", Place::Binaries);
        for (path, wanted) in [
            ("docker/dockerd", true),
            ("docker/docker-containerd-shim", true),
            ("docker/completion/bash/docker", false),
        ] {
            assert_eq!(docker.names(path), wanted, "{path}");
        }
    }

    #[test]
    fn kubeadm_has_the_programs_that_it_needs_and_no_others_of_kubernetes() {
        let of = |role, install| -> Vec<&str> {
            PROGRAMS
                .iter()
                .filter(|program| {
                    program.artifact == "kubernetes" && program.is_for(role, false, install)
                })
                .map(|program| program.member.trim_start_matches("server/bin/"))
                .collect()
        };
        let kubeadm = |role| of(role, Install::Kubeadm);
        assert_eq!(kubeadm(Role::Worker), ["kubelet", "kubeadm"]);
        assert_eq!(kubeadm(Role::Master), ["kubelet", "kubeadm", "kubectl"]);
        assert_eq!(
            of(Role::Worker, Install::Binaries),
            ["kubelet", "kube-proxy"]
        );
        assert_eq!(of(Role::Master, Install::Binaries).len(), 6);
    }
}
