//! What running machines depend on: authorities, the service account's key, the encryption key, the cluster's number.
//!
//! Made once, all of them before the first leaf. So where a leaf is, every root was: one that is missing then is lost,
//! and nothing here would ever replace it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::rand::SecureRandom;
use time::OffsetDateTime;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::certificate::{Authority, issue_authority};
use super::directory::{self, Directory};
use super::key::{self, Key};
use super::parallel;
use super::{Certificate, Domain, Notice, Requests, Subject, TrustError};
use crate::secret::Secret;

const SERVICE_ACCOUNT_KEY: &str = "service-account.key";
const SERVICE_ACCOUNT_PUBLIC: &str = "service-account.pub";
const ENCRYPTION_KEY: &str = "encryption.key";
const ENCRYPTION_KEY_SIZE: usize = 32;
const CLUSTER_ID: &str = "cluster.id";
const CLUSTER_ID_SIZE: usize = 16;

/// The roots that are there; what is missing is `None`.
pub(super) struct Found {
    authorities: BTreeMap<Domain, Authority>,
    service_account: Option<Key>,
    encryption_key: Option<Secret>,
    cluster_id: Option<Secret>,
}

/// The roots.
pub(super) struct Roots {
    pub(super) authorities: BTreeMap<Domain, Authority>,
    pub(super) service_account: Key,
    pub(super) encryption_key: Secret,
    pub(super) cluster_id: Uuid,
}

/// Reads every root, or says which is lost or damaged.
pub(super) fn find(directory: &Directory, now: OffsetDateTime) -> Result<Found, TrustError> {
    let mut authorities = BTreeMap::new();
    for found in parallel::each(&Domain::ALL, |domain| {
        find_authority(directory, *domain, now)
    }) {
        authorities.extend(found?);
    }
    for (domain, authority) in &authorities {
        let twin = authorities.iter().find(|(other, it)| {
            *other < domain && it.certificate.shares_key_with(&authority.certificate)
        });
        if let Some((other, _)) = twin {
            return Err(TrustError::NoAuthority {
                path: directory.path(&authority_file(*domain, "crt")),
                why: format!(
                    "it has the key of the {other} authority, and whoever is trusted by one would be by both"
                ),
            });
        }
    }
    let found = Found {
        authorities,
        service_account: find_service_account(directory)?,
        encryption_key: find_bytes(directory, ENCRYPTION_KEY, ENCRYPTION_KEY_SIZE)?,
        cluster_id: find_bytes(directory, CLUSTER_ID, CLUSTER_ID_SIZE)?,
    };
    let missing = Domain::ALL
        .into_iter()
        .find(|domain| !found.authorities.contains_key(domain))
        .map(|domain| authority_file(domain, "crt"))
        .or_else(|| {
            found
                .service_account
                .is_none()
                .then(|| SERVICE_ACCOUNT_KEY.into())
        })
        .or_else(|| {
            found
                .encryption_key
                .is_none()
                .then(|| ENCRYPTION_KEY.into())
        })
        .or_else(|| found.cluster_id.is_none().then(|| CLUSTER_ID.into()));
    // Roots are made before leaves: where there is a leaf, there was every root.
    match missing.and_then(|missing| Some((missing, any_leaf(directory)?))) {
        Some((missing, evidence)) => Err(TrustError::Lost {
            missing: directory.path(&missing),
            evidence,
        }),
        None => Ok(found),
    }
}

