//! Programs out of upstream's releases, and where they go.

use std::collections::BTreeMap;

use super::{ComposeError, Materials};
use crate::artifact::Material;
use crate::plan::NodePlan;
use crate::spec::Role;
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

const fn every(artifact: &'static str, member: &'static str, place: Place) -> Program {
    Program {
        artifact,
        member,
        place,
        owner: Owner::Every,
    }
}

const fn masters(artifact: &'static str, member: &'static str) -> Program {
    Program {
        artifact,
        member,
        place: Place::Binaries,
        owner: Owner::Masters,
    }
}

/// All programs. To install one more, add a line.
const PROGRAMS: &[Program] = &[
    every("kubernetes", "server/bin/kubelet", Place::Binaries),
    every("kubernetes", "server/bin/kube-proxy", Place::Binaries),
    masters("kubernetes", "server/bin/kube-apiserver"),
    masters("kubernetes", "server/bin/kube-controller-manager"),
    masters("kubernetes", "server/bin/kube-scheduler"),
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
    for program in PROGRAMS {
        let wanted = match program.owner {
            Owner::Every => true,
            Owner::Masters => node.role == Role::Master,
            Owner::Clients => {
                node.role == Role::Master || node.values.cluster.kube_proxy.token.is_some()
            }
        };
        if !wanted {
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
}
