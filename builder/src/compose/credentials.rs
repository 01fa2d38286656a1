//! Certificates, keys and kubeconfigs: which of them a node holds, where, and who may read them.
//!
//! Names are kubeadm's, because that is what people and their tools look for. Every file that differs between nodes has the
//! same size on all of them: PEM, YAML and kubeconfigs end in as many line feeds as it takes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{ComposeError, Materials, accounts, tokens};
use crate::plan::{ACCOUNTS, NodePlan, PROXY_TOKEN};
use crate::secret::Secret;
use crate::spec::{Cluster, Join};
use crate::tree::{Content, Kind, Layer, Meta, Origin, Overwrite, Sharing};
use crate::trust::kubeconfig::{Access, bootstrapping, embedded, referencing, token_file};
use crate::trust::{Certificate, ControlPlane, KubeletIdentity, Pair};

/// Room for a certificate or a key, in bytes: RSA 4096 with a dozen names takes 3,300.
const PEM: usize = 8 << 10;

/// Room for a kubeconfig, which holds three PEM texts in base64, or for a kubelet's certificate with its key.
const KUBECONFIG: usize = 16 << 10;

/// Room for a time.
const CLOCK: usize = 16;

/// The stage.
pub(super) fn layer(node: &NodePlan, materials: &Materials<'_>) -> Result<Layer, ComposeError> {
    let mut files = Files {
        layer: Layer::new(Origin::new("stage credentials")),
        cluster: materials.cluster,
    };
    let held = materials.credentials;
    let pki = &node.values.cluster.paths.pki;
    // Where the kubelet keeps its client certificate, and renews it.
    let kubelet_pki = format!("{}/pki", node.values.cluster.paths.kubelet);
    let itself = format!("system:node:{}", node.name);
    let access = |user| Access {
        cluster: &node.values.cluster.name,
        server: &node.values.node.api.url,
        user,
        authority: &held.kubernetes_ca,
    };
    let discovery = match materials.cluster.join {
        Join::Kubeadm => Some(&node.values.cluster.api.url),
        Join::Certificate | Join::Bootstrap(_) => None,
    };
    // `kubeadm join` brings a worker its own, and refuses where there is one.
    if discovery.is_none() || held.control_plane.is_some() {
        files.shared(&format!("{pki}/ca.crt"), 0o644, &held.kubernetes_ca)?;
    }
    if let Some(serving) = &held.kubelet_serving {
        files.pair(&format!("{pki}/kubelet"), "kubelet-serving", serving, None)?;
    }
    match &held.kubelet {
        KubeletIdentity::Certificate(pair) => {
            if let Some(server) = discovery {
                let found = Access {
                    server,
                    ..access(&itself)
                };
                files.kubeconfig("discovery", &found, pair)?;
            }
            if discovery.is_none() || held.control_plane.is_some() {
                files.kubelet(&access(&itself), pair, &kubelet_pki)?;
            }
        }
        KubeletIdentity::Token(token) => files.own(
            "/etc/kubernetes/bootstrap.kubeconfig",
            0o600,
            0,
            bootstrapping(&access("kubelet-bootstrap"), token),
            KUBECONFIG,
        )?,
    }
    match &held.kube_proxy {
        Some(pair) => files.kubeconfig("kube-proxy", &access("system:kube-proxy"), pair)?,
        None if node.values.cluster.kube_proxy.token.is_none() => {}
        None => files.own(
            "/etc/kubernetes/kube-proxy.conf",
            0o600,
            0,
            token_file(&access("kube-proxy"), PROXY_TOKEN),
            KUBECONFIG,
        )?,
    }
    files.earliest(held.valid_from)?;
    if let Some(master) = &held.control_plane {
        control_plane(&mut files, node, master)?;
        // Of what kubeadm starts, these talk to the API server beside them.
        let beside = format!(
            "https://{}:{}",
            node.values.node.address, node.values.cluster.secure_port
        );
        let own = |user| Access {
            server: match discovery {
                Some(_) => &beside,
                None => &node.values.node.api.url,
            },
            ..access(user)
        };
        files.kubeconfig(
            "controller-manager",
            &own("system:kube-controller-manager"),
            &master.controller_manager,
        )?;
        files.kubeconfig(
            "scheduler",
            &own("system:kube-scheduler"),
            &master.scheduler,
        )?;
        files.kubeconfig("admin", &access("kubernetes-admin"), &master.admin)?;
        // Where kubectl looks by itself.
        files.directory("/root/.kube", 0o700)?;
        files.link("/root/.kube/config", "/etc/kubernetes/admin.conf")?;
        files.kubeconfig(
            "super-admin",
            &access("kimage-bootstrap"),
            &master.bootstrap,
        )?;
        if let Some(approver) = &master.approver {
            files.kubeconfig("approver", &access("kimage-approver"), approver)?;
        }
        if let Some(bootstrap) = materials.cluster.join.bootstrap() {
            let (path, text) = tokens::file(bootstrap.tokens, &master.tokens);
            files.secret(path, text)?;
        }
    }
    Ok(files.layer)
}

