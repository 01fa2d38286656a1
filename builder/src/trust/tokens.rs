//! The tokens by which nodes join: one per node, each with an end.
//!
//! A token is what Kubernetes calls a bootstrap token: a public part of six characters by which it is found, and a
//! secret one of sixteen. Follows <https://kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens/>.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use aws_lc_rs::rand::SecureRandom;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

use super::directory::Directory;
use super::leaves::stamp;
use super::{Notice, TokenRequest, TrustError, key};
use crate::digest::Digest;
use crate::secret::Secret;
use crate::spec::NodeName;

const ID: usize = 6;
const SECRET: usize = 16;
const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// A token that is good for less is dead before anybody has copied its image to a machine.
const DEAD: Duration = Duration::DAY;

/// A token that is good for less than this, or than a third of its lifetime where that is less, is told of.
const ENDING: Duration = Duration::days(7);

/// The folder of tokens in the secrets directory.
const FOLDER: &str = "tokens";

/// How often a public part is drawn that another token has already.
const DRAWS: usize = 100;

/// By what one node joins.
#[derive(Clone)]
pub struct Token {
    id: String,
    secret: Secret,
    not_after: OffsetDateTime,
}

/// Why bytes are no token, without quoting them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it does not hold a token with its end and their checksum")]
pub(super) struct TokenFault;

impl Token {
    /// Six characters by which it is found; public.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Sixteen characters, secret.
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// Both with a dot between them, as a client shows them.
    pub fn bearer(&self) -> Secret {
        Secret::new([self.id.as_bytes(), b".", self.secret.expose()].concat())
    }

    /// When it ends, a whole second of UTC.
    pub fn not_after(&self) -> OffsetDateTime {
        self.not_after
    }

    fn draw(random: &dyn SecureRandom, not_after: OffsetDateTime) -> Result<Self, TrustError> {
        let id = characters::<ID>(random)?;
        Ok(Self {
            id: String::from_utf8_lossy(&*id).into_owned(),
            secret: Secret::new(characters::<SECRET>(random)?.to_vec()),
            not_after,
        })
    }

    /// Reads a token's file.
    pub(super) fn parse(text: &[u8]) -> Result<Self, TokenFault> {
        let text = str::from_utf8(text).map_err(|_| TokenFault)?;
        let (body, digest) = text.rsplit_once("# sha256 ").ok_or(TokenFault)?;
        if digest.trim_end() != Digest::of(body.as_bytes()).to_string() {
            return Err(TokenFault);
        }
        let mut lines = body.lines();
        let mut value = |key: &str| {
            let line = lines.next().and_then(|line| line.strip_prefix(key));
            line.map(str::trim).ok_or(TokenFault)
        };
        let (id, secret, end) = (value("id:")?, value("secret:")?, value("not-after:")?);
        let drawn = |text: &str, size| {
            text.len() == size && text.bytes().all(|byte| ALPHABET.contains(&byte))
        };
        if !drawn(id, ID) || !drawn(secret, SECRET) || lines.next().is_some() {
            return Err(TokenFault);
        }
        Ok(Self {
            id: id.to_owned(),
            secret: Secret::new(secret.as_bytes().to_vec()),
            not_after: OffsetDateTime::parse(end, &Rfc3339).map_err(|_| TokenFault)?,
        })
    }

    /// Its file.
    fn text(&self) -> Zeroizing<String> {
        let secret = String::from_utf8_lossy(self.secret.expose());
        let body = Zeroizing::new(format!(
            "id: {}\nsecret: {secret}\nnot-after: {}\n",
            self.id,
            self.end()
        ));
        let digest = Digest::of(body.as_bytes());
        Zeroizing::new(format!("{}# sha256 {digest}\n", *body))
    }

    /// When it ends, as Kubernetes writes it (RFC 3339).
    pub fn end(&self) -> String {
        self.not_after.format(&Rfc3339).unwrap_or_default()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({}, until {})", self.id, self.not_after)
    }
}

