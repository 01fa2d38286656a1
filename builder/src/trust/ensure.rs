//! The secrets directory of a cluster: what is missing is made, what is there is kept.
//!
//! ```text
//! secrets/kubernetes/ca.{crt,key}      etcd/ and front-proxy/ likewise
//!         service-account.{key,pub}    what tokens are signed with
//!         encryption.key               what Secrets in etcd are encrypted with
//!         cluster.id                   a random number, not secret
//!         admin.{crt,key}              shared by masters
//!         nodes/<node>/<identity>.{crt,key}
//!         old/<time>/...               what was replaced
//! ```
//!
//! Two kinds of things are in it. Authorities, the service account's key and the encryption key are *roots*: running
//! machines depend on them, so they are made once, all before the first leaf, and one that is lost or damaged later
//! is an error and never made again. *Leaves* are replaceable: one that is missing, damaged, no longer what is asked
//! for or about to end is issued again with a new key, and the old pair is kept under `old`.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::rand::SecureRandom;
use time::OffsetDateTime;
use time::macros::format_description;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::certificate::{Authority, IssueFault, issue_authority};
use super::directory::{self, Directory};
use super::key::Key;
use super::parallel;
use super::{
    Certificate, Credentials, Domain, Identity, Pair, Request, Requests, ServiceAccount, TrustError,
};
use crate::secret::Secret;
use crate::spec::KeyAlgorithm;

const SERVICE_ACCOUNT_KEY: &str = "service-account.key";
const SERVICE_ACCOUNT_PUBLIC: &str = "service-account.pub";
const ENCRYPTION_KEY: &str = "encryption.key";
const ENCRYPTION_KEY_SIZE: usize = 32;
const CLUSTER_ID: &str = "cluster.id";
const CLUSTER_ID_SIZE: usize = 16;

/// A cluster's secrets directory.
#[derive(Debug, Clone)]
pub struct Secrets {
    pub(super) root: PathBuf,
}

/// What [`Secrets::ensure`] comes back with.
#[derive(Debug)]
pub struct Ensured {
    /// All that was asked for.
    pub credentials: Credentials,
    /// What was done, and what the user should know; empty if nothing changed.
    pub notices: Vec<Notice>,
}

/// Something that was done to the secrets directory, or that its owner should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// A file, or a certificate with its key, was made that was not there.
    Made(PathBuf),
    /// A certificate was issued again with a new key.
    Reissued {
        /// The certificate.
        path: PathBuf,
        /// What was wrong with the old one.
        why: String,
    },
    /// Others could use the file or folder; now they cannot.
    Tightened {
        /// Which.
        path: PathBuf,
        /// The permissions that it had.
        mode: u32,
    },
    /// A root is of another algorithm than the cluster file asks for, and stays so.
    OtherAlgorithm {
        /// The root's file.
        path: PathBuf,
        /// What it is of.
        is: KeyAlgorithm,
        /// What is asked for.
        wanted: KeyAlgorithm,
    },
}

impl Notice {
    /// Whether this is more than work as usual.
    pub fn is_warning(&self) -> bool {
        !matches!(self, Self::Made(_))
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Made(path) => write!(f, "made `{}`", path.display()),
            Self::Reissued { path, why } => {
                write!(f, "issued `{}` again: {why}", path.display())
            }
            Self::Tightened { path, mode } => write!(
                f,
                "`{}` was open to others (mode {mode:o}): made private",
                path.display()
            ),
            Self::OtherAlgorithm { path, is, wanted } => write!(
                f,
                "`{}` stays {is}, although the cluster file asks for {wanted}: a root is never replaced",
                path.display(),
                is = algorithm_name(*is),
                wanted = algorithm_name(*wanted),
            ),
        }
    }
}

fn algorithm_name(algorithm: KeyAlgorithm) -> &'static str {
    match algorithm {
        KeyAlgorithm::EcdsaP256 => "ecdsa-p256",
        KeyAlgorithm::EcdsaP384 => "ecdsa-p384",
        KeyAlgorithm::EcdsaP521 => "ecdsa-p521",
        KeyAlgorithm::Rsa2048 => "rsa-2048",
        KeyAlgorithm::Rsa3072 => "rsa-3072",
        KeyAlgorithm::Rsa4096 => "rsa-4096",
    }
}

/// The roots that are there; what is missing is `None`.
struct Found {
    authorities: BTreeMap<Domain, Authority>,
    service_account: Option<Key>,
    encryption_key: Option<Secret>,
    cluster_id: Option<Secret>,
}

/// The roots.
struct Roots {
    authorities: BTreeMap<Domain, Authority>,
    service_account: Key,
    encryption_key: Secret,
    cluster_id: Uuid,
}

/// What is there of a leaf.
enum Leaf {
    Fits(Pair),
    Missing,
    Unfit(String),
}

