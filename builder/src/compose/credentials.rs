//! Certificates, keys and kubeconfigs: which of them a node holds, where, and who may read them.
//!
//! Names are kubeadm's, because that is what people and their tools look for. Every file that differs between nodes has the
//! same size on all of them: PEM, YAML and kubeconfigs end in as many line feeds as it takes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{ComposeError, Materials};
use crate::plan::{ACCOUNTS, NodePlan};
use crate::secret::Secret;
use crate::tree::{Content, Kind, Layer, Meta, Origin, Overwrite, Sharing};
use crate::trust::kubeconfig::{Access, embedded, referencing};
use crate::trust::{Certificate, ControlPlane, Pair};

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
    files.shared(&format!("{pki}/ca.crt"), 0o644, &held.kubernetes_ca)?;
    files.pair(&format!("{pki}/kubelet"), &held.kubelet_serving, None)?;
    // The kubelet renews this one itself: it wants a link `current`, which it moves on to the next file.
    files.own(
        &format!("{kubelet_pki}/kubelet-client-kimage.pem"),
        0o600,
        0,
        held.kubelet.combined(),
        KUBECONFIG,
    )?;
    let current = format!("{kubelet_pki}/kubelet-client-current.pem");
    files.link(&current, "kubelet-client-kimage.pem")?;
    let kubelet = referencing(&access(&itself), &current, &current);
    files.own(
        "/etc/kubernetes/kubelet.conf",
        0o600,
        0,
        kubelet,
        KUBECONFIG,
    )?;
    files.kubeconfig("kube-proxy", &access("system:kube-proxy"), &held.kube_proxy)?;
    files.earliest(held.valid_from)?;
    if let Some(master) = &held.control_plane {
        control_plane(&mut files, node, master)?;
        files.kubeconfig(
            "controller-manager",
            &access("system:kube-controller-manager"),
            &master.controller_manager,
        )?;
        files.kubeconfig(
            "scheduler",
            &access("system:kube-scheduler"),
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
    }
    Ok(files.layer)
}

/// What only masters hold.
fn control_plane(
    files: &mut Files,
    node: &NodePlan,
    master: &ControlPlane,
) -> Result<(), ComposeError> {
    let pki = &node.values.cluster.paths.pki;
    let etcd = ACCOUNTS
        .iter()
        .find(|account| account.name == "etcd")
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
    for (name, pair, owner) in [
        ("apiserver", &master.apiserver, None),
        (
            "apiserver-kubelet-client",
            &master.apiserver_kubelet_client,
            None,
        ),
        ("apiserver-etcd-client", &master.apiserver_etcd_client, None),
        ("front-proxy-client", &master.front_proxy_client, None),
        ("etcd/server", &master.etcd_server, etcd),
        ("etcd/peer", &master.etcd_peer, etcd),
        (
            "etcd/healthcheck-client",
            &master.etcd_healthcheck_client,
            None,
        ),
    ] {
        files.pair(&format!("{pki}/{name}"), pair, owner)?;
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
struct Files {
    layer: Layer,
}

impl Files {
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

    /// A certificate and its key beside it.
    fn pair(&mut self, stem: &str, pair: &Pair, owner: Option<u32>) -> Result<(), ComposeError> {
        let certificate = Secret::new(pair.certificate.pem().as_bytes().to_vec());
        self.own(&format!("{stem}.crt"), 0o644, 0, certificate, PEM)?;
        self.own(
            &format!("{stem}.key"),
            0o600,
            owner.unwrap_or(0),
            pair.key.clone(),
            PEM,
        )
    }

    /// A kubeconfig with everything in it.
    fn kubeconfig(
        &mut self,
        name: &str,
        access: &Access<'_>,
        pair: &Pair,
    ) -> Result<(), ComposeError> {
        self.own(
            &format!("/etc/kubernetes/{name}.conf"),
            0o600,
            0,
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
