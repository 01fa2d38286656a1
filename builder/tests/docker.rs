//! What kimage writes for Docker, judged by a real one: Debian 12's `docker.io`, 20.10.24.
//!
//! Its configuration is read by a `dockerd` without root, which reads it and stops. Images are loaded by one that has a
//! network, mounts and a socket of its own (`unshare`). `KIMAGE_TEST_DOCKER` is the folder that the package was unpacked into.

#![allow(clippy::unwrap_used)] // All of this is test code.
#![expect(
    clippy::disallowed_methods,
    reason = "the oracle is run as the user would"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use kimage::artifact::ImageLayout;
use kimage::compose::PreloadedImage;
use kimage::facts;
use kimage::tree::{Blob, Content, Kind, Slice, Tree};

use composed::{cluster, text, trees, trees_with_images};

mod composed;

/// The version of the real Docker.
const REAL: &str = "20.10.24";
const PAUSE: &str = "registry.k8s.io/pause:3.9";

/// A folder that one of the variables names.
fn folder(variable: &str, advice: &str) -> PathBuf {
    let folder = std::env::var_os(variable).map(PathBuf::from);
    let there = folder.filter(|folder| folder.is_dir());
    there.unwrap_or_else(|| panic!("{variable} is no folder: {advice}"))
}

/// The unpacked package.
fn package() -> PathBuf {
    folder("KIMAGE_TEST_DOCKER", "`make docker` unpacks one")
}

/// A file of the first master of a cluster with Docker; `keys` are of its section `runtime`.
fn written(path: &str, keys: &str) -> String {
    let runtime = format!("runtime: {{name: docker, version: {REAL}{keys}}}");
    text(&trees(&cluster("1.23.17", "debian-12", &runtime))[0], path).unwrap()
}

/// Whether the test may do anything. Where it runs in a changed root, not even root makes a namespace of users.
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// What `unshare` does to mounts. A changed root is none, so it cannot be made private; who changed it has.
fn propagation() -> &'static str {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let root = |line: &str| line.split(' ').nth(4) == Some("/");
    match mounts.lines().any(root) {
        true => "private",
        false => "unchanged",
    }
}

/// What the real Docker says last of a configuration.
fn verdict(daemon_json: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("daemon.json");
    fs::write(&file, daemon_json).unwrap();
    // As nobody, whom root's folders do not let in: program and configuration come as open files.
    let nobody = "setpriv --reuid=65534 --regid=65534 --clear-groups";
    let as_whom = if is_root() { nobody } else { "" };
    let script = format!("exec 3< \"$0\"; exec {as_whom} /proc/self/fd/3 --config-file=/dev/stdin");
    let output = Command::new("sh")
        .args(["-c", &script])
        .arg(package().join("usr/sbin/dockerd"))
        .stdin(fs::File::open(&file).unwrap())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    said.lines().last().unwrap_or_default().to_owned()
}

/// It says so after it has taken its configuration.
fn is_taken(verdict: &str) -> bool {
    verdict.contains("needs to be started with root")
}