impl Secrets {
    /// The secrets of a cluster live here; nothing is read or made yet.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Makes what is missing of what is requested, keeps what fits, and hands out all of it.
    ///
    /// `now` is in UTC. Serial numbers and secret bytes come from `random`, in the order of the requests. Waits while
    /// another process uses the directory.
    ///
    /// # Errors
    ///
    /// A root that is lost, damaged, no authority or past its time, named before anything is written; a file system
    /// that refuses; a name that no certificate can hold.
    pub fn ensure(
        &self,
        requests: &Requests,
        now: OffsetDateTime,
        random: &dyn SecureRandom,
    ) -> Result<Ensured, TrustError> {
        let directory = Directory::open(&self.root)?;
        let mut notices = Vec::new();
        let found = find_roots(&directory, now)?;
        let roots = complete(&directory, found, requests, now, random, &mut notices)?;
        let leaves = leaves(&directory, &roots, requests, now, random, &mut notices)?;
        let tightened = directory.tightened().into_iter();
        notices.extend(tightened.map(|(path, mode)| Notice::Tightened { path, mode }));
        let certificates = roots.authorities.iter();
        Ok(Ensured {
            credentials: Credentials {
                authorities: certificates
                    .map(|(domain, authority)| (*domain, authority.certificate.clone()))
                    .collect(),
                kubernetes_key: roots.authorities[&Domain::Kubernetes].key.pem().clone(),
                service_account: ServiceAccount {
                    public: roots.service_account.public_pem(),
                    key: roots.service_account.pem().clone(),
                },
                encryption_key: roots.encryption_key,
                cluster_id: roots.cluster_id,
                leaves,
            },
            notices,
        })
    }
}

/// Reads every root, or says which is lost or damaged.
fn find_roots(directory: &Directory, now: OffsetDateTime) -> Result<Found, TrustError> {
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
    let certificate =
        Certificate::parse(certificate.expose()).map_err(|fault| damaged(&path, &fault))?;
    let key = Key::parse(key).map_err(|fault| damaged(&key_path, &fault))?;
    if !certificate.is_authority() {
        return Err(TrustError::NoAuthority {
            path,
            why: "it may not sign certificates".to_owned(),
        });
    }
    if !certificate.is_intact_authority() {
        return Err(damaged(&path, &"its own signature does not verify"));
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
            let key = Key::parse(key).map_err(|fault| damaged(&path, &fault))?;
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
            damaged(&directory.path(Path::new(name)), &why)
        })
}

