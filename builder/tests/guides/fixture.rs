//! What stands in for what cannot be had where tests run: upstream's releases of any version, container images, and
//! roots of the distributions. Each says so in its first line. They are found where real ones would be, so kimage is
//! none the wiser.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use flate2::{Compression, write::GzEncoder};
use kimage::artifact::{Artifact, Kind, needed};
use kimage::blueprint::{Blueprint, Blueprints};
use kimage::digest::Digest;
use kimage::plan;
use kimage::spec::{self, Cluster, NodeName};
use tempfile::TempDir;

use super::image::Image;

const LABEL: &str = "fixture of kimage's tests, not the real one\n";
const KERNEL: &str = "6.1.0-fixture";

/// A folder with a mirror, a cache, and copies of examples.
pub(crate) struct Workshop {
    folder: TempDir,
}

impl Workshop {
    /// An empty one.
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// What a cluster file means.
    pub(crate) fn cluster(&self, file: &Path) -> Cluster {
        let text = fs::read_to_string(file).unwrap();
        let (cluster, _) = spec::parse(&text, "cluster.yaml")
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        cluster
    }

    /// Builds a node of an example, as a user would, in a copy of its folder.
    pub(crate) fn build(&self, file: &Path, cluster: &Cluster, node: &NodeName) -> Image {
        let blueprints = Blueprints::embedded().unwrap();
        let plan = plan::plan(cluster, &blueprints).unwrap();
        for artifact in needed(cluster, plan.images.iter().map(String::as_str)).unwrap() {
            self.publish(&artifact);
        }
        let image = &cluster.node(node).unwrap().image;
        self.import(file, cluster, blueprints.find(image).unwrap());
        let said = self.kimage(file, &["build", "--node", node.as_str(), "--out", "out"]);
        let words = String::from_utf8_lossy(&said.stderr);
        assert!(
            said.status.success(),
            "{node} of {}: {words}",
            file.display()
        );
        Image::open(&self.copy(file).join(format!("out/{node}.raw")))
    }

    /// Runs kimage in the copy of an example's folder.
    pub(crate) fn kimage(&self, file: &Path, arguments: &[&str]) -> Output {
        let mirror = self.folder.path().join("mirror");
        Command::new(env!("CARGO_BIN_EXE_kimage"))
            .args(arguments)
            .current_dir(self.copy(file))
            .env("KIMAGE_CACHE", self.folder.path().join("cache"))
            .env("KIMAGE_MIRROR", format!("file://{}", mirror.display()))
            .output()
            .unwrap()
    }

    /// The copy of an example's folder, without a lock: the real one pins what cannot be had.
    fn copy(&self, file: &Path) -> PathBuf {
        let original = file.parent().unwrap();
        let copy = self.folder.path().join(original.file_name().unwrap());
        if !copy.exists() {
            copy_folder(original, &copy);
            let _ = fs::remove_file(copy.join("kimage.lock"));
        }
        copy
    }

    /// Puts an artifact into the mirror, with its digest beside it.
    fn publish(&self, artifact: &Artifact) {
        let mirror = self.folder.path().join("mirror");
        let path = mirror.join(artifact.mirror_path());
        if path.exists() {
            return;
        }
        let bytes = match &artifact.kind {
            Kind::Archive => release(&artifact.name),
            Kind::Binary => LABEL.as_bytes().to_vec(),
            Kind::Image(_) => image(),
        };
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &bytes).unwrap();
        let mut sums = fs::File::options()
            .create(true)
            .append(true)
            .open(mirror.join(artifact.checksum_path()))
            .unwrap();
        writeln!(sums, "{}  {}", Digest::of(&bytes), artifact.file_name()).unwrap();
    }

    /// Imports a root of a distribution, once. It has every package that the cluster asks for, or says so.
    fn import(&self, file: &Path, cluster: &Cluster, blueprint: &Blueprint) {
        let path = self.folder.path().join(format!("{}.tar", blueprint.name));
        if path.exists() {
            return;
        }
        fs::write(&path, root(blueprint)).unwrap();
        let packages = cluster
            .host
            .packages
            .iter()
            .chain(blueprint.source.packages());
        let listed: String = packages.map(|name| format!("{name} fixture\n")).collect();
        let path = path.to_string_lossy();
        fs::write(format!("{path}.packages"), listed).unwrap();
        let said = self.kimage(file, &["base", "import", &blueprint.name, &path]);
        let words = String::from_utf8_lossy(&said.stderr);
        assert!(said.status.success(), "{words}");
        assert!(!words.contains("lacks"), "{words}");
    }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy_folder(&entry.path(), &target),
            false => fs::write(&target, fs::read(entry.path()).unwrap()).unwrap(),
        }
    }
}

