//! Pulls a container image from its registry, by the OCI distribution specification, into an OCI archive.
//!
//! The archive depends on the image alone: the same manifest gives the same bytes, so its digest can be pinned like
//! any release's. It holds the manifest for Linux on x86-64; where the name has the digest of an index, the index too,
//! since that is what the digest is of. Everything is verified by the digest that leads to it.
//!
//! `oci-client` does this as well, but only with an async runtime and a second HTTP client beside the one that fetches
//! all the rest, resumes and tries again. Registries that want a password are not supported: mirror their images.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom, Write};

use serde::{Deserialize, Serialize};

use super::download::{Download, Patience};
use super::draft::Draft;
use super::source::{Location, Source, Trouble};
use super::store::failed;
use super::{ArtifactError, Entry, Fetcher, ImageReference, Pin};
use crate::digest::{Digest, Hasher};
use crate::secret::Secret;

/// What a manifest may be, as registries are told.
const MANIFESTS: &str = "application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, \
    application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json";
const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// No manifest is larger; registries themselves refuse more.
const LARGEST_MANIFEST: u64 = 4 << 20;
/// No token is larger.
const LARGEST_TOKEN: u64 = 1 << 18;

/// A pull of one image.
pub(super) struct Pull<'a> {
    fetcher: &'a Fetcher<'a>,
    source: &'a Source,
    reference: &'a ImageReference,
    name: String,
    /// `https://registry.k8s.io/v2/pause`
    base: String,
    /// What the registry wants before it lets one in, once it has said so.
    challenge: OnceCell<String>,
}

/// What an index or a manifest is, as far as it matters.
#[derive(Deserialize)]
struct Document {
    #[serde(rename = "mediaType")]
    media_type: Option<String>,
    #[serde(default)]
    manifests: Vec<Descriptor>,
    config: Option<Descriptor>,
    #[serde(default)]
    layers: Vec<Descriptor>,
}

/// What leads to a blob or a manifest.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Descriptor {
    #[serde(rename = "mediaType")]
    media_type: String,
    digest: String,
    size: u64,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    platform: Option<Platform>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Platform {
    architecture: String,
    os: String,
}

#[derive(Serialize)]
struct Layout {
    #[serde(rename = "schemaVersion")]
    schema_version: u32,
    #[serde(rename = "mediaType")]
    media_type: &'static str,
    manifests: Vec<Descriptor>,
}

/// What a token server answers.
#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

/// What an image consists of.
struct Image {
    /// What the layout points to: a manifest or an index.
    top: Descriptor,
    /// Manifests and indexes, by digest.
    documents: BTreeMap<Digest, Vec<u8>>,
    /// Configuration and layers, by digest, with their sizes.
    blobs: BTreeMap<Digest, u64>,
}

impl<'a> Pull<'a> {
    pub(super) fn new(
        fetcher: &'a Fetcher<'a>,
        source: &'a Source,
        reference: &'a ImageReference,
    ) -> Self {
        let host = match reference.registry() {
            "docker.io" => "registry-1.docker.io",
            host => host,
        };
        // As every client does: on this machine itself, registries speak no TLS.
        let local = host.starts_with("127.") || host.split(':').next() == Some("localhost");
        let scheme = if local { "http" } else { "https" };
        Self {
            fetcher,
            source,
            reference,
            name: reference.to_string(),
            base: format!("{scheme}://{host}/v2/{}", reference.repository()),
            challenge: OnceCell::new(),
        }
    }

    /// Pulls the image and makes its archive an entry of the store.
    pub(super) fn run(&self, pin: Option<&Pin>) -> Result<Entry, ArtifactError> {
        let path = self.fetcher.store.nameless(&self.name);
        // The archive first, then blobs in the order of their digests: two pulls never wait for each other in a ring.
        let mut archive = Draft::open(&path).map_err(failed("write", &path))?;
        let image = self.image()?;
        let mut drafts = BTreeMap::new();
        for (digest, size) in &image.blobs {
            let download = Download {
                fetcher: self.fetcher,
                source: self.source,
                name: &self.name,
                location: self.place("blobs", &format!("sha256:{digest}"), "*/*")?,
                expected: Some(*digest),
                size: Some(*size),
            };
            drafts.insert(*digest, download.fill(download.draft()?)?.draft);
        }
        let digest =
            write_archive(&mut archive, &image, &mut drafts).map_err(failed("write", &path))?;
        if let Some(pin) = pin
            && pin.sha256 != digest
        {
            archive.discard().map_err(failed("remove", &path))?;
            return Err(ArtifactError::WrongChecksum {
                name: self.name.clone(),
                url: format!("{}/manifests/{}", self.base, self.reference.manifest()),
                expected: pin.sha256,
                found: digest,
            });
        }
        let entry = self.fetcher.store.keep(archive, &digest)?;
        for draft in drafts.into_values() {
            draft.discard().map_err(failed("remove", &path))?;
        }
        Ok(entry)
    }

