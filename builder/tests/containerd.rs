//! What a real containerd makes of the configuration that kimage writes. A key under a wrong name would be ignored in
//! silence, so its own list of all settings is what counts.
//!
//! The program comes from the tests' mirror of upstream releases, whose folder is `KIMAGE_TEST_MIRROR`.

#![allow(clippy::unwrap_used)] // All of this is test code.
#![expect(
    clippy::disallowed_methods,
    reason = "the oracle is run as the unit does"
)]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use composed::{cluster, text, trees};

mod composed;

const VERSION: &str = "2.1.4";

#[test]
fn containerd_has_every_setting_that_kimage_gives() {
    let folder = tempfile::tempdir().unwrap();
    let program = containerd(folder.path());
    let runtime = format!("runtime: {{version: {VERSION}}}");
    let nodes = trees(&cluster("1.34.2", "debian-12", &runtime));
    let config = folder.path().join("config.toml");
    fs::write(
        &config,
        text(&nodes[0], "/etc/containerd/config.toml").unwrap(),
    )
    .unwrap();
    let output = Command::new(program)
        .arg("--config")
        .arg(&config)
        .args(["config", "dump"])
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words}");
    let all = String::from_utf8(output.stdout).unwrap();
    for setting in [
        "sandbox = 'registry.k8s.io/pause:3.10.1'",
        "config_path = '/etc/containerd/certs.d'",
        "bin_dirs = ['/opt/cni/bin']",
        "conf_dir = '/etc/cni/net.d'",
        "SystemdCgroup = true",
        "sync_fs = true",
    ] {
        let found = all.lines().any(|line| line.trim() == setting);
        assert!(found, "no `{setting}` in\n{all}");
    }
}

/// The program out of its release.
fn containerd(folder: &Path) -> PathBuf {
    let mirror = std::env::var_os("KIMAGE_TEST_MIRROR").map(PathBuf::from).expect(
        "KIMAGE_TEST_MIRROR is not the folder of a mirror: `make mirror` makes one and prints its folder",
    );
    let release = format!(
        "github.com/containerd/containerd/releases/download/v{VERSION}/containerd-{VERSION}-linux-amd64.tar.gz"
    );
    let archive = File::open(mirror.join(release)).unwrap();
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(archive));
    let path = folder.join("containerd");
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        if entry.path().unwrap().ends_with("bin/containerd") {
            entry.unpack(&path).unwrap();
            return path;
        }
    }
    panic!("the release has no containerd");
}
