//! What an image gets of a cluster's secrets.
//!
//! Types keep the promise that no authority's key reaches a worker: only [`ControlPlane`] has a place for one, and only
//! for the one that the controller manager signs with. The keys of the etcd and front-proxy authorities are in no image.

use std::collections::BTreeMap;

use time::OffsetDateTime;
use uuid::Uuid;

use super::{Certificate, Domain, Identity, Owner, Token, TrustError};
use crate::secret::Secret;
use crate::spec::{Node, NodeName, Role};

/// A certificate and its key.
#[derive(Debug, Clone)]
pub struct Pair {
    /// Public.
    pub certificate: Certificate,
    /// PEM text.
    pub key: Secret,
}

impl Pair {
    /// Certificate and key in one PEM text, as the kubelet keeps its own.
    pub fn combined(&self) -> Secret {
        Secret::new([self.certificate.pem().as_bytes(), self.key.expose()].concat())
    }
}

/// The key pair that service account tokens are signed with.
#[derive(Debug, Clone)]
pub struct ServiceAccount {
    /// PEM text.
    pub key: Secret,
    /// PEM text, `PUBLIC KEY`.
    pub public: String,
}

/// What was issued for a cluster, or for those of its nodes that were requested.
#[derive(Debug, Clone)]
pub struct Credentials {
    pub(super) authorities: BTreeMap<Domain, Certificate>,
    pub(super) kubernetes_key: Secret,
    pub(super) service_account: ServiceAccount,
    pub(super) encryption_key: Secret,
    pub(super) cluster_id: Uuid,
    pub(super) leaves: BTreeMap<(Owner, Identity), Pair>,
    pub(super) tokens: BTreeMap<NodeName, Token>,
}

/// What one node holds.
#[derive(Debug, Clone)]
pub struct NodeCredentials {
    /// Whom the node believes: its `ca.crt`.
    pub kubernetes_ca: Certificate,
    /// The kubelet towards the API.
    pub kubelet: KubeletIdentity,
    /// The kubelet as a server; `None` if it asks for its certificate itself.
    pub kubelet_serving: Option<Pair>,
    /// kube-proxy towards the API; `None` if the cluster gives it a token, or runs it in pods.
    pub kube_proxy: Option<Pair>,
    /// What a master holds beside; a worker has none.
    pub control_plane: Option<Box<ControlPlane>>,
    /// When the first certificate of the node ends, or its token.
    pub valid_until: OffsetDateTime,
    /// When the last certificate of the node begins.
    pub valid_from: OffsetDateTime,
}

/// By what a kubelet comes to the API the first time.
#[derive(Debug, Clone)]
pub enum KubeletIdentity {
    /// Its own certificate.
    Certificate(Box<Pair>),
    /// A token, for which it gets one.
    Token(Token),
}

/// What a master holds beside what every node holds.
#[derive(Debug, Clone)]
pub struct ControlPlane {
    /// Whom etcd and its clients believe.
    pub etcd_ca: Certificate,
    /// Whom the API server believes to speak for others.
    pub front_proxy_ca: Certificate,
    /// What the controller manager signs the certificates of kubelets with.
    pub kubernetes_ca_key: Secret,
    /// What tokens are signed with.
    pub service_account: ServiceAccount,
    /// 32 random bytes that secrets in etcd are encrypted with.
    pub encryption_key: Secret,
    /// See [`Identity::Apiserver`].
    pub apiserver: Pair,
    /// See [`Identity::ApiserverKubeletClient`].
    pub apiserver_kubelet_client: Pair,
    /// See [`Identity::ApiserverEtcdClient`].
    pub apiserver_etcd_client: Pair,
    /// See [`Identity::FrontProxyClient`].
    pub front_proxy_client: Pair,
    /// See [`Identity::ControllerManager`].
    pub controller_manager: Pair,
    /// See [`Identity::Scheduler`].
    pub scheduler: Pair,
    /// See [`Identity::Admin`].
    pub admin: Pair,
    /// See [`Identity::Bootstrap`].
    pub bootstrap: Pair,
    /// See [`Identity::Approver`]; `None` where nothing is left to approve.
    pub approver: Option<Pair>,
    /// The tokens of all nodes, by name.
    pub tokens: BTreeMap<NodeName, Token>,
    /// See [`Identity::EtcdServer`].
    pub etcd_server: Pair,
    /// See [`Identity::EtcdPeer`].
    pub etcd_peer: Pair,
    /// See [`Identity::EtcdHealthcheckClient`].
    pub etcd_healthcheck_client: Pair,
}