fn find_authority(
    directory: &Directory,
    domain: Domain,
    now: OffsetDateTime,
) -> Result<Option<(Domain, Authority)>, TrustError> {
    let [certificate_file, key_file] = ["crt", "key"].map(|kind| authority_file(domain, kind));
    let [path, key_path] = [&certificate_file, &key_file].map(|file| directory.path(file));
    let (certificate, key) = match (
        directory.read(&certificate_file)?,
        directory.read(&key_file)?,
    ) {
        (None, None) => return Ok(None),
        (Some(certificate), Some(key)) => (certificate, key),
        (Some(_), None) => {
            return Err(TrustError::Lost {
                missing: key_path,
                evidence: path,
            });
        }
        (None, Some(_)) => {
            return Err(TrustError::Lost {
                missing: path,
                evidence: key_path,
            });
        }
    };
    let certificate = Certificate::parse(certificate.expose())
        .map_err(|fault| TrustError::damaged(&path, &fault))?;
    let key = Key::parse(key).map_err(|fault| TrustError::damaged(&key_path, &fault))?;
    if !certificate.is_authority() {
        return Err(TrustError::NoAuthority {
            path,
            why: "it may not sign certificates".to_owned(),
        });
    }
    if !certificate.is_intact_authority() {
        return Err(TrustError::damaged(
            &path,
            &"its own signature does not verify",
        ));
    }
    if !certificate.belongs_to(&key) {
        return Err(TrustError::Mismatch {
            key: key_path,
            public: path,
        });
    }
    if certificate.not_after() <= now {
        return Err(TrustError::Expired {
            path,
            until: certificate.not_after().date(),
        });
    }
    let key = Arc::new(key);
    Ok(Some((domain, Authority { certificate, key })))
}

fn find_service_account(directory: &Directory) -> Result<Option<Key>, TrustError> {
    let [key_file, public_file] = [SERVICE_ACCOUNT_KEY, SERVICE_ACCOUNT_PUBLIC].map(Path::new);
    let public = directory.read(public_file)?;
    match (directory.read(key_file)?, public) {
        (None, None) => Ok(None),
        (None, Some(_)) => Err(TrustError::Lost {
            missing: directory.path(key_file),
            evidence: directory.path(public_file),
        }),
        (Some(key), public) => {
            let path = directory.path(key_file);
            let key = Key::parse(key).map_err(|fault| TrustError::damaged(&path, &fault))?;
            let same = |public: &Secret| {
                public.expose().trim_ascii() == key.public_pem().trim_ascii().as_bytes()
            };
            if public.as_ref().is_some_and(|public| !same(public)) {
                return Err(TrustError::Mismatch {
                    key: path,
                    public: directory.path(public_file),
                });
            }
            Ok(Some(key))
        }
    }
}

fn find_bytes(
    directory: &Directory,
    name: &str,
    size: usize,
) -> Result<Option<Secret>, TrustError> {
    let Some(text) = directory.read(Path::new(name))? else {
        return Ok(None);
    };
    directory::decode(text.expose(), size)
        .map(Some)
        .ok_or_else(|| {
            let why =
                format!("it does not hold {size} bytes as hexadecimal digits with their checksum");
            TrustError::damaged(&directory.path(Path::new(name)), &why)
        })
}

