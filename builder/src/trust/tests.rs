//! The module's promises, judged by the `openssl` command.
#![expect(
    clippy::disallowed_methods,
    reason = "the oracle is run as the user would"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use aws_lc_rs::rand::SystemRandom;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use super::*;
use crate::failure::Failure as _;
use crate::spec::{self, Cluster, KeyAlgorithm, Node, Role};
use crate::tls;

pub(super) const NOW: OffsetDateTime = datetime!(2026-11-21 13:00:00 UTC);
pub(super) const ADMINS: &str = "kubeadm:cluster-admins";

/// A master and some workers.
pub(super) fn cluster(masters: u8, workers: u16) -> Cluster {
    let version = |text: &str| text.parse().unwrap();
    let node = |name: String, role, host: u16| Node {
        name: name.parse().unwrap(),
        role,
        address: format!("192.168.{}.{}/16", 76 + host / 250, host % 250 + 1)
            .parse()
            .unwrap(),
        gateway: None,
        interface: spec::Interface::Names(vec!["en*".to_owned()]),
        pods: "10.244.0.0/24".parse().unwrap(),
        image: "debian-12".to_owned(),
        labels: BTreeMap::new(),
        taints: Vec::new(),
    };
    let master = |index: u8| node(format!("master-{index}"), Role::Master, index.into());
    let worker = |index: u16| node(format!("node-{index}"), Role::Worker, 10 + index);
    Cluster {
        name: "lab".to_owned(),
        kubernetes: spec::Kubernetes {
            version: version("1.34.2"),
        },
        image: "debian-12".to_owned(),
        runtime: spec::Runtime {
            engine: spec::Engine::Containerd {
                version: version("2.1.4"),
                runc: version("1.3.0"),
            },
            cni_plugins: version("1.7.1"),
            crictl: None,
        },
        etcd: spec::Etcd {
            version: version("3.6.5"),
            heartbeat_interval: 100,
            election_timeout: 1000,
        },
        network: spec::Network {
            pods: "10.244.0.0/16".parse().unwrap(),
            node_prefix: 24,
            services: "10.96.0.0/16".parse().unwrap(),
            cni: spec::Cni::Bridge,
            domain: "cluster.local".to_owned(),
            dns_address: "10.96.0.10".parse().unwrap(),
            dns_image: None,
            dns_servers: Vec::new(),
            time_servers: Vec::new(),
        },
        control_plane: spec::ControlPlane {
            endpoint: "api.lab.example".to_owned(),
            port: 6443,
            sans: vec!["203.0.113.7".to_owned(), "k8s.example".to_owned()],
            load_balancer: spec::LoadBalancer::External,
            audit_policy: None,
            schedulable: false,
        },
        kube_proxy: spec::KubeProxy {
            mode: "iptables",
            scheduler: None,
            credentials: spec::ProxyCredentials::Certificate,
        },
        pki: spec::Pki {
            algorithm: KeyAlgorithm::EcdsaP256,
            ca_years: 10,
            leaf_days: 365,
            certificates: BTreeMap::new(),
        },
        join: spec::Join::Certificate,
        mirror: None,
        images: Vec::new(),
        addons: Vec::new(),
        paths: spec::Paths::default(),
        host: spec::Host {
            sysctl: BTreeMap::new(),
            modules: Vec::new(),
            hosts: BTreeMap::new(),
            ssh_keys: Vec::new(),
            kernel_arguments: Vec::new(),
            files: Vec::new(),
            users: Vec::new(),
            units: Vec::new(),
            acls: Vec::new(),
            packages: Vec::new(),
            directories: Vec::new(),
            timezone: None,
            time_service: None,
            selinux: spec::Selinux {
                mode: None,
                file_contexts: Vec::new(),
            },
        },
        extra_args: BTreeMap::new(),
        components: BTreeMap::new(),
        extra_config: BTreeMap::new(),
        feature_gates: BTreeMap::new(),
        nodes: (1..=masters)
            .map(master)
            .chain((1..=workers).map(worker))
            .collect(),
    }
}

/// The same cluster at other addresses: whatever names one has to be issued again.
fn elsewhere(masters: u8, workers: u16) -> Cluster {
    let mut cluster = cluster(masters, workers);
    for node in &mut cluster.nodes {
        let address = u32::from(node.address.addr()) + 10 * 256;
        node.address = ipnet::Ipv4Net::new(address.into(), 16).unwrap();
    }
    cluster
}

/// A secrets directory that does not outlive its test.
pub(super) struct Scratch {
    _folder: tempfile::TempDir,
    pub(super) secrets: Secrets,
    pub(super) root: PathBuf,
}

impl Scratch {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(&folder, Permissions::from_mode(0o700)).unwrap();
        let root = folder.path().join("secrets");
        Self {
            secrets: Secrets::at(&root),
            root,
            _folder: folder,
        }
    }

    pub(super) fn ensure(&self, cluster: &Cluster) -> Result<Ensured, TrustError> {
        self.ensure_at(cluster, NOW)
    }

    pub(super) fn ensure_at(
        &self,
        cluster: &Cluster,
        now: OffsetDateTime,
    ) -> Result<Ensured, TrustError> {
        self.secrets
            .ensure(&requests(cluster, ADMINS), now, &SystemRandom::new())
    }

    /// Every file with what is in it, without the lock.
    pub(super) fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut folders = vec![self.root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if !path.ends_with(".lock") {
                    let content = fs::read(&path).unwrap();
                    files.insert(path.strip_prefix(&self.root).unwrap().to_owned(), content);
                }
            }
        }
        files
    }

    fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }
}

fn openssl(arguments: &[&str], file: &Path) -> Output {
    Command::new("openssl")
        .args(arguments)
        .arg(file)
        .output()
        .expect("the openssl command is there")
}

