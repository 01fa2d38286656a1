//! Holds the facts against the real programs of the tests' mirror of upstream releases.
//!
//! A program is asked, never started: for its `--help`, for a flag that its help leaves out together with `--help`,
//! and with a configuration file that has every field and one mistake. `KIMAGE_TEST_MIRROR` is the mirror's folder;
//! `KIMAGE_TEST_MINORS`, as `15 24`, are minors of Kubernetes without which nothing is proved.
//!
//! Every release that the mirror has is asked. Where an old program cannot answer, a bound says until when and why.

#![allow(clippy::unwrap_used)] // All of this is test code.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use kimage::facts::{self, ConfigurationKind, FlagStatus};
use kimage::program::{Program, ProgramError};
use kimage::spec::{self, Component, Version};
use serde_json::{Map, Value, json};

use rendered::{unknown_paths, written};

mod rendered;

/// Flags that upstream's releases have and the mirror's do not: the mirror is built with the tag `providerless`, as
/// upstream's releases are from 1.31 on.
const WITH_PROVIDERS_ONLY: &[(Component, &str)] = &[
    (Component::Kubelet, "azure-container-registry-config"),
    (
        Component::KubeApiserver,
        "cloud-provider-gce-l7lb-src-cidrs",
    ),
    (Component::KubeApiserver, "cloud-provider-gce-lb-src-cidrs"),
    (
        Component::KubeControllerManager,
        "cloud-provider-gce-lb-src-cidrs",
    ),
];

/// The first version that has such a tag: older ones are built with providers in the mirror, too.
const PROVIDERLESS: &str = "1.16.0";

/// Flags that came into patch releases of several minors, and from where on no release lacks them: so the facts have them
/// from there on, and refuse them to older releases.
const IN_PATCH_RELEASES: &[(Component, &str, &str)] = &[(
    Component::KubeApiserver,
    "aggregator-reject-forwarding-redirect",
    "1.25.1",
)];

const KUBERNETES: [Component; 5] = [
    Component::KubeApiserver,
    Component::KubeControllerManager,
    Component::KubeScheduler,
    Component::Kubelet,
    Component::KubeProxy,
];

/// It writes the kubelet's configuration with all fields that have a value by themselves.
const KUBEADM: &str = "kubeadm";

/// Real programs of one release, unpacked.
struct Release {
    version: Version,
    programs: tempfile::TempDir,
}

impl Release {
    fn program(&self, component: Component) -> PathBuf {
        self.programs.path().join(facts::program(component))
    }
}

/// The mirror's folder.
fn mirror() -> PathBuf {
    // An input of these tests from outside; without it they prove nothing, so they fail.
    #[allow(clippy::disallowed_methods)]
    let folder = std::env::var_os("KIMAGE_TEST_MIRROR").map(PathBuf::from);
    folder.filter(|folder| folder.is_dir()).expect(
        "KIMAGE_TEST_MIRROR is not the folder of a mirror: `make mirror` makes one and prints its folder",
    )
}

/// The releases below a folder of the mirror that has one folder per version, oldest first.
fn releases(folder: &str, archive: impl Fn(Version) -> String, programs: &[&str]) -> Vec<Release> {
    let folder = mirror().join(folder);
    let mut releases: Vec<Release> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok())
        .map(|version: Version| Release {
            version,
            programs: unpack(
                &folder.join(format!("v{version}")).join(archive(version)),
                programs,
            ),
        })
        .collect();
    releases.sort_by_key(|release| release.version);
    releases
}

/// Unpacks some of an archive's programs, without their folders.
fn unpack(archive: &Path, programs: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let file = File::open(archive).unwrap_or_else(|error| panic!("{}: {error}", archive.display()));
    for entry in tar::Archive::new(flate2::read::GzDecoder::new(file))
        .entries()
        .unwrap()
    {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().file_name().unwrap().to_owned();
        if programs.iter().any(|program| name == *program) {
            entry.unpack(folder.path().join(name)).unwrap();
        }
    }
    folder
}

