//! Certificates: issued by rcgen, read by x509-parser, verified by AWS-LC.
//!
//! Every certificate, also one issued a moment ago, goes through the same reader and the same judgement
//! ([`Certificate::misfit`]); so what is reused and what is new hold to one rule. Follows RFC 5280.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use aws_lc_rs::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use rcgen::string::PrintableString;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, DnValue,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyUsagePurpose, PublicKeyData as _, SanType,
    SerialNumber,
};
use time::{Duration, OffsetDateTime};
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::{FromDer as _, X509Certificate, X509Name};

use super::key::{self, Key};
use super::{Names, Place, Request, Subject, Usage};
use crate::spec::KeyAlgorithm;

/// How long before now a certificate starts, for machines whose clock is behind.
const EARLY: Duration = Duration::days(1);

/// A certificate that is good for less than this is issued again, or for less than a third of its lifetime where that
/// is less.
const RENEW: Duration = Duration::days(30);

/// A certificate: its text, and what it says. Public.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate {
    pem: String,
    der: Vec<u8>,
    subject: Subject,
    names: Names,
    usage: Option<Usage>,
    /// It says nothing that a [`Request`] cannot ask for, and all that every leaf must say.
    plain: bool,
    /// It may sign certificates.
    authority: bool,
    not_before: OffsetDateTime,
    not_after: OffsetDateTime,
    public_key: Vec<u8>,
}

/// Why bytes are no certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum CertificateFault {
    #[error("it holds no PEM block of a certificate")]
    NoPem,
    #[error("it is no intact X.509 certificate")]
    NoCertificate,
}

/// Why a certificate could not be issued.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum IssueFault {
    #[error("`{0}` is no name that a certificate can hold")]
    Name(String),
    #[error("the cryptographic library failed")]
    Failed,
    #[error("the authority's name or key identifier is of a form that cannot be repeated exactly")]
    Authority,
}

/// Why a certificate is not the one that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Misfit {
    Subject,
    Names,
    Usage,
    Algorithm,
    Lifetime,
    Authority,
    Ending(OffsetDateTime),
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Subject => f.write_str("its subject is not the one wanted"),
            Self::Names => f.write_str("its names and addresses are not the ones wanted"),
            Self::Usage => f.write_str("its usages are not the ones wanted"),
            Self::Algorithm => f.write_str("its key is not of the algorithm wanted"),
            Self::Lifetime => f.write_str("its lifetime is not the one wanted"),
            Self::Authority => f.write_str("it does not verify against its authority"),
            Self::Ending(at) => write!(f, "it is valid only until {}", at.date()),
        }
    }
}

/// An authority that can issue: its certificate and key belong together.
#[derive(Debug, Clone)]
pub(super) struct Authority {
    pub(super) certificate: Certificate,
    pub(super) key: std::sync::Arc<Key>,
}

impl Certificate {
    /// Reads the first certificate of a PEM text.
    pub(super) fn parse(text: &[u8]) -> Result<Self, CertificateFault> {
        let pem = String::from_utf8(text.to_vec()).map_err(|_| CertificateFault::NoPem)?;
        let der = pem::parse_many(&pem)
            .map_err(|_| CertificateFault::NoPem)?
            .into_iter()
            .find(|block| block.tag() == "CERTIFICATE")
            .ok_or(CertificateFault::NoPem)?
            .into_contents();
        let fault = CertificateFault::NoCertificate;
        let (rest, x509) = X509Certificate::from_der(&der).map_err(|_| fault)?;
        if !rest.is_empty() {
            return Err(fault);
        }
        let (subject, mut plain) = subject(x509.subject()).ok_or(fault)?;
        let public_key = x509.public_key().raw.to_vec();
        let mut names = Names::default();
        let mut usage = None;
        let mut authority = false;
        let (mut signs_certificates, mut signs) = (true, false);
        for extension in x509.extensions() {
            match extension.parsed_extension() {
                ParsedExtension::SubjectAlternativeName(alternatives) => {
                    for name in &alternatives.general_names {
                        plain &= match name {
                            GeneralName::DNSName(name) => names.dns.insert((*name).to_owned()),
                            GeneralName::IPAddress(bytes) => {
                                address(bytes).is_some_and(|address| names.ip.insert(address))
                            }
                            _ => false,
                        };
                    }
                }
                ParsedExtension::ExtendedKeyUsage(purposes) => {
                    usage = match (purposes.client_auth, purposes.server_auth) {
                        (true, false) => Some(Usage::Client),
                        (false, true) => Some(Usage::Server),
                        (true, true) => Some(Usage::Both),
                        (false, false) => None,
                    };
                    plain &= !purposes.any
                        && !purposes.code_signing
                        && !purposes.email_protection
                        && !purposes.time_stamping
                        && !purposes.ocsp_signing
                        && purposes.other.is_empty();
                }
                ParsedExtension::KeyUsage(usages) => {
                    signs = usages.digital_signature();
                    signs_certificates = usages.key_cert_sign();
                    plain &= !usages.key_cert_sign() && !usages.crl_sign();
                }
                ParsedExtension::BasicConstraints(constraints) => authority = constraints.ca,
                ParsedExtension::SubjectKeyIdentifier(_)
                | ParsedExtension::AuthorityKeyIdentifier(_) => {}
                _ => plain = false,
            }
        }
        let certificate = Self {
            subject,
            names,
            usage,
            plain: plain && signs && !authority,
            authority: authority && signs_certificates,
            not_before: x509.validity().not_before.to_datetime(),
            not_after: x509.validity().not_after.to_datetime(),
            public_key,
            pem: String::new(),
            der: Vec::new(),
        };
        Ok(Self {
            pem,
            der,
            ..certificate
        })
    }

