use super::{cluster, problems, with};

#[test]
fn an_external_balancer_needs_an_endpoint() {
    insta::assert_snapshot!(problems(&with(
        r#"controlPlane:
  loadBalancer: {kind: external}"#,
    )), @r#"
    error: where the external load balancer is, is not said
     --> cluster.yaml:7:24
      |
    7 |   loadBalancer: {kind: external}
      |                        ^^^^^^^^
      |
      = help: set `controlPlane.endpoint` to its name or address
    "#);
}

#[test]
fn masters_that_share_an_address_say_which() {
    insta::assert_snapshot!(problems(&with(
        r#"controlPlane: {loadBalancer: {kind: haproxy-keepalived}}"#,
    )), @r#"
    error: which address the masters share is not said
     --> cluster.yaml:6:37
      |
    6 | controlPlane: {loadBalancer: {kind: haproxy-keepalived}}
      |                                     ^^^^^^^^^^^^^^^^^^
      |
      = help: set `controlPlane.endpoint` to a free address in their network
    "#);
}

#[test]
fn the_shared_address_is_free_and_can_move() {
    let told = ["api.example.org", "192.168.76.11", "192.168.77.10"].map(|endpoint| {
        problems(&with(&format!(
            "controlPlane: {{endpoint: {endpoint}, loadBalancer: {{kind: haproxy-keepalived}}}}"
        )))
    });
    insta::assert_snapshot!(told.join("\n"), @r#"
    error: `api.example.org` is no address that can move
     --> cluster.yaml:6:26
      |
    6 | controlPlane: {endpoint: api.example.org, loadBalancer: {kind: haproxy-keepalived}}
      |                          ^^^^^^^^^^^^^^^
      |
      = help: write the address; the name can go to `controlPlane.sans`
    error: `192.168.76.11` is the own address of the master `k8s-master-1`
     --> cluster.yaml:6:26
      |
    4 |   - {name: k8s-master-1, role: master, address: 192.168.76.11/24}
      |                                                 ---------------- it goes away with this master
    5 |   - {name: k8s-node-1, role: worker, address: 192.168.76.21/24}
    6 | controlPlane: {endpoint: 192.168.76.11, loadBalancer: {kind: haproxy-keepalived}}
      |                          ^^^^^^^^^^^^^
      |
      = help: take a free address in the masters' network
    error: `192.168.77.10` is not in the network of the master `k8s-master-1`
     --> cluster.yaml:6:26
      |
    4 |   - {name: k8s-master-1, role: master, address: 192.168.76.11/24}
      |                                                 ---------------- it could not move here
    5 |   - {name: k8s-node-1, role: worker, address: 192.168.76.21/24}
    6 | controlPlane: {endpoint: 192.168.77.10, loadBalancer: {kind: haproxy-keepalived}}
      |                          ^^^^^^^^^^^^^
      |
      = help: take a free address in the masters' network
    "#);
}

#[test]
fn a_balancers_keys_belong_to_it() {
    insta::assert_snapshot!(problems(&with(
        "controlPlane: {endpoint: 192.168.76.9, loadBalancer: {kind: external, port: 8443, routerId: 7}}",
    )), @r#"
    error: this load balancer is not kimage's
     --> cluster.yaml:6:77
      |
    6 | controlPlane: {endpoint: 192.168.76.9, loadBalancer: {kind: external, port: 8443, routerId: 7}}
      |                                                                             ^^^^
      |
      = help: the port that clients use is `controlPlane.port`

    error: no address moves between the masters
     --> cluster.yaml:6:93
      |
    6 | controlPlane: {endpoint: 192.168.76.9, loadBalancer: {kind: external, port: 8443, routerId: 7}}
      |                                                                                             ^
      |
      = help: only `kind: haproxy-keepalived` needs it
    "#);
}

#[test]
fn a_balancers_port_is_free() {
    let told = [10250, 6443].map(|port| {
        problems(&with(&format!(
            "controlPlane: {{loadBalancer: {{kind: nginx, port: {port}}}}}"
        )))
    });
    insta::assert_snapshot!(told.join("\n"), @r#"
    error: port 10250 belongs to the kubelet
     --> cluster.yaml:6:50
      |
    6 | controlPlane: {loadBalancer: {kind: nginx, port: 10250}}
      |                                                  ^^^^^
      |
      = help: 8443 is usual
    error: the load balancer and the API cannot both listen on port 6443
     --> cluster.yaml:6:50
      |
    6 | controlPlane: {loadBalancer: {kind: nginx, port: 6443}}
      |                                                  ^^^^
      |
      = help: 8443 is usual for the load balancer, 6443 for the API
    "#);
}

#[test]
fn an_endpoint_has_no_port() {
    insta::assert_snapshot!(problems(&with(
        r#"controlPlane: {endpoint: "https://api.example.org:8443/"}"#,
    )), @r#"
    error: `https://api.example.org:8443/` is neither a name nor an IPv4 address
     --> cluster.yaml:6:26
      |
    6 | controlPlane: {endpoint: "https://api.example.org:8443/"}
      |                          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: write `endpoint: api.example.org` and `port: 8443`
    "#);
}

#[test]
fn an_endpoint_is_no_pod() {
    insta::assert_snapshot!(problems(&with(
        r#"controlPlane: {endpoint: 10.244.0.1}"#,
    )), @r#"
    error: the endpoint `10.244.0.1` lies in the range of pods, `10.244.0.0/16`
     --> cluster.yaml:6:26
      |
    6 | controlPlane: {endpoint: 10.244.0.1}
      |                          ^^^^^^^^^^
      |
      = help: it must be reachable from outside the cluster
    "#);
}

#[test]
fn an_endpoint_is_no_worker() {
    insta::assert_snapshot!(problems(&with(
        r#"controlPlane: {endpoint: 192.168.76.21}"#,
    )), @r#"
    error: the endpoint `192.168.76.21` is the worker `k8s-node-1`
     --> cluster.yaml:6:26
      |
    5 |   - {name: k8s-node-1, role: worker, address: 192.168.76.21/24}
      |                                               ---------------- a worker
    6 | controlPlane: {endpoint: 192.168.76.21}
      |                          ^^^^^^^^^^^^^
      |
      = help: the API runs on masters
    "#);
}

#[test]
fn an_endpoint_that_nobody_has_is_warned_of() {
    insta::assert_snapshot!(problems(&with(
        r#"controlPlane: {endpoint: 192.168.76.100}"#,
    )), @r#"
    warning[endpoint-of-no-master]: no master has the address `192.168.76.100`
     --> cluster.yaml:6:26
      |
    6 | controlPlane: {endpoint: 192.168.76.100}
      |                          ^^^^^^^^^^^^^^
      |
      = help: if a load balancer has it, say `loadBalancer: {kind: external}`
    "#);
}

#[test]
fn a_port_belongs_to_one_program() {
    insta::assert_snapshot!(problems(&with(
        r#"controlPlane: {port: 10250}"#,
    )), @r#"
    error: port 10250 belongs to the kubelet
     --> cluster.yaml:6:22
      |
    6 | controlPlane: {port: 10250}
      |                      ^^^^^
      |
      = help: 6443 is usual
    "#);
}

#[test]
fn a_port_is_a_small_number() {
    insta::assert_snapshot!(problems(&with(
        r#"controlPlane: {port: 65536}"#,
    )), @r#"
    error: `port` must be at most 65535, but is `65536`
     --> cluster.yaml:6:22
      |
    6 | controlPlane: {port: 65536}
      |                      ^^^^^
    "#);
}

#[test]
fn a_name_for_the_certificate_is_a_name() {
    insta::assert_snapshot!(problems(&with(
        r#"controlPlane: {sans: [API.example.org, "*.example.org", "api example", a.example.org, a.example.org]}"#,
    )), @r#"
    error: `API.example.org` is neither a name nor an IPv4 address
     --> cluster.yaml:6:23
      |
    6 | controlPlane: {sans: [API.example.org, "*.example.org", "api example", a.example.org, a.example.org]}
      |                       ^^^^^^^^^^^^^^^
      |
      = help: did you mean `api.example.org`?

    error: `api example` is neither a name nor an IPv4 address
     --> cluster.yaml:6:57
      |
    6 | controlPlane: {sans: [API.example.org, "*.example.org", "api example", a.example.org, a.example.org]}
      |                                                         ^^^^^^^^^^^^^

    warning[listed-twice]: `a.example.org` is in the list twice
     --> cluster.yaml:6:87
      |
    6 | controlPlane: {sans: [API.example.org, "*.example.org", "api example", a.example.org, a.example.org]}
      |                                                                        -------------  ^^^^^^^^^^^^^
      |                                                                        |
      |                                                                        first here
    "#);
}

#[test]
fn a_certificate_does_not_outlive_its_authority() {
    insta::assert_snapshot!(problems(&with(
        r#"pki: {caYears: 1, leafDays: 400}"#,
    )), @r#"
    error: certificates of 400 days outlive their authority, which is valid for 365 days
     --> cluster.yaml:6:29
      |
    6 | pki: {caYears: 1, leafDays: 400}
      |                -            ^^^
      |                |
      |                the authority
      |
      = help: 365 days at most, or more `caYears`
    "#);
}

#[test]
fn lifetimes_that_harm_are_warned_of() {
    insta::assert_snapshot!(problems(&with(
        r#"pki:
  caYears: 50
  leafDays: 3650"#,
    )), @r#"
    warning[long-lived-certificates]: an authority of 50 years cannot be revoked
     --> cluster.yaml:7:12
      |
    7 |   caYears: 50
      |            ^^
      |
      = help: ten years are usual

    warning[long-lived-certificates]: certificates of 3650 days cannot be revoked
     --> cluster.yaml:8:13
      |
    8 |   leafDays: 3650
      |             ^^^^
      |
      = help: Kubernetes has no revocation lists: 365 days are usual
    "#);
}

#[test]
fn certificates_that_die_before_the_machine_is_switched_on_are_warned_of() {
    insta::assert_snapshot!(problems(&with(
        r#"pki: {leafDays: 7}"#,
    )), @r#"
    warning[short-lived-certificates]: certificates die 7 days after the build
     --> cluster.yaml:6:17
      |
    6 | pki: {leafDays: 7}
      |                 ^
      |
      = help: an image that lies in a drawer for longer cannot join any more
    "#);
}

#[test]
fn a_weak_algorithm_is_warned_of() {
    insta::assert_snapshot!(problems(&with(
        r#"pki: {algorithm: rsa-2048}"#,
    )), @r#"
    warning[short-keys]: NIST allows RSA with 2048 bits until 2030 only
     --> cluster.yaml:6:18
      |
    6 | pki: {algorithm: rsa-2048}
      |                  ^^^^^^^^
      |
      = help: take `ecdsa-p256`, or `rsa-3072` where it must be RSA
    "#);
}

#[test]
fn an_unknown_algorithm_is_shown_with_the_nearest() {
    insta::assert_snapshot!(problems(&with(
        r#"pki: {algorithm: ECDSA-P255}"#,
    )), @r#"
    error: `algorithm` cannot be `ECDSA-P255`
     --> cluster.yaml:6:18
      |
    6 | pki: {algorithm: ECDSA-P255}
      |                  ^^^^^^^^^^
      |
      = help: did you mean `ecdsa-p256`?
    "#);
}

#[test]
fn a_mirror_is_an_address() {
    insta::assert_snapshot!(problems(&with(
        r#"mirror: /srv/mirror"#,
    )), @r#"
    error: `/srv/mirror` is no address
     --> cluster.yaml:6:9
      |
    6 | mirror: /srv/mirror
      |         ^^^^^^^^^^^
      |
      = help: did you mean `file:///srv/mirror`?
    "#);
}

#[test]
fn a_mirror_of_files_is_an_absolute_path() {
    insta::assert_snapshot!(problems(&with(
        r#"mirror: file://srv/mirror"#,
    )), @r#"
    error: `file://srv/mirror` names no absolute path
     --> cluster.yaml:6:9
      |
    6 | mirror: file://srv/mirror
      |         ^^^^^^^^^^^^^^^^^
      |
      = help: did you mean `file:///srv/mirror`?
    "#);
}

#[test]
fn a_mirror_speaks_http() {
    insta::assert_snapshot!(problems(&with(
        r#"mirror: ftp://mirror.example.org"#,
    )), @r#"
    error: `ftp://mirror.example.org` cannot be fetched from
     --> cluster.yaml:6:9
      |
    6 | mirror: ftp://mirror.example.org
      |         ^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: use `https://`, `http://` or `file://`
    "#);
}

#[test]
fn a_password_in_a_mirror_is_refused_and_not_shown() {
    insta::assert_snapshot!(problems(&with(
        r#"mirror: https://user:hunter2@mirror.example.org"#,
    )), @r#"
    error: a mirror's address cannot hold a user or password
    --> cluster.yaml:6:9
    "#);
}

#[test]
fn an_image_says_its_registry() {
    insta::assert_snapshot!(problems(&with(
        r#"images: [nginx, "docker.io/library/nginx:1.27", "docker.io/library/nginx:latest", "docker.io/library/Nginx:1", "docker.io/library/nginx:1.27"]"#,
    )), @r#"
    error: `nginx` does not say which registry
     --> cluster.yaml:6:10
      |
    6 | images: [nginx, "docker.io/library/nginx:1.27", "docker.io/library/nginx:latest", "docker.io/library/Nginx:1", "docker.io/library/ngi...
      |          ^^^^^
      |
      = help: did you mean `docker.io/library/nginx`?

    warning[moving-image]: `docker.io/library/nginx:latest` may be another image tomorrow
     --> cluster.yaml:6:49
      |
    6 | images: [nginx, "docker.io/library/nginx:1.27", "docker.io/library/nginx:latest", "docker.io/library/Nginx:1", "docker.io/library/ngi...
      |                                                 ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: name a tag that stays, or a digest

    error: `docker.io/library/Nginx:1` is no image reference
     --> cluster.yaml:6:83
      |
    6 | images: [nginx, "docker.io/library/nginx:1.27", "docker.io/library/nginx:latest", "docker.io/library/Nginx:1", "docker.io/library/ngi...
      |                                                                                   ^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: write it as `docker.io/library/nginx:1.27`

    warning[listed-twice]: `docker.io/library/nginx:1.27` is in the list twice
     --> cluster.yaml:6:112
      |
    6 | ...x, "docker.io/library/nginx:1.27", "docker.io/library/nginx:latest", "docker.io/library/Nginx:1", "docker.io/library/nginx:1.27"]
      |       ------------------------------ first here                                                      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    "#);
}

#[test]
fn an_addon_is_applied_once() {
    insta::assert_snapshot!(problems(&with(
        r#"addons: [dns.yaml, metrics/, dns.yaml, ""]"#,
    )), @r#"
    error: `dns.yaml` is in the list twice
     --> cluster.yaml:6:30
      |
    6 | addons: [dns.yaml, metrics/, dns.yaml, ""]
      |          -------- first here ^^^^^^^^

    error: an add-on is the path of a file or directory
     --> cluster.yaml:6:40
      |
    6 | addons: [dns.yaml, metrics/, dns.yaml, ""]
      |                                        ^^
    "#);
}

#[test]
fn a_cluster_has_a_plain_name() {
    insta::assert_snapshot!(problems(&with(
        r#"name: My Lab"#,
    )), @r#"
    error: `My Lab` is no name for a cluster
     --> cluster.yaml:6:7
      |
    6 | name: My Lab
      |       ^^^^^^
      |
      = help: use lower-case letters, digits and `-`, 63 characters at most
    "#);
}

#[test]
fn a_mirror_without_a_scheme_is_no_address() {
    insta::assert_snapshot!(problems(&with(
        r#"mirror: mirror.example.org"#,
    )), @r#"
    error: `mirror.example.org` is no address
     --> cluster.yaml:6:9
      |
    6 | mirror: mirror.example.org
      |         ^^^^^^^^^^^^^^^^^^
      |
      = help: write it as `https://mirror.example.org/releases` or `file:///srv/mirror`
    "#);
}

#[test]
fn a_mirror_has_no_question() {
    insta::assert_snapshot!(problems(&with(
        r#"mirror: https://mirror.example.org/a?b"#,
    )), @r#"
    error: `https://mirror.example.org/a?b` cannot hold '?'
     --> cluster.yaml:6:9
      |
    6 | mirror: https://mirror.example.org/a?b
      |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    "#);
}

#[test]
fn masters_run_pods_where_nothing_else_does_or_where_they_are_told_to() {
    let one = "kubernetes: {version: 1.34.2}\nnodes: [{name: m, role: master, address: 192.168.76.11/24}]\n";
    let schedulable = |text: &str| cluster(text).control_plane.schedulable;
    assert!(schedulable(one));
    assert!(!schedulable(&with("")));
    assert!(schedulable(&with("controlPlane: {schedulable: true}")));
    insta::assert_snapshot!(problems(&format!("{one}controlPlane: {{schedulable: false}}")), @r#"
    warning[no-node-for-pods]: no node runs pods: there are only masters
     --> cluster.yaml:3:29
      |
    3 | controlPlane: {schedulable: false}
      |                             ^^^^^
      |
      = help: add a worker, or leave it out
    "#);
}

#[test]
fn an_audit_policy_is_a_file() {
    let path = cluster(&with("controlPlane: {auditPolicy: audit-policy.yaml}"))
        .control_plane
        .audit_policy;
    assert_eq!(
        path.as_deref(),
        Some(std::path::Path::new("audit-policy.yaml"))
    );
    insta::assert_snapshot!(problems(&with("controlPlane: {auditPolicy: \"\"}")), @r#"
    error: an audit policy is the path of a file
     --> cluster.yaml:6:29
      |
    6 | controlPlane: {auditPolicy: ""}
      |                             ^^
    "#);
}
