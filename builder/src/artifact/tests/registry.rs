//! From a registry: Debian's `docker-registry`, alone and behind nginx as a registry that wants tokens.

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};

use super::mirror::*;
use super::server::{Nginx, free_port};
use crate::artifact::*;
use crate::digest::Digest;
use crate::failure::{Exit, Failure};
use crate::program::Program;

/// A registry that anyone may push to.
struct Registry {
    folder: PathBuf,
    port: u16,
}

impl Registry {
    fn start(folder: &Path) -> Self {
        let folder = folder.join("registry");
        fs::create_dir_all(&folder).unwrap();
        let port = free_port();
        let configuration = format!(
            "version: 0.1\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: '127.0.0.1:{port}'}}\n",
            folder.display()
        );
        fs::write(folder.join("config.yml"), configuration).unwrap();
        let this = Self { folder, port };
        this.daemon("--start")
            .args(["--background", "--make-pidfile", "--"])
            .arg("serve")
            .arg(this.folder.join("config.yml"))
            .run()
            .unwrap();
        let listens = || TcpStream::connect(("127.0.0.1", port)).is_ok();
        let patience = std::iter::repeat_with(|| {
            std::thread::sleep(std::time::Duration::from_millis(20));
            listens()
        });
        assert!(
            patience.take(3000).any(|up| up),
            "docker-registry does not start"
        );
        this
    }

    /// `start-stop-daemon`, which every Debian has, for this registry.
    fn daemon(&self, action: &str) -> Program {
        Program::new("start-stop-daemon")
            .arg(action)
            .args(["--exec", "/usr/bin/docker-registry", "--pidfile"])
            .arg(self.folder.join("pid"))
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/v2/kimage/test/{path}", self.port)
    }

    /// Puts a blob into the repository `kimage/test` and answers its descriptor.
    fn push(&self, media_type: &str, bytes: &[u8]) -> String {
        let digest = Digest::of(bytes);
        let started = ureq::post(self.url("blobs/uploads/")).send_empty().unwrap();
        let place = started.headers()["location"].to_str().unwrap();
        let sign = if place.contains('?') { '&' } else { '?' };
        ureq::put(format!("{place}{sign}digest=sha256:{digest}"))
            .send(bytes)
            .unwrap();
        descriptor(media_type, bytes)
    }

    /// Puts a manifest or an index there under a tag and answers its descriptor.
    fn tag(&self, tag: &str, media_type: &str, text: &str) -> String {
        ureq::put(self.url(&format!("manifests/{tag}")))
            .header("content-type", media_type)
            .send(text)
            .unwrap();
        descriptor(media_type, text.as_bytes())
    }

    /// An image whose one layer is `layer`, as the tag `one`, and an index with it and another platform's as `many`.
    /// Answers the index's digest.
    fn push_image(&self, layer: &[u8]) -> Digest {
        let manifest = |config: &str, layer: &[u8]| {
            format!(
                r#"{{"schemaVersion": 2, "mediaType": "{MANIFEST}", "config": {}, "layers": [{}]}}"#,
                self.push(
                    "application/vnd.oci.image.config.v1+json",
                    config.as_bytes()
                ),
                self.push("application/vnd.oci.image.layer.v1.tar", layer)
            )
        };
        let config = |architecture: &str| {
            format!(
                r#"{{"architecture":"{architecture}","os":"linux","rootfs":{{"type":"layers","diff_ids":[]}}}}"#
            )
        };
        let ours = manifest(&config("amd64"), layer);
        let other = manifest(&config("arm64"), b"for another machine");
        let platform = |descriptor: String, architecture: &str| {
            let descriptor = descriptor.trim_end_matches('}');
            format!(
                r#"{descriptor}, "platform": {{"architecture": "{architecture}", "os": "linux"}}}}"#
            )
        };
        let index = format!(
            r#"{{"schemaVersion": 2, "mediaType": "{INDEX}", "manifests": [{}, {}]}}"#,
            platform(self.tag("other", MANIFEST, &other), "arm64"),
            platform(self.tag("one", MANIFEST, &ours), "amd64"),
        );
        self.tag("many", INDEX, &index);
        Digest::of(index.as_bytes())
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.daemon("--stop").run().unwrap();
    }
}

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