    /// Follows the name down to the blobs.
    fn image(&self) -> Result<Image, ArtifactError> {
        let text = self.document(&self.reference.manifest())?;
        let document = self.parse(&text)?;
        let digest = self.reference.digest();
        let mut documents = BTreeMap::new();
        let (manifest, text) = match document.platform_manifest() {
            None => (document, text),
            Some(Err(())) => {
                return Err(self.unusable("it has nothing for Linux on x86-64".into()));
            }
            Some(Ok(chosen)) => {
                let chosen_text = self.document(&chosen.digest)?;
                if digest.is_some() {
                    documents.insert(Digest::of(&text), text.clone());
                }
                (self.parse(&chosen_text)?, chosen_text)
            }
        };
        let mut blobs = BTreeMap::new();
        for descriptor in manifest.config.iter().chain(&manifest.layers) {
            blobs.insert(self.digest(&descriptor.digest)?, descriptor.size);
        }
        if manifest.config.is_none() {
            return Err(self.unusable("its manifest has no configuration".into()));
        }
        // What the name's digest is of, or else the manifest.
        let (top, media_type) = match documents.first_key_value() {
            Some((_, index)) => (index.clone(), self.parse(index)?.media_type(OCI_INDEX)),
            None => (text.clone(), manifest.media_type(OCI_MANIFEST)),
        };
        documents.insert(Digest::of(&text), text);
        Ok(Image {
            top: Descriptor {
                media_type,
                digest: format!("sha256:{}", Digest::of(&top)),
                size: top.len() as u64,
                annotations: self.annotations(),
                platform: None,
            },
            documents,
            blobs,
        })
    }

    /// Under which name containerd and others take the image in.
    fn annotations(&self) -> BTreeMap<String, String> {
        let reference = self.reference;
        let short = reference.tag().unwrap_or(&self.name);
        BTreeMap::from([
            ("io.containerd.image.name".into(), self.name.clone()),
            ("org.opencontainers.image.ref.name".into(), short.into()),
        ])
    }

    /// Fetches a manifest or an index, by tag or digest.
    fn document(&self, reference: &str) -> Result<Vec<u8>, ArtifactError> {
        let mut location = self.place("manifests", reference, MANIFESTS)?;
        let text = match self.source.text(&location, LARGEST_MANIFEST) {
            // The first answer of most registries: what one has to do to be let in.
            Err(Trouble::Challenge(challenge)) if self.challenge.get().is_none() => {
                self.challenge.get_or_init(|| challenge);
                location = self.place("manifests", reference, MANIFESTS)?;
                self.text(&location, LARGEST_MANIFEST)?
            }
            first => self.text_after(first, &location, LARGEST_MANIFEST)?,
        };
        if reference.contains(':') {
            let expected = self.digest(reference)?;
            let found = Digest::of(&text);
            if expected != found {
                return Err(ArtifactError::WrongChecksum {
                    name: self.name.clone(),
                    url: location.shown(),
                    expected,
                    found,
                });
            }
        }
        Ok(text)
    }

    /// A place in the repository, with a token if the registry is known to want one. Tokens live for minutes and a
    /// layer may take longer, so every request has its own.
    fn place(
        &self,
        kind: &str,
        reference: &str,
        accept: &'static str,
    ) -> Result<Location, ArtifactError> {
        let token = self.challenge.get().map(|challenge| self.token(challenge));
        Ok(Location::Registry {
            url: format!("{}/{kind}/{reference}", self.base),
            accept,
            token: token.transpose()?,
        })
    }

    /// Gets a token where a registry says that there is one.
    fn token(&self, challenge: &str) -> Result<Secret, ArtifactError> {
        let url = token_url(challenge, self.reference.repository());
        let secure = |url: &String| {
            url.starts_with("https://")
                || (self.base.starts_with("http://") && url.starts_with("http://127."))
        };
        let Some(url) = url.filter(secure) else {
            return Err(ArtifactError::Denied {
                name: self.name.clone(),
                url: self.base.clone(),
                status: 401,
            });
        };
        let text = self.text(&Location::Http(url), LARGEST_TOKEN)?;
        let answer: Option<Token> = serde_json::from_slice(&text).ok();
        answer
            .and_then(|answer| answer.token.or(answer.access_token))
            .map(|token| Secret::new(token.into_bytes()))
            .ok_or_else(|| self.unusable("its registry gives no token".into()))
    }

    fn text(&self, location: &Location, limit: u64) -> Result<Vec<u8>, ArtifactError> {
        self.text_after(self.source.text(location, limit), location, limit)
    }

    /// Asks again as long as that helps, after a first answer.
    fn text_after(
        &self,
        first: Result<Vec<u8>, Trouble>,
        location: &Location,
        limit: u64,
    ) -> Result<Vec<u8>, ArtifactError> {
        let mut patience = Patience::new(self.fetcher, &self.name, location);
        let mut answer = first;
        loop {
            match answer {
                Ok(text) => return Ok(text),
                Err(trouble) => patience.wait(trouble, 0)?,
            }
            answer = self.source.text(location, limit);
        }
    }

