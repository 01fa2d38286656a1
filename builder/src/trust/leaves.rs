//! What can be issued again: every certificate but the authorities'.

use std::collections::BTreeMap;

use aws_lc_rs::rand::SecureRandom;
use time::OffsetDateTime;
use time::macros::format_description;

use super::certificate::IssueFault;
use super::directory::Directory;
use super::key::{self, Key};
use super::parallel;
use super::roots::{Roots, authority_file};
use super::{Certificate, Identity, Notice, Owner, Pair, Request, Requests, TrustError};
use crate::spec::KeyAlgorithm;

/// What is there of a leaf.
enum Leaf {
    Fits(Box<Pair>),
    Missing,
    Unfit(String),
}

/// Reads every leaf that is requested, and issues those that are not there or do not fit; all of them if `again`.
pub(super) fn ensure(
    directory: &Directory,
    roots: &Roots,
    requests: &Requests,
    now: OffsetDateTime,
    random: &dyn SecureRandom,
    again: bool,
    notices: &mut Vec<Notice>,
) -> Result<BTreeMap<(Owner, Identity), Pair>, TrustError> {
    let examined = parallel::each(&requests.leaves, |request| {
        examine(directory, roots, request, requests.algorithm, now)
    });
    let mut pairs = BTreeMap::new();
    let mut missing = Vec::new();
    for (request, leaf) in requests.leaves.iter().zip(examined) {
        let path = directory.path(&request.file("crt"));
        match leaf? {
            Leaf::Fits(_) if again => notices.push(Notice::Reissued {
                path,
                why: "it was asked for".to_owned(),
            }),
            Leaf::Fits(pair) => {
                pairs.insert((request.owner.clone(), request.identity), *pair);
                continue;
            }
            Leaf::Missing => notices.push(Notice::Made(path)),
            Leaf::Unfit(why) => notices.push(Notice::Reissued { path, why }),
        }
        missing.push((
            request,
            key::random_bytes(random).map_err(|_| TrustError::crypto("a serial number"))?,
        ));
    }
    let issued = parallel::each(&missing, |(request, serial)| {
        issue(directory, roots, request, *serial, requests.algorithm, now)
    })
    .into_iter()
    .collect::<Result<Vec<_>, _>>()?;
    let mut files = Vec::new();
    for ((request, _), pair) in missing.iter().zip(&issued) {
        // The key first: a certificate without its key is not taken for whole.
        files.push((request.file("key"), pair.key.expose()));
        files.push((request.file("crt"), pair.certificate.pem().as_bytes()));
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
    let certificate = directory.read(&request.file("crt"))?;
    let text = directory.read(&request.file("key"))?;
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
            None => Leaf::Fits(Box::new(Pair {
                certificate,
                key: key.pem().clone(),
            })),
        },
    )
}

fn issue(
    directory: &Directory,
    roots: &Roots,
    request: &Request,
    serial: [u8; 16],
    algorithm: KeyAlgorithm,
    now: OffsetDateTime,
) -> Result<Pair, TrustError> {
    let what = request.to_string();
    let key = Key::generate(algorithm).map_err(|_| TrustError::crypto(&what))?;
    let authority = &roots.authorities[&request.domain()];
    let certificate = authority
        .issue(request, &key, serial, now)
        .map_err(|fault| match fault {
            IssueFault::Name(name) => TrustError::Name {
                request: what.clone(),
                name,
            },
            IssueFault::Failed => TrustError::crypto(&what),
            IssueFault::Authority => TrustError::NoAuthority {
                path: directory.path(&authority_file(request.domain(), "crt")),
                why: fault.to_string(),
            },
        })?;
    Ok(Pair {
        certificate,
        key: key.pem().clone(),
    })
}

/// The moment, as a folder's name.
pub(super) fn stamp(now: OffsetDateTime) -> String {
    now.format(format_description!(
        "[year][month][day]T[hour][minute][second]Z"
    ))
    .unwrap_or_else(|_| now.unix_timestamp().to_string())
}