/// What only masters hold.
fn control_plane(
    files: &mut Files<'_>,
    node: &NodePlan,
    master: &ControlPlane,
) -> Result<(), ComposeError> {
    let pki = &node.values.cluster.paths.pki;
    let etcd = ACCOUNTS
        .iter()
        .find(|account| account.name == "etcd" && files.cluster.join != Join::Kubeadm)
        .map(|account| account.id);
    files.secret(&format!("{pki}/ca.key"), master.kubernetes_ca_key.clone())?;
    files.shared(
        &format!("{pki}/front-proxy-ca.crt"),
        0o644,
        &master.front_proxy_ca,
    )?;
    files.shared(&format!("{pki}/etcd/ca.crt"), 0o644, &master.etcd_ca)?;
    files.text(
        &format!("{pki}/sa.pub"),
        0o644,
        master.service_account.public.clone(),
    )?;
    files.secret(&format!("{pki}/sa.key"), master.service_account.key.clone())?;
    files.secret(
        "/etc/kubernetes/encryption.yaml",
        encryption(node, &master.encryption_key),
    )?;
    for (name, certificate, pair) in [
        ("apiserver", "apiserver", &master.apiserver),
        (
            "apiserver-kubelet-client",
            "apiserver-kubelet-client",
            &master.apiserver_kubelet_client,
        ),
        (
            "apiserver-etcd-client",
            "apiserver-etcd-client",
            &master.apiserver_etcd_client,
        ),
        (
            "front-proxy-client",
            "front-proxy-client",
            &master.front_proxy_client,
        ),
        (
            "etcd/healthcheck-client",
            "etcd-healthcheck-client",
            &master.etcd_healthcheck_client,
        ),
    ] {
        files.pair(&format!("{pki}/{name}"), certificate, pair, None)?;
    }
    for (name, certificate, pair) in [
        ("etcd/server", "etcd-server", &master.etcd_server),
        ("etcd/peer", "etcd-peer", &master.etcd_peer),
    ] {
        files.pair(&format!("{pki}/{name}"), certificate, pair, etcd)?;
    }
    Ok(())
}

/// The file behind `kube-apiserver --encryption-provider-config`: secrets are written encrypted, and what was written
/// before stays readable.
///
/// See <https://kubernetes.io/docs/tasks/administer-cluster/encrypt-data/>.
fn encryption(node: &NodePlan, key: &Secret) -> Secret {
    let format = &node.values.cluster.formats.encryption;
    let mut text = format!(
        "apiVersion: {}\nkind: {}\nresources:\n- resources: [secrets]\n  providers:\n  - secretbox:\n      keys:\n      - \
         {{name: key1, secret: ",
        format.version, format.kind
    );
    STANDARD.encode_string(key.expose(), &mut text);
    text.push_str("}\n  - identity: {}\n");
    Secret::new(text.into_bytes())
}

/// The layer, and how its files are written.
struct Files<'a> {
    layer: Layer,
    cluster: &'a Cluster,
}

