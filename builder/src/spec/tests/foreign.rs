//! Texts and documents that nobody meant.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::MINIMAL;
use crate::spec::file::ClusterFile;
use crate::spec::schema::VALIDATOR;
use crate::spec::{init, parse, schema, source, structure};

/// All certificates with all that can be given about one.
fn certificates() -> Value {
    let one = json!({
        "commonName": "a", "owner": "kube",
        "subject": {"country": "DE", "province": "a", "locality": "a", "organization": "a", "organizationalUnit": "a"}
    });
    let names = [
        "ca",
        "etcd-ca",
        "front-proxy-ca",
        "apiserver",
        "apiserver-kubelet-client",
        "apiserver-etcd-client",
        "front-proxy-client",
        "controller-manager",
        "scheduler",
        "admin",
        "etcd-server",
        "etcd-peer",
        "etcd-healthcheck-client",
        "kubelet",
        "kubelet-serving",
        "kube-proxy",
    ];
    names.map(|name| (name, one.clone())).into_iter().collect()
}

/// A document that uses every key.
fn full() -> Value {
    json!({
        "apiVersion": "kimage/v1alpha1",
        "kind": "Cluster",
        "name": "lab",
        "kubernetes": {"version": "1.34.2", "install": "binaries"},
        "image": "debian-12",
        "runtime": {"name": "containerd", "version": "2.1.4", "docker": "24.0.7", "daemonConfig": {"debug": true}, "runc": "1.3.0", "cniPlugins": "1.7.1", "crictl": "none"},
        "etcd": {"version": "3.6.5", "heartbeatInterval": 100, "electionTimeout": 1000},
        "network": {
            "pods": "10.244.0.0/16", "services": "10.96.0.0/16", "cni": "flannel", "nodePrefix": 24,
            "flannel": {"version": "0.26.7", "backend": "vxlan"},
            "calico": {"version": "3.30.3", "backend": "ipip", "autodetection": "first-found"},
            "dns": {"domain": "cluster.local", "servers": ["192.0.2.53"], "address": "10.96.0.2", "image": "example.org/dns:1.12.1"},
            "timeServers": ["192.0.2.123"]
        },
        "controlPlane": {
            "endpoint": "192.0.2.10", "port": 6443, "sans": ["api"],
            "loadBalancer": {"kind": "haproxy-keepalived", "port": 8443, "routerId": 51},
            "auditPolicy": "audit-policy.yaml", "schedulable": true
        },
        "pki": {"algorithm": "ecdsa-p256", "caYears": 10, "leafDays": 365, "certificates": certificates()},
        "join": "bootstrap",
        "bootstrap": {"days": 30, "tokens": "secret", "servingCertificates": "approved"},
        "kubeProxy": {"mode": "ipvs", "scheduler": "rr", "credentials": "service-account"},
        "mirror": "file:///srv/mirror",
        "images": ["docker.io/library/nginx:1.27"],
        "addons": ["dns.yaml"],
        "paths": {"binaries": "/opt/bin", "pki": "/etc/kubernetes/cert", "kubelet": "/data/kubelet"},
        "allow": ["unused-allow"],
        "host": {
            "sysctl": {"vm.swappiness": 10, "kernel.panic": "10"},
            "modules": ["ip_vs"],
            "hosts": {"192.0.2.5": ["registry"]},
            "sshKeys": [],
            "kernelArguments": ["console=ttyS0"],
            "files": [{"path": "/etc/motd", "mode": "0644", "owner": "root", "group": "root", "content": "hi", "replace": true}],
            "users": [{"name": "kube", "id": 200, "home": "/home/kube", "shell": "/bin/bash"}],
            "units": [{"name": "a.timer", "dropIn": "[Timer]"}, {"name": "b.timer", "content": "[Timer]"}, {"name": "c.timer", "mask": true}],
            "acls": [{"path": "/etc/motd", "entries": ["u:kube:r"]}],
            "packages": ["ipset"],
            "directories": [{"path": "/srv/data", "mode": "0700", "owner": "kube", "group": "kube"}],
            "timezone": "UTC",
            "timeService": "chrony",
            "selinux": {"mode": "enforcing", "fileContexts": [{"path": "/data(/.*)?", "type": "bin_t", "kind": "file"}]}
        },
        "extraArgs": {
            "etcd": {"quota-backend-bytes": 1}, "kube-apiserver": {"v": 2}, "kube-controller-manager": {"v": "2"},
            "kube-scheduler": {"v": 2}, "kubelet": {"v": true}, "kube-proxy": {"v": -1}
        },
        "components": {
            "etcd": component(), "kube-apiserver": component(), "kube-controller-manager": component(),
            "kube-scheduler": component(), "kubelet": component(), "kube-proxy": component()
        },
        "extraConfig": {"kubelet": {"maxPods": 50}, "kube-proxy": {"conntrack": {"min": 1}}},
        "featureGates": {"KubeletPSI": true},
        "nodes": [
            {
                "name": "m1", "role": "master", "address": "192.0.2.11/24", "gateway": "192.0.2.1",
                "mac": "52:54:00:00:00:01", "image": "debian-12", "labels": {"rack": 1}, "taints": ["a=b:NoSchedule"]
            },
            {"name": "n1", "role": "worker", "address": "192.0.2.21/24", "interface": "eth0"},
            {"name": "n2", "role": "worker", "address": "192.0.2.22/24", "interfaces": ["eth0"]}
        ]
    })
}