/// Makes the roots that are missing, which [`find`] found to be so because they never were there.
pub(super) fn complete(
    directory: &Directory,
    found: Found,
    requests: &Requests,
    now: OffsetDateTime,
    random: &dyn SecureRandom,
    notices: &mut Vec<Notice>,
) -> Result<Roots, TrustError> {
    let algorithm = requests.algorithm;
    for (domain, given) in &requests.authorities {
        let Some(authority) = found.authorities.get(domain) else {
            continue;
        };
        let is = authority.certificate.subject();
        let wanted = is.clone().with(given);
        if wanted != *is {
            return Err(TrustError::OtherName {
                path: directory.path(&authority_file(*domain, "crt")),
                is: is.to_string(),
                wanted: wanted.to_string(),
            });
        }
    }
    let mut made = |file: &Path| notices.push(Notice::Made(directory.path(file)));
    let mut authorities = found.authorities;
    let mut missing = Vec::new();
    for domain in Domain::ALL {
        if !authorities.contains_key(&domain) {
            missing.push((
                domain,
                key::random_bytes(random).map_err(|_| TrustError::crypto("a serial number"))?,
            ));
        }
    }
    let issued = parallel::each(&missing, |(domain, serial)| {
        let what = format!("the {domain} authority");
        let key = Key::generate(algorithm).map_err(|_| TrustError::crypto(&what))?;
        let usual = Subject::named(domain.authority_name());
        let subject = match requests.authorities.get(domain) {
            Some(given) => usual.with(given),
            None => usual,
        };
        issue_authority(&subject, &key, requests.ca_years, *serial, now)
            .map(|certificate| (*domain, certificate, key))
            .map_err(|_| TrustError::crypto(&what))
    });
    for issued in issued {
        let (domain, certificate, key) = issued?;
        let files = [
            ("ca.key", key.pem().expose()),
            ("ca.crt", certificate.pem().as_bytes()),
        ];
        directory.write_folder(Path::new(domain.folder()), &files)?;
        made(&authority_file(domain, "crt"));
        let key = Arc::new(key);
        authorities.insert(domain, Authority { certificate, key });
    }
    let service_account = match found.service_account {
        Some(key) => key,
        None => {
            let key = Key::generate(algorithm)
                .map_err(|_| TrustError::crypto("the service account's key"))?;
            directory.write(&[(SERVICE_ACCOUNT_KEY.into(), key.pem().expose())], "")?;
            made(Path::new(SERVICE_ACCOUNT_KEY));
            key
        }
    };
    if directory.read(Path::new(SERVICE_ACCOUNT_PUBLIC))?.is_none() {
        let public = service_account.public_pem();
        directory.write(&[(SERVICE_ACCOUNT_PUBLIC.into(), public.as_bytes())], "")?;
    }
    let mut random_file = |found: Option<Secret>, name: &str, size: usize| match found {
        Some(bytes) => Ok(bytes),
        None => {
            let mut fresh = Zeroizing::new(vec![0; size]);
            random
                .fill(&mut fresh)
                .map_err(|_| TrustError::crypto(name))?;
            let text = directory::encode(&fresh);
            directory.write(&[(name.into(), text.as_bytes())], "")?;
            made(Path::new(name));
            Ok(Secret::new(fresh.to_vec()))
        }
    };
    let encryption_key = random_file(found.encryption_key, ENCRYPTION_KEY, ENCRYPTION_KEY_SIZE)?;
    let id = random_file(found.cluster_id, CLUSTER_ID, CLUSTER_ID_SIZE)?;
    let id = <[u8; CLUSTER_ID_SIZE]>::try_from(id.expose())
        .map_err(|_| TrustError::crypto(CLUSTER_ID))?;
    let kinds = authorities
        .iter()
        .map(|(domain, authority)| (authority_file(*domain, "key"), authority.key.kind()))
        .chain([(SERVICE_ACCOUNT_KEY.into(), service_account.kind())]);
    notices.extend(kinds.filter(|(_, is)| *is != algorithm).map(|(file, is)| {
        Notice::OtherAlgorithm {
            path: directory.path(&file),
            is,
            wanted: algorithm,
        }
    }));
    Ok(Roots {
        authorities,
        service_account,
        encryption_key,
        cluster_id: uuid::Builder::from_random_bytes(id).into_uuid(),
    })
}

/// A certificate that can only have been issued when all roots were there.
fn any_leaf(directory: &Directory) -> Option<PathBuf> {
    let shared = directory.path(Path::new("admin.crt"));
    if shared.exists() {
        return Some(shared);
    }
    let folders = |path: &Path| {
        let mut paths: Vec<_> = fs::read_dir(path)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .collect();
        paths.sort();
        paths
    };
    folders(&directory.path(Path::new("nodes")))
        .iter()
        .flat_map(|node| folders(node))
        .find(|path| path.extension().is_some_and(|kind| kind == "crt"))
}

pub(super) fn authority_file(domain: Domain, kind: &str) -> PathBuf {
    Path::new(domain.folder()).join(format!("ca.{kind}"))
}