impl Files<'_> {
    fn add(
        &mut self,
        path: &str,
        kind: Kind,
        mode: u16,
        owner: u32,
        sharing: Sharing,
    ) -> Result<(), ComposeError> {
        let meta = Meta {
            uid: owner,
            gid: owner,
            ..Meta::root(mode)
        };
        self.layer
            .add(path.parse()?, kind, meta, sharing, Overwrite::Refuse);
        Ok(())
    }

    /// A public text that all nodes of the role share.
    fn text(&mut self, path: &str, mode: u16, text: String) -> Result<(), ComposeError> {
        self.add(
            path,
            Kind::File(Content::bytes(text)),
            mode,
            0,
            Sharing::Role,
        )
    }

    /// An authority's certificate.
    fn shared(
        &mut self,
        path: &str,
        mode: u16,
        certificate: &Certificate,
    ) -> Result<(), ComposeError> {
        self.text(path, mode, certificate.pem().to_owned())
    }

    /// A secret that all nodes of the role share.
    fn secret(&mut self, path: &str, secret: Secret) -> Result<(), ComposeError> {
        self.add(
            path,
            Kind::File(Content::Secret(secret)),
            0o600,
            0,
            Sharing::Role,
        )
    }

    /// A file of this node alone, filled up to its slot.
    fn own(
        &mut self,
        path: &str,
        mode: u16,
        owner: u32,
        text: Secret,
        slot: usize,
    ) -> Result<(), ComposeError> {
        let mut bytes = text.expose().to_vec();
        if bytes.len() > slot {
            return Err(ComposeError::SlotTooSmall {
                path: path.parse()?,
                size: bytes.len(),
                slot,
            });
        }
        bytes.resize(slot, b'\n');
        self.add(
            path,
            Kind::File(Content::Secret(Secret::new(bytes))),
            mode,
            owner,
            Sharing::Node,
        )
    }

    /// The number of the account that a certificate's key belongs to, if the cluster file gives one.
    fn owner(&self, certificate: &str) -> Option<u32> {
        let given = self.cluster.pki.certificates.get(certificate)?;
        accounts::number(given.owner.as_deref()?, None, self.cluster)
    }

    /// A certificate and its key beside it. The key is its owner's: whom the cluster file names, or the `usual` one.
    fn pair(
        &mut self,
        stem: &str,
        certificate: &str,
        pair: &Pair,
        usual: Option<u32>,
    ) -> Result<(), ComposeError> {
        let owner = self.owner(certificate).or(usual).unwrap_or(0);
        let text = Secret::new(pair.certificate.pem().as_bytes().to_vec());
        self.own(&format!("{stem}.crt"), 0o644, 0, text, PEM)?;
        self.own(&format!("{stem}.key"), 0o600, owner, pair.key.clone(), PEM)
    }

    /// A kubelet's certificate, and the kubeconfig that names it. The kubelet renews it itself: it wants a link
    /// `current`, which it moves on to the next file.
    fn kubelet(
        &mut self,
        access: &Access<'_>,
        pair: &Pair,
        kubelet_pki: &str,
    ) -> Result<(), ComposeError> {
        let owner = self.owner("kubelet").unwrap_or(0);
        self.own(
            &format!("{kubelet_pki}/kubelet-client-kimage.pem"),
            0o600,
            owner,
            pair.combined(),
            KUBECONFIG,
        )?;
        let current = format!("{kubelet_pki}/kubelet-client-current.pem");
        self.link(&current, "kubelet-client-kimage.pem")?;
        self.own(
            "/etc/kubernetes/kubelet.conf",
            0o600,
            owner,
            referencing(access, &current, &current),
            KUBECONFIG,
        )
    }

    /// A kubeconfig with everything in it: whose the key is, that is its owner.
    fn kubeconfig(
        &mut self,
        name: &str,
        access: &Access<'_>,
        pair: &Pair,
    ) -> Result<(), ComposeError> {
        let owner = self.owner(name).unwrap_or(0);
        self.own(
            &format!("/etc/kubernetes/{name}.conf"),
            0o600,
            owner,
            embedded(access, pair),
            KUBECONFIG,
        )
    }

    /// The time before which the node's clock must be wrong, in seconds since 1970: a machine without a battery would
    /// take its own certificates for not yet valid.
    fn earliest(&mut self, from: time::OffsetDateTime) -> Result<(), ComposeError> {
        let text = Secret::new(from.unix_timestamp().to_string().into_bytes());
        self.own("/etc/kimage/earliest-time", 0o644, 0, text, CLOCK)
    }

    fn directory(&mut self, path: &str, mode: u16) -> Result<(), ComposeError> {
        self.layer.directory(path.parse()?, Meta::root(mode));
        Ok(())
    }

    fn link(&mut self, path: &str, target: &str) -> Result<(), ComposeError> {
        self.layer.symlink(path.parse()?, target);
        Ok(())
    }
}