/// The Kubernetes releases, with some of their programs, oldest first: whole ones, and those that are there for the facts
/// alone, where the mirror was made with them.
fn kubernetes(programs: &[&str]) -> Vec<Release> {
    let archive = |_| "kubernetes-server-linux-amd64.tar.gz".to_owned();
    let mut all = releases("dl.k8s.io", archive, programs);
    if mirror().join("facts").is_dir() {
        all.extend(releases("facts", archive, programs));
    }
    all.sort_by_key(|release| release.version);
    let minors: Vec<u32> = all.iter().map(|release| release.version.minor).collect();
    for wanted in wanted_minors() {
        assert!(minors.contains(&wanted), "the mirror has 1.{minors:?}");
    }
    all
}

/// The minors that must be there. `make test-full` wants more than what the tests boot.
fn wanted_minors() -> Vec<u32> {
    // An input of these tests from outside, beside the mirror's folder.
    #[allow(clippy::disallowed_methods)]
    let more = std::env::var("KIMAGE_TEST_MINORS").unwrap_or_default();
    let more = more.split_whitespace().map(|minor| minor.parse().unwrap());
    [28, 34].into_iter().chain(more).collect()
}

/// All that a program says, also when it fails.
fn said(program: &Path, arguments: &[String]) -> String {
    let program = Program::new(program.to_str().unwrap()).args(arguments);
    let mut errors = Vec::new();
    match program.run_with(|line| errors.push(line.to_owned())) {
        Ok(output) => format!(
            "{}\n{}",
            String::from_utf8_lossy(&output.stdout),
            errors.join("\n")
        ),
        Err(ProgramError::Failed { .. }) => errors.join("\n"),
        Err(error) => panic!("{error}"),
    }
}

/// The flags that a help text lists.
fn listed(help: &str) -> Vec<String> {
    help.lines()
        .filter_map(|line| {
            let line = line.trim_start();
            let line = match line.strip_prefix('-') {
                Some(short) if short.get(1..4) == Some(", -") => &line[4..],
                _ => line,
            };
            let name = line.strip_prefix("--")?;
            let end =
                name.find(|letter: char| !letter.is_ascii_alphanumeric() && !"-_".contains(letter));
            Some(name[..end.unwrap_or(name.len())].to_owned())
        })
        .filter(|name| !name.is_empty())
        .collect()
}

/// Whether a program takes a flag, whatever it thinks of the value.
fn takes(program: &Path, flag: &str) -> bool {
    let said = said(program, &[format!("--{flag}=x"), "--help".to_owned()]);
    !said.contains("unknown flag") && !said.contains("flag provided but not defined")
}

/// Holds one program against the facts, both ways.
fn agree(release: &Release, component: Component) -> Vec<String> {
    let (program, version) = (release.program(component), release.version);
    let help = listed(&said(&program, &["--help".to_owned()]));
    assert!(help.len() > 40, "{}: {help:?}", program.display());
    assert!(!takes(&program, "kimage-has-no-such-flag"));
    let unknown = help
        .iter()
        .filter(|name| match facts::flag(component, name, version) {
            FlagStatus::NotYet { since } => {
                !IN_PATCH_RELEASES.contains(&(component, name.as_str(), since.to_string().as_str()))
            }
            status => !status.is_accepted(),
        })
        .map(|name| format!("{} {version} lists --{name}", facts::program(component)));
    let refused = facts::flags_at(component, version)
        .into_iter()
        .filter(|name| !help.iter().any(|listed| listed.replace('_', "-") == *name))
        .filter(|name| {
            version < PROVIDERLESS.parse().unwrap()
                || !WITH_PROVIDERS_ONLY.contains(&(component, *name))
        })
        .filter(|name| !takes(&program, name))
        .map(|name| format!("{} {version} refuses --{name}", facts::program(component)));
    unknown.chain(refused).collect()
}