#[test]
fn docker_takes_its_configuration() {
    for keys in [
        "",
        ", daemonConfig: {log-opts: {max-size: 100m}, dns: [192.0.2.53], live-restore: false}",
        ", daemonConfig: {log-driver: journald, storage-driver: vfs, bridge: \"\"}",
    ] {
        let verdict = verdict(&written("/etc/docker/daemon.json", keys));
        assert!(is_taken(&verdict), "{keys}: {verdict}");
    }
    let verdict = verdict(r#"{"iptable": false}"#);
    assert!(verdict.contains("don't match any configuration option: iptable"));
}

#[test]
fn docker_knows_the_keys_that_the_facts_say() {
    let version = REAL.parse().unwrap();
    for key in facts::daemon_keys() {
        let verdict = verdict(&format!("{{\"{key}\": null}}"));
        let unknown = verdict.contains("don't match any configuration option");
        let accepted = facts::daemon_key(key, &version).is_accepted();
        assert_ne!(unknown, accepted, "{key}: {verdict}");
    }
}

#[test]
fn a_node_with_docker_has_one_of_each_program_and_no_containerd_of_its_own() {
    let tree = &trees(&cluster(
        "1.13.12",
        "centos-7",
        "runtime: {name: docker, version: 17.06.2}",
    ))[0];
    // A program stands for its whole release.
    for (path, there) in [
        ("/usr/local/bin/docker", true),
        ("/usr/local/bin/containerd", false),
        ("/usr/local/sbin/runc", false),
        ("/etc/containerd", false),
        (
            "/etc/systemd/system/multi-user.target.wants/docker.service",
            true,
        ),
        ("/etc/systemd/system/containerd.service", false),
        ("/usr/local/lib/kimage/load-images", false),
    ] {
        assert_eq!(tree.get(path).is_some(), there, "{path}");
    }
}

/// A running Docker that can do no harm.
struct Docker {
    folder: tempfile::TempDir,
    child: Child,
}

impl Docker {
    /// Starts one with a configuration.
    fn start(daemon_json: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        // The key is an identity of old registries: by itself it would lie in `/etc/docker`.
        let mut config: serde_json::Value = serde_json::from_str(daemon_json).unwrap();
        config["deprecated-key-path"] = at("key").to_str().unwrap().into();
        fs::write(at("daemon.json"), config.to_string()).unwrap();
        let log = fs::File::create(at("log")).unwrap();
        // Docker makes mounts of the root private, so the root has to be one.
        fs::create_dir(at("root")).unwrap();
        let script = "mount --rbind / \"$0\" && mount --make-rprivate \"$0\" && mount -t tmpfs none \"$0/run\" && \
                      exec chroot \"$0\" dockerd \"$@\"";
        let as_whom: &[&str] = match is_root() {
            true => &[],
            false => &["--user", "--map-root-user"],
        };
        let child = Command::new("unshare")
            .args(as_whom)
            .args([
                "--net",
                "--mount",
                "--propagation",
                propagation(),
                "sh",
                "-c",
            ])
            .args([script, at("root").to_str().unwrap(), "--raw-logs"])
            .arg(format!("--config-file={}", at("daemon.json").display()))
            .arg(format!("--host=unix://{}", at("socket").display()))
            .arg(format!("--data-root={}", at("data").display()))
            .arg(format!("--exec-root={}", at("exec").display()))
            .arg(format!("--pidfile={}", at("pid").display()))
            .env("PATH", path())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut docker = Self { folder, child };
        for _ in 0..600 {
            if docker.client(&["version"]).status.success() {
                return docker;
            }
            if let Some(status) = docker.child.try_wait().unwrap() {
                panic!("{status}: {}", docker.log());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("{}", docker.log());
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    fn host(&self) -> String {
        format!("unix://{}/socket", self.folder.path().display())
    }

    /// Asks it as people do.
    fn client(&self, arguments: &[&str]) -> Output {
        let mut client = Command::new(package().join("usr/bin/docker"));
        client.args(arguments).env("DOCKER_HOST", self.host());
        client.output().unwrap()
    }

    /// Runs a script of a node.
    fn script(&self, text: &str) {
        let mut shell = Command::new("sh");
        shell.args(["-c", text]).env("DOCKER_HOST", self.host());
        let output = shell.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        // It ends its containerd, if it is asked to end.
        let pid = i32::try_from(self.child.id())
            .ok()
            .and_then(rustix::process::Pid::from_raw);
        if let Some(pid) = pid {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        let _ = self.child.wait();
    }
}

/// Where Docker finds its programs.
fn path() -> String {
    let package = package();
    let package = package.display();
    format!("{package}/usr/sbin:{package}/usr/bin:/usr/sbin:/usr/bin:/sbin:/bin")
}

/// The pause image out of the mirror.
fn pause() -> PreloadedImage {
    let mirror = folder("KIMAGE_TEST_MIRROR", "`make mirror` makes one");
    let path = mirror.join("images/registry.k8s.io/pause/3.9.tar");
    let archive = Slice {
        offset: 0,
        size: fs::metadata(&path).unwrap().len(),
        blob: Blob::new(path),
    };
    PreloadedImage {
        reference: PAUSE.to_owned(),
        layout: Some(ImageLayout::read(PAUSE, archive.blob.path()).unwrap()),
        archive,
    }
}

/// Writes the preloaded images of a node below a folder.
fn unpack(tree: &Tree, folder: &Path) {
    for (path, entry) in tree.entries() {
        let place = folder.join(path.as_str().trim_start_matches('/'));
        let bytes = match &entry.kind {
            Kind::File(Content::Bytes(bytes)) => bytes.to_vec(),
            Kind::File(Content::Slice(slice)) => fs::read(slice.blob.path()).unwrap_or_default(),
            _ => continue,
        };
        let wanted = ["/var/lib/kimage/images/", "/etc/kimage/images"];
        if wanted
            .iter()
            .any(|wanted| path.as_str().starts_with(wanted))
        {
            fs::create_dir_all(place.parent().unwrap()).unwrap();
            fs::write(place, bytes).unwrap();
        }
    }
}

#[test]
fn docker_loads_the_preloaded_images_and_keeps_them() {
    let runtime = format!(
        "runtime: {{name: docker, version: {REAL}, daemonConfig: {{storage-driver: vfs}}}}"
    );
    let file = cluster("1.23.17", "debian-12", &runtime);
    let tree = trees_with_images(&file, &[pause()]).remove(0);
    let docker = Docker::start(&text(&tree, "/etc/docker/daemon.json").unwrap());
    let node = tempfile::tempdir().unwrap();
    unpack(&tree, node.path());
    let list = node.path().join("etc/kimage/images");
    let root = node.path().display();
    let listed = fs::read_to_string(&list).unwrap();
    fs::write(
        &list,
        listed.replace("/var/lib", &format!("{root}/var/lib")),
    )
    .unwrap();
    let script = text(&tree, "/usr/local/lib/kimage/load-docker-images").unwrap();
    let script = script.replace("/etc/kimage/images", list.to_str().unwrap());
    let programs = package().join("usr/bin");
    let script = script.replace("PATH=", &format!("PATH={}:", programs.display()));

    // By itself, Docker does not read such an archive.
    let archive = format!("{root}/var/lib/kimage/images/registry.k8s.io_pause_3.9.tar");
    let alone = docker.client(&["image", "load", "--input", &archive]);
    assert!(!alone.status.success());

    // At every boot; the second has nothing to do.
    docker.script(&script);
    docker.script(&script);
    let list = |arguments: &[&str]| String::from_utf8(docker.client(arguments).stdout).unwrap();
    let images = list(&["image", "ls", "--format", "{{.Repository}}:{{.Tag}}"]);
    assert_eq!(images.trim(), PAUSE);
    let kept = list(&[
        "container",
        "ls",
        "--all",
        "--format",
        "{{.Image}} {{.State}}",
    ]);
    assert_eq!(kept.trim(), format!("{PAUSE} created"));

    // As the kubelet does it, by a name or by an identifier.
    let identifier = list(&["image", "ls", "--quiet"]);
    for image in [PAUSE, identifier.trim()] {
        let removed = docker.client(&["image", "rm", image]);
        let said = String::from_utf8(removed.stderr).unwrap();
        assert!(
            !removed.status.success() && said.contains("container"),
            "{said}"
        );
    }
}

#[test]
fn an_archive_that_has_dockers_manifest_is_one_that_others_read() {
    let runtime = format!("runtime: {{name: docker, version: {REAL}}}");
    let tree = trees_with_images(&cluster("1.23.17", "debian-12", &runtime), &[pause()]).remove(0);
    let node = tempfile::tempdir().unwrap();
    unpack(&tree, node.path());
    let images = node.path().join("var/lib/kimage/images");
    let part =
        |end: &str| fs::read(images.join(format!("registry.k8s.io_pause_3.9.{end}"))).unwrap();
    let whole = node.path().join("whole.tar");
    fs::write(&whole, [part("manifest"), part("tar")].concat()).unwrap();
    let output = Command::new("skopeo")
        .args(["inspect", "--config"])
        .arg(format!("docker-archive:{}:{PAUSE}", whole.display()))
        .stderr(Stdio::inherit())
        .output()
        .expect("the skopeo command is there");
    let config: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(config["config"]["Entrypoint"][0], "/pause");
}
