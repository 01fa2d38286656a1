//! What people call a certificate by, and whose its key is.

use serde::Serialize;

/// What is given about one certificate; what is `None` is kimage's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CertificateOptions {
    /// The common name.
    pub common_name: Option<String>,
    /// The rest of who it names.
    pub subject: SubjectOptions,
    /// The account that its key and kubeconfig belong to: `root`, or one of the host's users.
    pub owner: Option<String>,
}

/// What a subject has beside its common name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SubjectOptions {
    /// Two letters.
    pub country: Option<String>,
    /// State or province.
    pub province: Option<String>,
    /// Town.
    pub locality: Option<String>,
    /// To the API, a group.
    pub organization: Option<String>,
    /// Part of the organization.
    pub organizational_unit: Option<String>,
}

/// The common name of the API server towards extension APIs, unless given: they believe whoever has it.
pub const FRONT_PROXY_CLIENT: &str = "front-proxy-client";

/// The common name of the API server towards kubelets, unless given: a binding names it.
pub const APISERVER_KUBELET_CLIENT: &str = "kube-apiserver-kubelet-client";
