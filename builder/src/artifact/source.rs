//! Where bytes come from: upstream's hosts, or the mirror that stands in for all of them.
//!
//! One request, one answer; whether to ask again is for `fetch.rs` to decide. Without permission to connect there is
//! no HTTP client at all, so nothing can open a socket by mistake.

use std::error::Error;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use ureq::http::{HeaderMap, HeaderValue, Response, header};
use ureq::tls::{Certificate, PemItem, RootCerts, parse_pem};
use ureq::typestate::WithoutBody;
use ureq::{Agent, RequestBuilder};

use super::ArtifactError;
use crate::secret::Secret;
use crate::tls;

/// Where artifacts are asked for.
pub(super) struct Source {
    mirror: Option<String>,
    /// Whether HTTP may be spoken.
    connect: bool,
    /// Files of certificate authorities; the first that can be read counts.
    pub(super) authorities: Vec<PathBuf>,
    /// The HTTP client, once it is needed.
    agent: OnceLock<Agent>,
}

/// Where systems keep the certificate authorities that their owner trusts; a site's own mirror is often signed by one
/// that only such a file knows. Without any, Mozilla's list counts, which is built in.
const AUTHORITIES: &[&str] = &[
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// One file of a source.
#[derive(Debug, Clone)]
pub(super) enum Location {
    /// In a folder.
    File(PathBuf),
    /// On a web server.
    Http(String),
    /// In a container registry.
    Registry {
        url: String,
        /// The media types that are understood.
        accept: &'static str,
        /// What lets one in.
        token: Option<Secret>,
    },
}

/// The beginning of an answer.
pub(super) struct Transfer {
    /// The offset of the first byte that comes.
    pub(super) from: u64,
    /// The size of the whole file, if the server says.
    pub(super) total: Option<u64>,
    /// What the server calls this version of the file, if the name is good for asking again.
    pub(super) etag: Option<String>,
    /// The bytes.
    pub(super) body: Box<dyn Read + Send>,
}

/// Why there is no answer, by what to do next.
#[derive(Debug)]
pub(super) enum Trouble {
    /// Nothing: the server says no.
    Denied(u16),
    /// Get a token where this header says, if that is a registry's; else nothing.
    Challenge(String),
    /// Nothing: there is no such file.
    Missing,
    /// Ask again, after a while if the server names one.
    Again(Box<dyn Error + Send + Sync>, Option<Duration>),
    /// Ask for the whole file: it does not have what was asked for.
    FromStart,
    /// Nothing: it would be the same the next time.
    Hopeless(Box<dyn Error + Send + Sync>),
}

/// An answer that is no file.
#[derive(Debug, thiserror::Error)]
#[error("the server answers with HTTP {0}")]
struct Status(u16);

/// Without a byte for this long, a connection is dead.
const SILENCE: Duration = Duration::from_secs(30);

impl Source {
    /// `mirror` replaces `https://` in front of the host; `connect` says whether HTTP may be spoken.
    pub(super) fn new(mirror: Option<&str>, connect: bool) -> Result<Self, ArtifactError> {
        if let Some(mirror) = mirror {
            let known = ["https://", "http://", "file:///"];
            if !known.iter().any(|scheme| mirror.starts_with(scheme)) {
                return Err(ArtifactError::Mirror(without_user(mirror)));
            }
        }
        Ok(Self {
            mirror: mirror.map(|mirror| mirror.trim_end_matches('/').to_owned()),
            connect,
            authorities: AUTHORITIES.iter().map(PathBuf::from).collect(),
            agent: OnceLock::new(),
        })
    }

    /// Whether there is a mirror.
    pub(super) fn has_mirror(&self) -> bool {
        self.mirror.is_some()
    }

    /// The place of a file that has this path in a mirror.
    pub(super) fn locate(&self, path: &str) -> Location {
        match &self.mirror {
            None => Location::Http(format!("https://{path}")),
            Some(mirror) => match mirror.strip_prefix("file://") {
                Some(folder) => Location::File(PathBuf::from(folder).join(path)),
                None => Location::Http(format!("{mirror}/{path}")),
            },
        }
    }

    /// Whether asking for a location is allowed.
    pub(super) fn may_ask(&self, location: &Location) -> bool {
        self.connect || matches!(location, Location::File(_))
    }

    /// The HTTP client, if there may be one.
    fn agent(&self) -> Option<&Agent> {
        self.connect
            .then(|| self.agent.get_or_init(|| agent(&self.authorities)))
    }

    /// Asks for a file from an offset on; `etag` is what the server called the file that the bytes before the offset
    /// are from.
    pub(super) fn open(
        &self,
        location: &Location,
        from: u64,
        etag: Option<&str>,
    ) -> Result<Transfer, Trouble> {
        match (location, self.agent()) {
            (Location::File(path), _) => open_file(path),
            (_, None) => Err(Trouble::Hopeless("no connection may be opened".into())),
            (Location::Http(url), Some(agent)) => answer(agent.get(url), from, etag),
            (Location::Registry { url, accept, token }, Some(agent)) => {
                let mut request = agent.get(url).header(header::ACCEPT, *accept);
                if let Some(token) = token {
                    let mut value = b"Bearer ".to_vec();
                    value.extend(token.expose());
                    // The client shows no header that is marked so.
                    let mut value = HeaderValue::from_bytes(&value)
                        .map_err(|error| Trouble::Hopeless(error.into()))?;
                    value.set_sensitive(true);
                    request = request.header(header::AUTHORIZATION, value);
                }
                answer(request, from, etag)
            }
        }
    }

    /// Asks for a file that is small, and takes at most `limit` bytes of it.
    pub(super) fn text(&self, location: &Location, limit: u64) -> Result<Vec<u8>, Trouble> {
        let transfer = self.open(location, 0, None)?;
        let mut text = Vec::new();
        transfer
            .body
            .take(limit)
            .read_to_end(&mut text)
            .map_err(|error| Trouble::Again(error.into(), None))?;
        Ok(text)
    }
}

impl Location {
    /// As people may see it: no user, no password.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::File(path) => format!("file://{}", path.display()),
            Self::Http(url) | Self::Registry { url, .. } => without_user(url),
        }
    }
}