/// A section that uses every key.
fn component() -> Value {
    json!({"user": "kube", "environmentFile": {"path": "/etc/a", "variable": "A"}, "environment": {"A": "b"}})
}

/// Pointers to all values of a document, the whole of it excepted.
fn pointers(value: &Value, at: &str, out: &mut Vec<String>) {
    let mut below = |key: &str, value: &Value| {
        let at = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
        out.push(at.clone());
        pointers(value, &at, out);
    };
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| below(key, value)),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                below(&index.to_string(), item);
            }
        }
        _ => {}
    }
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-3i64..70_000).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z0-9./:-]{0,8}".prop_map(Value::from),
        prop::sample::select(vec![
            "master", "none", "kubeadm", "rsa-2048", "Cluster", "nginx", "calico"
        ])
        .prop_map(Value::from),
        Just(json!([])),
        Just(json!({})),
        Just(json!(["x", 1])),
        Just(json!({"x": 1.5, "name": "y"})),
    ]
}

/// One thing done to a document.
#[derive(Debug, Clone)]
enum Change {
    Remove(usize),
    Replace(usize, Value),
    Add(usize, String, Value),
}

fn change() -> impl Strategy<Value = Change> {
    let key = prop_oneof![
        "[a-z]{1,6}",
        prop::sample::select(vec!["name", "kind", "version", "pods", "v", "mac"])
            .prop_map(str::to_owned),
    ];
    prop_oneof![
        any::<usize>().prop_map(Change::Remove),
        (any::<usize>(), value()).prop_map(|(at, value)| Change::Replace(at, value)),
        (any::<usize>(), key, value()).prop_map(|(at, key, value)| Change::Add(at, key, value)),
    ]
}

fn apply(document: &mut Value, change: &Change) {
    let mut all = Vec::new();
    pointers(document, "", &mut all);
    let pick = |at: usize| (!all.is_empty()).then(|| all[at % all.len()].clone());
    match change {
        Change::Remove(at) => {
            let Some(pointer) = pick(*at) else { return };
            let (parent, last) = pointer.rsplit_once('/').unwrap();
            match document.pointer_mut(parent) {
                Some(Value::Object(map)) => {
                    drop(map.remove(&last.replace("~1", "/").replace("~0", "~")))
                }
                Some(Value::Array(items)) => drop(items.remove(last.parse().unwrap())),
                _ => {}
            }
        }
        Change::Replace(at, value) => {
            if let Some(place) = pick(*at).and_then(|at| document.pointer_mut(&at)) {
                *place = value.clone();
            }
        }
        Change::Add(at, key, value) => {
            let place = pick(*at).and_then(|at| document.pointer_mut(&at));
            if let Some(Value::Object(map)) = place {
                map.insert(key.clone(), value.clone());
            }
        }
    }
}

