//! What people call certificates by, and whose keys are: the section `pki.certificates`.

use std::collections::BTreeMap;

use super::{Checker, Finding};
use crate::spec::certificates::{CertificateOptions, SubjectOptions};
use crate::spec::cluster::{KubeProxy, ProxyCredentials, User};
use crate::spec::file::{CertificateFile, CertificatesFile, ClusterFile};
use crate::spec::join::{Join, ServingCertificates};
use crate::spec::pointer::Pointer;
use crate::spec::warning::Warning;

/// How long an attribute of a subject may be (RFC 5280, appendix A.1, upper bounds).
const LONGEST: &[(&str, usize)] = &[
    ("commonName", 64),
    ("organization", 64),
    ("organizationalUnit", 64),
    ("locality", 128),
    ("province", 128),
];

/// Certificates by whose names Kubernetes knows who comes, and those names.
const KNOWN_BY_NAME: &[(&str, &str)] = &[
    ("controller-manager", "system:kube-controller-manager"),
    ("kube-proxy", "system:kube-proxy"),
    ("kubelet", "system:node:NAME"),
    ("kubelet-serving", "system:node:NAME"),
    ("scheduler", "system:kube-scheduler"),
];

/// Certificates whose organization is a group that Kubernetes asks for.
const KNOWN_BY_GROUP: &[(&str, &str)] = &[
    ("kubelet", "system:nodes"),
    ("kubelet-serving", "system:nodes"),
];

/// Names that stand in a flag or a binding, too.
const WRITTEN_ELSEWHERE: &[(&str, &str)] = &[
    ("admin", "organization"),
    ("apiserver-kubelet-client", "commonName"),
    ("front-proxy-client", "commonName"),
];

/// Certificates that are the user of somebody to the API.
const USERS: &[&str] = &["admin", "apiserver-kubelet-client"];

/// Authorities: their keys are in no image, or nobody's but root's.
const AUTHORITIES: &[&str] = &["ca", "etcd-ca", "front-proxy-ca"];

/// Everybody who has this group may do everything, and no binding can be taken from them.
const MASTERS: &str = "system:masters";

/// The section `pki.certificates`: what is given, by the name of the certificate.
pub(super) fn check(
    check: &mut Checker,
    file: &ClusterFile,
    users: &[User],
) -> BTreeMap<&'static str, CertificateOptions> {
    let top = Pointer::top().key("pki").key("certificates");
    let given = file
        .pki
        .as_ref()
        .and_then(|pki| pki.certificates.clone())
        .unwrap_or_default();
    let mut all = BTreeMap::new();
    for (name, given) in by_name(given) {
        let Some(given) = given else { continue };
        all.insert(name, certificate(check, &top.key(name), name, given, users));
    }
    all
}

/// Tells of what is given for certificates that are not made here, because the cluster gives the node something else.
pub(super) fn unissued(
    check: &mut Checker,
    given: &BTreeMap<&'static str, CertificateOptions>,
    join: &Join,
    kube_proxy: Option<&KubeProxy>,
) {
    let at = Pointer::top().key("pki").key("certificates");
    let token = |proxy: &KubeProxy| proxy.credentials == ProxyCredentials::ServiceAccount;
    for (name, unissued, because) in [
        (
            "kubelet",
            join.bootstrap().is_some(),
            "with `join: bootstrap` a kubelet asks the cluster for its certificate",
        ),
        (
            "kubelet-serving",
            join.serving_certificates() == ServingCertificates::Approved,
            "with `servingCertificates: approved` a kubelet asks the cluster for it",
        ),
        (
            "kube-proxy",
            kube_proxy.is_some_and(token),
            "with `credentials: service-account` the cluster gives kube-proxy a token",
        ),
    ] {
        if unissued && given.contains_key(name) {
            check.tell(
                Finding::error(
                    at.key(name),
                    format!("`{name}` has no certificate: {because}"),
                )
                .at_key()
                .suggest("leave it out"),
            );
        }
    }
}

