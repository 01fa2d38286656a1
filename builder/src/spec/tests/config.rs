use super::{cluster, problems, with};
use crate::spec::Component;

#[test]
fn fields_of_all_depths_are_taken_as_they_are_written() {
    let cluster = cluster(&with(
        "extraConfig:
  kubelet:
    maxPods: 200
    evictionHard: {memory.available: 100Mi, nodefs.available: 10%}
    authentication: {webhook: {cacheTTL: 2m0s}}
    reservedMemory: [{numaNode: 0, limits: {memory: 1Gi}}]
    contentType:
  kube-proxy: {conntrack: {min: 131072}}",
    ));
    let shown = serde_json::to_string_pretty(&cluster.extra_config[&Component::Kubelet]).unwrap();
    insta::assert_snapshot!(shown, @r#"
    {
      "authentication": {
        "webhook": {
          "cacheTTL": "2m0s"
        }
      },
      "evictionHard": {
        "memory.available": "100Mi",
        "nodefs.available": "10%"
      },
      "maxPods": 200,
      "reservedMemory": [
        {
          "limits": {
            "memory": "1Gi"
          },
          "numaNode": 0
        }
      ]
    }
    "#);
}

#[test]
fn a_field_that_kimage_decides_is_refused() {
    insta::assert_snapshot!(problems(&with(
        "extraConfig:
  kubelet:
    clusterDNS: [10.0.0.2]
    tlsCertFile: /etc/a.crt
    authentication: {x509: {clientCAFile: /etc/b.crt}}
  kube-proxy: {hostnameOverride: x, mode: ipvs}",
    )), @r#"
    error: kimage decides `clusterDNS` of kubelet
     --> cluster.yaml:8:5
      |
    8 |     clusterDNS: [10.0.0.2]
      |     ^^^^^^^^^^
      |
      = help: set `network.dns.address`

    error: kimage decides `tlsCertFile` of kubelet
     --> cluster.yaml:9:5
      |
    9 |     tlsCertFile: /etc/a.crt
      |     ^^^^^^^^^^^
      |
      = help: other files of the image hold the same value: it cannot be set alone

    error: kimage decides `authentication.x509.clientCAFile` of kubelet
      --> cluster.yaml:10:29
       |
    10 |     authentication: {x509: {clientCAFile: /etc/b.crt}}
       |                             ^^^^^^^^^^^^
       |
       = help: other files of the image hold the same value: it cannot be set alone

    error: kimage decides `hostnameOverride` of kube-proxy
      --> cluster.yaml:11:16
       |
    11 |   kube-proxy: {hostnameOverride: x, mode: ipvs}
       |                ^^^^^^^^^^^^^^^^
       |
       = help: set `nodes[].name`

    error: kimage decides `mode` of kube-proxy
      --> cluster.yaml:11:37
       |
    11 |   kube-proxy: {hostnameOverride: x, mode: ipvs}
       |                                     ^^^^
       |
       = help: set `kubeProxy.mode`
    "#);
}

#[test]
fn a_field_of_a_later_version_is_refused() {
    let text = "kubernetes: {version: 1.15.3}
image: centos-7
nodes:
  - {name: k8s-master-1, role: master, address: 192.168.20.31/24, interface: ens160}
extraConfig:
  kubelet: {topologyManagerPolicy: none}
";
    insta::assert_snapshot!(problems(text), @r#"
    error: kubelet 1.15.3 has no field `topologyManagerPolicy` yet
     --> cluster.yaml:6:13
      |
    6 |   kubelet: {topologyManagerPolicy: none}
      |             ^^^^^^^^^^^^^^^^^^^^^
      |
      = help: it comes with 1.16.0
    "#);
}

#[test]
fn a_field_that_is_gone_is_refused_with_what_replaces_it() {
    insta::assert_snapshot!(problems(&with(
        "extraConfig:
  kube-proxy: {udpIdleTimeout: 250ms, conntrack: {max: 5}}
  kubelet: {logging: {sanitization: true}}",
    )), @r#"
    error: kube-proxy 1.34.2 has no field `udpIdleTimeout`: it is gone since 1.26.0
     --> cluster.yaml:7:16
      |
    7 |   kube-proxy: {udpIdleTimeout: 250ms, conntrack: {max: 5}}
      |                ^^^^^^^^^^^^^^
      |
      = help: use `conntrack.udpTimeout` (from 1.29) instead

    error: kube-proxy 1.34.2 has no field `conntrack.max`: it is gone since 1.15.0
     --> cluster.yaml:7:51
      |
    7 |   kube-proxy: {udpIdleTimeout: 250ms, conntrack: {max: 5}}
      |                                                   ^^^
      |
      = help: use `conntrack.maxPerCore` and `conntrack.min` instead

    error: kubelet 1.34.2 has no field `logging.sanitization`: it is gone since 1.24.0
     --> cluster.yaml:8:23
      |
    8 |   kubelet: {logging: {sanitization: true}}
      |                       ^^^^^^^^^^^^
      |
      = help: leave it out
    "#);
}

#[test]
fn a_field_that_no_version_knows_is_refused_with_what_was_probably_meant() {
    insta::assert_snapshot!(problems(&with(
        "extraConfig:
  kubelet:
    clusterDns: [10.0.0.2]
    reservedMemory: [{numa: 0}]
  kube-proxy: {ipvs: {zzz: 1}}",
    )), @r#"
    error: kubelet 1.34.2 has no field `clusterDns`
     --> cluster.yaml:8:5
      |
    8 |     clusterDns: [10.0.0.2]
      |     ^^^^^^^^^^
      |
      = help: did you mean `clusterDNS`?

    error: kubelet 1.34.2 has no field `reservedMemory[].numa`
     --> cluster.yaml:9:23
      |
    9 |     reservedMemory: [{numa: 0}]
      |                       ^^^^
      |
      = help: did you mean `reservedMemory[].numaNode`?

    error: kube-proxy 1.34.2 has no field `ipvs.zzz`
      --> cluster.yaml:10:23
       |
    10 |   kube-proxy: {ipvs: {zzz: 1}}
       |                       ^^^
    "#);
}

#[test]
fn a_field_with_fields_is_a_mapping() {
    insta::assert_snapshot!(problems(&with(
        "extraConfig:
  kubelet: {authentication: webhook, reservedMemory: {numaNode: 0}, shutdownGracePeriodByPodPriority: [5]}",
    )), @r#"
    error: `authentication` must be a mapping of fields
     --> cluster.yaml:7:29
      |
    7 |   kubelet: {authentication: webhook, reservedMemory: {numaNode: 0}, shutdownGracePeriodByPodPriority: [5]}
      |                             ^^^^^^^

    error: `reservedMemory` must be a list of mappings
     --> cluster.yaml:7:38
      |
    7 |   kubelet: {authentication: webhook, reservedMemory: {numaNode: 0}, shutdownGracePeriodByPodPriority: [5]}
      |                                      ^^^^^^^^^^^^^^

    error: `shutdownGracePeriodByPodPriority` must be a list of mappings
     --> cluster.yaml:7:104
      |
    7 |   kubelet: {authentication: webhook, reservedMemory: {numaNode: 0}, shutdownGracePeriodByPodPriority: [5]}
      |                                                                                                        ^
    "#);
}

#[test]
fn a_deprecated_field_is_warned_of() {
    insta::assert_snapshot!(problems(&with(
        "extraConfig:
  kube-proxy: {portRange: 30000-32767}",
    )), @r#"
    warning[deprecated]: `portRange` is deprecated since 1.29.0
     --> cluster.yaml:7:16
      |
    7 |   kube-proxy: {portRange: 30000-32767}
      |                ^^^^^^^^^
    "#);
}

#[test]
fn a_field_and_its_flag_are_not_both_given() {
    insta::assert_snapshot!(problems(&with(
        "extraArgs:
  kubelet: {max-pods: 50}
extraConfig:
  kubelet: {maxPods: 110}",
    )), @r#"
    warning[deprecated]: `--max-pods` is deprecated since 1.10.0
     --> cluster.yaml:7:13
      |
    7 |   kubelet: {max-pods: 50}
      |             ^^^^^^^^
      |
      = help: use `maxPods` in `extraConfig.kubelet` instead

    error: `maxPods` and the flag `--max-pods` say the same
     --> cluster.yaml:9:13
      |
    7 |   kubelet: {max-pods: 50}
      |                       -- the flag
    8 | extraConfig:
    9 |   kubelet: {maxPods: 110}
      |             ^^^^^^^
      |
      = help: leave the flag out
    "#);
}

#[test]
fn a_section_is_of_a_component_that_has_a_file() {
    insta::assert_snapshot!(problems(&with(
        "extraConfig:
  kube-apiserver: {port: 1}",
    )), @r#"
    error: unknown key `kube-apiserver` in `extraConfig`
     --> cluster.yaml:7:3
      |
    7 |   kube-apiserver: {port: 1}
      |   ^^^^^^^^^^^^^^
      |
      = help: known here: `kube-proxy` or `kubelet`
    "#);
}
