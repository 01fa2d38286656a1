//! What is promised of the names that people give to certificates, judged by the `openssl` command.
#![expect(
    clippy::disallowed_methods,
    reason = "the oracle is run as the user would"
)]

use std::path::Path;
use std::process::Command;

use super::tests::{ADMINS, Scratch, cluster};
use super::*;
use crate::failure::{Exit, Failure as _};
use crate::spec::{CertificateOptions, Cluster, SubjectOptions};

/// Of the guide behind `examples/ha-kube-nginx`.
fn guide() -> CertificateOptions {
    let text = |text: &str| Some(text.to_owned());
    CertificateOptions {
        common_name: text("kubernetes"),
        subject: SubjectOptions {
            country: text("CN"),
            province: text("Shanghai"),
            locality: text("Shanghai"),
            organization: text("k8s"),
            organizational_unit: text("System"),
        },
        owner: None,
    }
}

fn named(name: &str) -> CertificateOptions {
    CertificateOptions {
        common_name: Some(name.to_owned()),
        ..CertificateOptions::default()
    }
}

fn with(certificates: &[(&'static str, CertificateOptions)]) -> Cluster {
    let mut cluster = cluster(1, 0);
    cluster.pki.certificates = certificates.iter().cloned().collect();
    cluster
}

/// What `openssl` says of a certificate.
fn said(file: &Path, arguments: &[&str]) -> String {
    let output = Command::new("openssl")
        .args(["x509", "-noout", "-in"])
        .arg(file)
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_certificate_names_whom_the_cluster_file_says() {
    let scratch = Scratch::new();
    scratch.ensure(&with(&[("apiserver", guide())])).unwrap();
    let file = scratch.root.join("nodes/master-1/apiserver.crt");
    assert_eq!(
        said(&file, &["-subject"]),
        "subject=C = CN, ST = Shanghai, L = Shanghai, O = k8s, OU = System, CN = kubernetes"
    );
    // Two letters of a country are a PrintableString, whatever the rest is.
    let typed = said(&file, &["-subject", "-nameopt", "show_type,sep_comma_plus"]);
    assert!(
        typed.starts_with("subject=C=PRINTABLESTRING:CN,"),
        "{typed}"
    );
    // The rest is as without.
    let other = scratch.root.join("nodes/master-1/scheduler.crt");
    assert_eq!(
        said(&other, &["-subject"]),
        "subject=CN = system:kube-scheduler"
    );
}

#[test]
fn what_is_named_is_kept_and_another_name_is_issued_again() {
    let scratch = Scratch::new();
    scratch.ensure(&with(&[("apiserver", guide())])).unwrap();
    let files = scratch.files();
    let again = scratch.ensure(&with(&[("apiserver", guide())])).unwrap();
    assert!(again.notices.is_empty(), "{:?}", again.notices);
    assert_eq!(scratch.files(), files);
    let mut other = guide();
    other.subject.organizational_unit = None;
    let notices = scratch
        .ensure(&with(&[("apiserver", other)]))
        .unwrap()
        .notices;
    assert_eq!(notices.len(), 1);
    assert!(
        notices[0].to_string().contains("its subject"),
        "{}",
        notices[0]
    );
}

#[test]
fn an_authority_has_its_name_from_the_start() {
    let scratch = Scratch::new();
    let cluster = with(&[("ca", named("kubernetes-ca")), ("etcd-ca", guide())]);
    scratch.ensure(&cluster).unwrap();
    let issuer = |file: &str| said(&scratch.root.join(file), &["-issuer"]);
    assert_eq!(issuer("kubernetes/ca.crt"), "issuer=CN = kubernetes-ca");
    assert_eq!(issuer("admin.crt"), "issuer=CN = kubernetes-ca");
    assert_eq!(issuer("front-proxy/ca.crt"), "issuer=CN = front-proxy-ca");
    assert!(issuer("nodes/master-1/etcd-peer.crt").contains("OU = System"));
    assert!(scratch.ensure(&cluster).unwrap().notices.is_empty());
}

#[test]
fn an_authority_that_is_there_is_never_renamed() {
    let scratch = Scratch::new();
    scratch.ensure(&with(&[])).unwrap();
    let files = scratch.files();
    let error = scratch
        .ensure(&with(&[("ca", named("kubernetes-ca"))]))
        .unwrap_err();
    assert_eq!(error.exit(), Exit::UserFiles);
    assert!(error.hint().unwrap().contains("pki.certificates"));
    insta::assert_snapshot!(
        error.to_string().replace(scratch.root.to_str().unwrap(), "secrets"),
        @"the authority `secrets/kubernetes/ca.crt` is `CN=kubernetes`, but the cluster file calls it `CN=kubernetes-ca`"
    );
    assert_eq!(scratch.files(), files);
    // Its own name may be said.
    scratch
        .ensure(&with(&[("ca", named("kubernetes"))]))
        .unwrap();
}

#[test]
fn every_certificate_that_can_be_named_is_one() {
    let text = include_str!("../spec/meaning/certificates.rs");
    let keys = text
        .split("fn by_name")
        .nth(1)
        .unwrap()
        .split("\n}\n")
        .next()
        .unwrap();
    let keys: Vec<&str> = keys
        .split("(\"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap())
        .collect();
    assert_eq!(keys.len(), 16);
    for key in keys {
        let authority = Domain::ALL
            .iter()
            .any(|domain| domain.authority_key() == key);
        assert!(authority || Identity::from_stem(key).is_some(), "{key}");
    }
    // Kimage's own are not among them, because what they may do hangs on their names.
    assert!(!requests(&with(&[]), ADMINS).leaves.is_empty());
}