/// The certificates by their keys.
fn by_name(file: CertificatesFile) -> [(&'static str, Option<CertificateFile>); 16] {
    [
        ("ca", file.ca),
        ("etcd-ca", file.etcd_ca),
        ("front-proxy-ca", file.front_proxy_ca),
        ("apiserver", file.apiserver),
        ("apiserver-kubelet-client", file.apiserver_kubelet_client),
        ("apiserver-etcd-client", file.apiserver_etcd_client),
        ("front-proxy-client", file.front_proxy_client),
        ("controller-manager", file.controller_manager),
        ("scheduler", file.scheduler),
        ("admin", file.admin),
        ("etcd-server", file.etcd_server),
        ("etcd-peer", file.etcd_peer),
        ("etcd-healthcheck-client", file.etcd_healthcheck_client),
        ("kubelet", file.kubelet),
        ("kubelet-serving", file.kubelet_serving),
        ("kube-proxy", file.kube_proxy),
    ]
}

fn certificate(
    check: &mut Checker,
    at: &Pointer,
    name: &str,
    given: CertificateFile,
    users: &[User],
) -> CertificateOptions {
    let subject = given.subject.unwrap_or_default();
    let subject_at = at.key("subject");
    let mut text = |at: Pointer, key: &str, value: Option<String>| -> Option<String> {
        value.inspect(|value| attribute(check, at, key, value))
    };
    let common_name = text(at.key("commonName"), "commonName", given.common_name);
    let mut part = |key: &str, value| text(subject_at.key(key), key, value);
    let subject = SubjectOptions {
        country: part("country", subject.country),
        province: part("province", subject.province),
        locality: part("locality", subject.locality),
        organization: part("organization", subject.organization),
        organizational_unit: part("organizationalUnit", subject.organizational_unit),
    };
    if common_name.is_some()
        && let Some((_, known)) = KNOWN_BY_NAME.iter().find(|(known, _)| *known == name)
    {
        check.tell(
            Finding::error(
                at.key("commonName"),
                format!("Kubernetes knows `{name}` by the name `{known}`"),
            )
            .suggest("leave `commonName` out"),
        );
    }
    for (key, value, at) in [
        ("commonName", &common_name, at.key("commonName")),
        (
            "organization",
            &subject.organization,
            subject_at.key("organization"),
        ),
    ] {
        if let Some(value) = value
            && WRITTEN_ELSEWHERE.contains(&(name, key))
            && !is_plain(value)
        {
            check.tell(
                Finding::error(
                    at,
                    format!("`{value}` cannot be written into flags and bindings"),
                )
                .suggest("use letters, digits, `-`, `.`, `_`, `@` and `:` between them"),
            );
        }
    }
    if let Some(user) = &common_name
        && USERS.contains(&name)
        && user.starts_with("system:")
    {
        check.tell(
            Finding::error(
                at.key("commonName"),
                format!("`{user}` is a name that Kubernetes gives rights to"),
            )
            .suggest("take one that does not begin with `system:`"),
        );
    }
    organization(check, &subject_at, name, subject.organization.as_deref());
    if let Some(owner) = &given.owner {
        self::owner(check, at.key("owner"), name, owner, users);
    }
    CertificateOptions {
        common_name,
        subject,
        owner: given.owner,
    }
}

/// One attribute of a subject.
fn attribute(check: &mut Checker, at: Pointer, key: &str, value: &str) {
    if key == "country" {
        let code = value.len() == 2 && value.bytes().all(|byte| byte.is_ascii_uppercase());
        if !code {
            check.tell(
                Finding::error(at, format!("`{value}` is no country"))
                    .suggest("use its two letters (ISO 3166), as `DE`"),
            );
        }
        return;
    }
    let longest = LONGEST
        .iter()
        .find(|(known, _)| *known == key)
        .map_or(64, |(_, longest)| *longest);
    if value.trim() != value || value.is_empty() || value.chars().any(char::is_control) {
        check.tell(
            Finding::error(at, format!("`{value}` is no `{key}` of a certificate"))
                .suggest("use a text on one line, without blanks around it"),
        );
    } else if value.chars().count() > longest {
        check.tell(
            Finding::error(at, format!("`{key}` is longer than {longest} characters"))
                .suggest("no certificate holds more (RFC 5280)"),
        );
    }
}

/// Whether a text is one word to systemd, to flags with lists and to YAML.
fn is_plain(text: &str) -> bool {
    let ends = |text: &str| {
        text.starts_with(|first: char| first.is_ascii_alphanumeric())
            && text.ends_with(|last: char| last.is_ascii_alphanumeric())
    };
    ends(text)
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._@:".contains(&byte))
}

/// What an organization gives: to the API, it is a group.
fn organization(check: &mut Checker, subject: &Pointer, name: &str, given: Option<&str>) {
    let Some(given) = given else { return };
    let at = subject.key("organization");
    if let Some((_, group)) = KNOWN_BY_GROUP.iter().find(|(known, _)| *known == name) {
        if given != *group {
            check.tell(
                Finding::error(
                    at,
                    format!("Kubernetes knows `{name}` by the organization `{group}`"),
                )
                .suggest("leave `organization` out"),
            );
        }
    } else if given == MASTERS && name != "admin" {
        check.tell(
            Finding::warning(
                Warning::AdministratorsKey,
                at,
                format!("`{MASTERS}` makes whoever has the key of `{name}` an administrator"),
            )
            .suggest("leave it out: bindings give each identity what it needs"),
        );
    }
}

/// Whose a key is.
fn owner(check: &mut Checker, at: Pointer, name: &str, owner: &str, users: &[User]) {
    if AUTHORITIES.contains(&name) {
        check.tell(
            Finding::error(at, "an authority's key is root's")
                .at_key()
                .suggest("leave `owner` out"),
        );
    } else if owner != "root" && !users.iter().any(|user| user.name == owner) {
        check.tell(
            Finding::error(at, format!("there is no user `{owner}`"))
                .suggest("declare the user under `host.users`, with a number"),
        );
    }
}
