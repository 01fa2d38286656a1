//! A real API server with a real etcd, of a version that the mirror has. Both end with the test.

use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use kimage::program::Program;
use serde_json::{Value, json};

use crate::manifest::{objects, pods};

/// How long anything may take; a busy machine takes its time.
const PATIENCE: Duration = Duration::from_secs(120);

/// Whoever knows it is an administrator.
const TOKEN: &str = "administrator";

/// An API.
pub(crate) struct Api {
    folder: tempfile::TempDir,
    server: String,
    /// Ended in this order.
    _running: [Running; 2],
}

impl Api {
    /// One that answers.
    pub(crate) fn start(version: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        unpack(version, folder.path());
        let at = |name: &str| folder.path().join(name).display().to_string();
        let [secure, clients, peers] = ports();
        fs::write(
            at("tokens.csv"),
            format!("{TOKEN},admin,1,system:masters\n"),
        )
        .unwrap();
        Program::new("openssl")
            .args(["genrsa", "-out", &at("sa.key"), "2048"])
            .run()
            .unwrap();
        let (clients, peers) = (
            format!("http://127.0.0.1:{clients}"),
            format!("http://127.0.0.1:{peers}"),
        );
        let etcd = Running::start(
            folder.path(),
            "etcd",
            &[
                format!("--data-dir={}", at("data")),
                format!("--listen-client-urls={clients}"),
                format!("--advertise-client-urls={clients}"),
                format!("--listen-peer-urls={peers}"),
                format!("--initial-advertise-peer-urls={peers}"),
                format!("--initial-cluster=default={peers}"),
            ],
        );
        let apiserver = Running::start(
            folder.path(),
            "kube-apiserver",
            &[
                format!("--etcd-servers={clients}"),
                "--bind-address=127.0.0.1".to_owned(),
                format!("--secure-port={secure}"),
                format!("--cert-dir={}", at("certificates")),
                format!("--token-auth-file={}", at("tokens.csv")),
                "--authorization-mode=RBAC".to_owned(),
                "--allow-privileged=true".to_owned(),
                "--service-cluster-ip-range=10.96.0.0/16".to_owned(),
                "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
                format!("--service-account-key-file={}", at("sa.key")),
                format!("--service-account-signing-key-file={}", at("sa.key")),
            ],
        );
        let api = Self {
            server: format!("https://127.0.0.1:{secure}"),
            _running: [apiserver, etcd],
            folder,
        };
        api.until("the API answers", || {
            api.kubectl(&["get", "--raw", "/readyz"], "")
        });
        api
    }

    /// Applies a manifest twice, as `kimage-apply` does at every boot, and asks whether the pods that it is about would be
    /// let in.
    pub(crate) fn takes(&self, manifest: &str, apply_flags: &[String]) {
        let flags = apply_flags.iter().map(String::as_str);
        let words: Vec<&str> = ["apply"]
            .into_iter()
            .chain(flags)
            .chain(["-f", "-"])
            .collect();
        let manifest_objects = objects(manifest);
        // An API that has only just begun lacks a namespace; one that has just learnt a kind does not know it at once.
        let said = self.until("the manifest is taken", || self.kubectl(&words, manifest));
        assert_eq!(said.lines().count(), manifest_objects.len(), "{said}");
        self.kubectl(&words, manifest).unwrap();
        for pod in pods(&manifest_objects) {
            let namespace = namespace_of(&manifest_objects, pod);
            let account = pod["spec"]["serviceAccountName"].as_str().unwrap();
            assert!(
                manifest_objects.iter().any(|object| {
                    object["kind"] == "ServiceAccount" && object["metadata"]["name"] == account
                }),
                "{account}"
            );
            let pod = json!({
                "apiVersion": "v1", "kind": "Pod", "spec": pod["spec"],
                "metadata": {"name": "one", "namespace": namespace}
            });
            let words = ["create", "--dry-run=server", "-f", "-"];
            self.kubectl(&words, &pod.to_string()).unwrap();
        }
    }

    /// Stores an object of a kind that a manifest has just declared, and looks whether all of it is there.
    pub(crate) fn keeps(&self, object: &Value) {
        let text = object.to_string();
        let words = ["apply", "--server-side", "-o", "json", "-f", "-"];
        let said = self.until("the object is taken", || self.kubectl(&words, &text));
        let kept: Value = serde_json::from_str(&said).unwrap();
        assert_eq!(kept["spec"], object["spec"]);
    }

    /// What kubectl writes, or why it failed. A warning is a failure.
    fn kubectl(&self, arguments: &[&str], input: &str) -> Result<String, String> {
        let program = Program::new(self.folder.path().join("kubectl").to_str().unwrap())
            .env("HOME", self.folder.path())
            .args(["--server", &self.server, "--insecure-skip-tls-verify"])
            .args(["--token", TOKEN])
            .args(arguments)
            .stdin(input);
        let output = program.run().map_err(|error| error.to_string())?;
        let complaints = output.stderr.join("\n");
        if complaints.is_empty() {
            Ok(String::from_utf8(output.stdout).unwrap())
        } else {
            Err(complaints)
        }
    }

    /// Tries until it succeeds.
    fn until<T>(&self, what: &str, mut attempt: impl FnMut() -> Result<T, String>) -> T {
        let begun = Instant::now();
        loop {
            match attempt() {
                Ok(done) => return done,
                Err(why) if begun.elapsed() > PATIENCE => {
                    let log = fs::read_to_string(self.folder.path().join("kube-apiserver.log"));
                    panic!("{what}: {why}\n{}", log.unwrap_or_default())
                }
                Err(_) => std::thread::sleep(Duration::from_millis(200)),
            }
        }
    }
}

/// The namespace of the object whose pod this is.
fn namespace_of<'a>(objects: &'a [Value], pod: &Value) -> &'a Value {
    let owner = objects
        .iter()
        .find(|object| &object["spec"]["template"] == pod);
    &owner.unwrap()["metadata"]["namespace"]
}

/// Puts the programs of a version into a folder.
fn unpack(version: &str, folder: &Path) {
    let mirror = std::env::var_os("KIMAGE_TEST_MIRROR").map(PathBuf::from).expect(
        "KIMAGE_TEST_MIRROR is not the folder of a mirror: `make mirror` makes one and prints its folder",
    );
    let kubernetes = format!("dl.k8s.io/v{version}/kubernetes-server-linux-amd64.tar.gz");
    let etcd = "github.com/etcd-io/etcd/releases/download/v3.6.5/etcd-v3.6.5-linux-amd64.tar.gz";
    for archive in [kubernetes.as_str(), etcd] {
        let file = File::open(mirror.join(archive)).unwrap();
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(file));
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let name = entry.path().unwrap().file_name().unwrap().to_owned();
            if ["kube-apiserver", "kubectl", "etcd"]
                .iter()
                .any(|program| name == *program)
                && entry.header().entry_type().is_file()
            {
                entry.unpack(folder.join(name)).unwrap();
            }
        }
    }
}

/// Ports that nobody has.
fn ports<const N: usize>() -> [u16; N] {
    let held = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    held.map(|listener| listener.local_addr().unwrap().port())
}

/// A program that runs until the test ends.
struct Running(Child);

impl Running {
    fn start(folder: &Path, program: &str, flags: &[String]) -> Self {
        let log = File::create(folder.join(format!("{program}.log"))).unwrap();
        let child = Command::new(folder.join(program))
            .args(flags)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .process_group(0)
            .spawn()
            .unwrap();
        Self(child)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}
