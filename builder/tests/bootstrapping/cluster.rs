//! Real Kubernetes on this machine, with the files that kimage writes: a node comes with its token and gets its
//! certificates, and whoever asks for another's does not.
//!
//! Addresses and paths of the image become those of this machine; nothing else is changed. Everything ends with the test.

use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kimage::program::{Program, ProgramError};
use kimage::spec::Version;

use crate::request::{Maker, verifies};
use crate::site::{Files, MASTER, WORKER, images};

/// How long anything may take; a busy machine takes its time.
const PATIENCE: Duration = Duration::from_secs(120);

const CLIENT: &str = "kubernetes.io/kube-apiserver-client-kubelet";
const SERVER: &str = "kubernetes.io/kubelet-serving";

#[test]
fn a_node_with_a_token_of_a_secret_gets_its_certificates_and_no_other() {
    let cluster = Cluster::start("1.34.2", "{tokens: secret, servingCertificates: approved}");
    cluster.apply();
    bootstraps(&cluster);
    serving_certificates_are_approved(&cluster);
}

#[test]
fn a_node_with_a_token_of_a_file_gets_its_certificate() {
    let cluster = Cluster::start("1.28.15", "{tokens: file, servingCertificates: issued}");
    cluster.apply();
    bootstraps(&cluster);
    kube_proxy_gets_the_token_of_its_service_account(&cluster);
}

/// A client certificate is asked for with the token, approved and issued, and the node is who it says; without the
/// token it is nobody.
fn bootstraps(cluster: &Cluster) {
    let maker = Maker::new();
    let pem = maker.of_node(WORKER, &format!("DNS:{WORKER}"));
    let plain = maker.request(&crate::request::subject(WORKER), "");
    let usages = "[digital signature, client auth]";
    let with_token = cluster.config("worker/bootstrap.kubeconfig");
    cluster
        .ask(&with_token, "node-csr-1", CLIENT, usages, &plain)
        .unwrap();
    let certificate = cluster.issued("node-csr-1");
    assert!(verifies(
        &certificate,
        &cluster.path("etc/pki/ca.crt"),
        "sslclient"
    ));
    assert!(!verifies(
        &certificate,
        &cluster.path("etc/pki/ca.crt"),
        "sslserver"
    ));

    // Such a certificate has no names; one that has is nobody's.
    cluster
        .ask(&with_token, "node-csr-2", CLIENT, usages, &pem)
        .unwrap();
    let stranger = cluster.config_with("stranger", "    token: abcdef.0123456789abcdef\n");
    let error = cluster
        .ask(&stranger, "node-csr-3", CLIENT, usages, &plain)
        .unwrap_err();
    assert!(
        error.contains("Unauthorized") || error.contains("logged in"),
        "{error}"
    );

    // Who has the certificate is the node; who has the token is nobody yet.
    fs::copy(maker.path("p256"), cluster.path("node.key")).unwrap();
    let node = cluster.config_with(
        "node",
        &format!(
            "    client-certificate: {}\n    client-key: {}\n",
            certificate.display(),
            cluster.path("node.key").display()
        ),
    );
    let object = format!("apiVersion: v1\nkind: Node\nmetadata: {{name: {WORKER}}}\n");
    cluster.create(&with_token, &object).unwrap_err();
    cluster.create(&node, &object).unwrap();
    let other = format!("apiVersion: v1\nkind: Node\nmetadata: {{name: {MASTER}}}\n");
    cluster.create(&node, &other).unwrap_err();
    assert_eq!(cluster.pending("node-csr-2"), "");
}