/// Makes the roots that are missing, which [`find_roots`] found to be so because they never were there.
fn complete(
    directory: &Directory,
    found: Found,
    requests: &Requests,
    now: OffsetDateTime,
    random: &dyn SecureRandom,
    notices: &mut Vec<Notice>,
) -> Result<Roots, TrustError> {
    let algorithm = requests.algorithm;
    let mut made = |file: &Path| notices.push(Notice::Made(directory.path(file)));
    let mut authorities = found.authorities;
    let mut missing = Vec::new();
    for domain in Domain::ALL {
        if !authorities.contains_key(&domain) {
            missing.push((domain, bytes::<16>(random)?));
        }
    }
    let issued = parallel::each(&missing, |(domain, serial)| {
        let what = format!("the {domain} authority");
        let key = Key::generate(algorithm).map_err(|_| crypto(&what))?;
        issue_authority(*domain, &key, requests.ca_years, *serial, now)
            .map(|certificate| (*domain, certificate, key))
            .map_err(|_| crypto(&what))
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
            let key = Key::generate(algorithm).map_err(|_| crypto("the service account's key"))?;
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
            random.fill(&mut fresh).map_err(|_| crypto(name))?;
            let text = directory::encode(&fresh);
            directory.write(&[(name.into(), text.as_bytes())], "")?;
            made(Path::new(name));
            Ok(Secret::new(fresh.to_vec()))
        }
    };
    let encryption_key = random_file(found.encryption_key, ENCRYPTION_KEY, ENCRYPTION_KEY_SIZE)?;
    let id = random_file(found.cluster_id, CLUSTER_ID, CLUSTER_ID_SIZE)?;
    let id = <[u8; CLUSTER_ID_SIZE]>::try_from(id.expose()).map_err(|_| crypto(CLUSTER_ID))?;
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

/// Reads every leaf that is requested, and issues those that are not there or do not fit.
fn leaves(
    directory: &Directory,
    roots: &Roots,
    requests: &Requests,
    now: OffsetDateTime,
    random: &dyn SecureRandom,
    notices: &mut Vec<Notice>,
) -> Result<BTreeMap<(super::Owner, Identity), Pair>, TrustError> {
    let examined = parallel::each(&requests.leaves, |request| {
        examine(directory, roots, request, requests.algorithm, now)
    });
    let mut pairs = BTreeMap::new();
    let mut missing = Vec::new();
    for (request, leaf) in requests.leaves.iter().zip(examined) {
        let path = directory.path(&file(request, "crt"));
        match leaf? {
            Leaf::Fits(pair) => {
                pairs.insert((request.owner.clone(), request.identity), pair);
                continue;
            }
            Leaf::Missing => notices.push(Notice::Made(path)),
            Leaf::Unfit(why) => notices.push(Notice::Reissued { path, why }),
        }
        missing.push((request, bytes::<16>(random)?));
    }
    let issued = parallel::each(&missing, |(request, serial)| {
        issue(roots, request, *serial, requests.algorithm, now)
    })
    .into_iter()
    .collect::<Result<Vec<_>, _>>()?;
    let mut files = Vec::new();
    for ((request, _), pair) in missing.iter().zip(&issued) {
        // The key first: a certificate without its key is not taken for whole.
        files.push((file(request, "key"), pair.key.expose()));
        files.push((file(request, "crt"), pair.certificate.pem().as_bytes()));
    }
    directory.write(&files, &stamp(now))?;
    drop(files);
    for ((request, _), pair) in missing.into_iter().zip(issued) {
        pairs.insert((request.owner.clone(), request.identity), pair);
    }
    Ok(pairs)
}

fn examine(
    directory: &Directory,
    roots: &Roots,
    request: &Request,
    algorithm: KeyAlgorithm,
    now: OffsetDateTime,
) -> Result<Leaf, TrustError> {
    let certificate = directory.read(&file(request, "crt"))?;
    let text = directory.read(&file(request, "key"))?;
    let (certificate, text) = match (certificate, text) {
        (None, None) => return Ok(Leaf::Missing),
        (Some(_), None) => return Ok(Leaf::Unfit("its key is gone".to_owned())),
        (None, Some(_)) => {
            return Ok(Leaf::Unfit(
                "it was gone while its key was there".to_owned(),
            ));
        }
        (Some(certificate), Some(text)) => (certificate, text),
    };
    let certificate = match Certificate::parse(certificate.expose()) {
        Ok(certificate) => certificate,
        Err(fault) => return Ok(Leaf::Unfit(format!("the old one is damaged: {fault}"))),
    };
    let key = match Key::parse(text) {
        Ok(key) => key,
        Err(fault) => return Ok(Leaf::Unfit(format!("its key is damaged: {fault}"))),
    };
    if !certificate.belongs_to(&key) {
        return Ok(Leaf::Unfit("its key is another one's".to_owned()));
    }
    let authority = &roots.authorities[&request.domain()].certificate;
    Ok(
        match certificate.misfit(request, algorithm, &key, authority, now) {
            Some(misfit) => Leaf::Unfit(misfit.to_string()),
            None => Leaf::Fits(Pair {
                certificate,
                key: key.pem().clone(),
            }),
        },
    )
}

fn issue(
    roots: &Roots,
    request: &Request,
    serial: [u8; 16],
    algorithm: KeyAlgorithm,
    now: OffsetDateTime,
) -> Result<Pair, TrustError> {
    let what = request.to_string();
    let key = Key::generate(algorithm).map_err(|_| crypto(&what))?;
    let authority = &roots.authorities[&request.domain()];
    let certificate = authority
        .issue(request, &key, serial, now)
        .map_err(|fault| match fault {
            IssueFault::Name(name) => TrustError::Name {
                request: what.clone(),
                name,
            },
            IssueFault::Failed => crypto(&what),
            IssueFault::Authority => TrustError::NoAuthority {
                path: PathBuf::from(request.domain().folder()).join("ca.crt"),
                why: fault.to_string(),
            },
        })?;
    Ok(Pair {
        certificate,
        key: key.pem().clone(),
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

fn authority_file(domain: Domain, kind: &str) -> PathBuf {
    Path::new(domain.folder()).join(format!("ca.{kind}"))
}

fn file(request: &Request, kind: &str) -> PathBuf {
    request.path().with_added_extension(kind)
}

fn bytes<const SIZE: usize>(random: &dyn SecureRandom) -> Result<[u8; SIZE], TrustError> {
    let mut bytes = [0; SIZE];
    random
        .fill(&mut bytes)
        .map_err(|_| crypto("random bytes"))?;
    Ok(bytes)
}

/// The moment, as a folder's name.
fn stamp(now: OffsetDateTime) -> String {
    now.format(format_description!(
        "[year][month][day]T[hour][minute][second]Z"
    ))
    .unwrap_or_else(|_| now.unix_timestamp().to_string())
}

fn damaged(path: &Path, why: &dyn fmt::Display) -> TrustError {
    TrustError::Damaged {
        path: path.to_owned(),
        why: why.to_string(),
    }
}

fn crypto(what: &str) -> TrustError {
    TrustError::Crypto {
        what: what.to_owned(),
    }
}
