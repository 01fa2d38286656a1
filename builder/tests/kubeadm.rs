//! Nodes that kubeadm makes members of a cluster: what their images have, and what the real kubeadm says of it.
//!
//! `KIMAGE_TEST_MIRROR` is the folder of the tests' mirror of upstream releases.

#![allow(clippy::unwrap_used)] // All of this is test code.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use kimage::program::{Program, ProgramError};
use kimage::tree::{Kind, Tree};

use composed::{cluster, text, trees};

mod composed;

const VERSIONS: [&str; 2] = ["1.28.15", "1.34.2"];

/// What a cluster file can say of what kubeadm is told.
const EVERYTHING: &str = "\
    name: lab, \
    network: {pods: 10.32.0.0/15, services: 10.96.0.0/12, nodePrefix: 25, \
      dns: {domain: example.internal, image: 'registry.example.org/mirror/coredns:v1.11.1'}}, \
    controlPlane: {endpoint: api.example.org, port: 7443, sans: [192.0.2.99, other.example.org], schedulable: true, \
      loadBalancer: {kind: external}}, \
    kubeProxy: {mode: ipvs, scheduler: wlc}, \
    featureGates: {GracefulNodeShutdown: true}, \
    etcd: {heartbeatInterval: 500}, \
    paths: {binaries: /opt/k8s/bin, pki: /etc/kubernetes/cert}, \
    components: {kubelet: {environment: {GODEBUG: x509sha1=0}}}, \
    extraArgs: {etcd: {max-request-bytes: 1572864}, kube-apiserver: {event-ttl: 2h, audit-log-maxage: 7}, \
      kube-controller-manager: {v: 2}, kube-scheduler: {v: 2}, kubelet: {v: 2}}, \
    extraConfig: {kubelet: {maxPods: 50}, kube-proxy: {conntrack: {min: 131072}}}";

/// The trees of three masters and a worker.
fn nodes(version: &str, more: &str) -> Vec<Tree> {
    let file = cluster(version, "debian-12", more);
    trees(&file.replacen(
        &format!("{{version: {version}}}"),
        &format!("{{version: {version}, install: kubeadm}}"),
        1,
    ))
}

/// The real kubeadm of a version, alone in a folder.
fn kubeadm(version: &str) -> tempfile::TempDir {
    // The one input of these tests from outside; without it they prove nothing, so they fail.
    #[allow(clippy::disallowed_methods)]
    let mirror = std::env::var_os("KIMAGE_TEST_MIRROR").map(PathBuf::from);
    let archive = mirror
        .expect("KIMAGE_TEST_MIRROR is the folder of a mirror: `make mirror` makes one and prints its folder")
        .join(format!(
            "dl.k8s.io/v{version}/kubernetes-server-linux-amd64.tar.gz"
        ));
    let folder = tempfile::tempdir().unwrap();
    let file =
        File::open(&archive).unwrap_or_else(|error| panic!("{}: {error}", archive.display()));
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(file));
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        if entry.path().unwrap().ends_with("kubeadm") {
            entry.unpack(folder.path().join("kubeadm")).unwrap();
        }
    }
    folder
}

/// What kubeadm says, and whether it is content.
fn says(kubeadm: &Path, arguments: &[&str]) -> (bool, String) {
    let program = Program::new(kubeadm.join("kubeadm").to_str().unwrap()).args(arguments);
    let mut errors = String::new();
    let outcome = program.run_with(|line| errors += &format!("{line}\n"));
    match outcome {
        Ok(output) => (true, String::from_utf8(output.stdout).unwrap() + &errors),
        Err(ProgramError::Failed { .. }) => (false, errors),
        Err(error) => panic!("{error}"),
    }
}

