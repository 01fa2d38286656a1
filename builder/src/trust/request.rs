//! What a cluster needs issued: decided from its meaning alone, before anything is read or made.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use serde::Serialize;

use super::{Domain, Identity};
use crate::spec::{self, CertificateOptions, Cluster, KeyAlgorithm, Node, NodeName};

/// All that a cluster, or some of its nodes, needs issued.
#[derive(Debug, Clone, Serialize)]
pub struct Requests {
    /// For every key that is made.
    pub algorithm: KeyAlgorithm,
    /// Lifetime of an authority that is made, in years of 365 days.
    pub ca_years: u32,
    /// What the names of authorities are given to be.
    pub authorities: BTreeMap<Domain, CertificateOptions>,
    /// The tokens by which nodes join, if they join so. Every master holds all of them.
    pub tokens: Option<TokenRequest>,
    /// One per certificate, shared ones first, then by node in the order of the file.
    pub leaves: Vec<Request>,
}

/// Tokens to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TokenRequest {
    /// Days from now that one is good for.
    pub days: u32,
    /// Whose: one each.
    pub nodes: Vec<NodeName>,
}

/// One certificate to be issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Request {
    /// What it is for; implies the domain and the usages.
    pub identity: Identity,
    /// Whose it is.
    pub owner: Owner,
    /// Who it names.
    pub subject: Subject,
    /// What a server is reached by; empty for clients.
    pub names: Names,
    /// Days from now that it is good for. It starts a day earlier, for clocks that are behind.
    pub days: u32,
}

/// Whose an identity is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Owner {
    /// One for the cluster, on every master.
    Cluster,
    /// One node's own.
    Node(NodeName),
}

/// Who a certificate names: to Kubernetes, a user and a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Subject {
    /// The common name; the user.
    pub common_name: String,
    /// The organization; the group.
    pub organization: Option<String>,
    /// What is of no use to Kubernetes.
    #[serde(flatten)]
    pub place: Place,
}

/// What a subject has that is of no use to Kubernetes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Place {
    /// The part of the organization.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organizational_unit: Option<String>,
    /// The country, in two letters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// The state or province.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub province: Option<String>,
    /// The town.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locality: Option<String>,
}

impl Subject {
    /// A common name and nothing else.
    pub fn named(common_name: impl Into<String>) -> Self {
        Self {
            common_name: common_name.into(),
            organization: None,
            place: Place::default(),
        }
    }

    /// With what is given in the place of its own.
    pub(super) fn with(self, given: &CertificateOptions) -> Self {
        let CertificateOptions {
            common_name,
            subject,
            owner: _,
        } = given;
        let either = |given: &Option<String>, own| given.clone().or(own);
        Self {
            common_name: common_name.clone().unwrap_or(self.common_name),
            organization: either(&subject.organization, self.organization),
            place: Place {
                organizational_unit: either(
                    &subject.organizational_unit,
                    self.place.organizational_unit,
                ),
                country: either(&subject.country, self.place.country),
                province: either(&subject.province, self.place.province),
                locality: either(&subject.locality, self.place.locality),
            },
        }
    }
}

/// Subject alternative names: each list sorted, nothing twice.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Names {
    /// Host names.
    pub dns: BTreeSet<String>,
    /// Addresses.
    pub ip: BTreeSet<IpAddr>,
}

impl Names {
    /// Sorts names and addresses apart.
    pub fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut sorted = Self::default();
        for name in names {
            match name.parse() {
                Ok(address) => sorted.ip.insert(address),
                Err(_) => sorted.dns.insert(name.to_owned()),
            };
        }
        sorted
    }
}

impl Request {
    /// Which authority vouches for it.
    pub fn domain(&self) -> Domain {
        self.identity.domain()
    }

