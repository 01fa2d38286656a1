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
    /// Its path in the release: the end of it, because some begin with the version. Ends in `*` for all members.
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
    masters("kubernetes", "server/bin/kubectl"),
    masters("etcd", "/etcd"),
    masters("etcd", "/etcdctl"),
    masters("etcd", "/etcdutl"),
    every("containerd", "bin/containerd", Place::Binaries),
    // containerd looks for its shim beside itself, the shim for runc in `PATH`.
    every("containerd", "bin/containerd-shim-runc-v2", Place::Binaries),
    every("containerd", "bin/ctr", Place::Binaries),
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
        if program.owner == Owner::Masters && node.role != Role::Master {
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
    /// The files that the line names, each with its last name.
    fn slices(&self, material: &Material) -> Result<Vec<(String, Slice)>, ComposeError> {
        let archive = match material {
            Material::Archive(archive) => archive,
            Material::Binary(slice) | Material::Image(slice) => {
                return Ok(vec![(self.artifact.to_owned(), slice.clone())]);
            }
        };
        let wanted = |path: &&str| match self.member {
            "*" => !path.ends_with(".md") && !path.ends_with("LICENSE"),
            member => path.ends_with(member),
        };
        let slices: Vec<(String, Slice)> = archive
            .members()
            .filter(wanted)
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