fn descriptor(media_type: &str, bytes: &[u8]) -> String {
    let (digest, size) = (Digest::of(bytes), bytes.len());
    format!(r#"{{"mediaType": "{media_type}", "digest": "sha256:{digest}", "size": {size}}}"#)
}

/// Pulls an image of the repository `kimage/test` into a store and a lock.
fn pull(
    site: &Site,
    port: u16,
    name: &str,
    lock: &mut Lock,
) -> Result<Vec<Fetched>, ArtifactError> {
    let reference = format!("127.0.0.1:{port}/kimage/test{name}");
    let fetcher = Fetcher {
        mirror: None,
        ..fetcher(&site.store, "")
    };
    fetcher.run(&[Artifact::image(reference.parse().unwrap())], lock)
}

/// The paths in an OCI archive, and its index.
fn contents(entry: &Entry) -> (Vec<String>, String) {
    let mut index = String::new();
    let mut paths = Vec::new();
    let mut archive = tar::Archive::new(fs::File::open(&entry.path).unwrap());
    for member in archive.entries().unwrap() {
        let mut member = member.unwrap();
        let path = member.path().unwrap().display().to_string();
        if path == "index.json" {
            std::io::Read::read_to_string(&mut member, &mut index).unwrap();
        }
        paths.push(path);
    }
    (paths, index)
}

#[test]
fn an_image_is_pulled_into_an_archive_that_is_whole_and_always_the_same() {
    let site = Site::new();
    let registry = Registry::start(site.folder.path());
    let layer = noise(6_000_000);
    let index = registry.push_image(&layer);
    let mut digests = Vec::new();
    for (name, blobs) in [
        (":one".to_owned(), 3),
        (":many".to_owned(), 3),
        (format!(":many@sha256:{index}"), 4),
    ] {
        let mut lock = Lock::default();
        let fetched = pull(&site, registry.port, &name, &mut lock).unwrap();
        let entry = &fetched[0].entry;
        let (paths, text) = contents(entry);
        assert_eq!(paths.len(), blobs + 2, "{paths:?}");
        assert!(paths.contains(&format!("blobs/sha256/{}", Digest::of(&layer))));
        let full = fetched[0].artifact.name.clone();
        assert!(
            text.contains(&format!(r#""io.containerd.image.name":"{full}""#)),
            "{text}"
        );
        let Kind::Image(reference) = &fetched[0].artifact.kind else {
            panic!("an image")
        };
        let mut file = fs::File::open(&entry.path).unwrap();
        crate::artifact::oci::check(&mut file, reference).unwrap();
        // Another cache, another time: the same bytes, or the lock would be of no use.
        let elsewhere = Site::new();
        pull(&elsewhere, registry.port, &name, &mut lock).unwrap();
        assert!(
            elsewhere
                .stored()
                .iter()
                .all(|file| file.contains("/sha256/"))
        );
        digests.push(entry.digest);
    }
    // Names differ, so archives do.
    digests.dedup();
    assert_eq!(digests.len(), 3);
}

#[test]
fn a_tag_that_has_moved_is_refused() {
    let site = Site::new();
    let registry = Registry::start(site.folder.path());
    registry.push_image(b"first");
    let mut lock = Lock::default();
    pull(&site, registry.port, ":one", &mut lock).unwrap();
    registry.push_image(b"second");
    let elsewhere = Site::new();
    let error = pull(&elsewhere, registry.port, ":one", &mut lock).unwrap_err();
    assert!(
        matches!(error, ArtifactError::WrongChecksum { .. }),
        "{error}"
    );
    assert_eq!(error.exit(), Exit::Integrity);
    assert!(
        elsewhere
            .stored()
            .iter()
            .all(|file| file.contains("/partial/"))
    );
}

#[test]
fn a_tag_that_is_not_there_is_named() {
    let site = Site::new();
    let registry = Registry::start(site.folder.path());
    let error = pull(&site, registry.port, ":none", &mut Lock::default()).unwrap_err();
    assert!(matches!(error, ArtifactError::Missing { .. }), "{error}");
}

#[test]
fn a_registry_that_wants_a_token_gets_it() {
    let site = Site::new();
    let registry = Registry::start(site.folder.path());
    registry.push_image(b"layer");
    let nginx = Nginx::before(site.folder.path(), registry.port);
    pull(&site, nginx.port, ":many", &mut Lock::default()).unwrap();
    let asked = nginx.requests("token");
    assert!(
        !asked.is_empty() && asked.iter().all(|line| line.starts_with("200")),
        "{asked:?}"
    );
}

#[test]
fn a_layer_that_the_registry_damaged_is_refused() {
    let site = Site::new();
    let registry = Registry::start(site.folder.path());
    let layer = noise(100_000);
    registry.push_image(&layer);
    let digest = Digest::of(&layer).to_string();
    let data = registry
        .folder
        .join("docker/registry/v2/blobs/sha256")
        .join(&digest[..2])
        .join(&digest)
        .join("data");
    let mut damaged = layer.clone();
    damaged[70_000] ^= 1;
    fs::write(data, damaged).unwrap();
    let error = pull(&site, registry.port, ":one", &mut Lock::default()).unwrap_err();
    assert!(
        matches!(error, ArtifactError::WrongChecksum { .. }),
        "{error}"
    );
    assert!(site.stored().iter().all(|file| !file.contains("/sha256/")));
}