/// Writes a node's files below a folder, and its configuration of kubeadm with that folder before their paths.
fn unpacked(tree: &Tree, folder: &Path) -> PathBuf {
    for (path, _) in tree.entries() {
        let path = path.as_str();
        if let Some(text) = text(tree, path).filter(|_| path.starts_with("/etc/kubernetes/")) {
            let place = folder.join(&path[1..]);
            fs::create_dir_all(place.parent().unwrap()).unwrap();
            fs::write(place, text).unwrap();
        }
    }
    let file = folder.join("kubeadm.yaml");
    let place = format!("{}/etc/kubernetes/", folder.display());
    // What a former attempt has left is called by paths, too, but with `-` for `/`.
    let told = text(tree, "/etc/kubernetes/kubeadm.yaml").unwrap();
    fs::write(&file, told.replace("/etc/kubernetes/", &place)).unwrap();
    file
}

#[test]
fn kubeadm_takes_what_it_is_told() {
    for version in VERSIONS {
        let program = kubeadm(version);
        for more in ["", EVERYTHING] {
            for tree in nodes(version, more) {
                let folder = tempfile::tempdir().unwrap();
                let file = unpacked(&tree, folder.path());
                let arguments = ["config", "validate", "--config", file.to_str().unwrap()];
                let told = fs::read_to_string(&file).unwrap();
                assert_eq!(
                    says(program.path(), &arguments),
                    (true, "ok\n".to_owned()),
                    "{version}: {told}"
                );
            }
        }
    }
}

#[test]
fn kubeadm_tells_of_what_it_does_not_know() {
    let program = kubeadm(VERSIONS[0]);
    let folder = tempfile::tempdir().unwrap();
    let file = unpacked(&nodes(VERSIONS[0], "")[0], folder.path());
    let told = fs::read_to_string(&file).unwrap();
    fs::write(&file, told.replace("bindPort", "bindport")).unwrap();
    let arguments = ["config", "validate", "--config", file.to_str().unwrap()];
    let (_, said) = says(program.path(), &arguments);
    assert!(said.contains("bindport"), "{said}");
}

#[test]
fn every_image_that_kubeadm_starts_is_there() {
    for version in VERSIONS {
        let program = kubeadm(version);
        let nodes = nodes(version, "");
        let folder = tempfile::tempdir().unwrap();
        let file = unpacked(&nodes[0], folder.path());
        let arguments = [
            "config",
            "images",
            "list",
            "--config",
            file.to_str().unwrap(),
        ];
        let (_, wanted) = says(program.path(), &arguments);
        let held = |tree: &Tree| -> Vec<String> {
            let list = text(tree, "/etc/kimage/images").unwrap();
            let mut held: Vec<String> = list
                .lines()
                .map(|line| line.split(' ').next_back().unwrap().to_owned())
                .collect();
            held.sort();
            held
        };
        let mut wanted: Vec<&str> = wanted.lines().collect();
        wanted.sort_unstable();
        for master in &nodes[..3] {
            assert_eq!(held(master), wanted);
        }
        let on_workers = ["coredns", "kube-proxy", "pause"];
        wanted.retain(|image| on_workers.iter().any(|name| image.contains(name)));
        assert_eq!(held(&nodes[3]), wanted);
    }
}

#[test]
fn kubeadm_takes_the_certificates_and_kubeconfigs_that_are_there() {
    for version in VERSIONS {
        let program = kubeadm(version);
        for more in ["", "pki: {algorithm: rsa-2048}"] {
            let folder = tempfile::tempdir().unwrap();
            let file = unpacked(&nodes(version, more)[0], folder.path());
            let configuration = format!("--config={}", file.display());
            let (fine, said) = says(
                program.path(),
                &["init", "phase", "certs", "all", &configuration],
            );
            assert!(fine, "{said}");
            assert_eq!(
                said.matches("[certs] Using existing ").count(),
                10,
                "{said}"
            );
            assert!(!said.contains("Generating"), "{said}");
            let place = format!(
                "--kubeconfig-dir={}",
                folder.path().join("etc/kubernetes").display()
            );
            let arguments = ["init", "phase", "kubeconfig", "all", &configuration, &place];
            let (fine, said) = says(program.path(), &arguments);
            assert!(fine, "{said}");
            for name in ["admin", "kubelet", "controller-manager", "scheduler"] {
                let found = format!("etc/kubernetes/{name}.conf\"");
                assert!(said.contains(&found), "{said}");
            }
            assert!(!said.contains("Writing"), "{said}");
        }
    }
}