#[test]
fn the_facts_have_the_flags_that_real_kubernetes_has() {
    let mut problems = Vec::new();
    for release in kubernetes(&KUBERNETES.map(facts::program)) {
        for component in KUBERNETES {
            problems.extend(agree(&release, component));
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
}

#[test]
fn the_facts_have_the_flags_that_real_etcd_has() {
    let archive = |version| format!("etcd-v{version}-linux-amd64.tar.gz");
    let folder = "github.com/etcd-io/etcd/releases/download";
    let releases = releases(folder, archive, &["etcd"]);
    assert!(!releases.is_empty(), "the mirror has no etcd");
    let problems: Vec<String> = releases
        .iter()
        .flat_map(|release| agree(release, Component::Etcd))
        .collect();
    assert!(problems.is_empty(), "{problems:#?}");
}

/// The first version whose kubelet and kube-proxy tell which fields of their configuration they do not know. Older ones
/// pass over them in silence.
const TELLS_UNKNOWN_FIELDS: &str = "1.17.0";

/// Whether it tells which fields of its configuration it does not know.
fn tells_unknown_fields(release: &Release) -> bool {
    release.version >= TELLS_UNKNOWN_FIELDS.parse().unwrap()
}

#[test]
fn the_facts_have_the_configuration_fields_that_real_kubernetes_has() {
    for release in kubernetes(&["kubelet", "kube-proxy"]) {
        let minor = facts::minor(release.version).unwrap();
        let told: &[&str] = match tells_unknown_fields(&release) {
            true => &["kimageHasNoSuchField"],
            false => &[],
        };
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.json");

        let mut kubelet = every_field(
            ConfigurationKind::Kubelet,
            release.version,
            &minor.kubelet_configuration,
        );
        // A value that no kubelet takes, so that none starts; it looks at the fields before.
        kubelet.insert("maxPods".to_owned(), json!(-1));
        fs::write(&file, Value::Object(kubelet).to_string()).unwrap();
        let config = format!("--config={}", file.display());
        let nowhere = "--kubeconfig=/nonexistent".to_owned();
        let kubelet = said(
            &release.program(Component::Kubelet),
            &[config.clone(), nowhere],
        );
        assert!(misconfigured(&kubelet).contains("maxPods"), "{kubelet}");
        assert_eq!(unknown_fields(&kubelet), told, "{kubelet}");

        let proxy = every_field(
            ConfigurationKind::KubeProxy,
            release.version,
            &minor.kube_proxy_configuration,
        );
        fs::write(&file, Value::Object(proxy).to_string()).unwrap();
        let written = folder.path().join("written.yaml");
        // Asked to write its configuration, it does nothing else.
        let write = format!("--write-config-to={}", written.display());
        let proxy = said(&release.program(Component::KubeProxy), &[config, write]);
        assert_eq!(unknown_fields(&proxy), told, "{proxy}");
        let written = fs::read_to_string(written).unwrap();
        let mut problems = unknown_paths(ConfigurationKind::KubeProxy, &written, release.version);
        if !tells_unknown_fields(&release) {
            for (kind, api) in [
                (ConfigurationKind::Kubelet, &minor.kubelet_configuration),
                (
                    ConfigurationKind::KubeProxy,
                    &minor.kube_proxy_configuration,
                ),
            ] {
                problems.extend(fields_read_otherwise(&release, kind, api));
            }
        }
        assert!(problems.is_empty(), "{problems:#?}");
    }
}

/// The fields whose values a kubelet says are wrong. Old ones name a field as Go does; some say all of it twice.
fn misconfigured(said: &str) -> BTreeSet<String> {
    said.split("invalid configuration: ")
        .skip(1)
        .filter_map(|rest| rest.split(|c: char| !c.is_ascii_alphanumeric()).next())
        .map(|field| field[..1].to_ascii_lowercase() + &field[1..])
        .collect()
}

/// The fields that a program reads and the facts do not have, and the other way round, where it says nothing about unknown
/// ones. At a known one whose value is of the wrong kind it stops: so it is asked for each that any version has.
fn fields_read_otherwise(
    release: &Release,
    kind: ConfigurationKind,
    api: &facts::Api,
) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let (file, written) = (folder.path().join("config"), folder.path().join("written"));
    let reads = |path: &str| {
        let mut all = Map::new();
        all.insert("apiVersion".to_owned(), json!(api.version));
        all.insert("kind".to_owned(), json!(api.kind));
        // Neither a value nor a list of values nor fields.
        insert(&mut all, path, json!([[]]));
        let (component, stop) = match kind {
            ConfigurationKind::Kubelet => {
                all.entry("maxPods").or_insert(json!(-1));
                (Component::Kubelet, "--kubeconfig=/nonexistent".to_owned())
            }
            _ => (
                Component::KubeProxy,
                format!("--write-config-to={}", written.display()),
            ),
        };
        fs::write(&file, Value::Object(all).to_string()).unwrap();
        let config = format!("--config={}", file.display());
        let said = said(&release.program(component), &[config, stop]);
        let stopped_at_the_kind = said.contains(&format!(".{}.", kind.name()));
        let went_on = fs::remove_file(&written).is_ok() || misconfigured(&said).contains("maxPods");
        assert!(stopped_at_the_kind != went_on, "{path}: {said}");
        stopped_at_the_kind
    };
    assert!(!reads("kimageHasNoSuchField"));
    let names: BTreeSet<&str> = facts::minors()
        .iter()
        .flat_map(|minor| facts::fields_at(kind, minor.first))
        .collect();
    names
        .into_iter()
        .filter(|path| reads(path) != facts::field(kind, path, release.version).is_accepted())
        .map(|path| {
            let reads = if reads(path) { "reads" } else { "passes over" };
            format!("{} {} {reads} `{path}`", kind.name(), release.version)
        })
        .collect()
}

#[test]
fn the_facts_have_the_kubelets_fields_that_kubeadm_writes() {
    for release in kubernetes(&[KUBEADM]) {
        let kubeadm = release.programs.path().join(KUBEADM);
        let print =
            "config print init-defaults --component-configs KubeletConfiguration".split(' ');
        let written = said(&kubeadm, &print.map(str::to_owned).collect::<Vec<_>>());
        let kubelet = written
            .split("---\n")
            .find(|document| document.contains("kind: KubeletConfiguration"))
            .unwrap_or_else(|| panic!("{written}"));
        let problems = unknown_paths(ConfigurationKind::Kubelet, kubelet, release.version);
        assert!(problems.is_empty(), "{problems:?}");
    }
}

/// What three of the guides lay over kimage's configurations, as far as all these releases know it.
const EXTRA: &str = "extraConfig: {kubelet: {address: 0.0.0.0, port: 10250, cgroupsPerQOS: true, \
    authentication: {webhook: {cacheTTL: 2m0s}}, \
    authorization: {webhook: {cacheAuthorizedTTL: 5m0s, cacheUnauthorizedTTL: 30s}}, \
    configMapAndSecretChangeDetectionStrategy: Watch, containerLogMaxFiles: 5, containerLogMaxSize: 10Mi, \
    contentType: application/vnd.kubernetes.protobuf, cpuCFSQuota: true, cpuCFSQuotaPeriod: 100ms, \
    cpuManagerPolicy: none, enforceNodeAllocatable: [pods], \
    evictionHard: {imagefs.available: 15%, memory.available: 100Mi, nodefs.inodesFree: 5%}, \
    evictionPressureTransitionPeriod: 5m0s, hairpinMode: promiscuous-bridge, healthzBindAddress: 127.0.0.1, \
    kubeAPIQPS: 5, maxOpenFiles: 1000000, nodeStatusReportFrequency: 1m0s, oomScoreAdj: -999, \
    serializeImagePulls: true, staticPodPath: /etc/kubernetes/manifests, \
    tlsCipherSuites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]}, \
    kube-proxy: {bindAddress: 0.0.0.0, \
    clientConnection: {burst: 10, contentType: application/vnd.kubernetes.protobuf, qps: 5}, \
    configSyncPeriod: 15m0s, conntrack: {maxPerCore: 32768, min: 131072, tcpCloseWaitTimeout: 1h0m0s}, \
    enableProfiling: false, iptables: {masqueradeAll: false, masqueradeBit: 14, syncPeriod: 30s}, \
    ipvs: {minSyncPeriod: 2s, strictARP: false}, oomScoreAdj: -999}}";

/// Feature gates that one of the guides sets, and that one is set beside.
const EXTRA_GATES: [(&str, bool); 2] =
    [("AllAlpha", false), ("CPUManagerPolicyAlphaOptions", true)];

#[test]
fn real_programs_take_the_configurations_that_kimage_writes() {
    take_what_kimage_writes(|_| String::new());
}

#[test]
fn real_programs_take_what_users_lay_over_the_configurations_that_kimage_writes() {
    take_what_kimage_writes(|version| {
        let known = EXTRA_GATES
            .iter()
            .filter(|(gate, _)| facts::gate(gate, version).is_accepted())
            .map(|(gate, on)| format!("{gate}: {on}"));
        let known = known.collect::<Vec<_>>().join(", ");
        format!("{EXTRA}, featureGates: {{{known}}}")
    });
}

/// Lets kubelet, kube-proxy and kube-scheduler read their configurations, of a cluster file with more in it.
fn take_what_kimage_writes(more: impl Fn(Version) -> String) {
    for release in kubernetes(&["kubelet", "kube-proxy", "kube-scheduler"]) {
        let more = &more(release.version);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.yaml");
        let config = format!("--config={}", file.display());

        // Read, but nobody is asked.
        let client = "{apiVersion: v1, kind: Config, clusters: [{name: a, cluster: {server: 'https://127.0.0.1:1'}}], \
                      contexts: [{name: a, context: {cluster: a}}], current-context: a}";
        fs::write(folder.path().join("scheduler.conf"), client).unwrap();

        // A field more that no kubelet takes, so that none starts; it complains of all others at once.
        let kubelet = written(
            more,
            "node",
            "/etc/kubernetes/kubelet.yaml",
            release.version,
        )
        .unwrap();
        fs::write(&file, kubelet + "\nmaxPods: -1\n").unwrap();
        let nowhere = "--kubeconfig=/nonexistent".to_owned();
        let kubelet = said(
            &release.program(Component::Kubelet),
            &[config.clone(), nowhere],
        );
        assert_eq!(unknown_fields(&kubelet), [""; 0], "{kubelet}");
        assert!(
            misconfigured(&kubelet)
                .into_iter()
                .eq(["maxPods".to_owned()]),
            "{kubelet}"
        );

        // Asked to write their configuration, these do nothing else.
        for (component, overlay, path) in [
            (
                Component::KubeProxy,
                "node",
                "/etc/kubernetes/kube-proxy.yaml",
            ),
            (
                Component::KubeScheduler,
                "master",
                "/etc/kubernetes/scheduler.yaml",
            ),
        ] {
            let Some(text) = written(more, overlay, path, release.version) else {
                assert_eq!(component, Component::KubeScheduler);
                continue;
            };
            let here = format!("{}/", folder.path().display());
            fs::write(&file, text.replace("/etc/kubernetes/", &here)).unwrap();
            let back = folder.path().join("back.yaml");
            let write = format!("--write-config-to={}", back.display());
            let mut arguments = vec![config.clone(), write];
            if component == Component::KubeScheduler {
                // It would listen before it writes, and something else of this machine may do so, too.
                arguments.push("--secure-port=0".to_owned());
            }
            let said = said(&release.program(component), &arguments);
            assert_eq!(unknown_fields(&said), [""; 0], "{said}");
            assert!(back.is_file(), "{path} {}: {said}", release.version);
            fs::remove_file(back).unwrap();
        }
    }
}

/// Gates that came into patch releases of several minors, and releases of those minors that are older.
const IN_LATER_PATCHES: &[(&str, &str)] = &[
    ("OrderedNamespaceDeletion", "1.31.4"),
    ("StreamingCollectionEncodingToJSON", "1.31.4"),
    ("StreamingCollectionEncodingToProtobuf", "1.31.4"),
];

#[test]
fn the_facts_have_the_feature_gates_that_real_kubernetes_has() {
    let mut problems = Vec::new();
    for release in kubernetes(&KUBERNETES.map(facts::program)) {
        let version = release.version;
        let late = |gate: &str| IN_LATER_PATCHES.contains(&(gate, version.to_string().as_str()));
        let refused_by = |component: Component, gates: Vec<&str>| -> Vec<String> {
            let refused = refused_gates(component, &release.program(component), gates);
            refused.into_iter().map(str::to_owned).collect()
        };
        for component in KUBERNETES {
            let told = format!("{} {version}", facts::program(component));
            let help = said(&release.program(component), &["--help".to_owned()]);
            let listed = gates(&help);
            assert!(listed.len() > 50, "{told}: {listed:?}");
            // What one program knows is given to all, so another that stops at it keeps it out of the facts.
            let unknown = listed
                .iter()
                .filter(|gate| !facts::gate(gate, version).is_accepted())
                .filter(|gate| {
                    KUBERNETES
                        .iter()
                        .all(|component| refused_by(*component, vec![gate]).is_empty())
                });
            problems.extend(unknown.map(|gate| format!("{told} lists {gate}")));
            let known = facts::gates_at(version);
            let refused = refused_by(component, known.clone());
            let refused = refused.iter().filter(|gate| !late(gate));
            problems.extend(refused.map(|gate| format!("{told} refuses {gate}")));
            let with_another = [known, vec!["KimageHasNoSuchGate"]].concat();
            let refused = refused_by(component, with_another);
            assert!(
                refused.iter().any(|gate| gate == "KimageHasNoSuchGate"),
                "{told}"
            );
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
}

/// The feature gates that a help text lists, as `kube:SomeGate=true|false (ALPHA - default=false)`.
fn gates(help: &str) -> Vec<&str> {
    help.lines()
        .filter_map(|line| line.split_once("=true|false ("))
        .filter_map(|(before, _)| before.rsplit([' ', ':', '\t']).next())
        .collect()
}

/// The feature gates that a program does not know. It names one at a time, and stops all the same at one that may not
/// be opened; with none left it stops for want of everything else.
fn refused_gates<'g>(
    component: Component,
    program: &Path,
    mut gates: Vec<&'g str>,
) -> Vec<&'g str> {
    let mut refused = Vec::new();
    loop {
        let all: Vec<String> = gates.iter().map(|gate| format!("{gate}=true")).collect();
        let mut arguments = vec![format!("--feature-gates={}", all.join(","))];
        if component != Component::KubeApiserver {
            arguments.push("--kubeconfig=/nonexistent".to_owned());
        }
        let said = said(program, &arguments);
        let named = |before: &str| -> Option<&str> {
            let word = said.split(before).nth(1)?;
            word.split(|c: char| !c.is_ascii_alphanumeric()).next()
        };
        let unknown = named("unrecognized feature gate: ");
        let Some(name) = unknown.or_else(|| named("cannot set feature gate ")) else {
            return refused;
        };
        let place = gates.iter().position(|gate| *gate == name);
        let gate = gates.remove(place.unwrap_or_else(|| panic!("{said}")));
        if unknown.is_some() {
            refused.push(gate);
        }
    }
}

/// A configuration with every field that the facts know, without values where that is possible, and one that nobody has.
fn every_field(kind: ConfigurationKind, version: Version, api: &facts::Api) -> Map<String, Value> {
    let mut all = Map::new();
    for path in facts::fields_at(kind, version) {
        let value = match path {
            "logging.flushFrequency" if version < FLUSH_FREQUENCY_IS_TEXT.parse().unwrap() => {
                json!(1_000_000_000)
            }
            _ if is_duration(path) => json!("1s"),
            _ => Value::Null,
        };
        insert(&mut all, path, value);
    }
    all.insert("apiVersion".to_owned(), json!(api.version));
    all.insert("kind".to_owned(), json!(api.kind));
    all.insert("kimageHasNoSuchField".to_owned(), Value::Null);
    all
}

/// The first version in which it may be written as all durations are. Before, it is a number of nanoseconds.
const FLUSH_FREQUENCY_IS_TEXT: &str = "1.28.0";

/// Durations cannot be null.
fn is_duration(path: &str) -> bool {
    const ENDS: [&str; 8] = [
        "Frequency",
        "Interval",
        "Period",
        "Timeout",
        "Age",
        "TTL",
        "Duration",
        "PeriodCriticalPods",
    ];
    ENDS.iter().any(|end| path.ends_with(end))
        && !["evictionSoftGracePeriod", "evictionMaxPodGracePeriod"].contains(&path)
}

/// Puts a value at a path as facts write it, over a null or nothing on the way.
fn insert(map: &mut Map<String, Value>, path: &str, value: Value) {
    let Some((first, rest)) = path.split_once('.') else {
        map.entry(path).or_insert(value);
        return;
    };
    let (key, list) = match first.strip_suffix("[]") {
        Some(key) => (key, true),
        None => (first, false),
    };
    let slot = map.entry(key).or_insert(Value::Null);
    if slot.is_null() {
        *slot = if list { json!([{}]) } else { json!({}) };
    }
    let inner = if list { &mut slot[0] } else { slot };
    insert(inner.as_object_mut().unwrap(), rest, value);
}

/// The names of the fields that a program says it does not know.
fn unknown_fields(said: &str) -> Vec<String> {
    said.replace('\\', "")
        .split("unknown field \"")
        .skip(1)
        .filter_map(|rest| rest.split_once('"').map(|(name, _)| name.to_owned()))
        .collect()
}

/// Audit policies, and whether an API server starts with them.
const POLICIES: &[(&str, bool)] = &[
    ("rules: [{level: Metadata}]", true),
    (
        "omitStages: [RequestReceived, Panic]\n\
         rules: [{level: None, users: [a], verbs: [get], nonResourceURLs: [\"/healthz*\"]}]",
        true,
    ),
    (
        "rules: [{level: RequestResponse, namespaces: [a], resources: [{group: '', resources: [pods], resourceNames: [b]}]}]",
        true,
    ),
    ("rules: []", false),
    ("rules: [{level: Everything}]", false),
    ("rules: [{verbs: [get]}]", false),
    ("rules: [{level: None, users: root}]", false),
    ("rules: [{level: None, omitStages: [Received]}]", false),
    ("omitStages: [Received]\nrules: [{level: None}]", false),
    (
        "rules: [{level: None, nonResourceURLs: [/x], namespaces: [a]}]",
        false,
    ),
    (
        "rules: [{level: None, nonResourceURLs: [/x], resources: [{group: apps}]}]",
        false,
    ),
    (
        "rules: [{level: None, resources: [{group: '', resourceNames: [a]}]}]",
        false,
    ),
];

/// An API server reads its audit policy, then looks for a webhook that is not there: it starts nothing.
#[test]
fn kimage_refuses_the_audit_policies_that_a_real_api_server_does() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    for arguments in [
        vec!["genpkey", "-algorithm", "RSA", "-out", &path("sa.key")],
        vec![
            "rsa",
            "-in",
            &path("sa.key"),
            "-pubout",
            "-out",
            &path("sa.pub"),
        ],
    ] {
        Program::new("openssl").args(arguments).run().unwrap();
    }
    for release in kubernetes(&["kube-apiserver"]) {
        let format = &facts::minor(release.version).unwrap().audit_policy;
        let own = written(
            "",
            "master",
            "/etc/kubernetes/audit-policy.yaml",
            release.version,
        );
        let own = (own.unwrap(), true);
        let others = POLICIES.iter().map(|(rules, right)| {
            let head = format!("apiVersion: {}\nkind: {}\n", format.version, format.kind);
            (head + rules + "\n", *right)
        });
        for (policy, right) in others.chain([own]) {
            fs::write(path("policy.yaml"), &policy).unwrap();
            let said = said(
                &release.program(Component::KubeApiserver),
                &[
                    "--etcd-servers=https://127.0.0.1:1".to_owned(),
                    "--service-cluster-ip-range=10.0.0.0/24".to_owned(),
                    "--service-account-issuer=https://example.org".to_owned(),
                    format!("--service-account-key-file={}", path("sa.pub")),
                    format!("--service-account-signing-key-file={}", path("sa.key")),
                    format!("--cert-dir={}", path("certificates")),
                    format!("--audit-policy-file={}", path("policy.yaml")),
                    format!("--audit-log-path={}", path("audit.log")),
                    format!("--audit-webhook-config-file={}", path("nothing")),
                ],
            );
            let taken = said.contains("initializing audit webhook");
            assert!(
                taken || said.contains("loading audit policy file"),
                "{said}"
            );
            assert_eq!(taken, right, "{} {policy}{said}", release.version);
            let read = spec::audit_policy(&policy, "policy.yaml", format);
            assert_eq!(read.is_ok(), right, "{policy}");
        }
    }
}