    /// The text, as it stands in the file.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Who it names.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// When it starts to be valid.
    pub fn not_before(&self) -> OffsetDateTime {
        self.not_before
    }

    /// When it ends to be valid.
    pub fn not_after(&self) -> OffsetDateTime {
        self.not_after
    }

    /// Whether it may sign other certificates.
    pub(super) fn is_authority(&self) -> bool {
        self.authority
    }

    /// Whether a key is the one that it vouches for.
    pub(super) fn belongs_to(&self, key: &Key) -> bool {
        self.public_key == key.subject_public_key_info()
    }

    /// Whether two certificates vouch for one key.
    pub(super) fn shares_key_with(&self, other: &Self) -> bool {
        self.public_key == other.public_key
    }

    /// Whether it is signed by an authority, whatever its dates.
    pub(super) fn verifies_against(&self, authority: &Self) -> bool {
        // Both were parsed when they were made.
        let (Ok((_, own)), Ok((_, issuer))) = (
            X509Certificate::from_der(&self.der),
            X509Certificate::from_der(&authority.der),
        ) else {
            return false;
        };
        let tbs = own.tbs_certificate.as_ref();
        let public = issuer.public_key().subject_public_key.data.as_ref();
        own.issuer().as_raw() == issuer.subject().as_raw()
            && own.tbs_certificate.signature == own.signature_algorithm
            && verification(
                &own.signature_algorithm.algorithm.to_id_string(),
                public.len(),
            )
            .is_some_and(|algorithm| {
                UnparsedPublicKey::new(algorithm, public)
                    .verify(tbs, own.signature_value.data.as_ref())
                    .is_ok()
            })
    }

    /// Whether an authority's certificate is intact, as far as it can tell of itself: one that another authority
    /// signed cannot.
    pub(super) fn is_intact_authority(&self) -> bool {
        let self_issued = X509Certificate::from_der(&self.der)
            .is_ok_and(|(_, x509)| x509.issuer().as_raw() == x509.subject().as_raw());
        !self_issued || self.verifies_against(self)
    }

    /// Why it is not what a request asks for, if it is not.
    pub(super) fn misfit(
        &self,
        request: &Request,
        algorithm: KeyAlgorithm,
        key: &Key,
        authority: &Self,
        now: OffsetDateTime,
    ) -> Option<Misfit> {
        let (_, end_if_issued_now) = lifetime(now, request.days, Some(authority));
        let wanted = EARLY + Duration::days(i64::from(request.days));
        let lifetime = self.not_after - self.not_before;
        let left = self.not_after - now;
        if self.subject != request.subject {
            Some(Misfit::Subject)
        } else if self.names != request.names {
            Some(Misfit::Names)
        } else if self.usage != Some(request.identity.usage()) || !self.plain {
            Some(Misfit::Usage)
        } else if key.kind() != algorithm {
            Some(Misfit::Algorithm)
        } else if !self.verifies_against(authority) {
            Some(Misfit::Authority)
        } else if left < RENEW.min(lifetime / 3) && end_if_issued_now > self.not_after {
            Some(Misfit::Ending(self.not_after))
        } else if lifetime > wanted || (lifetime < wanted && self.not_after != authority.not_after)
        {
            Some(Misfit::Lifetime)
        } else {
            None
        }
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({}, until {})", self.subject, self.not_after)
    }
}