    /// Where its certificate (`crt`) or key (`key`) is in the secrets directory.
    pub fn file(&self, kind: &str) -> PathBuf {
        let name = format!("{}.{kind}", self.identity.stem());
        match &self.owner {
            Owner::Cluster => PathBuf::from(name),
            Owner::Node(node) => PathBuf::from("nodes").join(node.as_str()).join(name),
        }
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.owner {
            Owner::Cluster => write!(f, "{}", self.identity),
            Owner::Node(name) => write!(f, "{} of {name}", self.identity),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (attribute, value) in [
            ("C", &self.place.country),
            ("ST", &self.place.province),
            ("L", &self.place.locality),
            ("O", &self.organization),
            ("OU", &self.place.organizational_unit),
        ] {
            if let Some(value) = value {
                write!(f, "{attribute}={value}, ")?;
            }
        }
        write!(f, "CN={}", self.common_name)
    }
}

impl Requests {
    /// Only the named nodes' own certificates, and what masters share: among it everybody's tokens, if there is a node.
    pub fn only(&self, nodes: &[&NodeName]) -> Self {
        let wanted = |request: &&Request| match &request.owner {
            Owner::Cluster => true,
            Owner::Node(name) => nodes.contains(&name),
        };
        Self {
            algorithm: self.algorithm,
            ca_years: self.ca_years,
            authorities: self.authorities.clone(),
            tokens: self.tokens.clone().filter(|_| !nodes.is_empty()),
            leaves: self.leaves.iter().filter(wanted).cloned().collect(),
        }
    }
}

/// Decides what a cluster needs issued. `admin_group` is the group that its version of Kubernetes puts administrators
/// in, which the facts know (`admin_organization`): `system:masters`, or one that is bound to `cluster-admin` and whose
/// rights can therefore be taken back.
pub fn requests(cluster: &Cluster, admin_group: &str) -> Requests {
    let mut leaves = vec![Request {
        identity: Identity::Admin,
        owner: Owner::Cluster,
        subject: subject(cluster, Identity::Admin, "", admin_group),
        names: Names::default(),
        days: cluster.pki.leaf_days,
    }];
    for node in &cluster.nodes {
        let own = Identity::of(node.role, cluster).filter(|identity| *identity != Identity::Admin);
        leaves.extend(own.map(|identity| Request {
            identity,
            owner: Owner::Node(node.name.clone()),
            subject: subject(cluster, identity, node.name.as_str(), admin_group),
            names: names(identity, cluster, node),
            days: cluster.pki.leaf_days,
        }));
    }
    Requests {
        algorithm: cluster.pki.algorithm,
        ca_years: cluster.pki.ca_years,
        authorities: Domain::ALL
            .into_iter()
            .filter_map(|domain| {
                let given = cluster.pki.certificates.get(domain.authority_key())?;
                Some((domain, given.clone()))
            })
            .collect(),
        tokens: cluster.join.bootstrap().map(|bootstrap| TokenRequest {
            days: bootstrap.days,
            nodes: cluster.nodes.iter().map(|node| node.name.clone()).collect(),
        }),
        leaves,
    }
}

/// The subject of an identity, with what the cluster file gives of it.
fn subject(cluster: &Cluster, identity: Identity, node: &str, admin_group: &str) -> Subject {
    let usual = usual_subject(identity, node, admin_group);
    match cluster.pki.certificates.get(identity.stem()) {
        Some(given) => usual.with(given),
        None => usual,
    }
}

/// The subject of an identity unless the cluster file says otherwise. Where the API server authorizes by user name a
/// group would only add rights, so there is none: `kube-apiserver-kubelet-client` needs a binding to `system:kubelet-api-admin`.
fn usual_subject(identity: Identity, node: &str, admin_group: &str) -> Subject {
    let (common_name, organization) = match identity {
        Identity::Apiserver => ("kube-apiserver", None),
        Identity::ApiserverKubeletClient => (spec::APISERVER_KUBELET_CLIENT, None),
        Identity::ApiserverEtcdClient => ("kube-apiserver-etcd-client", None),
        Identity::FrontProxyClient => (spec::FRONT_PROXY_CLIENT, None),
        Identity::ControllerManager => ("system:kube-controller-manager", None),
        Identity::Scheduler => ("system:kube-scheduler", None),
        Identity::Admin => ("kubernetes-admin", Some(admin_group)),
        // The first binding of all can only be made by this group, which no binding stands behind. A master holds the
        // authority's key anyway, so the certificate adds nothing to what can be done there.
        Identity::Bootstrap => ("kimage-bootstrap", Some("system:masters")),
        Identity::Approver => ("kimage-approver", None),
        Identity::EtcdHealthcheckClient => ("kube-etcd-healthcheck-client", None),
        Identity::EtcdServer | Identity::EtcdPeer => (node, None),
        Identity::Kubelet | Identity::KubeletServing => {
            return Subject {
                organization: Some("system:nodes".to_owned()),
                ..Subject::named(format!("system:node:{node}"))
            };
        }
        Identity::KubeProxy => ("system:kube-proxy", None),
    };
    Subject {
        organization: organization.map(str::to_owned),
        ..Subject::named(common_name)
    }
}

/// What a server of a node is reached by.
fn names(identity: Identity, cluster: &Cluster, node: &Node) -> Names {
    let mut names = Names::default();
    let loopback = [
        IpAddr::from(Ipv4Addr::LOCALHOST),
        IpAddr::from(Ipv6Addr::LOCALHOST),
    ];
    let own = |names: &mut Names| {
        names.dns.insert(node.name.to_string());
        names.ip.insert(node.address.addr().into());
    };
    match identity {
        Identity::Apiserver => {
            let given = cluster.control_plane.sans.iter().map(String::as_str);
            names = Names::of(given.chain([cluster.control_plane.endpoint.as_str()]));
            own(&mut names);
            let service = format!("kubernetes.default.svc.{}", cluster.network.domain);
            names.dns.extend(
                [
                    "kubernetes",
                    "kubernetes.default",
                    "kubernetes.default.svc",
                    &service,
                    "localhost",
                ]
                .map(str::to_owned),
            );
            names.ip.insert(cluster.api_service_address().into());
            names.ip.insert(loopback[0]);
        }
        Identity::EtcdServer | Identity::EtcdPeer => {
            own(&mut names);
            names.dns.insert("localhost".to_owned());
            names.ip.extend(loopback);
        }
        Identity::KubeletServing => own(&mut names),
        _ => {}
    }
    names
}