fn openssl_text(arguments: &[&str], file: &Path) -> String {
    let output = openssl(arguments, file);
    assert!(output.status.success(), "{arguments:?} {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Whether openssl accepts a certificate against an authority, at the tests' time.
fn verifies(certificate: &Path, authority: &Path) -> bool {
    let time = NOW.unix_timestamp().to_string();
    let authority = authority.to_str().unwrap();
    openssl(
        &[
            "verify",
            "-x509_strict",
            "-no-CApath",
            "-no-CAstore",
            "-attime",
            &time,
            "-CAfile",
            authority,
        ],
        certificate,
    )
    .status
    .success()
}

/// An extension's value as openssl shows it.
fn extension(certificate: &Path, name: &str) -> String {
    let text = openssl_text(&["x509", "-noout", "-ext", name, "-in"], certificate);
    text.lines().skip(1).map(str::trim).collect()
}

#[test]
fn every_certificate_verifies_against_its_own_authority_and_no_other() {
    let scratch = Scratch::new();
    let cluster = cluster(1, 1);
    scratch.ensure(&cluster).unwrap();
    for request in requests(&cluster, ADMINS).leaves {
        let certificate = scratch.root.join(request.file("crt"));
        for domain in Domain::ALL {
            let authority = scratch.root.join(domain.folder()).join("ca.crt");
            let expected = domain == request.domain();
            assert_eq!(
                verifies(&certificate, &authority),
                expected,
                "{request} against {domain}"
            );
        }
    }
}

#[test]
fn every_algorithm_gives_keys_and_certificates_that_openssl_takes() {
    let kinds = [
        (KeyAlgorithm::EcdsaP256, "prime256v1"),
        (KeyAlgorithm::EcdsaP384, "secp384r1"),
        (KeyAlgorithm::EcdsaP521, "secp521r1"),
        (KeyAlgorithm::Rsa2048, "2048 bit"),
        (KeyAlgorithm::Rsa3072, "3072 bit"),
        (KeyAlgorithm::Rsa4096, "4096 bit"),
    ];
    for (algorithm, shown) in kinds {
        let scratch = Scratch::new();
        let mut cluster = cluster(0, 1);
        cluster.pki.algorithm = algorithm;
        // Twice: keys that were written are keys that can be read.
        scratch.ensure(&cluster).unwrap();
        assert!(scratch.ensure(&cluster).unwrap().notices.is_empty());
        let command = if shown.ends_with("bit") { "rsa" } else { "ec" };
        for key in ["nodes/node-1/kubelet.key", "service-account.key"] {
            let path = scratch.path(key);
            let check = openssl(&[command, "-check", "-noout", "-in"], &path);
            assert!(check.status.success(), "{key} {check:?}");
        }
        // What kimage itself speaks to an API with must be able to show each of them.
        let key = fs::read(scratch.path("nodes/node-1/kubelet.key")).unwrap();
        let key = PrivateKeyDer::from_pem_slice(&key).unwrap();
        let shown_by = tls::cryptography().key_provider.load_private_key(key);
        assert!(shown_by.is_ok(), "{algorithm:?}: {shown_by:?}");
        let leaf = scratch.path("nodes/node-1/kubelet.crt");
        assert!(verifies(&leaf, &scratch.path("kubernetes/ca.crt")));
        let text = openssl_text(&["x509", "-noout", "-text", "-in"], &leaf);
        assert!(text.contains(shown), "{text}");
        let derived = openssl_text(
            &["pkey", "-pubout", "-in"],
            &scratch.path("service-account.key"),
        );
        assert_eq!(
            derived,
            fs::read_to_string(scratch.path("service-account.pub")).unwrap()
        );
    }
}

#[test]
fn subjects_names_and_usages_are_those_that_kubernetes_asks_for() {
    let scratch = Scratch::new();
    let cluster = cluster(1, 1);
    scratch.ensure(&cluster).unwrap();
    let mut table = String::new();
    for request in requests(&cluster, ADMINS).leaves {
        let path = scratch.root.join(request.file("crt"));
        let subject = openssl_text(&["x509", "-noout", "-subject", "-in"], &path);
        let names = extension(&path, "subjectAltName");
        let usage = extension(&path, "extendedKeyUsage");
        table.push_str(&format!(
            "{} | {} | {usage} | {names}\n",
            request.file("crt").display(),
            subject.trim().trim_start_matches("subject="),
        ));
        assert_eq!(extension(&path, "keyUsage"), "Digital Signature");
        assert_eq!(extension(&path, "basicConstraints"), "CA:FALSE");
    }
    insta::assert_snapshot!(table, @"
    admin.crt | O = kubeadm:cluster-admins, CN = kubernetes-admin | TLS Web Client Authentication | 
    nodes/master-1/apiserver.crt | CN = kube-apiserver | TLS Web Server Authentication | DNS:api.lab.example, DNS:k8s.example, DNS:kubernetes, DNS:kubernetes.default, DNS:kubernetes.default.svc, DNS:kubernetes.default.svc.cluster.local, DNS:localhost, DNS:master-1, IP Address:10.96.0.1, IP Address:127.0.0.1, IP Address:192.168.76.2, IP Address:203.0.113.7
    nodes/master-1/apiserver-kubelet-client.crt | CN = kube-apiserver-kubelet-client | TLS Web Client Authentication | 
    nodes/master-1/apiserver-etcd-client.crt | CN = kube-apiserver-etcd-client | TLS Web Client Authentication | 
    nodes/master-1/front-proxy-client.crt | CN = front-proxy-client | TLS Web Client Authentication | 
    nodes/master-1/controller-manager.crt | CN = system:kube-controller-manager | TLS Web Client Authentication | 
    nodes/master-1/scheduler.crt | CN = system:kube-scheduler | TLS Web Client Authentication | 
    nodes/master-1/bootstrap.crt | O = system:masters, CN = kimage-bootstrap | TLS Web Client Authentication | 
    nodes/master-1/etcd-server.crt | CN = master-1 | TLS Web Server Authentication, TLS Web Client Authentication | DNS:localhost, DNS:master-1, IP Address:127.0.0.1, IP Address:192.168.76.2, IP Address:0:0:0:0:0:0:0:1
    nodes/master-1/etcd-peer.crt | CN = master-1 | TLS Web Server Authentication, TLS Web Client Authentication | DNS:localhost, DNS:master-1, IP Address:127.0.0.1, IP Address:192.168.76.2, IP Address:0:0:0:0:0:0:0:1
    nodes/master-1/etcd-healthcheck-client.crt | CN = kube-etcd-healthcheck-client | TLS Web Client Authentication | 
    nodes/master-1/kubelet.crt | O = system:nodes, CN = system:node:master-1 | TLS Web Client Authentication | 
    nodes/master-1/kubelet-serving.crt | O = system:nodes, CN = system:node:master-1 | TLS Web Server Authentication | DNS:master-1, IP Address:192.168.76.2
    nodes/master-1/kube-proxy.crt | CN = system:kube-proxy | TLS Web Client Authentication | 
    nodes/node-1/kubelet.crt | O = system:nodes, CN = system:node:node-1 | TLS Web Client Authentication | 
    nodes/node-1/kubelet-serving.crt | O = system:nodes, CN = system:node:node-1 | TLS Web Server Authentication | DNS:node-1, IP Address:192.168.76.12
    nodes/node-1/kube-proxy.crt | CN = system:kube-proxy | TLS Web Client Authentication |
    ");
}

#[test]
fn an_authority_may_sign_certificates_but_no_further_authority() {
    let scratch = Scratch::new();
    scratch.ensure(&cluster(1, 0)).unwrap();
    for domain in Domain::ALL {
        let path = scratch.root.join(domain.folder()).join("ca.crt");
        let text = openssl_text(&["x509", "-noout", "-text", "-in"], &path);
        assert!(
            text.contains("X509v3 Basic Constraints: critical"),
            "{text}"
        );
        assert!(text.contains("X509v3 Key Usage: critical"), "{text}");
        assert_eq!(extension(&path, "basicConstraints"), "CA:TRUE, pathlen:0");
        assert_eq!(
            extension(&path, "keyUsage"),
            "Digital Signature, Certificate Sign, CRL Sign"
        );
        let own = extension(&path, "subjectKeyIdentifier");
        assert_eq!(extension(&path, "authorityKeyIdentifier"), own);
        let subject = openssl_text(&["x509", "-noout", "-subject", "-in"], &path);
        assert_eq!(
            subject.trim(),
            format!("subject=CN = {}", domain.authority_name())
        );
    }
    let leaf = scratch.path("nodes/master-1/etcd-peer.crt");
    assert_eq!(
        extension(&leaf, "authorityKeyIdentifier"),
        extension(&scratch.path("etcd/ca.crt"), "subjectKeyIdentifier")
    );
}

#[test]
fn rsa_certificates_may_encipher_keys() {
    let scratch = Scratch::new();
    let mut cluster = cluster(0, 1);
    cluster.pki.algorithm = KeyAlgorithm::Rsa2048;
    scratch.ensure(&cluster).unwrap();
    assert_eq!(
        extension(&scratch.path("nodes/node-1/kubelet.crt"), "keyUsage"),
        "Digital Signature, Key Encipherment"
    );
}

#[test]
fn certificates_start_a_day_early_and_end_when_asked_but_not_after_their_authority() {
    let scratch = Scratch::new();
    let mut cluster = cluster(0, 1);
    cluster.pki.leaf_days = 36_500;
    scratch.ensure(&cluster).unwrap();
    let dates = |file: &str| {
        let path = scratch.path(file);
        openssl_text(&["x509", "-noout", "-startdate", "-enddate", "-in"], &path)
    };
    let ten_years = "notBefore=Nov 20 13:00:00 2026 GMT\nnotAfter=Nov 18 13:00:00 2036 GMT\n";
    assert_eq!(dates("kubernetes/ca.crt"), ten_years);
    assert_eq!(dates("nodes/node-1/kubelet.crt"), ten_years);
    // Nothing longer can be had, so that is no reason to issue it again.
    assert!(scratch.ensure(&cluster).unwrap().notices.is_empty());
    cluster.pki.leaf_days = 365;
    scratch.ensure(&cluster).unwrap();
    assert_eq!(
        dates("nodes/node-1/kubelet.crt"),
        "notBefore=Nov 20 13:00:00 2026 GMT\nnotAfter=Nov 21 13:00:00 2027 GMT\n"
    );
}

#[test]
fn no_lifetime_is_too_long_to_be_written() {
    let scratch = Scratch::new();
    let mut cluster = cluster(0, 1);
    cluster.pki.ca_years = u32::MAX;
    cluster.pki.leaf_days = u32::MAX;
    scratch.ensure(&cluster).unwrap();
    let ca = scratch.path("kubernetes/ca.crt");
    let end = openssl_text(&["x509", "-noout", "-enddate", "-in"], &ca);
    assert_eq!(end, "notAfter=Dec 31 23:59:59 9999 GMT\n");
}

#[test]
fn serial_numbers_are_large_and_positive_and_never_the_same() {
    let scratch = Scratch::new();
    scratch.ensure(&cluster(3, 3)).unwrap();
    let mut serials = BTreeSet::new();
    for file in scratch
        .files()
        .keys()
        .filter(|file| file.extension() == Some("crt".as_ref()))
    {
        let path = scratch.root.join(file);
        let serial = openssl_text(&["x509", "-noout", "-serial", "-in"], &path);
        let digits = serial.trim().trim_start_matches("serial=").to_owned();
        assert_eq!(digits.len(), 32, "{digits}");
        assert!(serials.insert(digits));
    }
    assert_eq!(serials.len(), 3 + 1 + 3 * 13 + 3 * 3);
}

#[test]
fn everything_is_private_whatever_was_there_before() {
    let scratch = Scratch::new();
    scratch.ensure(&cluster(1, 1)).unwrap();
    let mut folders = vec![scratch.root.clone()];
    while let Some(folder) = folders.pop() {
        assert_eq!(mode(&folder), 0o700, "{}", folder.display());
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                assert_eq!(mode(&path), 0o600, "{}", path.display());
            }
        }
    }
    let key = scratch.path("nodes/node-1/kubelet.key");
    fs::set_permissions(&key, Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(&scratch.root, Permissions::from_mode(0o755)).unwrap();
    let notices = scratch.ensure(&cluster(1, 1)).unwrap().notices;
    let expected = [(scratch.root.clone(), 0o755), (key.clone(), 0o644)];
    assert_eq!(
        notices,
        expected.map(|(path, mode)| Notice::Tightened { path, mode })
    );
    assert_eq!((mode(&scratch.root), mode(&key)), (0o700, 0o600));
}

/// This test program once more, running one of its tests below a line of shell.
fn once_more(shell: &str, test: &str, folder: &Path) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("{shell}; exec \"$0\" \"$@\"")])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", &format!("trust::tests::{test}")])
        .env(FOLDER, folder);
    command
}

