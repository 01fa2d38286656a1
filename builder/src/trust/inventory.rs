//! Lists: what is issued and until when, and which file lies in which node's image. A token is listed by its public
//! part.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{Certificate, Domain, Identity, Owner, Requests, Secrets, Token, tokens};
use crate::secret::Secret;
use crate::spec::{Cluster, NodeName, Role};

/// Days before its end from which a certificate is said to end soon.
const SOON: i64 = 30;

/// One certificate or token of a secrets directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Its file, relative to the secrets directory.
    pub path: PathBuf,
    /// Whose domain it belongs to; `None` for a file that kimage did not put there.
    pub domain: Option<Domain>,
    /// Who it names; empty if it cannot be read.
    pub subject: String,
    /// When it ends.
    #[serde(serialize_with = "rfc3339")]
    pub not_after: Option<OffsetDateTime>,
    /// Whole days until then; negative after.
    pub days_left: Option<i64>,
    /// In a word.
    pub status: Status,
}

/// How a certificate or a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Good.
    Valid,
    /// A certificate that is good for less than 30 days, or a token for less than 7.
    EndsSoon,
    /// No longer good.
    Expired,
    /// Not good yet: the clock of this machine is behind.
    NotYetValid,
    /// It cannot be read.
    Damaged,
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Valid => "valid",
            Self::EndsSoon => "ends soon",
            Self::Expired => "expired",
            Self::NotYetValid => "not yet valid",
            Self::Damaged => "damaged",
        })
    }
}

impl Secrets {
    /// Every certificate and token of the directory, by path, without what was replaced. Reads only; a directory that is not
    /// there has none.
    pub fn inventory(&self, now: OffsetDateTime) -> Vec<Row> {
        let mut files = Vec::new();
        certificates(&self.root, Path::new(""), &mut files);
        files.sort();
        let row = |path: PathBuf| row(&self.root, path, now);
        files.into_iter().map(row).collect()
    }
}

fn rfc3339<S: Serializer>(time: &Option<OffsetDateTime>, to: S) -> Result<S::Ok, S::Error> {
    time.and_then(|time| time.format(&Rfc3339).ok())
        .serialize(to)
}

fn certificates(root: &Path, folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(root.join(folder))
        .into_iter()
        .flatten()
        .flatten()
    {
        let relative = folder.join(entry.file_name());
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            if !hidden && relative != Path::new("old") {
                certificates(root, &relative, files);
            }
        } else if relative.extension().is_some_and(|kind| kind == "crt")
            || (tokens::is_token(&relative) && !hidden)
        {
            files.push(relative);
        }
    }
}

fn row(root: &Path, path: PathBuf, now: OffsetDateTime) -> Row {
    let text = fs::read(root.join(&path)).map(Secret::new).ok();
    let text = text.as_ref().map(Secret::expose).unwrap_or_default();
    let found = if tokens::is_token(&path) {
        let token = Token::parse(text).ok();
        token.map(|token| {
            let subject = format!("token {}", token.id());
            (subject, None, token.not_after(), tokens::soon())
        })
    } else {
        let certificate = Certificate::parse(text).ok();
        certificate.map(|certificate| {
            let subject = certificate.subject().to_string();
            let begins = Some(certificate.not_before());
            (subject, begins, certificate.not_after(), SOON)
        })
    };
    let domain = domain(&path);
    let Some((subject, not_before, not_after, soon)) = found else {
        return Row {
            path,
            domain,
            subject: String::new(),
            not_after: None,
            days_left: None,
            status: Status::Damaged,
        };
    };
    let left = not_after - now;
    let status = if left.is_negative() {
        Status::Expired
    } else if not_before.is_some_and(|begin| begin > now) {
        Status::NotYetValid
    } else if left.whole_days() < soon {
        Status::EndsSoon
    } else {
        Status::Valid
    };
    Row {
        path,
        domain,
        subject,
        not_after: Some(not_after),
        days_left: Some(left.whole_days()),
        status,
    }
}

fn domain(path: &Path) -> Option<Domain> {
    let stem = path.file_stem()?.to_str()?;
    let folder = path.parent()?;
    Domain::ALL
        .into_iter()
        .find(|domain| stem == "ca" && folder == Path::new(domain.folder()))
        .or_else(|| Identity::from_stem(stem).map(Identity::domain))
}

/// A file of the secrets directory that goes into a node's image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Placement {
    /// The node.
    pub node: NodeName,
    /// The file, relative to the secrets directory.
    pub file: PathBuf,
    /// What is in it.
    pub kind: Kind,
}

/// What a file of the secrets directory holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// An authority's certificate.
    AuthorityCertificate,
    /// An authority's key.
    AuthorityKey,
    /// A certificate.
    Certificate,
    /// A certificate's key.
    Key,
    /// A key of another use.
    Secret,
    /// The public half of one.
    Public,
    /// What a node joins by.
    Token,
}

/// Which file lies in which node's image: by node in the order of the cluster file. What is in no list here is in no
/// image: the keys of the etcd and front-proxy authorities.
pub fn placements(cluster: &Cluster, requests: &Requests) -> Vec<Placement> {
    let mut placements = Vec::new();
    for node in &cluster.nodes {
        let mut place = |file: PathBuf, kind| {
            placements.push(Placement {
                node: node.name.clone(),
                file,
                kind,
            });
        };
        let master = node.role == Role::Master;
        for domain in Domain::ALL {
            if master || domain == Domain::Kubernetes {
                let file = Path::new(domain.folder()).join("ca.crt");
                place(file, Kind::AuthorityCertificate);
            }
        }
        if master {
            let key = Path::new(Domain::Kubernetes.folder()).join("ca.key");
            place(key, Kind::AuthorityKey);
            place("service-account.key".into(), Kind::Secret);
            place("service-account.pub".into(), Kind::Public);
            place("encryption.key".into(), Kind::Secret);
        }
        let held = requests
            .leaves
            .iter()
            .filter(|request| match &request.owner {
                Owner::Cluster => master,
                Owner::Node(name) => *name == node.name,
            });
        for request in held {
            place(request.file("crt"), Kind::Certificate);
            place(request.file("key"), Kind::Key);
        }
        let tokens = requests.tokens.iter().flat_map(|tokens| &tokens.nodes);
        for owner in tokens.filter(|owner| master || **owner == node.name) {
            place(tokens::file(owner), Kind::Token);
        }
    }
    placements
}
