//! Names of container images.
//!
//! The grammar is that of the distribution project (`registry/repository:tag@digest`), with the defaults that people
//! know: no registry means Docker Hub, and a single name there lies in `library/`. One rule is stricter: without a tag
//! or digest a name is refused, because `latest` is another image every day.
//!
//! `oci-spec` has a type for this too, but brings `regex`, `strum`, `getset` and `derive_builder` with it.

use std::fmt;
use std::str::FromStr;

use crate::failure::{Exit, Failure};

use crate::digest::Digest;

/// The full name of a container image, as `registry.k8s.io/pause:3.10.1`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ImageReference {
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

/// Why a text names no container image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// It has neither tag nor digest.
    #[error("image `{0}` has neither a tag nor a digest, and `latest` is another image every day")]
    Floating(String),
    /// The tag has characters that no tag has, or too many.
    #[error(
        "image `{0}` has no valid tag: letters, digits, `_`, `.` and `-`, 128 at most, make one"
    )]
    Tag(String),
    /// The digest is no `sha256:` and 64 digits.
    #[error("image `{0}` has no valid digest: `sha256:` and 64 hexadecimal digits make one")]
    Digest(String),
    /// Registry or repository have characters that they must not have.
    #[error(
        "image `{0}` has no valid name: lower-case letters, digits, `.`, `_`, `-` and `/` make one"
    )]
    Name(String),
}

impl Failure for ReferenceError {
    fn exit(&self) -> Exit {
        Exit::UserFiles
    }
}

impl ImageReference {
    /// Host, and port if any, of the registry in its name; for Docker Hub `docker.io`.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The path in the registry, as `coredns/coredns`.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag, if it has one.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest of its manifest or index, if it has one.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// What a registry is asked for: the digest if there is one, else the tag.
    pub(super) fn manifest(&self) -> String {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => format!("sha256:{digest}"),
            (None, Some(tag)) => tag.clone(),
            (None, None) => unreachable!("a reference has a tag or a digest"),
        }
    }

    /// A file name that no other image has: `registry.k8s.io_pause_3.10.1`.
    pub fn file_stem(&self) -> String {
        self.to_string().replace(['/', ':', '@'], "_")
    }

    /// Its archive's path in a mirror: `images/registry.k8s.io/pause/3.10.1.tar`.
    pub fn mirror_path(&self) -> String {
        let last = self
            .tag
            .clone()
            .unwrap_or_else(|| self.manifest().replace(':', "-"));
        format!("images/{}/{}/{last}.tar", self.registry, self.repository)
    }
}

impl FromStr for ImageReference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let (rest, digest) = match text.split_once('@') {
            None => (text, None),
            Some((rest, digest)) => {
                let digest = digest
                    .strip_prefix("sha256:")
                    .and_then(|hex| hex.parse().ok())
                    .ok_or_else(|| ReferenceError::Digest(text.to_owned()))?;
                (rest, Some(digest))
            }
        };
        // A colon before the last slash belongs to the registry's port.
        let (name, tag) = match rest.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag.to_owned())),
            _ => (rest, None),
        };
        if tag.as_deref().is_some_and(|tag| !is_tag(tag)) {
            return Err(ReferenceError::Tag(text.to_owned()));
        }
        let (registry, repository) = match name.split_once('/') {
            Some((first, path)) if is_host(first) => (first, path.to_owned()),
            Some(_) => ("docker.io", name.to_owned()),
            None => ("docker.io", format!("library/{name}")),
        };
        let valid = is_registry(registry)
            && repository.len() <= 255
            && repository.split('/').all(is_component);
        if !valid {
            return Err(ReferenceError::Name(text.to_owned()));
        }
        if tag.is_none() && digest.is_none() {
            return Err(ReferenceError::Floating(text.to_owned()));
        }
        Ok(Self {
            registry: registry.to_owned(),
            repository,
            tag,
            digest,
        })
    }
}

/// What tells a registry from the first part of a path: a dot, a port, or `localhost`.
fn is_host(text: &str) -> bool {
    text.contains(['.', ':']) || text == "localhost"
}

/// A host name or address, and perhaps a port. It becomes the name of a folder in a mirror, so `..` is none.
fn is_registry(text: &str) -> bool {
    let (host, port) = text.split_once(':').unwrap_or((text, "0"));
    let label = |label: &str| {
        !label.is_empty()
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    host.split('.').all(label) && port.parse::<u16>().is_ok()
}

fn is_tag(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.len() <= 128
        && text.bytes().next().is_some_and(word)
        && text.bytes().all(|byte| word(byte) || b".-".contains(&byte))
}

fn is_component(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    text.bytes().next().is_some_and(plain)
        && text.bytes().last().is_some_and(plain)
        && text
            .bytes()
            .all(|byte| plain(byte) || b"._-".contains(&byte))
}

impl fmt::Display for ImageReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@sha256:{digest}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn short_names_become_what_containerd_calls_them() {
        let full = |text: &str| {
            text.parse::<ImageReference>()
                .map(|image| image.to_string())
        };
        assert_eq!(full("nginx:1.27").unwrap(), "docker.io/library/nginx:1.27");
        assert_eq!(
            full("flannel/flannel:v1").unwrap(),
            "docker.io/flannel/flannel:v1"
        );
        assert_eq!(full("localhost:5000/a:1").unwrap(), "localhost:5000/a:1");
        assert_eq!(
            full("registry.k8s.io/coredns/coredns:v1.12.1").unwrap(),
            "registry.k8s.io/coredns/coredns:v1.12.1"
        );
    }

    #[test]
    fn a_name_that_is_another_image_tomorrow_is_refused() {
        assert_eq!(
            "nginx".parse::<ImageReference>(),
            Err(ReferenceError::Floating("nginx".into()))
        );
        assert!(
            "registry.k8s.io:443/pause"
                .parse::<ImageReference>()
                .is_err()
        );
    }

    #[test]
    fn no_name_leads_out_of_a_mirror() {
        for name in [
            "../a:1",
            "./a:1",
            "a.b/../c:1",
            "a.b//c:1",
            "a.b/c:..",
            "..:5/a:1",
        ] {
            assert!(name.parse::<ImageReference>().is_err(), "{name}");
        }
    }

    #[test]
    fn an_archive_lies_in_the_mirror_by_its_name() {
        let image: ImageReference = "registry.k8s.io/pause:3.10.1".parse().unwrap();
        assert_eq!(
            image.mirror_path(),
            "images/registry.k8s.io/pause/3.10.1.tar"
        );
    }

    proptest! {
        #[test]
        fn whatever_parses_prints_as_a_name_of_the_same_image(text in "[a-zA-Z0-9.:/@_-]{0,40}") {
            if let Ok(image) = text.parse::<ImageReference>() {
                prop_assert_eq!(image.to_string().parse(), Ok(image.clone()));
                // `a:b.` lies in `a/b..tar`, which leads nowhere; a name of `..` alone would.
                prop_assert!(image.mirror_path().split('/').all(|name| name != ".."), "{}", image.mirror_path());
            }
        }
    }
}
