//! The administrator's kubeconfig for the machines of one run.
//!
//! One context per master, called as the master is; the first is current. Each leads to the forward on this machine's
//! loopback, so it serves any program here while the machines run.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::ApiAccess;
use crate::secret::Secret;
use crate::spec::NodeName;

/// The text, in JSON, which is YAML. It holds the administrator's key.
pub(super) fn kubeconfig(access: &ApiAccess, masters: &[(NodeName, u16)]) -> Secret {
    let cluster = |(name, port): &(NodeName, u16)| {
        json!({"name": name, "cluster": {
            "server": format!("https://127.0.0.1:{port}"),
            "tls-server-name": access.server_name,
            "certificate-authority-data": STANDARD.encode(&access.authority),
        }})
    };
    let context = |(name, _): &(NodeName, u16)| json!({"name": name, "context": {"cluster": name, "user": "admin"}});
    let text = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": masters.iter().map(cluster).collect::<Vec<_>>(),
        "contexts": masters.iter().map(context).collect::<Vec<_>>(),
        "current-context": masters.first().map(|(name, _)| name),
        "users": [{"name": "admin", "user": {
            "client-certificate-data": STANDARD.encode(&access.certificate),
            "client-key-data": STANDARD.encode(access.key.expose()),
        }}],
    });
    Secret::new(format!("{text:#}\n").into_bytes())
}
