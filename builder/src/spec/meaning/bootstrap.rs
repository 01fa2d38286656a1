//! How nodes become members: the keys `join` and `bootstrap`.

use super::{Checker, Finding, kubeadm};
use crate::facts::Minor;
use crate::spec::file::{ClusterFile, JoinFile, ServingCertificatesFile, TokenStoreFile};
use crate::spec::join::{Bootstrap, Join, ServingCertificates, TokenStore};
use crate::spec::pointer::Pointer;
use crate::spec::warning::Warning;

/// Days that a token lives unless the file says otherwise: an image may lie in a drawer for some weeks.
const DAYS: u32 = 30;
/// A token that lives shorter is dead before anybody has copied its image to a machine.
const LEAST_DAYS: u32 = 2;
/// A token that lives shorter is worth a question.
const SHORT_DAYS: u32 = 7;
/// A token that lives longer is, too: whoever finds a copy of the image can join.
const LONG_DAYS: u32 = 90;

/// The keys `join` and `bootstrap`.
pub(super) fn check(check: &mut Checker, file: &ClusterFile, minor: Option<&Minor>) -> Join {
    let top = Pointer::top();
    if kubeadm::installs(file) {
        return Join::Kubeadm;
    }
    if file.join != Some(JoinFile::Bootstrap) {
        if file.bootstrap.is_some() {
            check.tell(
                Finding::error(
                    top.key("bootstrap"),
                    "nodes that join by certificate need no `bootstrap`",
                )
                .at_key()
                .suggest("say `join: bootstrap`, or leave it out")
                .with(top.key("join"), "how nodes join"),
            );
        }
        return Join::Certificate;
    }
    let given = file.bootstrap.clone().unwrap_or_default();
    let tokens = match given.tokens {
        None | Some(TokenStoreFile::Secret) => TokenStore::Secret,
        Some(TokenStoreFile::File) => TokenStore::File,
    };
    let serving_certificates = match given.serving_certificates {
        None | Some(ServingCertificatesFile::Approved) => ServingCertificates::Approved,
        Some(ServingCertificatesFile::Issued) => ServingCertificates::Issued,
    };
    let days = days(check, given.days);
    if tokens == TokenStore::File {
        check.tell(
            Finding::warning(
                Warning::EndlessTokens,
                top.key("bootstrap").key("tokens"),
                "the API server takes a token of a file for as long as the file has it",
            )
            .suggest("`secret` ends each token after `days`"),
        );
    }
    contradictions(check, file, tokens);
    gate(check, file, serving_certificates, minor);
    Join::Bootstrap(Bootstrap {
        days,
        tokens,
        serving_certificates,
    })
}

/// How long a token lives.
fn days(check: &mut Checker, given: Option<u32>) -> u32 {
    let at = Pointer::top().key("bootstrap").key("days");
    let days = given.unwrap_or(DAYS);
    if days < LEAST_DAYS {
        check.tell(
            Finding::error(
                at,
                format!("a token of {days} day is dead before a machine starts from its image"),
            )
            .suggest(format!("{DAYS} days are usual, {LEAST_DAYS} the least")),
        );
    } else if days < SHORT_DAYS {
        check.tell(
            Finding::warning(
                Warning::ShortLivedTokens,
                at,
                format!("tokens die {days} days after the build"),
            )
            .suggest("an image that lies in a drawer for longer cannot join any more"),
        );
    } else if days > LONG_DAYS {
        check.tell(
            Finding::warning(
                Warning::LongLivedTokens,
                at,
                format!("whoever finds a copy of an image can join for {days} days"),
            )
            .suggest(format!("{DAYS} days are usual")),
        );
    }
    days
}

/// Flags that would keep tokens from being known.
fn contradictions(check: &mut Checker, file: &ClusterFile, tokens: TokenStore) {
    let flags = file
        .extra_args
        .as_ref()
        .and_then(|given| given.kube_apiserver.as_ref());
    let (flag, allowed) = match tokens {
        TokenStore::Secret => ("enable-bootstrap-token-auth", Some("true")),
        TokenStore::File => ("token-auth-file", None),
    };
    let Some(value) = flags.and_then(|flags| flags.get(flag)) else {
        return;
    };
    if Some(value.to_string().as_str()) == allowed {
        return;
    }
    let top = Pointer::top();
    check.tell(
        Finding::error(
            top.key("extraArgs").key("kube-apiserver").key(flag),
            format!("kimage decides `--{flag}` of kube-apiserver"),
        )
        .at_key()
        .suggest("nodes join by the tokens behind it: leave it out")
        .with(top.key("join"), "how nodes join"),
    );
}

/// The gate by which old kubelets ask for a certificate as a server: gates that are given as a flag replace kimage's.
fn gate(
    check: &mut Checker,
    file: &ClusterFile,
    serving_certificates: ServingCertificates,
    minor: Option<&Minor>,
) {
    let given = file
        .extra_args
        .as_ref()
        .and_then(|given| given.kubelet.as_ref())
        .and_then(|flags| flags.get("feature-gates"));
    let needed = minor
        .filter(|_| serving_certificates == ServingCertificates::Approved)
        .and_then(|minor| minor.serving_gate.as_deref());
    if let (Some(gates), Some(needed)) = (given, needed)
        && !gates.to_string().split(',').any(|gate| gate == needed)
    {
        let flags = Pointer::top().key("extraArgs").key("kubelet");
        check.tell(
            Finding::error(
                flags.key("feature-gates"),
                "without its gate, this kubelet asks for no certificate as a server",
            )
            .suggest(format!(
                "add `{needed}`, or say `servingCertificates: issued`"
            )),
        );
    }
}