/// Where a node's token is in the secrets directory.
pub(super) fn file(node: &NodeName) -> PathBuf {
    Path::new(FOLDER).join(node.as_str())
}

/// Whether a file of the secrets directory is a token.
pub(super) fn is_token(path: &Path) -> bool {
    path.parent() == Some(Path::new(FOLDER))
}

/// Days before its end from which a token is said to end soon.
pub(super) fn soon() -> i64 {
    ENDING.whole_days()
}

/// Reads every token that is requested, and makes those that are not there, are damaged, live longer than they should
/// by now, or are named in `again`.
pub(super) fn ensure(
    directory: &Directory,
    wanted: &TokenRequest,
    now: OffsetDateTime,
    random: &dyn SecureRandom,
    again: &[NodeName],
    notices: &mut Vec<Notice>,
) -> Result<BTreeMap<NodeName, Token>, TrustError> {
    let lifetime = Duration::days(i64::from(wanted.days));
    let mut tokens = BTreeMap::new();
    let mut missing = Vec::new();
    for node in &wanted.nodes {
        let text = directory.read(&file(node))?;
        let token = text.as_ref().map(|text| Token::parse(text.expose()));
        let why = match token {
            _ if text.is_some() && again.contains(node) => "it was asked for".to_owned(),
            None => "there was none".to_owned(),
            Some(Err(fault)) => format!("the old one is damaged: {fault}"),
            Some(Ok(token)) if token.not_after - now > lifetime => {
                format!("the old one lives longer than {} days", wanted.days)
            }
            Some(Ok(token)) => {
                tokens.insert(node.clone(), token);
                continue;
            }
        };
        missing.push((node, why));
    }
    // Not while others are made again: who repairs one thing after another must be able to.
    for (node, token) in &tokens {
        let path = directory.path(&file(node));
        let until = token.not_after.date();
        let left = token.not_after - now;
        if left < DEAD && again.is_empty() {
            return Err(TrustError::TokenOver { path, until });
        }
        if left < ENDING.min(lifetime / 3) {
            notices.push(Notice::TokenEnding { path, until });
        }
    }
    let first = tokens.is_empty();
    let not_after = (now + lifetime).replace_nanosecond(0).unwrap_or(now);
    let mut ids: BTreeSet<String> = tokens.values().map(|token| token.id.clone()).collect();
    let mut files = Vec::new();
    for (node, why) in missing {
        let mut drawn = Token::draw(random, not_after)?;
        for _ in 0..DRAWS {
            if !ids.contains(&drawn.id) {
                break;
            }
            drawn = Token::draw(random, not_after)?;
        }
        if !ids.insert(drawn.id.clone()) {
            return Err(TrustError::crypto("a token that no other node has"));
        }
        let path = directory.path(&file(node));
        notices.push(match first && why == "there was none" {
            true => Notice::Made(path),
            false => Notice::NewToken { path, why },
        });
        files.push((file(node), drawn.text()));
        tokens.insert(node.clone(), drawn);
    }
    let files: Vec<(PathBuf, &[u8])> = files
        .iter()
        .map(|(path, text)| (path.clone(), text.as_bytes()))
        .collect();
    directory.write(&files, &stamp(now))?;
    Ok(tokens)
}

/// Characters of a token. 128 random bits for 83 that are needed: no character is likelier than another by more than
/// 2^-45.
fn characters<const SIZE: usize>(
    random: &dyn SecureRandom,
) -> Result<Zeroizing<[u8; SIZE]>, TrustError> {
    let bytes = key::random_bytes(random).map_err(|_| TrustError::crypto("a token"))?;
    let mut number = u128::from_be_bytes(bytes);
    let mut characters = Zeroizing::new([0; SIZE]);
    for character in characters.iter_mut() {
        *character = ALPHABET[(number % ALPHABET.len() as u128) as usize];
        number /= ALPHABET.len() as u128;
    }
    Ok(characters)
}
