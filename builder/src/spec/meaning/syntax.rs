//! What names and references must look like, each after the specification that says so.

use std::net::Ipv4Addr;

/// A DNS label (RFC 1123): lower-case letters, digits and `-`, at most 63, not beginning or ending with `-`.
pub(super) fn is_dns_label(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (1..=63).contains(&text.len())
        && text.bytes().all(|byte| plain(byte) || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// A DNS name (RFC 1123): labels joined by dots, at most 253 bytes; not something that only looks like an address.
pub(super) fn is_dns_name(text: &str) -> bool {
    let numeric = |label: &str| label.bytes().all(|byte| byte.is_ascii_digit());
    text.len() <= 253
        && text.split('.').all(is_dns_label)
        && !(text.contains('.') && text.rsplit('.').next().is_some_and(numeric))
}

/// A DNS name or an IPv4 address.
pub(super) fn is_host(text: &str) -> bool {
    text.parse::<Ipv4Addr>().is_ok() || is_dns_name(text)
}

/// A qualified name of Kubernetes: an optional DNS name and `/`, then at most 63 letters, digits, `-`, `_` and `.`.
pub(super) fn is_qualified_name(text: &str) -> bool {
    match text.split_once('/') {
        Some((prefix, name)) => is_dns_name(prefix) && is_bare_name(name),
        None => is_bare_name(text),
    }
}

/// The value of a label: empty, or like the name of a key.
pub(super) fn is_label_value(text: &str) -> bool {
    text.is_empty() || is_bare_name(text)
}

fn is_bare_name(text: &str) -> bool {
    let edge = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    text.len() <= 63
        && edge(text.bytes().next())
        && edge(text.bytes().last())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// The name of a user or group: what useradd of all distributions takes.
pub(super) fn is_user_name(text: &str) -> bool {
    let plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
    text.len() <= 32
        && text.starts_with(|first: char| first.is_ascii_lowercase() || first == '_')
        && text.bytes().all(plain)
}

/// A full reference to a container image, taken apart (the grammar of `distribution/reference`).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ImageReference<'t> {
    pub(super) registry: Option<&'t str>,
    pub(super) path: &'t str,
    pub(super) tag: Option<&'t str>,
    pub(super) digest: Option<&'t str>,
}

/// Takes a reference apart; `None` if it is none.
pub(super) fn image_reference(text: &str) -> Option<ImageReference<'_>> {
    let (rest, digest) = match text.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest)),
        None => (text, None),
    };
    let slash = rest.rfind('/').map_or(0, |at| at + 1);
    let (rest, tag) = match rest[slash..].find(':') {
        Some(at) => (&rest[..slash + at], Some(&rest[slash + at + 1..])),
        None => (rest, None),
    };
    let looks_like_registry = |first: &str| {
        first.contains(['.', ':']) || first == "localhost" || first != first.to_lowercase()
    };
    let (registry, path) = match rest.split_once('/') {
        Some((first, path)) if looks_like_registry(first) => (Some(first), path),
        _ => (None, rest),
    };
    let component = |name: &str| {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        name.bytes().next().is_some_and(plain)
            && name.bytes().last().is_some_and(plain)
            && name
                .bytes()
                .all(|byte| plain(byte) || b"._-".contains(&byte))
            && !name.contains("..")
            && !name.contains("._")
            && !name.contains("_.")
    };
    let registry_fits = registry.is_none_or(|registry| {
        let (host, port) = match registry.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (registry, None),
        };
        is_host(&host.to_lowercase()) && port.is_none_or(|port| port.parse::<u16>().is_ok())
    });
    let tag_fits = tag.is_none_or(|tag| {
        (1..=128).contains(&tag.len())
            && !tag.starts_with(['.', '-'])
            && tag
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    });
    let digest_fits = digest.is_none_or(|digest| {
        digest.strip_prefix("sha256:").is_some_and(|hex| {
            hex.len() == 64
                && hex
                    .bytes()
                    .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
        })
    });
    let fits = path.split('/').all(component)
        && path.len() <= 255
        && registry_fits
        && tag_fits
        && digest_fits;
    fits.then_some(ImageReference {
        registry,
        path,
        tag,
        digest,
    })
}