/// Start and end of a certificate issued now: never beyond its authority's end, nor the last time that X.509 can name.
fn lifetime(
    now: OffsetDateTime,
    days: u32,
    authority: Option<&Certificate>,
) -> (OffsetDateTime, OffsetDateTime) {
    let now = now.replace_nanosecond(0).unwrap_or(now);
    let last = time::macros::datetime!(9999-12-31 23:59:59 UTC);
    let end = now
        .checked_add(Duration::days(i64::from(days)))
        .map_or(last, |end| end.min(last));
    let end = authority.map_or(end, |authority| end.min(authority.not_after));
    (now.checked_sub(EARLY).unwrap_or(now), end)
}

/// Issues the certificate of a new authority to itself.
pub(super) fn issue_authority(
    subject: &Subject,
    key: &Key,
    years: u32,
    serial: [u8; 16],
    now: OffsetDateTime,
) -> Result<Certificate, IssueFault> {
    let (not_before, not_after) = lifetime(now, years.saturating_mul(365), None);
    let mut parameters = CertificateParams::default();
    parameters.not_before = not_before;
    parameters.not_after = not_after;
    parameters.serial_number = Some(serial_number(serial));
    parameters.distinguished_name = distinguished_name(subject);
    // It issues certificates, never authorities.
    parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    parameters.key_usages = vec![
        KeyUsagePurpose::DigitalSignature,
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::CrlSign,
    ];
    parameters.use_authority_key_identifier_extension = true;
    let issued = parameters
        .self_signed(key)
        .map_err(|_| IssueFault::Failed)?;
    Certificate::parse(key::encode("CERTIFICATE", issued.der()).as_bytes())
        .map_err(|_| IssueFault::Failed)
}

impl Authority {
    /// Issues a certificate for a key.
    pub(super) fn issue(
        &self,
        request: &Request,
        key: &Key,
        serial: [u8; 16],
        now: OffsetDateTime,
    ) -> Result<Certificate, IssueFault> {
        let (not_before, not_after) = lifetime(now, request.days, Some(&self.certificate));
        let mut parameters = CertificateParams::default();
        parameters.not_before = not_before;
        parameters.not_after = not_after;
        parameters.serial_number = Some(serial_number(serial));
        parameters.distinguished_name = distinguished_name(&request.subject);
        for name in &request.names.dns {
            let ascii = name
                .as_str()
                .try_into()
                .map_err(|_| IssueFault::Name(name.clone()))?;
            parameters.subject_alt_names.push(SanType::DnsName(ascii));
        }
        for address in &request.names.ip {
            parameters
                .subject_alt_names
                .push(SanType::IpAddress(*address));
        }
        parameters.is_ca = IsCa::ExplicitNoCa;
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        if matches!(
            key.kind(),
            KeyAlgorithm::Rsa2048 | KeyAlgorithm::Rsa3072 | KeyAlgorithm::Rsa4096
        ) {
            parameters.key_usages.push(KeyUsagePurpose::KeyEncipherment);
        }
        parameters.extended_key_usages = match request.identity.usage() {
            Usage::Client => vec![ExtendedKeyUsagePurpose::ClientAuth],
            Usage::Server => vec![ExtendedKeyUsagePurpose::ServerAuth],
            Usage::Both => vec![
                ExtendedKeyUsagePurpose::ServerAuth,
                ExtendedKeyUsagePurpose::ClientAuth,
            ],
        };
        parameters.use_authority_key_identifier_extension = true;
        let own = self.certificate.der.as_slice().into();
        let issuer =
            Issuer::from_ca_cert_der(&own, &*self.key).map_err(|_| IssueFault::Authority)?;
        let issued = parameters
            .signed_by(key, &issuer)
            .map_err(|_| IssueFault::Failed)?;
        let certificate = Certificate::parse(key::encode("CERTIFICATE", issued.der()).as_bytes())
            .map_err(|_| IssueFault::Failed)?;
        if certificate.verifies_against(&self.certificate) {
            Ok(certificate)
        } else {
            Err(IssueFault::Authority)
        }
    }
}

