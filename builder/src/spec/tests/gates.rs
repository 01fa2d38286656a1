use super::{cluster, problems, with};

#[test]
fn gates_are_open_or_shut() {
    let cluster = cluster(&with(
        "featureGates: {InPlacePodVerticalScaling: false, KubeletPSI: true}",
    ));
    let gates: Vec<_> = cluster.feature_gates.into_iter().collect();
    assert_eq!(
        gates,
        [
            ("InPlacePodVerticalScaling".to_owned(), false),
            ("KubeletPSI".to_owned(), true)
        ]
    );
}

#[test]
fn a_gate_that_the_version_does_not_know_is_refused() {
    insta::assert_snapshot!(problems(&with(
        "featureGates: {DynamicAuditing: true, SidecarContainer: true}",
    )), @r#"
    error: Kubernetes 1.34.2 has no feature gate `DynamicAuditing`: it is gone since 1.19.0
     --> cluster.yaml:6:16
      |
    6 | featureGates: {DynamicAuditing: true, SidecarContainer: true}
      |                ^^^^^^^^^^^^^^^
      |
      = help: leave it out

    error: Kubernetes 1.34.2 has no feature gate `SidecarContainer`
     --> cluster.yaml:6:39
      |
    6 | featureGates: {DynamicAuditing: true, SidecarContainer: true}
      |                                       ^^^^^^^^^^^^^^^^
      |
      = help: did you mean `SidecarContainers`?
    "#);
}

#[test]
fn a_gate_of_a_later_version_is_refused() {
    let text = with("featureGates: {KubeletPSI: true}").replace("1.34.2", "1.28.15");
    insta::assert_snapshot!(problems(&text), @r#"
    error: Kubernetes 1.28.15 has no feature gate `KubeletPSI` yet
     --> cluster.yaml:6:16
      |
    6 | featureGates: {KubeletPSI: true}
      |                ^^^^^^^^^^
      |
      = help: it comes with 1.33.0
    "#);
}

#[test]
fn a_gate_is_true_or_false() {
    insta::assert_snapshot!(problems(&with(
        "featureGates: {SidecarContainers: on}
extraConfig: {kubelet: {featureGates: {KubeletPSI: 1, KubeletPSY: true}}}",
    )), @r#"
    error: `SidecarContainers` must be `true` or `false`, but `on` is a text
     --> cluster.yaml:6:35
      |
    6 | featureGates: {SidecarContainers: on}
      |                                   ^^
      |
      = help: write `true`

    error: `KubeletPSI` must be `true` or `false`
     --> cluster.yaml:7:52
      |
    7 | extraConfig: {kubelet: {featureGates: {KubeletPSI: 1, KubeletPSY: true}}}
      |                                                    ^

    error: Kubernetes 1.34.2 has no feature gate `KubeletPSY`
     --> cluster.yaml:7:55
      |
    7 | extraConfig: {kubelet: {featureGates: {KubeletPSI: 1, KubeletPSY: true}}}
      |                                                       ^^^^^^^^^^
      |
      = help: did you mean `KubeletPSI`?
    "#);
}

#[test]
fn gates_are_written_at_one_place() {
    insta::assert_snapshot!(problems(&with(
        "featureGates: {KubeletPSI: true}
extraArgs:
  kube-scheduler: {feature-gates: KubeletPSI=true}
  etcd: {feature-gates: StopGRPCServiceOnDefrag=true}",
    )), @r#"
    error: `--feature-gates` of kube-scheduler would hide `featureGates`
     --> cluster.yaml:8:20
      |
    6 | featureGates: {KubeletPSI: true}
      | ------------ these
    7 | extraArgs:
    8 |   kube-scheduler: {feature-gates: KubeletPSI=true}
      |                    ^^^^^^^^^^^^^
      |
      = help: write all gates under `featureGates`
    "#);
}

#[test]
fn gates_of_one_component_are_known_too() {
    insta::assert_snapshot!(problems(&with(
        "extraArgs:
  kube-apiserver: {feature-gates: \"DynamicAuditing=true,KubeletPSI=true\"}",
    )), @r#"
    error: Kubernetes 1.34.2 has no feature gate `DynamicAuditing`: it is gone since 1.19.0
     --> cluster.yaml:7:20
      |
    7 |   kube-apiserver: {feature-gates: "DynamicAuditing=true,KubeletPSI=true"}
      |                    ^^^^^^^^^^^^^
      |
      = help: leave it out
    "#);
}