#[test]
fn a_worker_has_only_what_join_does_not_bring() {
    let nodes = nodes("1.28.15", "");
    let worker = &nodes[3];
    let listed: Vec<&str> = worker
        .entries()
        .map(|(path, _)| path.as_str())
        .filter(|path| path.starts_with("/etc/kubernetes") || path.starts_with("/var/lib/kubelet"))
        .collect();
    insta::assert_snapshot!(listed.join("\n"), @r#"
    /etc/kubernetes
    /etc/kubernetes/discovery.conf
    /etc/kubernetes/kubeadm.yaml
    /etc/kubernetes/manifests
    /etc/kubernetes/pki
    /var/lib/kubelet
    /var/lib/kubelet/pki
    "#);
    let discovery = text(worker, "/etc/kubernetes/discovery.conf").unwrap();
    assert!(
        discovery.contains("server: \"https://192.0.2.11:6443\""),
        "{discovery}"
    );
    assert!(
        discovery.contains("user: \"system:node:w1\""),
        "{discovery}"
    );
    assert_eq!(
        worker
            .get("/etc/kubernetes/discovery.conf")
            .unwrap()
            .meta
            .mode,
        0o600
    );
    assert_eq!(
        worker
            .get("/etc/kubernetes/kubeadm.yaml")
            .unwrap()
            .meta
            .mode,
        0o600
    );
    insta::assert_snapshot!(text(worker, "/etc/kubernetes/kubeadm.yaml").unwrap(), @r#"
    apiVersion: kubeadm.k8s.io/v1beta3
    kind: JoinConfiguration
    caCertPath: /etc/kubernetes/pki/ca.crt
    discovery:
      file: {kubeConfigPath: /etc/kubernetes/discovery.conf}
    nodeRegistration:
      name: w1
      criSocket: unix:///run/containerd/containerd.sock
      taints: []
      kubeletExtraArgs: {node-ip: 192.0.2.21}
      ignorePreflightErrors: [FileAvailable--etc-kubernetes-kubelet.conf, FileAvailable--etc-kubernetes-bootstrap-kubelet.conf, Port-10250, FileAvailable--etc-kubernetes-pki-ca.crt]
    "#);
}

#[test]
fn a_master_is_told_all_of_the_cluster() {
    let told = |version| {
        text(
            &nodes(version, EVERYTHING)[0],
            "/etc/kubernetes/kubeadm.yaml",
        )
        .unwrap()
    };
    insta::assert_snapshot!(told("1.28.15"), @r#"
    apiVersion: kubeadm.k8s.io/v1beta3
    kind: InitConfiguration
    bootstrapTokens:
    - {ttl: 24h0m0s}
    localAPIEndpoint: {advertiseAddress: 192.0.2.11, bindPort: 7443}
    nodeRegistration:
      name: m1
      criSocket: unix:///run/containerd/containerd.sock
      taints: []
      kubeletExtraArgs: {node-ip: 192.0.2.11, v: "2"}
      ignorePreflightErrors: [FileAvailable--etc-kubernetes-kubelet.conf, FileAvailable--etc-kubernetes-bootstrap-kubelet.conf, Port-10250, FileAvailable--etc-kubernetes-manifests-kube-apiserver.yaml, FileAvailable--etc-kubernetes-manifests-kube-controller-manager.yaml, FileAvailable--etc-kubernetes-manifests-kube-scheduler.yaml, FileAvailable--etc-kubernetes-manifests-etcd.yaml, DirAvailable--etc-kubernetes-manifests, DirAvailable--var-lib-etcd, Port-7443, Port-10257, Port-10259, Port-2379, Port-2380, HTTPProxyCIDR]
    ---
    apiVersion: kubeadm.k8s.io/v1beta3
    kind: ClusterConfiguration
    clusterName: lab
    kubernetesVersion: v1.28.15
    controlPlaneEndpoint: api.example.org:7443
    certificatesDir: /etc/kubernetes/cert
    imageRepository: registry.k8s.io
    networking: {dnsDomain: example.internal, podSubnet: "10.32.0.0/15", serviceSubnet: "10.96.0.0/12"}
    apiServer:
      certSANs: [192.0.2.99, other.example.org]
      extraArgs: {tls-min-version: VersionTLS12, tls-cipher-suites: "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", encryption-provider-config: /etc/kubernetes/encryption.yaml, requestheader-allowed-names: front-proxy-client, service-account-extend-token-expiration: "false", audit-policy-file: /etc/kubernetes/audit-policy.yaml, audit-log-path: /var/log/kubernetes/audit.log, audit-log-maxage: "7", audit-log-maxbackup: "10", audit-log-maxsize: "100", profiling: "false", feature-gates: "GracefulNodeShutdown=true", event-ttl: 2h}
      extraVolumes:
      - {name: encryption, hostPath: /etc/kubernetes/encryption.yaml, mountPath: /etc/kubernetes/encryption.yaml, readOnly: true, pathType: File}
      - {name: audit-policy, hostPath: /etc/kubernetes/audit-policy.yaml, mountPath: /etc/kubernetes/audit-policy.yaml, readOnly: true, pathType: File}
      - {name: audit-log, hostPath: /var/log/kubernetes, mountPath: /var/log/kubernetes, readOnly: false, pathType: DirectoryOrCreate}
    controllerManager:
      extraArgs: {node-cidr-mask-size: "25", allocate-node-cidrs: "false", terminated-pod-gc-threshold: "12500", tls-min-version: VersionTLS12, tls-cipher-suites: "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", profiling: "false", feature-gates: "GracefulNodeShutdown=true", v: "2"}
    scheduler:
      extraArgs: {tls-min-version: VersionTLS12, tls-cipher-suites: "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", profiling: "false", feature-gates: "GracefulNodeShutdown=true", v: "2"}
    etcd:
      local:
        dataDir: /var/lib/etcd
        extraArgs: {heartbeat-interval: "500", election-timeout: "5000", max-request-bytes: "1572864"}
        imageTag: 3.5.15-0
    dns: {imageRepository: "registry.example.org/mirror", imageTag: v1.11.1}
    ---
    apiVersion: kubelet.config.k8s.io/v1beta1
    kind: KubeletConfiguration
    authentication:
      anonymous: {enabled: false}
      webhook: {enabled: true}
      x509: {clientCAFile: /etc/kubernetes/cert/ca.crt}
    authorization: {mode: Webhook}
    cgroupDriver: systemd
    clusterDNS: [10.96.0.10]
    clusterDomain: example.internal
    containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
    failSwapOn: true
    featureGates: {GracefulNodeShutdown: true}
    podPidsLimit: 4096
    protectKernelDefaults: true
    readOnlyPort: 0
    resolvConf: /etc/resolv.conf
    rotateCertificates: true
    seccompDefault: true
    serializeImagePulls: false
    tlsMinVersion: VersionTLS12
    maxPods: 50
    ---
    apiVersion: kubeproxy.config.k8s.io/v1alpha1
    kind: KubeProxyConfiguration
    clusterCIDR: 10.32.0.0/15
    featureGates: {GracefulNodeShutdown: true}
    healthzBindAddress: 127.0.0.1:10256
    metricsBindAddress: 127.0.0.1:10249
    ipvs: {scheduler: wlc}
    mode: ipvs
    conntrack: {min: 131072}
    "#);
    insta::assert_snapshot!(told("1.34.2"), @r#"
    apiVersion: kubeadm.k8s.io/v1beta4
    kind: InitConfiguration
    bootstrapTokens:
    - {ttl: 24h0m0s}
    localAPIEndpoint: {advertiseAddress: 192.0.2.11, bindPort: 7443}
    nodeRegistration:
      name: m1
      criSocket: unix:///run/containerd/containerd.sock
      taints: []
      kubeletExtraArgs:
      - {name: node-ip, value: 192.0.2.11}
      - {name: v, value: "2"}
      ignorePreflightErrors: [FileAvailable--etc-kubernetes-kubelet.conf, FileAvailable--etc-kubernetes-bootstrap-kubelet.conf, Port-10250, FileAvailable--etc-kubernetes-manifests-kube-apiserver.yaml, FileAvailable--etc-kubernetes-manifests-kube-controller-manager.yaml, FileAvailable--etc-kubernetes-manifests-kube-scheduler.yaml, FileAvailable--etc-kubernetes-manifests-etcd.yaml, DirAvailable--etc-kubernetes-manifests, DirAvailable--var-lib-etcd, Port-7443, Port-10257, Port-10259, Port-2379, Port-2380, HTTPProxyCIDR]
    ---
    apiVersion: kubeadm.k8s.io/v1beta4
    kind: ClusterConfiguration
    clusterName: lab
    kubernetesVersion: v1.34.2
    controlPlaneEndpoint: api.example.org:7443
    certificatesDir: /etc/kubernetes/cert
    encryptionAlgorithm: ECDSA-P256
    imageRepository: registry.k8s.io
    networking: {dnsDomain: example.internal, podSubnet: "10.32.0.0/15", serviceSubnet: "10.96.0.0/12"}
    apiServer:
      certSANs: [192.0.2.99, other.example.org]
      extraArgs:
      - {name: tls-min-version, value: VersionTLS12}
      - {name: tls-cipher-suites, value: "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"}
      - {name: encryption-provider-config, value: /etc/kubernetes/encryption.yaml}
      - {name: requestheader-allowed-names, value: front-proxy-client}
      - {name: service-account-extend-token-expiration, value: "false"}
      - {name: audit-policy-file, value: /etc/kubernetes/audit-policy.yaml}
      - {name: audit-log-path, value: /var/log/kubernetes/audit.log}
      - {name: audit-log-maxage, value: "7"}
      - {name: audit-log-maxbackup, value: "10"}
      - {name: audit-log-maxsize, value: "100"}
      - {name: profiling, value: "false"}
      - {name: feature-gates, value: "GracefulNodeShutdown=true"}
      - {name: event-ttl, value: 2h}
      extraVolumes:
      - {name: encryption, hostPath: /etc/kubernetes/encryption.yaml, mountPath: /etc/kubernetes/encryption.yaml, readOnly: true, pathType: File}
      - {name: audit-policy, hostPath: /etc/kubernetes/audit-policy.yaml, mountPath: /etc/kubernetes/audit-policy.yaml, readOnly: true, pathType: File}
      - {name: audit-log, hostPath: /var/log/kubernetes, mountPath: /var/log/kubernetes, readOnly: false, pathType: DirectoryOrCreate}
    controllerManager:
      extraArgs:
      - {name: node-cidr-mask-size, value: "25"}
      - {name: allocate-node-cidrs, value: "false"}
      - {name: terminated-pod-gc-threshold, value: "12500"}
      - {name: tls-min-version, value: VersionTLS12}
      - {name: tls-cipher-suites, value: "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"}
      - {name: profiling, value: "false"}
      - {name: feature-gates, value: "GracefulNodeShutdown=true"}
      - {name: v, value: "2"}
    scheduler:
      extraArgs:
      - {name: tls-min-version, value: VersionTLS12}
      - {name: tls-cipher-suites, value: "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"}
      - {name: profiling, value: "false"}
      - {name: feature-gates, value: "GracefulNodeShutdown=true"}
      - {name: v, value: "2"}
    etcd:
      local:
        dataDir: /var/lib/etcd
        extraArgs:
        - {name: heartbeat-interval, value: "500"}
        - {name: election-timeout, value: "5000"}
        - {name: max-request-bytes, value: "1572864"}
        imageTag: 3.6.5-0
    dns: {imageRepository: "registry.example.org/mirror", imageTag: v1.11.1}
    ---
    apiVersion: kubelet.config.k8s.io/v1beta1
    kind: KubeletConfiguration
    authentication:
      anonymous: {enabled: false}
      webhook: {enabled: true}
      x509: {clientCAFile: /etc/kubernetes/cert/ca.crt}
    authorization: {mode: Webhook}
    cgroupDriver: systemd
    clusterDNS: [10.96.0.10]
    clusterDomain: example.internal
    containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
    failSwapOn: true
    featureGates: {GracefulNodeShutdown: true}
    podPidsLimit: 4096
    protectKernelDefaults: true
    readOnlyPort: 0
    resolvConf: /etc/resolv.conf
    rotateCertificates: true
    seccompDefault: true
    serializeImagePulls: false
    tlsMinVersion: VersionTLS12
    maxPods: 50
    ---
    apiVersion: kubeproxy.config.k8s.io/v1alpha1
    kind: KubeProxyConfiguration
    clusterCIDR: 10.32.0.0/15
    featureGates: {GracefulNodeShutdown: true}
    healthzBindAddress: 127.0.0.1:10256
    metricsBindAddress: 127.0.0.1:10249
    ipvs: {scheduler: wlc}
    mode: ipvs
    conntrack: {min: 131072}
    "#);
}

#[test]
fn no_unit_starts_what_kubeadm_starts() {
    for tree in nodes("1.34.2", "") {
        let units: Vec<&str> = tree
            .entries()
            .map(|(path, _)| path.as_str())
            .filter_map(|path| path.strip_prefix("/etc/systemd/system/"))
            .filter(|unit| unit.contains("kube") || unit.contains("etcd"))
            .collect();
        insta::allow_duplicates! {
            insta::assert_snapshot!(units.join("\n"), @r#"
            kimage-kubeadm.service
            kubelet.service
            kubelet.service.d
            kubelet.service.d/10-kubeadm.conf
            multi-user.target.wants/kimage-kubeadm.service
            multi-user.target.wants/kubelet.service
            "#);
        }
    }
}

#[test]
fn only_the_first_master_begins_and_all_masters_have_one_layout() {
    let nodes = nodes("1.34.2", "");
    let starts: Vec<String> = nodes
        .iter()
        .map(|tree| {
            let unit = text(tree, "/etc/systemd/system/kimage-kubeadm.service").unwrap();
            let start = unit.lines().find(|line| line.starts_with("ExecStart="));
            start.unwrap().to_owned()
        })
        .collect();
    insta::assert_snapshot!(starts.join("\n"), @r#"
    ExecStart=/bin/sh -c 'until systemctl stop kubelet.service; /usr/local/bin/kubeadm init --config=/etc/kubernetes/kubeadm.yaml --skip-token-print; do sleep 10; done'
    ExecStart=/bin/sh -c 'until systemctl stop kubelet.service; /usr/local/bin/kubeadm join --config=/etc/kubernetes/kubeadm.yaml; do sleep 10; done'
    ExecStart=/bin/sh -c 'until systemctl stop kubelet.service; /usr/local/bin/kubeadm join --config=/etc/kubernetes/kubeadm.yaml; do sleep 10; done'
    ExecStart=/bin/sh -c 'until systemctl stop kubelet.service; /usr/local/bin/kubeadm join --config=/etc/kubernetes/kubeadm.yaml; do sleep 10; done'
    "#);
    let sizes = |tree: &Tree| -> Vec<(String, usize)> {
        let files = tree
            .entries()
            .filter(|(_, entry)| matches!(entry.kind, Kind::File(_)));
        files
            .map(|(path, _)| {
                (
                    path.to_string(),
                    text(tree, path.as_str()).map_or(0, |text| text.len()),
                )
            })
            .collect()
    };
    let first = sizes(&nodes[0]);
    assert!(first.len() > 40);
    for master in &nodes[1..3] {
        assert_eq!(sizes(master), first);
    }
}

#[test]
fn another_master_reaches_a_cluster_that_there_is_and_then_its_own_api() {
    let nodes = nodes("1.34.2", "");
    let server = |name: &str| {
        let file = text(&nodes[1], &format!("/etc/kubernetes/{name}.conf")).unwrap();
        let line = file.lines().find(|line| line.contains("server: "));
        line.unwrap().trim().to_owned()
    };
    for name in ["discovery", "kubelet", "admin", "super-admin"] {
        assert_eq!(
            server(name),
            "server: \"https://192.0.2.11:6443\"",
            "{name}"
        );
    }
    for name in ["controller-manager", "scheduler"] {
        assert_eq!(
            server(name),
            "server: \"https://192.0.2.12:6443\"",
            "{name}"
        );
    }
}