/// The node's own names are approved by the real script and unit, all others are left alone.
fn serving_certificates_are_approved(cluster: &Cluster) {
    let maker = Maker::new();
    let node = cluster.path("node.conf");
    let usages = "[digital signature, key encipherment, server auth]";
    let own = format!("DNS:{WORKER},IP:192.0.2.21");
    let foreign = maker.of_node(WORKER, &format!("{own},DNS:kubernetes"));
    let another = maker.of_node(WORKER, "IP:192.0.2.11");
    let good = maker.of_node(WORKER, &own);
    cluster
        .ask(&node, "csr-foreign", SERVER, usages, &foreign)
        .unwrap();
    cluster
        .ask(&node, "csr-another", SERVER, usages, &another)
        .unwrap();
    cluster
        .ask(
            &node,
            "csr-usage",
            SERVER,
            "[server auth, client auth]",
            &good,
        )
        .unwrap();
    cluster
        .ask(
            &node,
            "csr-client",
            "kubernetes.io/kube-apiserver-client",
            "[client auth]",
            &good,
        )
        .unwrap();
    cluster.ask(&node, "--all", SERVER, usages, &good).unwrap();
    cluster
        .ask(&node, "csr-two\nlines", SERVER, usages, &good)
        .unwrap();
    let user = cluster.config("etc/super-admin.conf");
    cluster
        .ask(&user, "csr-user", SERVER, usages, &good)
        .unwrap();
    cluster
        .ask(&node, "csr-own", SERVER, usages, &good)
        .unwrap();

    let unit = cluster
        .master
        .text("/etc/systemd/system/kimage-approve.service");
    let start = unit
        .lines()
        .find_map(|line| line.strip_prefix("ExecStart="))
        .unwrap();
    let words: Vec<String> = start.split(' ').map(|word| cluster.here(word)).collect();
    let _approver = Running::start(
        Path::new(&words[0]),
        &words[1..],
        &cluster.path("approver.log"),
    );
    let certificate = cluster.issued("csr-own");
    assert!(verifies(
        &certificate,
        &cluster.path("etc/pki/ca.crt"),
        "sslserver"
    ));
    assert!(!verifies(
        &certificate,
        &cluster.path("etc/pki/ca.crt"),
        "sslclient"
    ));
    for name in [
        "csr-foreign",
        "csr-another",
        "csr-usage",
        "csr-client",
        "--all",
        "csr-two\nlines",
        "csr-user",
    ] {
        assert_eq!(cluster.pending(name), "", "{name:?}");
    }

    // Not even the approver itself could do more.
    let approver = cluster.config("etc/approver.conf");
    let approve = |name| cluster.kubectl(&approver, &["certificate", "approve", name]);
    assert!(approve("csr-client").unwrap_err().contains("forbidden"));
    let nodes = cluster.kubectl(&approver, &["get", "nodes"]);
    assert!(nodes.unwrap_err().contains("forbidden"));
}

/// The real script waits for the Secret, and reads it as the node; with what it read kube-proxy may do its work and
/// nothing else, and the node may read no other Secret.
fn kube_proxy_gets_the_token_of_its_service_account(cluster: &Cluster) {
    let node = cluster.path("etc/kubelet.conf");
    fs::copy(cluster.path("node.conf"), &node).unwrap();
    let script = cluster.path("lib/kube-proxy-token");
    let _waiting = Running::start(&script, &[], &cluster.path("kube-proxy-token.log"));
    let token = cluster.path("proxy/token");
    cluster.until("it has asked", || {
        let asked = fs::read_to_string(cluster.path("kube-proxy-token.log")).unwrap();
        Some(()).filter(|()| asked.contains("Forbidden") || asked.contains("not found"))
    });
    assert!(!token.exists());
    cluster.apply_addon("12-kube-proxy");
    cluster.until("the token is there", || token.exists().then_some(()));
    let mode = fs::metadata(&token).unwrap().permissions();
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&mode) & 0o7777,
        0o600
    );

    let proxy = cluster.path("worker/kube-proxy.conf");
    let get =
        |user: &Path, words: &str| cluster.kubectl(user, &words.split(' ').collect::<Vec<_>>());
    get(&proxy, "get endpointslices,services,nodes --all-namespaces").unwrap();
    for (user, words) in [
        (&proxy, "get secrets --namespace kube-system"),
        (&proxy, "get pods --all-namespaces"),
        (&node, "get secrets --namespace kube-system"),
        (&node, "get secret another --namespace kube-system"),
    ] {
        let error = get(user, words).unwrap_err();
        assert!(error.contains("forbidden"), "{words}: {error}");
    }
}

/// etcd, the API and the controllers of a master, on ports of their own.
struct Cluster {
    folder: tempfile::TempDir,
    master: Files,
    /// What stands in the image, and what stands here instead, longest first.
    moved: Vec<(String, String)>,
    server: String,
    /// Ended in this order.
    _running: Vec<Running>,
}