fn distinguished_name(subject: &Subject) -> DistinguishedName {
    let Place {
        organizational_unit,
        country,
        province,
        locality,
    } = &subject.place;
    let mut name = DistinguishedName::new();
    // The one attribute that is no UTF-8: two letters (RFC 5280, appendix A.1).
    if let Some(Ok(country)) = country.as_deref().map(PrintableString::try_from) {
        name.push(DnType::CountryName, DnValue::PrintableString(country));
    }
    for (attribute, value) in [
        (DnType::StateOrProvinceName, province),
        (DnType::LocalityName, locality),
        (DnType::OrganizationName, &subject.organization),
        (DnType::OrganizationalUnitName, organizational_unit),
    ] {
        if let Some(value) = value {
            name.push(attribute, value.as_str());
        }
    }
    name.push(DnType::CommonName, subject.common_name.as_str());
    name
}

/// 128 random bits as a number that is neither negative nor zero.
fn serial_number(mut random: [u8; 16]) -> SerialNumber {
    random[0] = random[0] & 0x7f | 0x40;
    SerialNumber::from_slice(&random)
}

/// The subject, and whether it has nothing beside what a [`Subject`] can say. `None` if a part of it has not exactly one
/// attribute.
fn subject(name: &X509Name<'_>) -> Option<(Subject, bool)> {
    let single = |part: &x509_parser::x509::RelativeDistinguishedName<'_>| part.iter().count() == 1;
    if !name.iter().all(single) {
        return None;
    }
    let text = |attribute: Option<&x509_parser::x509::AttributeTypeAndValue<'_>>| {
        attribute.and_then(|attribute| attribute.as_str().ok().map(str::to_owned))
    };
    let common_name = text(name.iter_common_name().next());
    let organization = text(name.iter_organization().next());
    let place = Place {
        organizational_unit: text(name.iter_organizational_unit().next()),
        country: text(name.iter_country().next()),
        province: text(name.iter_state_or_province().next()),
        locality: text(name.iter_locality().next()),
    };
    let parts = [
        &common_name,
        &organization,
        &place.organizational_unit,
        &place.country,
        &place.province,
        &place.locality,
    ]
    .into_iter()
    .flatten()
    .count();
    let subject = Subject {
        common_name: common_name.unwrap_or_default(),
        organization,
        place,
    };
    Some((subject, parts == name.iter().count()))
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Some(Ipv4Addr::from(four).into());
    }
    <[u8; 16]>::try_from(bytes)
        .ok()
        .map(|sixteen| Ipv6Addr::from(sixteen).into())
}

/// How a signature of an algorithm (by object identifier) is verified with a public key of a size in bytes: the
/// uncompressed point's tells the curve.
fn verification(oid: &str, public_size: usize) -> Option<&'static dyn VerificationAlgorithm> {
    const P256: usize = 65;
    const P384: usize = 97;
    const P521: usize = 133;
    Some(match (oid, public_size) {
        ("1.2.840.10045.4.3.2", P256) => &signature::ECDSA_P256_SHA256_ASN1,
        ("1.2.840.10045.4.3.3", P256) => &signature::ECDSA_P256_SHA384_ASN1,
        ("1.2.840.10045.4.3.2", P384) => &signature::ECDSA_P384_SHA256_ASN1,
        ("1.2.840.10045.4.3.3", P384) => &signature::ECDSA_P384_SHA384_ASN1,
        ("1.2.840.10045.4.3.2", P521) => &signature::ECDSA_P521_SHA256_ASN1,
        ("1.2.840.10045.4.3.3", P521) => &signature::ECDSA_P521_SHA384_ASN1,
        ("1.2.840.10045.4.3.4", P521) => &signature::ECDSA_P521_SHA512_ASN1,
        ("1.2.840.113549.1.1.11", _) => &signature::RSA_PKCS1_2048_8192_SHA256,
        ("1.2.840.113549.1.1.12", _) => &signature::RSA_PKCS1_2048_8192_SHA384,
        ("1.2.840.113549.1.1.13", _) => &signature::RSA_PKCS1_2048_8192_SHA512,
        _ => return None,
    })
}