impl Credentials {
    /// The certificate of an authority.
    pub fn authority(&self, domain: Domain) -> &Certificate {
        // Every domain gets one when this is made.
        &self.authorities[&domain]
    }

    /// A number that no other cluster has, the same for as long as the secrets directory lives.
    pub fn cluster_id(&self) -> Uuid {
        self.cluster_id
    }

    /// The administrator's certificate and key, for a kubeconfig on the machine that builds.
    pub fn admin(&self) -> Option<&Pair> {
        self.leaves.get(&(Owner::Cluster, Identity::Admin))
    }

    /// When the first token of a node ends, if nodes join by tokens.
    pub fn tokens_until(&self) -> Option<OffsetDateTime> {
        self.tokens.values().map(Token::not_after).min()
    }

    /// What a node holds.
    ///
    /// # Errors
    ///
    /// [`TrustError::NotIssued`] if the node was not among what was requested.
    pub fn for_node(&self, node: &Node) -> Result<NodeCredentials, TrustError> {
        let optional = |identity: Identity| {
            let owner = match identity {
                Identity::Admin => Owner::Cluster,
                _ => Owner::Node(node.name.clone()),
            };
            self.leaves.get(&(owner, identity)).cloned()
        };
        let missing = || TrustError::NotIssued(node.name.clone());
        let pair = |identity: Identity| optional(identity).ok_or_else(missing);
        let token = self.tokens.get(&node.name);
        let control_plane = match node.role {
            Role::Master => Some(Box::new(ControlPlane {
                etcd_ca: self.authority(Domain::Etcd).clone(),
                front_proxy_ca: self.authority(Domain::FrontProxy).clone(),
                kubernetes_ca_key: self.kubernetes_key.clone(),
                service_account: self.service_account.clone(),
                encryption_key: self.encryption_key.clone(),
                apiserver: pair(Identity::Apiserver)?,
                apiserver_kubelet_client: pair(Identity::ApiserverKubeletClient)?,
                apiserver_etcd_client: pair(Identity::ApiserverEtcdClient)?,
                front_proxy_client: pair(Identity::FrontProxyClient)?,
                controller_manager: pair(Identity::ControllerManager)?,
                scheduler: pair(Identity::Scheduler)?,
                admin: pair(Identity::Admin)?,
                bootstrap: pair(Identity::Bootstrap)?,
                approver: optional(Identity::Approver),
                tokens: self.tokens.clone(),
                etcd_server: pair(Identity::EtcdServer)?,
                etcd_peer: pair(Identity::EtcdPeer)?,
                etcd_healthcheck_client: pair(Identity::EtcdHealthcheckClient)?,
            })),
            Role::Worker => None,
        };
        let held: Vec<Pair> = Identity::ALL
            .into_iter()
            .filter(|identity| node.role == Role::Master || identity.on_workers())
            .filter_map(optional)
            .collect();
        let kubernetes_ca = self.authority(Domain::Kubernetes).clone();
        let authorities = match node.role {
            Role::Master => Domain::ALL.as_slice(),
            Role::Worker => &[Domain::Kubernetes],
        };
        let valid_until = authorities
            .iter()
            .map(|domain| self.authority(*domain).not_after())
            .chain(held.iter().map(|pair| pair.certificate.not_after()))
            .chain(token.map(Token::not_after))
            .min()
            .unwrap_or(kubernetes_ca.not_after());
        let valid_from = held
            .iter()
            .map(|pair| pair.certificate.not_before())
            .max()
            .unwrap_or(kubernetes_ca.not_before());
        Ok(NodeCredentials {
            kubernetes_ca,
            kubelet: match token {
                Some(token) => KubeletIdentity::Token(token.clone()),
                None => KubeletIdentity::Certificate(Box::new(pair(Identity::Kubelet)?)),
            },
            kubelet_serving: optional(Identity::KubeletServing),
            kube_proxy: optional(Identity::KubeProxy),
            control_plane,
            valid_until,
            valid_from,
        })
    }
}
