//! The tokens by which nodes join, as masters hold them: Secrets to be applied, or a file of the API server.

use std::collections::BTreeMap;

use crate::secret::Secret;
use crate::spec::{NodeName, TokenStore};
use crate::trust::Token;

/// Whom every token stands for, beside the node that it was made for.
const GROUP: &str = "system:bootstrappers";

/// Where masters hold the tokens, and the text there.
pub(super) fn file(
    store: TokenStore,
    tokens: &BTreeMap<NodeName, Token>,
) -> (&'static str, Secret) {
    match store {
        TokenStore::Secret => (
            "/etc/kubernetes/addons/05-bootstrap-tokens.yaml",
            written(tokens, "---\n", manifest),
        ),
        TokenStore::File => ("/etc/kubernetes/tokens.csv", written(tokens, "", line)),
    }
}

/// A text of all tokens that leaves no copies behind while it grows.
fn written(
    tokens: &BTreeMap<NodeName, Token>,
    between: &str,
    add: fn(&mut Vec<u8>, &NodeName, &Token),
) -> Secret {
    let mut text = Vec::with_capacity(1024 * (tokens.len() + 1));
    for (place, (node, token)) in tokens.iter().enumerate() {
        if place > 0 {
            text.extend_from_slice(between.as_bytes());
        }
        add(&mut text, node, token);
    }
    Secret::new(text)
}

/// See <https://kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens/#bootstrap-token-secret-format>.
/// Everything is quoted: a token of digits is text, too.
fn manifest(text: &mut Vec<u8>, node: &NodeName, token: &Token) {
    let id = token.id();
    text.extend_from_slice(
        format!(
            "apiVersion: v1
kind: Secret
metadata:
  name: bootstrap-token-{id}
  namespace: kube-system
type: bootstrap.kubernetes.io/token
stringData:
  description: \"By this {node} joins the cluster.\"
  token-id: \"{id}\"
  token-secret: \""
        )
        .as_bytes(),
    );
    text.extend_from_slice(token.secret().expose());
    text.extend_from_slice(
        format!(
            "\"
  expiration: \"{}\"
  usage-bootstrap-authentication: \"true\"
  usage-bootstrap-signing: \"true\"
",
            token.end()
        )
        .as_bytes(),
    );
}

/// See <https://kubernetes.io/docs/reference/access-authn-authz/authentication/#static-token-file>.
fn line(text: &mut Vec<u8>, _: &NodeName, token: &Token) {
    text.extend_from_slice(token.bearer().expose());
    text.extend_from_slice(format!(",kubelet-bootstrap,10001,\"{GROUP}\"\n").as_bytes());
}
