//! IPv4 addresses and ranges, read so that a wrong one can be told why.

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::Ipv4Net;

use super::{Checker, Finding};
use crate::spec::pointer::Pointer;

/// Ranges that no machine, pod or Service can have an address in.
const SPECIAL: &[(&str, &str)] = &[
    ("0.0.0.0/8", "addresses in 0.0.0.0/8 belong to no machine"),
    ("127.0.0.0/8", "127.0.0.0/8 is each machine's own"),
    (
        "169.254.0.0/16",
        "169.254.0.0/16 is for link-local addresses",
    ),
    (
        "224.0.0.0/3",
        "addresses from 224.0.0.0 on are multicast or reserved",
    ),
];

/// An address.
pub(super) fn address(check: &mut Checker, at: Pointer, text: &str) -> Option<Ipv4Addr> {
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    let finding = Finding::error(at, format!("`{text}` is no IPv4 address"));
    check.tell(if text.parse::<Ipv6Addr>().is_ok() {
        finding.suggest("IPv6 is not supported yet")
    } else if let Some((address, _)) = text
        .split_once('/')
        .filter(|(text, _)| text.parse::<Ipv4Addr>().is_ok())
    {
        finding.suggest(format!("only the address is needed: `{address}`"))
    } else {
        finding
    });
    None
}

/// A range, as `10.244.0.0/16`.
pub(super) fn range(check: &mut Checker, at: Pointer, text: &str) -> Option<Ipv4Net> {
    let range = with_prefix(check, at.clone(), text, "range")?;
    if range.trunc() != range {
        check.tell(
            Finding::error(at, format!("`{text}` is an address inside a range"))
                .suggest(format!("did you mean `{}`?", range.trunc())),
        );
        return None;
    }
    refuse_special(check, at, range).then_some(range)
}

/// An address and the prefix length of its network, as `192.168.76.11/24`.
pub(super) fn with_prefix(
    check: &mut Checker,
    at: Pointer,
    text: &str,
    what: &str,
) -> Option<Ipv4Net> {
    if let Ok(net) = text.parse() {
        return Some(net);
    }
    let example = match what {
        "range" => "10.244.0.0/16",
        _ => "192.168.76.11/24",
    };
    let finding = Finding::error(at, format!("`{text}` is no {what}"));
    let address = text.split('/').next().unwrap_or_default();
    check.tell(if address.parse::<Ipv6Addr>().is_ok() {
        finding.suggest("IPv6 is not supported yet")
    } else if text.parse::<Ipv4Addr>().is_ok() {
        finding.suggest(format!("the prefix length is missing, as in `{text}/24`"))
    } else {
        finding.suggest(format!("write it as `{example}`"))
    });
    None
}

/// Refuses what lies in a range with a meaning of its own; whether it may stay.
pub(super) fn refuse_special(check: &mut Checker, at: Pointer, net: Ipv4Net) -> bool {
    for (special, reason) in SPECIAL {
        let special: Ipv4Net = special
            .parse()
            .expect("the list holds ranges only: a test reads it");
        if overlap(special, net) {
            check.tell(Finding::error(
                at,
                format!("`{net}` cannot be used: {reason}"),
            ));
            return false;
        }
    }
    true
}

/// Whether two ranges have an address in common.
pub(super) fn overlap(one: Ipv4Net, other: Ipv4Net) -> bool {
    one.contains(&other.network()) || other.contains(&one.network())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_special_ranges_are_ranges() {
        assert!(SPECIAL.iter().all(|(range, _)| {
            range
                .parse::<Ipv4Net>()
                .is_ok_and(|range| range.trunc() == range)
        }));
    }
}
