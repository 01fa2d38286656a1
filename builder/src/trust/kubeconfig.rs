//! Kubeconfigs: where the API is, whom to believe, and as whom to come.
//!
//! One cluster, one user, one context. The text is the same for the same values. Follows
//! <https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/>.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Certificate, Pair, Token};
use crate::secret::Secret;

/// Which API, under which names.
#[derive(Debug, Clone, Copy)]
pub struct Access<'a> {
    /// The cluster's name in the file.
    pub cluster: &'a str,
    /// `https://host:port`.
    pub server: &'a str,
    /// The user's name in the file; who one is to the API is for the certificate to say.
    pub user: &'a str,
    /// Whom to believe; always embedded.
    pub authority: &'a Certificate,
}

/// A kubeconfig with certificate and key in it.
pub fn embedded(access: &Access<'_>, pair: &Pair) -> Secret {
    let mut text = String::with_capacity(3 * (pair.key.expose().len() + 4096));
    head(&mut text, access);
    text.push_str("    client-certificate-data: ");
    STANDARD.encode_string(pair.certificate.pem(), &mut text);
    text.push_str("\n    client-key-data: ");
    STANDARD.encode_string(pair.key.expose(), &mut text);
    text.push('\n');
    Secret::new(text.into_bytes())
}

/// A kubeconfig that names files of the node. The kubelet needs this kind: it renews its certificate, and names
/// its `kubelet-client-current.pem` for both.
pub fn referencing(access: &Access<'_>, certificate: &str, key: &str) -> Secret {
    let mut text = String::new();
    head(&mut text, access);
    text.push_str(&format!(
        "    client-certificate: {}\n    client-key: {}\n",
        quoted(certificate),
        quoted(key)
    ));
    Secret::new(text.into_bytes())
}

/// A kubeconfig by which a kubelet comes the first time: it shows its token, and asks for a certificate.
pub fn bootstrapping(access: &Access<'_>, token: &Token) -> Secret {
    let bearer = token.bearer();
    let mut text = String::with_capacity(4 * 4096);
    head(&mut text, access);
    // In quotation marks: a token of digits is no number.
    text.push_str("    token: \"");
    text.push_str(&String::from_utf8_lossy(bearer.expose()));
    text.push_str("\"\n");
    Secret::new(text.into_bytes())
}

/// A kubeconfig that names a file of the node with a token in it, which clients read again as it changes.
pub fn token_file(access: &Access<'_>, token: &str) -> Secret {
    let mut text = String::new();
    head(&mut text, access);
    text.push_str(&format!("    tokenFile: {}\n", quoted(token)));
    Secret::new(text.into_bytes())
}

/// Everything up to the user's credentials, which stand last so that nothing follows what differs in length.
fn head(text: &mut String, access: &Access<'_>) {
    let cluster = quoted(access.cluster);
    let user = quoted(access.user);
    text.push_str(&format!(
        "apiVersion: v1
kind: Config
clusters:
- name: {cluster}
  cluster:
    server: {server}
    certificate-authority-data: {authority}
contexts:
- name: {context}
  context:
    cluster: {cluster}
    user: {user}
current-context: {context}
users:
- name: {user}
  user:
",
        server = quoted(access.server),
        authority = STANDARD.encode(access.authority.pem()),
        context = quoted(&format!("{}@{}", access.user, access.cluster)),
    ));
}

/// A string of JSON, which is one of YAML.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