/// A URL without user and password.
pub(super) fn without_user(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let (authority, path) = match rest.find(['/', '?', '#']) {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let host = authority.rsplit('@').next().unwrap_or(authority);
    format!("{scheme}://{host}{path}")
}

fn agent(authorities: &[PathBuf]) -> Agent {
    let tls = tls::settings().root_certs(trusted(authorities)).build();
    Agent::config_builder()
        .tls_config(tls)
        .http_status_as_error(false)
        .user_agent(concat!("kimage/", env!("CARGO_PKG_VERSION")))
        // An archive must come as it is, not compressed once more.
        .accept_encoding("identity")
        .timeout_connect(Some(SILENCE))
        .timeout_recv_response(Some(SILENCE))
        .timeout_per_read(Some(SILENCE))
        .build()
        .into()
}

/// The certificate authorities in the first file that has some.
fn trusted(files: &[PathBuf]) -> RootCerts {
    for file in files {
        let Ok(text) = fs::read(file) else { continue };
        let certificates: Vec<Certificate<'static>> = parse_pem(&text)
            .filter_map(|item| match item {
                Ok(PemItem::Certificate(certificate)) => Some(certificate),
                _ => None,
            })
            .collect();
        if !certificates.is_empty() {
            return RootCerts::new_with_certs(&certificates);
        }
    }
    RootCerts::WebPki
}

fn open_file(path: &PathBuf) -> Result<Transfer, Trouble> {
    let open = || -> io::Result<(File, u64)> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::from(io::ErrorKind::NotFound));
        }
        Ok((file, metadata.len()))
    };
    match open() {
        Ok((file, size)) => Ok(Transfer {
            from: 0,
            total: Some(size),
            etag: None,
            body: Box::new(file),
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Trouble::Missing),
        Err(error) => Err(Trouble::Hopeless(error.into())),
    }
}