impl Cluster {
    fn start(version: &str, bootstrap: &str) -> Self {
        let version: Version = version.parse().unwrap();
        let [master, worker] = images(version, bootstrap);
        let folder = tempfile::tempdir().unwrap();
        let [api, controllers, etcd, peers, metrics] = ports();
        let at = |name: &str| folder.path().join(name).display().to_string();
        let moved = [
            (
                "https://192.0.2.11:6443",
                format!("https://127.0.0.1:{api}"),
            ),
            (
                "https://192.0.2.11:2379",
                format!("https://127.0.0.1:{etcd}"),
            ),
            (
                "https://192.0.2.11:2380",
                format!("https://127.0.0.1:{peers}"),
            ),
            (
                "https://127.0.0.1:2379",
                format!("https://127.0.0.1:{etcd}"),
            ),
            (
                "http://127.0.0.1:2381",
                format!("http://127.0.0.1:{metrics}"),
            ),
            ("--secure-port=6443", format!("--secure-port={api}")),
            ("/etc/kubernetes", at("etc")),
            ("/var/lib/etcd", at("etcd-data")),
            ("/var/log/kubernetes", at("log")),
            ("/var/lib/kube-proxy", at("proxy")),
            ("/usr/local/lib/kimage", at("lib")),
            ("/usr/local/share/kimage", at("share")),
            (
                "PATH=/usr/local/sbin",
                format!("PATH={}:/usr/local/sbin", at("bin")),
            ),
        ]
        .map(|(image, here)| (image.to_owned(), here))
        .to_vec();
        let mut cluster = Self {
            master,
            moved,
            server: format!("https://127.0.0.1:{api}"),
            _running: Vec::new(),
            folder,
        };
        for (below, name) in [
            ("/etc/kubernetes", "etc"),
            ("/usr/local/lib/kimage", "lib"),
            ("/usr/local/share/kimage", "share"),
        ] {
            let target = cluster.path(name);
            cluster
                .master
                .write(below, &target, |text| cluster.here(text));
        }
        worker.write("/etc/kubernetes", &cluster.path("worker"), |text| {
            cluster.here(text)
        });
        cluster.unpack(version);
        for name in ["log", "etcd-data"] {
            fs::create_dir(cluster.path(name)).unwrap();
        }
        fs::set_permissions(
            cluster.path("etcd-data"),
            std::os::unix::fs::PermissionsExt::from_mode(0o700),
        )
        .unwrap();

        let more = [format!("--secure-port={controllers}")];
        for (program, more) in [
            ("etcd", [].as_slice()),
            ("kube-apiserver", &[]),
            ("kube-controller-manager", &more),
        ] {
            // What listens elsewhere is told last.
            let flags = cluster.master.flags(program);
            let flags: Vec<String> = flags
                .iter()
                .map(|flag| cluster.here(flag))
                .chain(more.iter().cloned())
                .collect();
            let log = cluster.path(&format!("{program}.log"));
            let running = Running::start(&cluster.path("bin").join(program), &flags, &log);
            cluster._running.insert(0, running);
        }
        let admin = cluster.path("etc/super-admin.conf");
        cluster.until("the API answers", || {
            cluster.kubectl(&admin, &["get", "--raw", "/readyz"]).ok()
        });
        cluster
    }