/// A release with the files of its kind.
fn release(name: &str) -> Vec<u8> {
    let (folder, files): (&str, &[&str]) = match name {
        "kubernetes" => (
            "kubernetes/server/bin/",
            &[
                "kube-apiserver",
                "kube-controller-manager",
                "kube-scheduler",
                "kube-proxy",
                "kubelet",
                "kubectl",
                "kubeadm",
            ],
        ),
        "etcd" => ("etcd/", &["etcd", "etcdctl", "etcdutl"]),
        "containerd" => ("bin/", &["containerd", "containerd-shim-runc-v2", "ctr"]),
        "docker" => (
            "docker/",
            &[
                "containerd",
                "containerd-shim",
                "ctr",
                "docker",
                "docker-init",
                "docker-proxy",
                "dockerd",
                "runc",
            ],
        ),
        "cri-dockerd" => ("cri-dockerd/", &["cri-dockerd"]),
        "cni-plugins" => (
            "./",
            &[
                "bridge",
                "host-local",
                "loopback",
                "portmap",
                "bandwidth",
                "flannel",
            ],
        ),
        _ => ("", &[]),
    };
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let only = [name];
    for file in if files.is_empty() { &only[..] } else { files } {
        add(&mut tar, &format!("{folder}{file}"), 0o755, LABEL);
    }
    tar.into_inner().unwrap().finish().unwrap()
}

/// A container image without layers, as an OCI archive.
fn image() -> Vec<u8> {
    let config =
        r#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}"#;
    let config_digest = Digest::of(config.as_bytes());
    let manifest = format!(
        r#"{{"schemaVersion":2,"config":{{"digest":"sha256:{config_digest}"}},"layers":[]}}"#
    );
    let manifest_digest = Digest::of(manifest.as_bytes());
    let index = format!(r#"{{"manifests":[{{"digest":"sha256:{manifest_digest}"}}]}}"#);
    let mut tar = tar::Builder::new(Vec::new());
    for (path, text) in [
        ("oci-layout".to_owned(), r#"{"imageLayoutVersion":"1.0.0"}"#),
        ("index.json".to_owned(), &index),
        (format!("blobs/sha256/{manifest_digest}"), &manifest),
        (format!("blobs/sha256/{config_digest}"), config),
    ] {
        add(&mut tar, &path, 0o644, text);
    }
    tar.into_inner().unwrap()
}

/// A root filesystem that a blueprint takes: what every node needs of it, and the distribution's own files.
fn root(blueprint: &Blueprint) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for path in [
        blueprint.boot.kernel.replace("{version}", KERNEL),
        "usr/lib/systemd/systemd".to_owned(),
    ] {
        add(&mut tar, &path, 0o755, LABEL);
    }
    // An empty archive: all drivers are in this kernel.
    let initrd = blueprint.boot.initrd.replace("{version}", KERNEL);
    let trailer = cpio::newc::trailer(Vec::new()).unwrap();
    add(
        &mut tar,
        &initrd,
        0o644,
        &String::from_utf8(trailer).unwrap(),
    );
    let drivers = "ext4 virtio_pci virtio_blk sd_mod virtio_scsi nvme ahci vmw_pvscsi hv_storvsc xen_blkfront virtio_net \
                   overlay br_netfilter bridge veth nf_conntrack vmxnet3 hv_netvsc xen_netfront e1000e igb";
    let builtin: String = drivers
        .split(' ')
        .map(|driver| format!("kernel/{driver}.ko\n"))
        .collect();
    let modules = format!("usr/lib/modules/{KERNEL}/modules.builtin");
    add(&mut tar, &modules, 0o644, &builtin);
    let mut lib = tar::Header::new_gnu();
    lib.set_entry_type(tar::EntryType::Symlink);
    lib.set_mode(0o777);
    lib.set_uid(0);
    lib.set_gid(0);
    lib.set_mtime(0);
    lib.set_size(0);
    tar.append_link(&mut lib, "lib", "usr/lib").unwrap();
    let commands = "ip iptables mount modprobe touch nsenter ebtables ethtool socat tc conntrack growpart resize2fs";
    for command in commands.split(' ') {
        add(&mut tar, &format!("usr/bin/{command}"), 0o755, LABEL);
    }
    let own = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/guides/bases")
        .join(&blueprint.name);
    add_folder(&mut tar, &own, "");
    tar.into_inner().unwrap()
}

fn add_folder<W: std::io::Write>(tar: &mut tar::Builder<W>, folder: &Path, at: &str) {
    let mut entries: Vec<_> = fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(Result::unwrap)
        .collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = format!("{at}{}", entry.file_name().to_string_lossy());
        match entry.file_type().unwrap().is_dir() {
            true => add_folder(tar, &entry.path(), &format!("{path}/")),
            false => {
                let mode = if path.ends_with("shadow") {
                    0o640
                } else {
                    0o644
                };
                add(tar, &path, mode, &fs::read_to_string(entry.path()).unwrap());
            }
        }
    }
}

fn add<W: std::io::Write>(tar: &mut tar::Builder<W>, path: &str, mode: u32, content: &str) {
    let mut header = tar::Header::new_gnu();
    header.set_mode(mode);
    header.set_size(content.len() as u64);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    let path = path.trim_start_matches('/');
    tar.append_data(&mut header, path, content.as_bytes())
        .unwrap();
}
