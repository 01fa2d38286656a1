//! What kimage writes into the images of a cluster whose nodes join by tokens.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::SystemTime;

use aws_lc_rs::rand::SystemRandom;
use kimage::blueprint::Blueprints;
use kimage::compose::{self, Materials, Programs, RoleOverlays};
use kimage::facts;
use kimage::overlay::Overlays;
use kimage::plan;
use kimage::spec::{self, Version};
use kimage::tree::{Content, Kind};
use kimage::trust::{self, Secrets};

pub(crate) const MASTER: &str = "k8s-master-1";
pub(crate) const WORKER: &str = "k8s-node-1";

/// The files of one node by path, with their modes.
pub(crate) struct Files(BTreeMap<String, (u16, Vec<u8>)>);

impl Files {
    pub(crate) fn has(&self, path: &str) -> bool {
        self.0.contains_key(path)
    }

    pub(crate) fn mode(&self, path: &str) -> u16 {
        self.0[path].0
    }

    pub(crate) fn text(&self, path: &str) -> String {
        let (_, bytes) = self.0.get(path).unwrap_or_else(|| panic!("no `{path}`"));
        String::from_utf8(bytes.clone()).unwrap()
    }

    /// The flags of a unit's program.
    pub(crate) fn flags(&self, unit: &str) -> Vec<String> {
        self.text(&format!("/etc/systemd/system/{unit}.service"))
            .lines()
            .map(|line| line.trim().trim_end_matches(" \\"))
            .filter(|line| line.starts_with("--"))
            .map(str::to_owned)
            .collect()
    }

    /// Writes every file below a path to a folder, changed.
    pub(crate) fn write(&self, below: &str, folder: &Path, change: impl Fn(&str) -> String) {
        for (path, (mode, bytes)) in &self.0 {
            let Some(path) = path.strip_prefix(below) else {
                continue;
            };
            let target = folder.join(path.trim_start_matches('/'));
            fs::create_dir_all(target.parent().unwrap()).unwrap();
            let text = change(std::str::from_utf8(bytes).unwrap());
            fs::OpenOptions::new()
                .create(true)
                .truncate(true)
                .write(true)
                .mode((*mode).into())
                .open(&target)
                .unwrap();
            fs::write(&target, text).unwrap();
            fs::set_permissions(&target, fs::Permissions::from_mode((*mode).into())).unwrap();
        }
    }
}

/// The files of a master and a worker, for a version and the content of `bootstrap`.
pub(crate) fn images(version: Version, bootstrap: &str) -> [Files; 2] {
    let minor = facts::minor(version).unwrap();
    let blueprints = Blueprints::embedded().unwrap();
    let name = minor.name().parse().unwrap();
    let image = blueprints
        .iter()
        .find(|image| image.refuses(name).is_none());
    let image = &image
        .unwrap_or_else(|| panic!("no image for {version}"))
        .name;
    let text = format!(
        "{{apiVersion: kimage/v1alpha1, kind: Cluster, name: lab, kubernetes: {{version: {version}}}, image: {image}, \
         join: bootstrap, bootstrap: {bootstrap}, kubeProxy: {{credentials: service-account}}, \
         nodes: [{{name: {MASTER}, role: master, address: 192.0.2.11/24, interface: eth0}}, \
         {{name: {WORKER}, role: worker, address: 192.0.2.21/24, interface: eth0}}]}}"
    );
    let (cluster, _) = spec::parse(&text, "cluster.yaml").unwrap();
    let plan = plan::plan(&cluster, &blueprints).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let requests = trust::requests(&cluster, &minor.admin_organization);
    let credentials = Secrets::at(folder.path().join("secrets"))
        .ensure(&requests, SystemTime::now().into(), &SystemRandom::new())
        .unwrap()
        .credentials;
    let overlays = Overlays::embedded().unwrap();
    [0, 1].map(|place| {
        let node = &plan.nodes[place];
        let materials = Materials {
            cluster: &cluster,
            accounts: None,
            credentials: &credentials.for_node(&cluster.nodes[place]).unwrap(),
            programs: &Programs::new(),
            images: &[],
            addons: &[],
            audit_policy: None,
            policy: None,
        };
        let measured = RoleOverlays::measure(&overlays, &plan, node).unwrap();
        let layers = compose::layers(node, &measured, &materials).unwrap();
        let tree = compose::tree(None, layers, node, &materials).unwrap();
        let files = tree.entries().filter_map(|(path, entry)| {
            let bytes = match &entry.kind {
                Kind::File(Content::Bytes(bytes)) => bytes.to_vec(),
                Kind::File(Content::Secret(secret)) => secret.expose().to_vec(),
                _ => return None,
            };
            Some((path.as_str().to_owned(), (entry.meta.mode, bytes)))
        });
        Files(files.collect())
    })
}