/// Where a test that is run once more finds its secrets.
const FOLDER: &str = "KIMAGE_TEST_SECRETS";

#[test]
fn everything_is_private_whatever_the_umask() {
    let none = Path::new("");
    for umask in ["000", "022", "777"] {
        let test = "everything_is_private_whatever_was_there_before";
        let output = once_more(&format!("umask {umask}"), test, none)
            .output()
            .unwrap();
        assert!(output.status.success(), "{umask}: {output:?}");
        assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
    }
}

/// Makes the secrets of a cluster where it is told to; nothing when it is run among the other tests.
#[test]
fn secrets_are_made_where_another_test_wants_them() {
    let folder = std::env::var(FOLDER).unwrap_or_default();
    if !folder.is_empty() {
        let wanted = requests(&cluster(3, 30), ADMINS);
        let made = Secrets::at(folder).ensure(&wanted, NOW, &SystemRandom::new());
        if let Err(error) = made {
            panic!(
                "refused: {error}, {}",
                std::error::Error::source(&error).unwrap()
            );
        }
    }
}

#[test]
fn a_kill_at_any_moment_loses_nothing() {
    let test = "secrets_are_made_where_another_test_wants_them";
    let entries = |path: &Path| fs::read_dir(path).map_or(0, Iterator::count);
    let mut interrupted = 0;
    // As soon as a folder has so many entries: while roots are made, leaves staged, folders made, leaves renamed, and
    // old leaves moved away.
    for (folder, count) in [
        ("", 1),
        ("", 3),
        ("", 4),
        ("", 6),
        ("", 8),
        (".new", 1),
        (".new", 100),
        (".new", 200),
        ("nodes", 1),
        ("nodes", 20),
        ("nodes/master-1", 3),
        ("nodes/master-2", 25),
        ("nodes/node-20", 1),
        ("old", 1),
        ("old/20261121T130000Z/nodes", 2),
        ("old/20261121T130000Z/nodes", 25),
    ] {
        let scratch = Scratch::new();
        if folder.starts_with("old") {
            scratch.ensure(&elsewhere(3, 30)).unwrap();
        }
        let start = scratch.files();
        let mut child = once_more(":", test, &scratch.root)
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let watched = scratch.root.join(folder);
        while entries(&watched) < count && child.try_wait().unwrap().is_none() {
            std::thread::sleep(std::time::Duration::from_micros(100));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let before = scratch.files();
        let ours = Path::new("old/20261121T130000Z");
        for (file, content) in &start {
            let found = [before.get(file), before.get(&ours.join(file))];
            assert!(found.contains(&Some(content)), "{} is lost", file.display());
        }
        for domain in Domain::ALL {
            let whole = |file: &str| before.contains_key(&Path::new(domain.folder()).join(file));
            assert_eq!(whole("ca.crt"), whole("ca.key"));
        }
        let made = scratch.ensure(&cluster(3, 30)).unwrap().notices;
        interrupted += u32::from(!made.is_empty() && !before.is_empty());
        let after = scratch.files();
        let lasting = |file: &Path| !file.starts_with(".new");
        for (file, content) in before.iter().filter(|(file, _)| lasting(file)) {
            let kept = after.get(file) == Some(content);
            let aside = after.get(&ours.join(file)) == Some(content);
            assert!(kept || aside, "{} is lost", file.display());
            assert!(
                kept || file.starts_with("nodes"),
                "{} was replaced",
                file.display()
            );
        }
        assert!(after.keys().all(|file| lasting(file)));
        assert!(scratch.ensure(&cluster(3, 30)).unwrap().notices.is_empty());
    }
    assert!(interrupted > 0, "none was killed in the middle");
}

#[test]
fn a_disk_that_refuses_is_named_and_nothing_is_lost() {
    let scratch = Scratch::new();
    scratch.ensure(&elsewhere(3, 30)).unwrap();
    let before = scratch.files();
    // No file may grow: what a full disk is to a program.
    let shell = "trap '' XFSZ; ulimit -f 0";
    let test = "secrets_are_made_where_another_test_wants_them";
    let output = once_more(shell, test, &scratch.root).output().unwrap();
    assert!(!output.status.success());
    let told = String::from_utf8_lossy(&output.stderr) + String::from_utf8_lossy(&output.stdout);
    let file = scratch.path(".new/0");
    let expected = format!("refused: cannot write `{}`, File too large", file.display());
    assert!(told.contains(&expected), "{told}");
    let mut after = scratch.files();
    after.retain(|file, _| !file.starts_with(".new"));
    assert_eq!(after, before);
    scratch.ensure(&cluster(3, 30)).unwrap();
}

#[test]
fn renewing_issues_every_leaf_again_and_no_root() {
    let scratch = Scratch::new();
    let everything = Renewal {
        certificates: true,
        tokens: Vec::new(),
    };
    let wanted = requests(&cluster(1, 0), ADMINS);
    let random = SystemRandom::new();
    scratch.secrets.ensure(&wanted, NOW, &random).unwrap();
    let before = scratch.files();
    let notices = scratch
        .secrets
        .renew(&wanted, &everything, NOW, &random)
        .unwrap()
        .notices;
    assert_eq!(notices.len(), wanted.leaves.len());
    let after = scratch.files();
    for (file, content) in before {
        let leaf = file.starts_with("nodes")
            || file.starts_with("admin.crt")
            || file.starts_with("admin.key");
        assert_eq!(after[&file] != content, leaf, "{}", file.display());
        assert_eq!(
            after.get(&Path::new("old/20261121T130000Z").join(&file)),
            leaf.then_some(&content)
        );
    }
    // Twice in one second: the first aside is not overwritten by the second.
    scratch
        .secrets
        .renew(&wanted, &everything, NOW, &random)
        .unwrap();
    assert_eq!(scratch.files().len(), after.len() + 2 * wanted.leaves.len());
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn doing_it_again_changes_no_byte() {
    let scratch = Scratch::new();
    let first = scratch.ensure(&cluster(1, 2)).unwrap();
    let before = scratch.files();
    let again = scratch
        .ensure_at(&cluster(1, 2), NOW + Duration::days(200))
        .unwrap();
    assert_eq!(scratch.files(), before);
    assert!(again.notices.is_empty(), "{:?}", again.notices);
    let node = &cluster(1, 2).nodes[0];
    let [first, again] = [first, again].map(|it| it.credentials.for_node(node).unwrap());
    let [first, again] = [first, again].map(|it| it.control_plane.unwrap());
    assert_eq!(
        first.kubernetes_ca_key.expose(),
        again.kubernetes_ca_key.expose()
    );
    assert_eq!(first.apiserver.key.expose(), again.apiserver.key.expose());
    assert_eq!(first.encryption_key.expose(), again.encryption_key.expose());
    assert_eq!(first.encryption_key.size(), 32);
}

#[test]
fn a_node_that_is_added_changes_no_other_file() {
    let scratch = Scratch::new();
    scratch.ensure(&cluster(1, 1)).unwrap();
    let before = scratch.files();
    scratch.ensure(&cluster(1, 2)).unwrap();
    let mut after = scratch.files();
    after.retain(|file, _| !file.starts_with("nodes/node-2"));
    assert_eq!(after, before);
}

#[test]
fn only_what_changed_is_issued_again_and_the_old_pair_is_kept() {
    let scratch = Scratch::new();
    let mut cluster = cluster(1, 2);
    scratch.ensure(&cluster).unwrap();
    let before = scratch.files();
    cluster.nodes[1].address = "192.168.76.99/16".parse().unwrap();
    let notices = scratch.ensure(&cluster).unwrap().notices;
    let serving = scratch.path("nodes/node-1/kubelet-serving.crt");
    let [Notice::Reissued { path, why }] = notices.as_slice() else {
        panic!("{notices:?}");
    };
    assert_eq!(path, &serving);
    assert_eq!(why, "its names and addresses are not the ones wanted");
    assert_eq!(
        extension(&serving, "subjectAltName"),
        "DNS:node-1, IP Address:192.168.76.99"
    );
    let mut after = scratch.files();
    for kind in ["crt", "key"] {
        let file = PathBuf::from(format!("nodes/node-1/kubelet-serving.{kind}"));
        let old = Path::new("old/20261121T130000Z").join(&file);
        assert_eq!(after.remove(&old).as_ref(), before.get(&file));
        assert_ne!(after.get(&file), before.get(&file));
        after.insert(file.clone(), before[&file].clone());
    }
    assert_eq!(after, before);
}

#[test]
fn a_leaf_that_is_about_to_end_is_issued_again_and_an_authority_is_not() {
    let scratch = Scratch::new();
    let cluster = cluster(0, 1);
    scratch.ensure(&cluster).unwrap();
    let at = |days| scratch.ensure_at(&cluster, NOW + Duration::days(days));
    assert!(at(334).unwrap().notices.is_empty());
    let notices = at(336).unwrap().notices;
    assert_eq!(notices.len(), 4, "{notices:?}");
    assert_eq!(
        notices[0].to_string(),
        format!(
            "issued `{}` again: it is valid only until 2027-11-21",
            scratch.path("admin.crt").display()
        )
    );
    let error = at(3650).unwrap_err();
    assert!(
        matches!(&error, TrustError::Expired { path, .. }
        if *path == scratch.path("kubernetes/ca.crt")),
        "{error}"
    );
}

/// Does something to a secrets directory, and sees that `ensure` then says so and touches nothing.
fn refuses(damage: impl FnOnce(&Scratch)) -> String {
    let scratch = Scratch::new();
    scratch.ensure(&cluster(1, 1)).unwrap();
    damage(&scratch);
    let before = scratch.files();
    let error = scratch.ensure(&cluster(1, 2)).unwrap_err();
    assert_eq!(scratch.files(), before, "touched something");
    assert!(error.hint().is_some());
    let text = format!("{error}").replace(scratch.root.to_str().unwrap(), "secrets");
    let debug = format!("{error:?}");
    assert_no_secret(&text, &before);
    assert_no_secret(&debug, &before);
    text
}

/// No line of a private key may be in a text.
fn assert_no_secret(text: &str, files: &BTreeMap<PathBuf, Vec<u8>>) {
    let keys = files
        .iter()
        .filter(|(file, _)| file.extension() == Some("key".as_ref()));
    for (file, content) in keys {
        let lines = String::from_utf8_lossy(content).into_owned();
        for line in lines
            .lines()
            .filter(|line| line.len() > 15 && !line.starts_with(['-', '#']))
        {
            for piece in line.as_bytes().chunks_exact(8) {
                let piece = str::from_utf8(piece).unwrap_or("\u{fffd}");
                assert!(!text.contains(piece), "{} shows in {text}", file.display());
            }
        }
    }
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    // Another character of the same alphabet, so that only meaning is lost. As a hexadecimal digit, `a` is `A`.
    bytes[at] = match bytes[at] {
        b'A' | b'a' => b'B',
        _ => b'A',
    };
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_lost_root_is_named_and_never_made_again() {
    let lost = |file: &'static str| refuses(move |it| fs::remove_file(it.path(file)).unwrap());
    let mut text = String::new();
    for file in [
        "kubernetes/ca.key",
        "kubernetes/ca.crt",
        "etcd/ca.key",
        "front-proxy/ca.crt",
        "service-account.key",
        "encryption.key",
        "cluster.id",
    ] {
        text.push_str(&format!("{file}: {}\n", lost(file)));
    }
    text.push_str(&refuses(|it| fs::remove_dir_all(it.path("etcd")).unwrap()));
    insta::assert_snapshot!(text, @"
    kubernetes/ca.key: `secrets/kubernetes/ca.key` is gone, while `secrets/kubernetes/ca.crt` is there
    kubernetes/ca.crt: `secrets/kubernetes/ca.crt` is gone, while `secrets/kubernetes/ca.key` is there
    etcd/ca.key: `secrets/etcd/ca.key` is gone, while `secrets/etcd/ca.crt` is there
    front-proxy/ca.crt: `secrets/front-proxy/ca.crt` is gone, while `secrets/front-proxy/ca.key` is there
    service-account.key: `secrets/service-account.key` is gone, while `secrets/service-account.pub` is there
    encryption.key: `secrets/encryption.key` is gone, while `secrets/admin.crt` is there
    cluster.id: `secrets/cluster.id` is gone, while `secrets/admin.crt` is there
    `secrets/etcd/ca.crt` is gone, while `secrets/admin.crt` is there
    ");
}

#[test]
fn a_damaged_root_is_named() {
    let flipped = |file: &'static str, at| refuses(move |it| flip(&it.path(file), at));
    let mut text = String::new();
    for (file, at) in [
        ("kubernetes/ca.key", 90),
        ("kubernetes/ca.key", 160),
        ("etcd/ca.crt", 60),
        ("etcd/ca.crt", 300),
        ("etcd/ca.crt", 500),
        ("service-account.key", 90),
        ("service-account.pub", 60),
        ("encryption.key", 9),
        ("cluster.id", 9),
    ] {
        text.push_str(&format!("{file}: {}\n", flipped(file, at)));
    }
    let empty = |it: &Scratch| fs::write(it.path("kubernetes/ca.key"), b"").unwrap();
    text.push_str(&format!("empty: {}\n", refuses(empty)));
    insta::assert_snapshot!(text, @"
    kubernetes/ca.key: `secrets/kubernetes/ca.key` is damaged: it is no intact unencrypted key of ECDSA P-256, P-384, P-521 or RSA 2048, 3072, 4096
    kubernetes/ca.key: `secrets/kubernetes/ca.key` is damaged: it is no intact unencrypted key of ECDSA P-256, P-384, P-521 or RSA 2048, 3072, 4096
    etcd/ca.crt: `secrets/etcd/ca.crt` is damaged: its own signature does not verify
    etcd/ca.crt: `secrets/etcd/ca.crt` is damaged: its own signature does not verify
    etcd/ca.crt: `secrets/etcd/ca.crt` is damaged: its own signature does not verify
    service-account.key: `secrets/service-account.key` is damaged: it is no intact unencrypted key of ECDSA P-256, P-384, P-521 or RSA 2048, 3072, 4096
    service-account.pub: `secrets/service-account.key` is not the key of `secrets/service-account.pub`
    encryption.key: `secrets/encryption.key` is damaged: it does not hold 32 bytes as hexadecimal digits with their checksum
    cluster.id: `secrets/cluster.id` is damaged: it does not hold 16 bytes as hexadecimal digits with their checksum
    empty: `secrets/kubernetes/ca.key` is damaged: it holds no PEM block of a private key
    ");
}

#[test]
fn halves_that_do_not_belong_together_are_named() {
    let swap = |it: &Scratch| {
        fs::copy(it.path("etcd/ca.key"), it.path("kubernetes/ca.key")).unwrap();
    };
    let twin = |it: &Scratch| {
        for file in ["ca.crt", "ca.key"] {
            fs::copy(
                it.path("etcd").join(file),
                it.path("front-proxy").join(file),
            )
            .unwrap();
        }
    };
    let leaf = |it: &Scratch| {
        for kind in ["crt", "key"] {
            let from = it.path("nodes/master-1/etcd-server").with_extension(kind);
            fs::copy(from, it.path("etcd/ca").with_extension(kind)).unwrap();
        }
    };
    insta::assert_snapshot!([refuses(swap), refuses(twin), refuses(leaf)].join("\n"), @"
    `secrets/kubernetes/ca.key` is not the key of `secrets/kubernetes/ca.crt`
    `secrets/front-proxy/ca.crt` is no authority that kimage can issue with: it has the key of the etcd authority, and whoever is trusted by one would be by both
    `secrets/etcd/ca.crt` is no authority that kimage can issue with: it may not sign certificates
    ");
}

#[test]
fn a_leaf_that_is_lost_or_damaged_is_issued_again_and_named() {
    let plant = |damage: &dyn Fn(&Scratch)| {
        let scratch = Scratch::new();
        scratch.ensure(&cluster(1, 1)).unwrap();
        damage(&scratch);
        let notices = scratch.ensure(&cluster(1, 1)).unwrap().notices;
        assert!(scratch.ensure(&cluster(1, 1)).unwrap().notices.is_empty());
        let text: Vec<_> = notices.iter().map(Notice::to_string).collect();
        text.join("\n")
            .replace(scratch.root.to_str().unwrap(), "secrets")
            + "\n"
    };
    let leaf = "nodes/node-1/kubelet";
    let mut text = String::new();
    for (file, at) in [
        ("crt", 60),
        ("crt", 400),
        ("crt", 600),
        ("key", 90),
        ("key", 170),
    ] {
        text += &plant(&|it| flip(&it.path(leaf).with_extension(file), at));
    }
    for kind in ["crt", "key"] {
        text += &plant(&|it| fs::remove_file(it.path(leaf).with_extension(kind)).unwrap());
    }
    text += &plant(&|it| fs::remove_dir_all(it.path("nodes/node-1")).unwrap());
    text += &plant(&|it| {
        let other = it.path("nodes/node-1/kube-proxy.key");
        fs::copy(other, it.path(leaf).with_extension("key")).unwrap();
    });
    insta::assert_snapshot!(text, @"
    issued `secrets/nodes/node-1/kubelet.crt` again: it does not verify against its authority
    issued `secrets/nodes/node-1/kubelet.crt` again: it does not verify against its authority
    issued `secrets/nodes/node-1/kubelet.crt` again: it does not verify against its authority
    issued `secrets/nodes/node-1/kubelet.crt` again: its key is damaged: it is no intact unencrypted key of ECDSA P-256, P-384, P-521 or RSA 2048, 3072, 4096
    issued `secrets/nodes/node-1/kubelet.crt` again: its key is damaged: it is no intact unencrypted key of ECDSA P-256, P-384, P-521 or RSA 2048, 3072, 4096
    issued `secrets/nodes/node-1/kubelet.crt` again: it was gone while its key was there
    issued `secrets/nodes/node-1/kubelet.crt` again: its key is gone
    made `secrets/nodes/node-1/kubelet.crt`
    made `secrets/nodes/node-1/kubelet-serving.crt`
    made `secrets/nodes/node-1/kube-proxy.crt`
    issued `secrets/nodes/node-1/kubelet.crt` again: its key is another one's
    ");
}

#[test]
fn what_a_killed_process_left_behind_is_cleared_and_taken_up() {
    let scratch = Scratch::new();
    // Killed while the second authority was made: one is there, one is half staged.
    scratch.ensure(&cluster(0, 0)).unwrap();
    let kept = fs::read(scratch.path("kubernetes/ca.key")).unwrap();
    for gone in [
        "admin.crt",
        "admin.key",
        "service-account.pub",
        "encryption.key",
        "cluster.id",
    ] {
        fs::remove_file(scratch.path(gone)).unwrap();
    }
    for gone in ["etcd", "front-proxy"] {
        fs::remove_dir_all(scratch.path(gone)).unwrap();
    }
    fs::create_dir_all(scratch.path(".new/folder")).unwrap();
    fs::write(scratch.path(".new/folder/ca.key"), "half").unwrap();
    scratch.ensure(&cluster(1, 1)).unwrap();
    assert_eq!(fs::read(scratch.path("kubernetes/ca.key")).unwrap(), kept);
    assert!(!scratch.path(".new").exists());
    assert!(scratch.ensure(&cluster(1, 1)).unwrap().notices.is_empty());
}

#[test]
fn two_at_once_make_one_authority() {
    let scratch = Scratch::new();
    let cluster = cluster(1, 3);
    let keys: BTreeSet<_> = std::thread::scope(|scope| {
        let one = || scratch.ensure(&cluster).unwrap().credentials;
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(one)).collect();
        threads
            .into_iter()
            .map(|thread| {
                thread
                    .join()
                    .unwrap()
                    .authority(Domain::Kubernetes)
                    .pem()
                    .to_owned()
            })
            .collect()
    });
    assert_eq!(keys.len(), 1);
    assert!(!scratch.path("old").exists());
}

#[test]
fn a_worker_holds_no_key_of_an_authority() {
    let scratch = Scratch::new();
    let cluster = cluster(1, 1);
    let credentials = scratch.ensure(&cluster).unwrap().credentials;
    assert!(
        credentials
            .for_node(&cluster.nodes[0])
            .unwrap()
            .control_plane
            .is_some()
    );
    assert!(
        credentials
            .for_node(&cluster.nodes[1])
            .unwrap()
            .control_plane
            .is_none()
    );
    let placements = placements(&cluster, &requests(&cluster, ADMINS));
    let holders = |kind: Kind| -> Vec<_> {
        placements
            .iter()
            .filter(|placement| placement.kind == kind)
            .map(|placement| format!("{}: {}", placement.node, placement.file.display()))
            .collect()
    };
    assert_eq!(holders(Kind::AuthorityKey), ["master-1: kubernetes/ca.key"]);
    assert_eq!(
        holders(Kind::Secret),
        ["master-1: service-account.key", "master-1: encryption.key"]
    );
    assert_eq!(
        holders(Kind::Key)
            .iter()
            .filter(|it| it.starts_with("node-1"))
            .collect::<Vec<_>>(),
        [
            "node-1: nodes/node-1/kubelet.key",
            "node-1: nodes/node-1/kubelet-serving.key",
            "node-1: nodes/node-1/kube-proxy.key"
        ]
    );
    for placement in &placements {
        assert!(scratch.root.join(&placement.file).exists(), "{placement:?}");
    }
}

#[test]
fn a_node_that_was_not_requested_has_no_credentials() {
    let scratch = Scratch::new();
    let cluster = cluster(1, 2);
    let only = requests(&cluster, ADMINS).only(&[&cluster.nodes[1].name]);
    let credentials = scratch
        .secrets
        .ensure(&only, NOW, &SystemRandom::new())
        .unwrap()
        .credentials;
    let node = credentials.for_node(&cluster.nodes[1]).unwrap();
    assert_eq!(node.valid_until, NOW + Duration::days(365));
    let error = credentials.for_node(&cluster.nodes[2]).unwrap_err();
    assert_eq!(error.to_string(), "nothing was issued for node `node-2`");
}

#[test]
fn an_authority_that_the_user_brings_is_used() {
    let scratch = Scratch::new();
    fs::create_dir_all(scratch.path("kubernetes")).unwrap();
    let [certificate, key] = ["ca.crt", "ca.key"].map(|file| scratch.path("kubernetes").join(file));
    let made = openssl(
        &[
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-sha384",
            "-days",
            "3650",
            "-subj",
            "/C=DE/O=Example GmbH/OU=Platform/CN=Example Root",
            "-keyout",
            key.to_str().unwrap(),
            "-addext",
            "keyUsage=critical,keyCertSign,cRLSign",
            "-out",
        ],
        &certificate,
    );
    assert!(made.status.success(), "{made:?}");
    // openssl's clock is the machine's, so is this test's.
    let text = openssl_text(
        &[
            "x509",
            "-noout",
            "-startdate",
            "-dateopt",
            "iso_8601",
            "-in",
        ],
        &certificate,
    );
    let start = text
        .trim()
        .trim_start_matches("notBefore=")
        .replace(' ', "T");
    let now =
        OffsetDateTime::parse(&start, &time::format_description::well_known::Rfc3339).unwrap();
    let notices = scratch.ensure_at(&cluster(0, 1), now).unwrap().notices;
    let stays = Notice::OtherAlgorithm {
        path: key.clone(),
        is: KeyAlgorithm::Rsa2048,
        wanted: KeyAlgorithm::EcdsaP256,
    };
    assert!(notices.contains(&stays), "{notices:?}");
    let leaf = scratch.path("nodes/node-1/kubelet.crt");
    let check = openssl(&["verify", "-CAfile", certificate.to_str().unwrap()], &leaf);
    assert!(check.status.success(), "{check:?}");
    // Its key in the other encodings that openssl writes.
    let traditional = openssl_text(&["rsa", "-traditional", "-in"], &key);
    assert!(traditional.starts_with("-----BEGIN RSA PRIVATE KEY"));
    fs::write(&key, traditional).unwrap();
    assert_eq!(
        scratch.ensure_at(&cluster(0, 1), now).unwrap().notices,
        [stays]
    );
}

#[test]
fn a_key_of_openssl_with_its_parameters_before_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    for curve in ["prime256v1", "secp384r1", "secp521r1"] {
        let made = openssl(&["ecparam", "-name", curve, "-genkey", "-out"], &path);
        assert!(made.status.success());
        let text = fs::read(&path).unwrap();
        assert!(text.starts_with(b"-----BEGIN EC PARAMETERS"));
        super::key::Key::parse(crate::secret::Secret::new(text)).unwrap();
    }
}

#[test]
fn a_name_that_no_certificate_can_hold_is_an_error_that_names_it() {
    let scratch = Scratch::new();
    let mut cluster = cluster(1, 0);
    cluster.control_plane.sans = vec!["käse.example".to_owned()];
    let error = scratch.ensure(&cluster).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot issue `apiserver of master-1`: `käse.example` is no name that a certificate can hold"
    );
    cluster.control_plane.sans.clear();
    scratch.ensure(&cluster).unwrap();
}

#[test]
fn the_longest_node_name_is_issued_and_verifies() {
    let scratch = Scratch::new();
    let mut cluster = cluster(0, 1);
    cluster.nodes[0].name = "n".repeat(63).parse().unwrap();
    scratch.ensure(&cluster).unwrap();
    assert!(scratch.ensure(&cluster).unwrap().notices.is_empty());
    let leaf = scratch
        .path("nodes")
        .join("n".repeat(63))
        .join("kubelet.crt");
    assert!(verifies(&leaf, &scratch.path("kubernetes/ca.crt")));
}

#[test]
fn a_kubeconfig_is_yaml_that_says_what_it_was_given() {
    let scratch = Scratch::new();
    let cluster = cluster(0, 1);
    let credentials = scratch.ensure(&cluster).unwrap().credentials;
    let admin = credentials.admin().unwrap();
    let access = kubeconfig::Access {
        cluster: "lab: \"#1\"",
        server: "https://192.168.76.11:6443",
        user: "kubernetes-admin",
        authority: credentials.authority(Domain::Kubernetes),
    };
    let text = kubeconfig::embedded(&access, admin);
    let read: serde_json::Value = serde_yaml_ng::from_slice(text.expose()).unwrap();
    let decoded = |value: &serde_json::Value| {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD
            .decode(value.as_str().unwrap())
            .unwrap()
    };
    assert_eq!(read["clusters"][0]["name"], "lab: \"#1\"");
    assert_eq!(read["contexts"][0]["context"]["cluster"], "lab: \"#1\"");
    assert_eq!(read["current-context"], read["contexts"][0]["name"]);
    let user = &read["users"][0]["user"];
    assert_eq!(decoded(&user["client-key-data"]), admin.key.expose());
    assert_eq!(
        decoded(&user["client-certificate-data"]),
        admin.certificate.pem().as_bytes()
    );

    let current = "/var/lib/kubelet/pki/kubelet-client-current.pem";
    let text = kubeconfig::referencing(&access, current, current);
    let read: serde_json::Value = serde_yaml_ng::from_slice(text.expose()).unwrap();
    assert_eq!(
        read["users"][0]["user"],
        serde_json::json!({"client-certificate": current, "client-key": current})
    );
    assert_eq!(
        decoded(&read["clusters"][0]["cluster"]["certificate-authority-data"]),
        fs::read(scratch.path("kubernetes/ca.crt")).unwrap()
    );
}

#[test]
fn the_inventory_lists_every_certificate_with_its_end() {
    let scratch = Scratch::new();
    assert!(scratch.secrets.inventory(NOW).is_empty());
    assert!(!scratch.root.exists());
    let mut cluster = cluster(0, 1);
    scratch.ensure(&cluster).unwrap();
    cluster.nodes[0].address = "192.168.76.99/16".parse().unwrap();
    scratch.ensure(&cluster).unwrap();
    fs::write(scratch.path("nodes/node-1/kube-proxy.crt"), "nothing").unwrap();
    let list = |now| -> String {
        let line = |row: Row| {
            format!(
                "{} | {} | {} | {} | {}\n",
                row.path.display(),
                row.domain
                    .map_or("-".to_owned(), |domain| domain.to_string()),
                row.subject,
                row.days_left
                    .map_or("-".to_owned(), |days| days.to_string()),
                row.status
            )
        };
        scratch
            .secrets
            .inventory(now)
            .into_iter()
            .map(line)
            .collect()
    };
    insta::assert_snapshot!(list(NOW + Duration::days(340)), @"
    admin.crt | kubernetes | O=kubeadm:cluster-admins, CN=kubernetes-admin | 25 | ends soon
    etcd/ca.crt | etcd | CN=etcd-ca | 3310 | valid
    front-proxy/ca.crt | front-proxy | CN=front-proxy-ca | 3310 | valid
    kubernetes/ca.crt | kubernetes | CN=kubernetes | 3310 | valid
    nodes/node-1/kube-proxy.crt | kubernetes |  | - | damaged
    nodes/node-1/kubelet-serving.crt | kubernetes | O=system:nodes, CN=system:node:node-1 | 25 | ends soon
    nodes/node-1/kubelet.crt | kubernetes | O=system:nodes, CN=system:node:node-1 | 25 | ends soon
    ");
    assert!(list(NOW + Duration::days(366)).contains(
        "admin.crt | kubernetes | O=kubeadm:cluster-admins, CN=kubernetes-admin | -1 | expired"
    ));
    assert!(list(NOW - Duration::days(3)).contains("not yet valid"));
}

#[test]
fn nothing_that_can_be_printed_shows_a_secret() {
    let scratch = Scratch::new();
    let ensured = scratch.ensure(&cluster(1, 1)).unwrap();
    let node = ensured
        .credentials
        .for_node(&cluster(1, 1).nodes[0])
        .unwrap();
    let files = scratch.files();
    assert_no_secret(
        &format!("{ensured:?} {node:?} {:?}", scratch.secrets),
        &files,
    );
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_the_readers_panic(bytes: Vec<u8>) {
        read_everything(&bytes);
    }

    #[test]
    fn no_damage_to_a_file_makes_the_readers_panic(at: proptest::sample::Index, byte: u8, cut: proptest::sample::Index) {
        static FILES: std::sync::OnceLock<Vec<Vec<u8>>> = std::sync::OnceLock::new();
        let files = FILES.get_or_init(|| {
            let scratch = Scratch::new();
            scratch.ensure(&cluster(0, 1)).unwrap();
            ["nodes/node-1/kubelet-serving.crt", "etcd/ca.crt", "etcd/ca.key", "encryption.key"]
                .map(|file| fs::read(scratch.path(file)).unwrap())
                .to_vec()
        });
        for file in files {
            let mut text = file.clone();
            *at.get_mut(&mut text) = byte;
            read_everything(&text);
            text.truncate(cut.index(text.len()));
            read_everything(&text);
            // The same below the base64.
            if let Ok(block) = pem::parse(file) {
                let mut der = block.contents().to_vec();
                *at.get_mut(&mut der) = byte;
                read_everything(super::key::encode(block.tag(), &der).as_bytes());
                der.truncate(cut.index(der.len()));
                read_everything(super::key::encode(block.tag(), &der).as_bytes());
            }
        }
    }
}

fn read_everything(bytes: &[u8]) {
    if let Ok(certificate) = Certificate::parse(bytes) {
        let _ = certificate.is_intact_authority();
    }
    let _ = super::key::Key::parse(crate::secret::Secret::new(bytes.to_vec()));
    let _ = super::directory::decode(bytes, 32);
}
