//! What a certificate says, in a PEM file of its own or inside a kubeconfig.

use base64::Engine as _;
use serde_json::Value;
use x509_parser::prelude::*;
use x509_parser::public_key::PublicKey;

/// Holds one statement against the first certificate of a text.
pub(crate) fn check(text: &str, word: &str, wanted: &str) -> Result<(), String> {
    let pem = pem(text)?;
    let (_, pem) = parse_x509_pem(&pem).map_err(|error| error.to_string())?;
    let certificate = pem.parse_x509().map_err(|error| error.to_string())?;
    let is = match word {
        "subject" => attributes(certificate.subject()),
        "issuer" => attributes(certificate.issuer()),
        "san" => names(&certificate),
        "key" => vec![algorithm(&certificate)],
        "days" => vec![days(&certificate)],
        _ => usages(&certificate),
    };
    match is.iter().any(|one| one == wanted) {
        true => Ok(()),
        false => Err(format!("it has {is:?}")),
    }
}

fn pem(text: &str) -> Result<Vec<u8>, String> {
    if text.contains("-----BEGIN CERTIFICATE-----") {
        return Ok(text.as_bytes().to_vec());
    }
    let value: Value = serde_yaml_ng::from_str(text).map_err(|error| error.to_string())?;
    let data = value["users"][0]["user"]["client-certificate-data"].as_str();
    base64::engine::general_purpose::STANDARD
        .decode(data.ok_or("no certificate in it")?)
        .map_err(|error| error.to_string())
}

fn attributes(name: &X509Name<'_>) -> Vec<String> {
    name.iter_attributes()
        .map(|attribute| {
            let short = match attribute.attr_type().to_id_string().as_str() {
                "2.5.4.3" => "CN",
                "2.5.4.6" => "C",
                "2.5.4.7" => "L",
                "2.5.4.8" => "ST",
                "2.5.4.10" => "O",
                "2.5.4.11" => "OU",
                _ => "?",
            };
            format!("{short}={}", attribute.as_str().unwrap_or("?"))
        })
        .collect()
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let names = certificate.subject_alternative_name().ok().flatten();
    names
        .iter()
        .flat_map(|names| &names.value.general_names)
        .map(|name| match name {
            GeneralName::DNSName(name) => format!("DNS:{name}"),
            GeneralName::IPAddress(bytes) => match <[u8; 4]>::try_from(*bytes) {
                Ok(bytes) => format!("IP:{}", std::net::Ipv4Addr::from(bytes)),
                Err(_) => format!("IP:{bytes:?}"),
            },
            other => format!("{other:?}"),
        })
        .collect()
}

/// As `pki.algorithm` writes it.
fn algorithm(certificate: &X509Certificate<'_>) -> String {
    match certificate.public_key().parsed() {
        Ok(PublicKey::RSA(key)) => format!("rsa-{}", key.key_size()),
        Ok(PublicKey::EC(point)) => match point.key_size() {
            // The size of the coordinates, in whole bytes.
            528 => "ecdsa-p521".to_owned(),
            bits => format!("ecdsa-p{bits}"),
        },
        other => format!("{other:?}"),
    }
}

/// From the day of issue, which is the day after `notBefore`.
fn days(certificate: &X509Certificate<'_>) -> String {
    let validity = certificate.validity();
    let seconds = validity.not_after.timestamp() - validity.not_before.timestamp();
    (seconds / 86_400 - 1).to_string()
}

fn usages(certificate: &X509Certificate<'_>) -> Vec<String> {
    let mut usages = Vec::new();
    if let Ok(Some(extended)) = certificate.extended_key_usage() {
        usages.extend(extended.value.client_auth.then(|| "client".to_owned()));
        usages.extend(extended.value.server_auth.then(|| "server".to_owned()));
    }
    usages.extend(certificate.is_ca().then(|| "authority".to_owned()));
    usages
}