    fn parse(&self, text: &[u8]) -> Result<Document, ArtifactError> {
        serde_json::from_slice(text)
            .map_err(|error| self.unusable(format!("its manifest cannot be read: {error}")))
    }

    fn digest(&self, text: &str) -> Result<Digest, ArtifactError> {
        text.strip_prefix("sha256:")
            .and_then(|hex| hex.parse().ok())
            .ok_or_else(|| self.unusable(format!("`{text}` is no sha256 digest")))
    }

    fn unusable(&self, why: String) -> ArtifactError {
        ArtifactError::Archive {
            name: self.name.clone(),
            why,
        }
    }
}

impl Document {
    /// For an index, its manifest for Linux on x86-64, if it has one; `None` for what is no index.
    fn platform_manifest(&self) -> Option<Result<&Descriptor, ()>> {
        if self.manifests.is_empty() {
            return None;
        }
        let wanted = Platform {
            architecture: "amd64".into(),
            os: "linux".into(),
        };
        let fits = |manifest: &&Descriptor| manifest.platform.as_ref() == Some(&wanted);
        Some(self.manifests.iter().find(fits).ok_or(()))
    }

    fn media_type(&self, default: &str) -> String {
        self.media_type
            .clone()
            .unwrap_or_else(|| default.to_owned())
    }
}

/// Where the token of a `Bearer realm="...",service="..."` challenge is, for pulling from a repository.
fn token_url(challenge: &str, repository: &str) -> Option<String> {
    let parameters = challenge
        .strip_prefix("Bearer ")
        .or_else(|| challenge.strip_prefix("bearer "))?;
    let parameter = |name: &str| {
        let (_, value) = parameters.split_once(&format!("{name}=\""))?;
        value.split_once('"').map(|(value, _)| value)
    };
    let realm = parameter("realm")?;
    let mut url = realm.to_owned();
    url.push(if realm.contains('?') { '&' } else { '?' });
    if let Some(service) = parameter("service") {
        url.push_str(&format!("service={}&", escaped(service)));
    }
    // Not the scope that it names: what is wanted is to pull from this repository, no more.
    url.push_str(&format!(
        "scope={}",
        escaped(&format!("repository:{repository}:pull"))
    ));
    Some(url)
}

/// Text as the value of a query.
fn escaped(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

/// Writes an image layout as a tar, always the same for the same image, and answers its digest.
fn write_archive(
    archive: &mut Draft,
    image: &Image,
    blobs: &mut BTreeMap<Digest, Draft>,
) -> io::Result<Digest> {
    archive.file.set_len(0)?;
    archive.file.seek(SeekFrom::Start(0))?;
    let layout = Layout {
        schema_version: 2,
        media_type: OCI_INDEX,
        manifests: vec![image.top.clone()],
    };
    let mut hashing = Hashing {
        to: io::BufWriter::with_capacity(1 << 18, &mut archive.file),
        hasher: Hasher::new(),
    };
    let mut tar = tar::Builder::new(&mut hashing);
    let index = serde_json::to_vec(&layout)?;
    append(
        &mut tar,
        "oci-layout",
        30,
        br#"{"imageLayoutVersion":"1.0.0"}"#.as_slice(),
    )?;
    append(&mut tar, "index.json", index.len() as u64, index.as_slice())?;
    for (digest, text) in &image.documents {
        append(&mut tar, &blob(digest), text.len() as u64, text.as_slice())?;
    }
    for (digest, draft) in blobs {
        draft.file.seek(SeekFrom::Start(0))?;
        let size = draft.file.metadata()?.len();
        append(&mut tar, &blob(digest), size, &mut draft.file)?;
    }
    tar.into_inner()?;
    hashing.to.flush()?;
    Ok(hashing.hasher.finish())
}

fn blob(digest: &Digest) -> String {
    format!("blobs/sha256/{digest}")
}

fn append(
    tar: &mut tar::Builder<impl Write>,
    path: &str,
    size: u64,
    bytes: impl Read,
) -> io::Result<()> {
    let mut header = tar::Header::new_ustar();
    header.set_size(size);
    header.set_mode(0o644);
    tar.append_data(&mut header, path, bytes)
}

/// Digests what it passes on.
struct Hashing<W> {
    to: W,
    hasher: Hasher,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.to.write(bytes)?;
        self.hasher.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_asked_for_where_the_challenge_says() {
        let hub = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a:pull,push""#;
        assert_eq!(
            token_url(hub, "library/nginx").unwrap(),
            "https://auth.docker.io/token?service=registry.docker.io&scope=repository%3Alibrary%2Fnginx%3Apull"
        );
        assert_eq!(token_url("Basic realm=\"x\"", "a"), None);
        assert_eq!(token_url("Bearer realm=\"x", "a"), None);
    }
}
