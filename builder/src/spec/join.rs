//! How a node becomes a member of its cluster.

use serde::Serialize;

/// How a node becomes a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Join {
    /// Its kubelet's certificates lie in its image.
    Certificate,
    /// Its kubelet asks for a client certificate with a token that lies in its image: TLS bootstrapping.
    Bootstrap(Bootstrap),
    /// kubeadm brings it in when it first starts, with a certificate that lies in its image.
    Kubeadm,
}

/// What TLS bootstrapping needs beside a token per node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Bootstrap {
    /// Lifetime of a token.
    pub days: u32,
    /// Where the API server looks tokens up.
    pub tokens: TokenStore,
    /// Where a kubelet's certificate as a server comes from.
    pub serving_certificates: ServingCertificates,
}

/// Where the API server looks tokens up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenStore {
    /// In Secrets of the cluster, each with its end.
    Secret,
    /// In a file of every master, which has no place for an end.
    File,
}

/// Where the certificate comes from by which a kubelet is known as a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ServingCertificates {
    /// It lies in the image.
    Issued,
    /// The kubelet asks for it, and every master approves what names that node and nothing else.
    Approved,
    /// The kubelet signs it itself, as with kubeadm: nobody holds it against anything.
    SelfSigned,
}

impl Join {
    /// TLS bootstrapping, if that is how nodes join.
    pub fn bootstrap(&self) -> Option<&Bootstrap> {
        match self {
            Self::Certificate | Self::Kubeadm => None,
            Self::Bootstrap(bootstrap) => Some(bootstrap),
        }
    }

    /// Where a kubelet's certificate as a server comes from.
    pub fn serving_certificates(&self) -> ServingCertificates {
        match self {
            Self::Certificate => ServingCertificates::Issued,
            Self::Bootstrap(bootstrap) => bootstrap.serving_certificates,
            Self::Kubeadm => ServingCertificates::SelfSigned,
        }
    }
}