/// Sends a request and looks at the answer's head.
fn answer(
    mut request: RequestBuilder<WithoutBody>,
    from: u64,
    etag: Option<&str>,
) -> Result<Transfer, Trouble> {
    if from > 0 {
        request = request.header(header::RANGE, format!("bytes={from}-"));
        if let Some(etag) = etag {
            request = request.header(header::IF_RANGE, etag);
        }
    }
    let response = request.call().map_err(trouble)?;
    refusal(&response)?;
    let headers = response.headers();
    let etag = text(headers, header::ETAG)
        .filter(|etag| etag.starts_with('"'))
        .map(str::to_owned);
    let (start, total) = if response.status().as_u16() == 206 {
        let range = text(headers, header::CONTENT_RANGE).and_then(content_range);
        match range {
            Some((start, total)) if start == from => (start, total),
            _ => return Err(Trouble::FromStart),
        }
    } else {
        let total = text(headers, header::CONTENT_LENGTH).and_then(|size| size.parse().ok());
        (0, total)
    };
    Ok(Transfer {
        from: start,
        total,
        etag,
        body: Box::new(response.into_body().into_reader()),
    })
}

/// What an answer's status means, unless it is good.
fn refusal<B>(response: &Response<B>) -> Result<(), Trouble> {
    let status = response.status().as_u16();
    match status {
        200 | 206 => Ok(()),
        401 => Err(match text(response.headers(), header::WWW_AUTHENTICATE) {
            Some(challenge) => Trouble::Challenge(challenge.to_owned()),
            None => Trouble::Denied(status),
        }),
        403 | 407 => Err(Trouble::Denied(status)),
        404 | 410 => Err(Trouble::Missing),
        416 => Err(Trouble::FromStart),
        408 | 429 | 500..=599 => {
            // The date form of the header would need a clock; the usual waiting is as good.
            let after = text(response.headers(), header::RETRY_AFTER)
                .and_then(|seconds| seconds.parse().ok())
                .map(Duration::from_secs);
            Err(Trouble::Again(Box::new(Status(status)), after))
        }
        _ => Err(Trouble::Hopeless(Box::new(Status(status)))),
    }
}

/// What an error of the HTTP client means.
fn trouble(error: ureq::Error) -> Trouble {
    use ureq::Error as Http;
    let again = match &error {
        // Nobody listens, or (invalid data) somebody whose certificate is not trusted.
        Http::Io(error) => !matches!(
            error.kind(),
            io::ErrorKind::ConnectionRefused | io::ErrorKind::InvalidData
        ),
        Http::Timeout(_) | Http::Protocol(_) | Http::BodyStalled => true,
        _ => false,
    };
    if again {
        Trouble::Again(Box::new(error), None)
    } else {
        Trouble::Hopeless(Box::new(error))
    }
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// The start and the whole size in `bytes 5-9/10`.
fn content_range(text: &str) -> Option<(u64, Option<u64>)> {
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (start, _) = range.split_once('-')?;
    Some((start.parse().ok()?, total.parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirror_stands_in_for_all_hosts() {
        let at = |mirror| {
            let source = Source::new(mirror, false).unwrap();
            source.locate("dl.k8s.io/v1/x").shown()
        };
        assert_eq!(at(None), "https://dl.k8s.io/v1/x");
        assert_eq!(
            at(Some("http://m.test:8080/k8s/")),
            "http://m.test:8080/k8s/dl.k8s.io/v1/x"
        );
        assert_eq!(at(Some("file:///srv/m")), "file:///srv/m/dl.k8s.io/v1/x");
    }

    #[test]
    fn what_is_no_mirror_is_refused() {
        for mirror in ["/srv/mirror", "ftp://m.test", "file://srv/mirror"] {
            assert!(Source::new(Some(mirror), false).is_err(), "{mirror}");
        }
    }

    #[test]
    fn no_password_is_shown() {
        assert_eq!(without_user("https://u:p@m.test/a@b"), "https://m.test/a@b");
        assert_eq!(without_user("https://u:p@ss@m.test"), "https://m.test");
        assert_eq!(without_user("https://m.test/x"), "https://m.test/x");
    }
}
