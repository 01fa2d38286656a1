//! What spreads requests over the masters.

use std::net::Ipv4Addr;

use super::control_plane::is_free;
use super::nodes::Checked;
use super::{Checker, Finding};
use crate::spec::Role;
use crate::spec::cluster::LoadBalancer;
use crate::spec::file::{ControlPlaneFile, LoadBalancerKind};
use crate::spec::pointer::Pointer;

const PORT: u16 = 8443;
/// keepalived's own example has it, too: two groups in one network must not both leave it out.
const ROUTER_ID: u8 = 51;

/// The kind that a file asks for.
pub(super) fn kind(given: &ControlPlaneFile) -> LoadBalancerKind {
    let balancer = given.load_balancer.as_ref();
    balancer
        .and_then(|balancer| balancer.kind)
        .unwrap_or(LoadBalancerKind::None)
}

/// Tells that a balancer has no address.
pub(super) fn without_address(check: &mut Checker, top: &Pointer, given: &ControlPlaneFile) {
    let (problem, advice) = match kind(given) {
        LoadBalancerKind::HaproxyKeepalived => (
            "which address the masters share is not said",
            "set `controlPlane.endpoint` to a free address in their network",
        ),
        _ => (
            "where the external load balancer is, is not said",
            "set `controlPlane.endpoint` to its name or address",
        ),
    };
    let at = top.key("loadBalancer").key("kind");
    check.tell(Finding::error(at, problem).suggest(advice));
}

/// The section `controlPlane.loadBalancer`.
pub(super) fn check(
    check: &mut Checker,
    top: &Pointer,
    given: &ControlPlaneFile,
    api_port: u16,
    endpoint: Option<&str>,
    nodes: &[Checked],
) -> Option<LoadBalancer> {
    let at = top.key("loadBalancer");
    let kind = kind(given);
    let balancer = given.load_balancer.clone().unwrap_or_default();
    let own = matches!(
        kind,
        LoadBalancerKind::Nginx | LoadBalancerKind::HaproxyKeepalived
    );
    if balancer.port.is_some() && !own {
        check.tell(
            Finding::error(at.key("port"), "this load balancer is not kimage's")
                .suggest("the port that clients use is `controlPlane.port`"),
        );
    }
    if balancer.router_id.is_some() && kind != LoadBalancerKind::HaproxyKeepalived {
        check.tell(
            Finding::error(at.key("routerId"), "no address moves between the masters")
                .suggest("only `kind: haproxy-keepalived` needs it"),
        );
    }
    let port = balancer.port.unwrap_or(PORT);
    if own {
        is_free(check, at.key("port"), port, "8443 is usual");
        if port == api_port {
            check.tell(
                Finding::error(
                    at.key(if balancer.port.is_some() {
                        "port"
                    } else {
                        "kind"
                    }),
                    format!("the load balancer and the API cannot both listen on port {port}"),
                )
                .suggest("8443 is usual for the load balancer, 6443 for the API"),
            );
        }
    }
    match kind {
        LoadBalancerKind::None => Some(LoadBalancer::None),
        LoadBalancerKind::External => Some(LoadBalancer::External),
        LoadBalancerKind::Nginx => Some(LoadBalancer::Nginx { port }),
        LoadBalancerKind::HaproxyKeepalived => Some(LoadBalancer::HaproxyKeepalived {
            address: shared_address(check, top.key("endpoint"), endpoint?, nodes)?,
            port,
            router_id: balancer.router_id.unwrap_or(ROUTER_ID),
        }),
    }
}

/// The address that masters share: nobody's own, and in the network of all of them.
fn shared_address(
    check: &mut Checker,
    at: Pointer,
    endpoint: &str,
    nodes: &[Checked],
) -> Option<Ipv4Addr> {
    let Ok(address) = endpoint.parse::<Ipv4Addr>() else {
        check.tell(
            Finding::error(at, format!("`{endpoint}` is no address that can move"))
                .suggest("write the address; the name can go to `controlPlane.sans`"),
        );
        return None;
    };
    for node in nodes.iter().filter(|node| node.role == Role::Master) {
        let Some(own) = node.address else { continue };
        let finding = if own.addr() == address {
            Finding::error(
                at,
                format!(
                    "`{address}` is the own address of the master `{}`",
                    node.name
                ),
            )
            .with(node.at.key("address"), "it goes away with this master")
        } else if !own.contains(&address) {
            Finding::error(
                at,
                format!(
                    "`{address}` is not in the network of the master `{}`",
                    node.name
                ),
            )
            .with(node.at.key("address"), "it could not move here")
        } else {
            continue;
        };
        check.tell(finding.suggest("take a free address in the masters' network"));
        return None;
    }
    Some(address)
}