#[test]
fn the_schema_is_a_schema_that_knows_every_key() {
    let schema = schema();
    assert!(jsonschema::meta::is_valid(&schema));
    let validator = jsonschema::validator_for(&schema).unwrap();
    assert!(validator.is_valid(&full()));
    // What `full` does not use would not be tested below.
    let mut used = Vec::new();
    pointers(&full(), "", &mut used);
    fn properties(schema: &Value, at: &str, out: &mut Vec<String>) {
        for (key, below) in schema["properties"].as_object().into_iter().flatten() {
            let at = format!("{at}/{key}");
            out.push(at.clone());
            properties(below, &at, out);
        }
        if schema["items"].is_object() {
            properties(&schema["items"], &format!("{at}/#"), out);
        }
    }
    let mut known = Vec::new();
    properties(&schema, "", &mut known);
    for pointer in known {
        let fits =
            |used: &String| (0..3).any(|index| *used == pointer.replace('#', &index.to_string()));
        assert!(used.iter().any(fits), "`full` has no {pointer}");
    }
}

#[test]
fn every_key_is_described() {
    fn walk(schema: &Value, at: &str) {
        for (key, below) in schema["properties"].as_object().into_iter().flatten() {
            let described = below["description"]
                .as_str()
                .is_some_and(|text| !text.is_empty());
            assert!(described, "{at}.{key} has no description");
            walk(below, &format!("{at}.{key}"));
            walk(&below["items"], &format!("{at}.{key}[]"));
        }
    }
    walk(&schema(), "");
}

#[test]
fn a_thousand_nodes_make_a_cluster() {
    let mut text =
        "kubernetes: {version: 1.34.2}\nnetwork: {pods: 10.128.0.0/9, nodePrefix: 25}\nnodes:\n"
            .to_owned();
    for index in 0..1000 {
        let role = if index < 3 { "master" } else { "worker" };
        let (high, low) = (index / 250, index % 250 + 1);
        text.push_str(&format!(
            "  - {{name: n{index}, role: {role}, address: 172.16.{high}.{low}/16, mac: \"52:54:00:00:{high:02x}:{low:02x}\"}}\n"
        ));
    }
    let (cluster, warnings) = parse(&text, "cluster.yaml").unwrap();
    assert!(warnings.is_empty(), "{warnings}");
    assert_eq!(cluster.nodes[999].pods.to_string(), "10.129.243.128/25");
}

#[test]
fn a_whole_number_may_be_written_with_a_point_as_json_schema_says() {
    let (cluster, _) = parse(&super::with("pki: {leafDays: 30.0}"), "c").unwrap();
    assert_eq!(cluster.pki.leaf_days, 30);
    assert!(parse(&super::with("pki: {leafDays: 30.5}"), "c").is_err());
}

#[test]
fn a_node_added_at_the_end_leaves_all_others_as_they_are() {
    let (before, _) = parse(MINIMAL, "c").unwrap();
    let more = format!("{MINIMAL}  - {{name: n2, role: worker, address: 192.168.76.22/24}}\n");
    let (after, _) = parse(&more, "c").unwrap();
    let nodes = |nodes| serde_json::to_value(nodes).unwrap();
    assert_eq!(nodes(&before.nodes[..]), nodes(&after.nodes[..2]));
}

