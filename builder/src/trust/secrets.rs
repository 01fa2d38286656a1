//! The secrets directory of a cluster: what is missing is made, what is there is kept.
//!
//! ```text
//! secrets/kubernetes/ca.{crt,key}      etcd/ and front-proxy/ likewise
//!         service-account.{key,pub}    what tokens are signed with
//!         encryption.key               what Secrets in etcd are encrypted with
//!         cluster.id                   a random number, not secret
//!         admin.{crt,key}              shared by masters
//!         nodes/<node>/<identity>.{crt,key}
//!         tokens/<node>                what a node joins by, where it brings no certificate
//!         old/<time>/...               what was replaced
//! ```
//!
//! Two kinds of things are in it. Authorities, the service account's key and the encryption key are *roots*: running
//! machines depend on them, so they are made once, all before the first leaf, and one that is lost or damaged later
//! is an error and never made again. *Leaves* are replaceable: one that is missing, damaged, no longer what is asked
//! for or about to end is issued again with a new key, and the old pair is kept under `old`. *Tokens* are between the
//! two: machines that have joined do without theirs, but a new one helps only if masters learn of it, so one that is
//! over is told and made again only when that is asked for.

use std::collections::BTreeMap;
use std::path::PathBuf;

use aws_lc_rs::rand::SecureRandom;
use time::OffsetDateTime;

use super::directory::Directory;
use super::leaves;
use super::roots;
use super::tokens;
use super::{Credentials, Domain, Notice, Requests, ServiceAccount, TrustError};
use crate::spec::NodeName;

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

/// What is made again although it is good.
#[derive(Debug, Clone, Default)]
pub struct Renewal {
    /// Every certificate that is requested, with a new key.
    pub certificates: bool,
    /// The tokens of these nodes.
    pub tokens: Vec<NodeName>,
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
    /// A root that is lost, damaged, no authority or past its time, named before anything is written; a token that is
    /// over; a file system that refuses; a name that no certificate can hold.
    pub fn ensure(
        &self,
        requests: &Requests,
        now: OffsetDateTime,
        random: &dyn SecureRandom,
    ) -> Result<Ensured, TrustError> {
        self.run(requests, now, random, &Renewal::default())
    }

    /// The same, but makes some of what is requested again, although it is good.
    ///
    /// # Errors
    ///
    /// As [`Self::ensure`].
    pub fn renew(
        &self,
        requests: &Requests,
        renewal: &Renewal,
        now: OffsetDateTime,
        random: &dyn SecureRandom,
    ) -> Result<Ensured, TrustError> {
        self.run(requests, now, random, renewal)
    }

    fn run(
        &self,
        requests: &Requests,
        now: OffsetDateTime,
        random: &dyn SecureRandom,
        renewal: &Renewal,
    ) -> Result<Ensured, TrustError> {
        let directory = Directory::open(&self.root)?;
        let mut notices = Vec::new();
        let found = roots::find(&directory, now)?;
        let roots = roots::complete(&directory, found, requests, now, random, &mut notices)?;
        let leaves = leaves::ensure(
            &directory,
            &roots,
            requests,
            now,
            random,
            renewal.certificates,
            &mut notices,
        )?;
        let tokens = match &requests.tokens {
            Some(wanted) => tokens::ensure(
                &directory,
                wanted,
                now,
                random,
                &renewal.tokens,
                &mut notices,
            )?,
            None => BTreeMap::new(),
        };
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
                tokens,
            },
            notices,
        })
    }
}
