//! Asks a master's API how the nodes are.
//!
//! The connection goes to a port of this machine's loopback, whatever the name in the certificate; no proxy, no resolver.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde::Deserialize;
use ureq::http::Uri;
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts};
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, config::Config};

use super::{ApiAccess, BootError};
use crate::tls;

/// An emulated guest needs seconds for a first handshake.
const PATIENCE: Duration = Duration::from_secs(15);

/// The API of one master.
pub(super) struct Api {
    agent: Agent,
    nodes: String,
}

/// How a node is, as the API has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NodeStatus {
    pub(super) name: String,
    /// Which boot of the machine the kubelet spoke of.
    pub(super) boot: String,
    pub(super) ready: bool,
    /// What the kubelet says about it.
    pub(super) message: String,
}

#[derive(Debug)]
struct Here(SocketAddr);

impl Resolver for Here {
    fn resolve(
        &self,
        _: &Uri,
        _: &Config,
        _: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let mut addresses = self.empty();
        addresses.push(self.0);
        Ok(addresses)
    }
}

impl Api {
    /// The API that answers at a port of this machine's loopback.
    pub(super) fn new(access: &ApiAccess, port: u16) -> Result<Self, BootError> {
        let unusable = |source| BootError::Credentials { source };
        let certificate = |pem: &str| Certificate::from_pem(pem.as_bytes()).map_err(unusable);
        let key = PrivateKey::from_pem(access.key.expose()).map_err(unusable)?;
        let client = ClientCert::new_with_certs(&[certificate(&access.certificate)?], key);
        let authority = certificate(&access.authority)?;
        let tls = tls::settings()
            .root_certs(RootCerts::new_with_certs(&[authority]))
            .client_cert(Some(client))
            .build();
        let config = Agent::config_builder()
            .tls_config(tls)
            .proxy(None)
            .timeout_global(Some(PATIENCE))
            .build();
        let here = Here((Ipv4Addr::LOCALHOST, port).into());
        Ok(Self {
            agent: Agent::with_parts(config, DefaultConnector::default(), here),
            nodes: format!("https://{}:{port}/api/v1/nodes", access.server_name),
        })
    }

    /// The nodes that the API knows.
    pub(super) fn nodes(&self) -> Result<Vec<NodeStatus>, ureq::Error> {
        let text = self
            .agent
            .get(&self.nodes)
            .call()?
            .body_mut()
            .read_to_string()?;
        parse(&text).map_err(|error| ureq::Error::Other(error.into()))
    }
}

#[derive(Deserialize)]
struct NodeList {
    items: Vec<NodeItem>,
}

#[derive(Deserialize)]
struct NodeItem {
    metadata: Metadata,
    #[serde(default)]
    status: Status,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
}

#[derive(Deserialize, Default)]
struct Status {
    #[serde(default)]
    conditions: Vec<Condition>,
    #[serde(default, rename = "nodeInfo")]
    node_info: NodeInfo,
}

#[derive(Deserialize)]
struct Condition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
    #[serde(default)]
    message: String,
}

#[derive(Deserialize, Default)]
struct NodeInfo {
    #[serde(default, rename = "bootID")]
    boot_id: String,
}

/// Reads a `v1.NodeList`.
fn parse(text: &str) -> Result<Vec<NodeStatus>, serde_json::Error> {
    let list: NodeList = serde_json::from_str(text)?;
    let status = |item: NodeItem| {
        let mut conditions = item.status.conditions.into_iter();
        let ready = conditions.find(|condition| condition.kind == "Ready");
        NodeStatus {
            name: item.metadata.name,
            boot: item.status.node_info.boot_id,
            ready: ready.as_ref().is_some_and(|ready| ready.status == "True"),
            message: ready.map(|ready| ready.message).unwrap_or_default(),
        }
    };
    Ok(list.items.into_iter().map(status).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_node_is_ready_when_its_condition_of_that_name_is_true() {
        let text = r#"{"kind": "NodeList", "items": [
            {"metadata": {"name": "a"}, "status": {"nodeInfo": {"bootID": "1"}, "conditions": [
                {"type": "MemoryPressure", "status": "True"},
                {"type": "Ready", "status": "False", "message": "network plugin not ready"}]}},
            {"metadata": {"name": "b"}, "status": {"nodeInfo": {"bootID": "2"}, "conditions": [
                {"type": "MemoryPressure", "status": "False"},
                {"type": "Ready", "status": "True", "message": "kubelet is posting ready status"}]}},
            {"metadata": {"name": "c"}}]}"#;
        let nodes = parse(text).unwrap();
        let ready: Vec<_> = nodes
            .iter()
            .map(|node| (node.name.as_str(), node.ready))
            .collect();
        assert_eq!(ready, [("a", false), ("b", true), ("c", false)]);
        assert_eq!(nodes[0].message, "network plugin not ready");
        assert_eq!(nodes[1].boot, "2");
    }

    proptest! {
        #[test]
        fn any_answer_is_a_list_of_nodes_or_is_refused(text in ".{0,200}") {
            let _ = parse(&text);
        }
    }
}