#[test]
fn anchors_cannot_make_a_small_text_huge() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let last = format!("*a{}", level - 1);
        text.push_str(&format!(
            "a{level}: &a{level} [{}]\n",
            [last.as_str(); 10].join(", ")
        ));
    }
    let error = parse(&text, "c").unwrap_err().to_string();
    assert!(
        error.contains("anchors make this text stand for too much"),
        "{error}"
    );
}

#[test]
fn anchors_save_writing() {
    let text = "kubernetes: {version: 1.34.2}\nnodes:\n  - {name: m, role: master, address: 10.0.0.1/24, labels: &l {a: b}}\n  - {name: n, role: worker, address: 10.0.0.2/24, labels: *l}\n";
    let (cluster, _) = parse(text, "c").unwrap();
    assert_eq!(cluster.nodes[0].labels, cluster.nodes[1].labels);
}

#[test]
fn deep_nesting_is_refused() {
    for text in [
        "[".repeat(100_000),
        "a: ".repeat(1000),
        "- ".repeat(50_000),
        "{a: ".repeat(50_000),
    ] {
        assert!(parse(&text, "c").is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_text_is_parsed_or_refused(text in "\\PC{0,200}") {
        print_all(&text);
    }

    #[test]
    fn any_yaml_like_text_is_parsed_or_refused(text in "([a-z:{}\\[\\]&*!|>'\"#,\u{fc}\u{1f600}?~ \\-0-9\\r\\t]|\\n|\\n  |: |- ){0,120}") {
        print_all(&text);
    }

    #[test]
    fn any_change_to_a_good_text_is_parsed_or_refused(at in any::<prop::sample::Index>(), length in 0usize..6, new in "[a-z:{}\\[\\], \\-0-9\\n\u{fc}\"']{0,4}") {
        let mut text: Vec<char> = init("lab").chars().chain(MINIMAL.chars()).collect();
        let at = at.index(text.len());
        text.splice(at..(at + length).min(text.len()), new.chars());
        print_all(&text.into_iter().collect::<String>());
    }

    #[test]
    fn the_schema_takes_what_the_parser_takes_and_nothing_else(changes in prop::collection::vec(change(), 1..4)) {
        let mut document = full();
        for change in &changes {
            apply(&mut document, change);
        }
        let validator = &*VALIDATOR;
        let by_schema = validator.is_valid(&document);
        let text = serde_json::to_string(&document).unwrap();
        let (node, _) = source::read(&text).unwrap();
        let by_serde = serde_json::from_value::<ClusterFile>(structure::value(&node, Some(&schema())));
        // A minimum or a length is the schema's to check; serde knows types only.
        let only_limits = validator.iter_errors(&document).all(|error| {
            matches!(error.kind().keyword(), "minimum" | "maximum" | "minItems")
        });
        match &by_serde {
            Ok(_) => prop_assert!(by_schema || only_limits, "serde takes {document}"),
            Err(error) => prop_assert!(!by_schema, "the schema takes {document}: {error}"),
        }
        // And the parser itself, reading JSON as the YAML that it is: it refuses what the schema does.
        let parsed = parse(&text, "c");
        if !by_schema {
            prop_assert!(parsed.is_err(), "the parser takes {document}");
        }
    }

    #[test]
    fn a_document_of_wrong_shape_is_mended_and_still_checked(changes in prop::collection::vec(change(), 1..6)) {
        let mut document = full();
        for change in &changes {
            apply(&mut document, change);
        }
        let text = serde_json::to_string_pretty(&document).unwrap();
        let (node, mut problems) = source::read(&text).unwrap();
        prop_assert!(structure::check(&node, &mut problems).is_some(), "not mended: {document}");
    }
}

fn print_all(text: &str) {
    match parse(text, "c") {
        Ok((_, warnings)) => drop((warnings.to_string(), serde_json::to_string(&warnings))),
        Err(error) => drop((error.to_string(), serde_json::to_string(error.problems()))),
    }
}