    /// Puts the programs of a version where the scripts look first.
    fn unpack(&self, version: Version) {
        let mirror = std::env::var_os("KIMAGE_TEST_MIRROR").map(PathBuf::from).expect(
            "KIMAGE_TEST_MIRROR is not the folder of a mirror: `make mirror` makes one and prints its folder",
        );
        let kubernetes = format!("dl.k8s.io/v{version}/kubernetes-server-linux-amd64.tar.gz");
        let etcd =
            "github.com/etcd-io/etcd/releases/download/v3.6.5/etcd-v3.6.5-linux-amd64.tar.gz";
        let programs = [
            "kube-apiserver",
            "kube-controller-manager",
            "kubectl",
            "etcd",
        ];
        let bin = self.path("bin");
        fs::create_dir(&bin).unwrap();
        for archive in [kubernetes.as_str(), etcd] {
            let file = File::open(mirror.join(archive)).unwrap();
            let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(file));
            for entry in archive.entries().unwrap() {
                let mut entry = entry.unwrap();
                let name = entry.path().unwrap().file_name().unwrap().to_owned();
                if programs.iter().any(|program| name == *program)
                    && entry.header().entry_type().is_file()
                {
                    entry.unpack(bin.join(name)).unwrap();
                }
            }
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A text of the image with the addresses and paths of this machine.
    fn here(&self, text: &str) -> String {
        let moved = self.moved.iter();
        moved.fold(text.to_owned(), |text, (image, here)| {
            text.replace(image, here)
        })
    }

    fn config(&self, name: &str) -> PathBuf {
        self.path(name)
    }

    /// A kubeconfig with other credentials than those of the image.
    fn config_with(&self, name: &str, user: &str) -> PathBuf {
        let path = self.path(&format!("{name}.conf"));
        let text = format!(
            "apiVersion: v1\nkind: Config\nclusters:\n- name: a\n  cluster:\n    server: {}\n    certificate-authority: {}\n\
             contexts:\n- {{name: a, context: {{cluster: a, user: a}}}}\ncurrent-context: a\nusers:\n- name: a\n  user:\n{user}",
            self.server,
            self.path("etc/pki/ca.crt").display()
        );
        fs::write(&path, text).unwrap();
        path
    }

    /// What kubectl writes, or why it failed.
    fn kubectl(&self, config: &Path, arguments: &[&str]) -> Result<String, String> {
        self.kubectl_reading(config, arguments, "")
    }

    fn kubectl_reading(
        &self,
        config: &Path,
        arguments: &[&str],
        input: &str,
    ) -> Result<String, String> {
        let program = Program::new(self.path("bin/kubectl").to_str().unwrap())
            .env("KUBECONFIG", config)
            .env("HOME", self.folder.path())
            .args(arguments)
            .stdin(input);
        match program.run() {
            Ok(output) => Ok(String::from_utf8(output.stdout).unwrap()),
            Err(error @ ProgramError::Failed { .. }) => Err(error.to_string()),
            Err(error) => panic!("{error}"),
        }
    }

    fn create(&self, config: &Path, object: &str) -> Result<String, String> {
        self.kubectl_reading(config, &["create", "--validate=false", "-f", "-"], object)
    }

    /// Applies what the image brings for tokens and the approver, as `kimage-apply` does.
    fn apply(&self) {
        let addons = [
            "05-bootstrap-tokens",
            "10-rbac",
            "11-bootstrap",
            "13-approver",
        ];
        for addon in addons {
            if self.path(&format!("etc/addons/{addon}.yaml")).exists() {
                self.apply_addon(addon);
            }
        }
    }

    fn apply_addon(&self, addon: &str) {
        let admin = self.config("etc/super-admin.conf");
        let unit = self.master.text("/etc/systemd/system/kimage-apply.service");
        let start = unit
            .lines()
            .find(|line| line.starts_with("ExecStart="))
            .unwrap();
        let flags: Vec<&str> = start.split(' ').skip(1).collect();
        let file = self.path(&format!("etc/addons/{addon}.yaml"));
        let words = [
            &["apply"],
            flags.as_slice(),
            &["-f", file.to_str().unwrap()],
        ]
        .concat();
        self.until("objects are taken", || self.kubectl(&admin, &words).ok());
    }

    /// Asks for a certificate.
    fn ask(
        &self,
        config: &Path,
        name: &str,
        signer: &str,
        usages: &str,
        pem: &str,
    ) -> Result<String, String> {
        let object = format!(
            "apiVersion: certificates.k8s.io/v1\nkind: CertificateSigningRequest\nmetadata: {{name: {name:?}}}\n\
             spec: {{signerName: {signer}, usages: {usages}, request: {}}}\n",
            STANDARD.encode(pem)
        );
        self.create(config, &object)
    }

    /// A field of a request.
    fn field(&self, name: &str, field: &str) -> String {
        let admin = self.config("etc/super-admin.conf");
        let template = format!(
            "{{{{range .items}}}}{{{{if eq .metadata.name {name:?}}}}}{{{{with {field}}}}}{{{{.}}}}{{{{end}}}}{{{{end}}}}{{{{end}}}}"
        );
        let output = format!("--output=go-template={template}");
        self.kubectl(&admin, &["get", "certificatesigningrequests", &output])
            .unwrap()
    }

    /// What was decided about a request; nothing if it still waits.
    fn pending(&self, name: &str) -> String {
        self.field(name, ".status.conditions")
    }

    /// Waits for a certificate.
    fn issued(&self, name: &str) -> PathBuf {
        let text = self.until(&format!("`{name}` is issued"), || {
            Some(self.field(name, ".status.certificate")).filter(|text| !text.is_empty())
        });
        let path = self.path(&format!("{name}.crt"));
        fs::write(&path, STANDARD.decode(text).unwrap()).unwrap();
        path
    }

    /// Tries until there is something, or says what the programs said.
    fn until<T>(&self, what: &str, attempt: impl Fn() -> Option<T>) -> T {
        let begin = Instant::now();
        loop {
            if let Some(found) = attempt() {
                return found;
            }
            if begin.elapsed() > PATIENCE {
                let mut said = String::new();
                for entry in fs::read_dir(self.folder.path()).unwrap() {
                    let path = entry.unwrap().path();
                    if path.extension().is_some_and(|end| end == "log") {
                        let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
                        let last: Vec<&str> = text.lines().rev().take(15).collect();
                        said += &format!("{}:\n{}\n", path.display(), last.join("\n"));
                    }
                }
                panic!("not in {PATIENCE:?}: {what}\n{said}");
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

/// A program that ends when it is dropped, with all that it has started.
struct Running(Child);

impl Running {
    fn start(program: &Path, flags: &[String], log: &Path) -> Self {
        let log = File::create(log).unwrap();
        let child = Command::new(program)
            .args(flags)
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
        let group = i32::try_from(self.0.id())
            .ok()
            .and_then(rustix::process::Pid::from_raw);
        if let Some(group) = group {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _ = self.0.wait();
    }
}

/// Ports that nobody listens on.
fn ports<const COUNT: usize>() -> [u16; COUNT] {
    let listeners = [(); COUNT].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}
