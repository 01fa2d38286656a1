//! The cluster's own name server.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::{Checker, Finding, addresses, images};
use crate::spec::file::DnsFile;
use crate::spec::pointer::Pointer;

/// The address of its Service: the tenth of the range unless given.
pub(super) fn address(check: &mut Checker, services: Ipv4Net, dns: &DnsFile) -> Option<Ipv4Addr> {
    let nth = |number| Ipv4Addr::from(u32::from(services.network()).saturating_add(number));
    let Some(text) = &dns.address else {
        return Some(nth(10));
    };
    let network = Pointer::top().key("network");
    let at = network.key("dns").key("address");
    let address = addresses::address(check, at.clone(), text)?;
    let message = if !services.contains(&address) {
        format!("`{address}` is not in the range of Services, `{services}`")
    } else if address == services.network() {
        format!("`{address}` names the range of Services, `{services}`: nothing has that address")
    } else if address == services.broadcast() {
        format!("`{address}` is the last of the range of Services: nothing has that address")
    } else if address == nth(1) {
        format!("`{address}` is the API's: the first of the range of Services")
    } else {
        return Some(address);
    };
    check.tell(
        Finding::error(at, message)
            .suggest(format!("`{}` is usual", nth(10)))
            .with(network.key("services"), "Services"),
    );
    None
}

/// Its image, if not the one of this Kubernetes.
pub(super) fn image(check: &mut Checker, dns: &DnsFile) -> Option<String> {
    let image = dns.image.clone()?;
    let at = Pointer::top().key("network").key("dns").key("image");
    images::reference(check, at, &image);
    Some(image)
}
