use super::{cluster, problems, with};
use crate::spec::{Bootstrap, Join, ServingCertificates, TokenStore};

#[test]
fn nodes_that_bootstrap_have_tokens_of_a_month_in_secrets_and_ask_for_all_certificates() {
    let joins = |text: &str| cluster(&with(text)).join;
    let usual = Bootstrap {
        days: 30,
        tokens: TokenStore::Secret,
        serving_certificates: ServingCertificates::Approved,
    };
    assert_eq!(joins(""), Join::Certificate);
    assert_eq!(joins("join: bootstrap"), Join::Bootstrap(usual));
    assert_eq!(
        joins("join: bootstrap\nbootstrap: {days: 14, servingCertificates: issued}"),
        Join::Bootstrap(Bootstrap {
            days: 14,
            serving_certificates: ServingCertificates::Issued,
            ..usual
        })
    );
}

#[test]
fn tokens_without_bootstrapping_are_no_use() {
    insta::assert_snapshot!(problems(&with(
        "join: certificate
bootstrap: {days: 30}",
    )), @r#"
    error: nodes that join by certificate need no `bootstrap`
     --> cluster.yaml:7:1
      |
    6 | join: certificate
      |       ----------- how nodes join
    7 | bootstrap: {days: 30}
      | ^^^^^^^^^
      |
      = help: say `join: bootstrap`, or leave it out
    "#);
}

#[test]
fn a_token_must_live_until_its_image_is_used() {
    insta::assert_snapshot!(problems(&with(
        "join: bootstrap
bootstrap: {days: 1}",
    )), @r#"
    error: a token of 1 day is dead before a machine starts from its image
     --> cluster.yaml:7:19
      |
    7 | bootstrap: {days: 1}
      |                   ^
      |
      = help: 30 days are usual, 2 the least
    "#);
    insta::assert_snapshot!(problems(&with(
        "join: bootstrap
bootstrap: {days: 0}",
    )), @r#"
    error: `days` must be at least 1, but is `0`
     --> cluster.yaml:7:19
      |
    7 | bootstrap: {days: 0}
      |                   ^
    "#);
    insta::assert_snapshot!(problems(&with(
        "join: bootstrap
bootstrap: {days: 3}",
    )), @r#"
    warning[short-lived-tokens]: tokens die 3 days after the build
     --> cluster.yaml:7:19
      |
    7 | bootstrap: {days: 3}
      |                   ^
      |
      = help: an image that lies in a drawer for longer cannot join any more
    "#);
}

#[test]
fn a_token_that_lives_long_is_told_of() {
    insta::assert_snapshot!(problems(&with(
        "join: bootstrap
bootstrap: {days: 365}",
    )), @r#"
    warning[long-lived-tokens]: whoever finds a copy of an image can join for 365 days
     --> cluster.yaml:7:19
      |
    7 | bootstrap: {days: 365}
      |                   ^^^
      |
      = help: 30 days are usual
    "#);
}

#[test]
fn tokens_of_a_file_never_end() {
    insta::assert_snapshot!(problems(&with(
        "join: bootstrap
bootstrap: {tokens: file, servingCertificates: issued}",
    )), @r#"
    warning[endless-tokens]: the API server takes a token of a file for as long as the file has it
     --> cluster.yaml:7:21
      |
    7 | bootstrap: {tokens: file, servingCertificates: issued}
      |                     ^^^^
      |
      = help: `secret` ends each token after `days`
    "#);
}

#[test]
fn the_flags_that_tokens_are_known_by_are_kimages() {
    insta::assert_snapshot!(problems(&with(
        "join: bootstrap
extraArgs:
  kube-apiserver: {enable-bootstrap-token-auth: false}",
    )), @r#"
    error: kimage decides `--enable-bootstrap-token-auth` of kube-apiserver
     --> cluster.yaml:8:20
      |
    6 | join: bootstrap
      |       --------- how nodes join
    7 | extraArgs:
    8 |   kube-apiserver: {enable-bootstrap-token-auth: false}
      |                    ^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: nodes join by the tokens behind it: leave it out
    "#);
    insta::assert_snapshot!(problems(&with(
        "join: bootstrap
bootstrap: {tokens: file}
extraArgs:
  kube-apiserver: {token-auth-file: /etc/tokens}",
    )), @r#"
    warning[endless-tokens]: the API server takes a token of a file for as long as the file has it
     --> cluster.yaml:7:21
      |
    7 | bootstrap: {tokens: file}
      |                     ^^^^
      |
      = help: `secret` ends each token after `days`

    error: kimage decides `--token-auth-file` of kube-apiserver
     --> cluster.yaml:9:20
      |
    6 | join: bootstrap
      |       --------- how nodes join
    ...
    9 |   kube-apiserver: {token-auth-file: /etc/tokens}
      |                    ^^^^^^^^^^^^^^^
      |
      = help: nodes join by the tokens behind it: leave it out
    "#);
    let same = "join: bootstrap\nextraArgs: {kube-apiserver: {enable-bootstrap-token-auth: true}}";
    assert_eq!(problems(&with(same)), "");
}

#[test]
fn old_kubelets_need_their_gate_to_ask_for_a_certificate_as_a_server() {
    let text = |gates: &str| {
        with(&format!(
            "image: centos-7\njoin: bootstrap\nextraArgs:\n  kubelet: {{feature-gates: \"{gates}\"}}"
        ))
        .replace("1.34.2", "1.11.10")
        .replace("/24}", "/24, interface: eth0}")
    };
    insta::assert_snapshot!(problems(&text("DevicePlugins=true")), @r#"
    warning[deprecated]: `--feature-gates` is deprecated since 1.10.0
     --> cluster.yaml:9:13
      |
    9 |   kubelet: {feature-gates: "DevicePlugins=true"}
      |             ^^^^^^^^^^^^^
      |
      = help: use `featureGates` in `extraConfig.kubelet` instead

    error: without its gate, this kubelet asks for no certificate as a server
     --> cluster.yaml:9:28
      |
    9 |   kubelet: {feature-gates: "DevicePlugins=true"}
      |                            ^^^^^^^^^^^^^^^^^^^^
      |
      = help: add `RotateKubeletServerCertificate=true`, or say `servingCertificates: issued`
    "#);
    let told = problems(&text(
        "DevicePlugins=true,RotateKubeletServerCertificate=true",
    ));
    assert!(!told.contains("without its gate"), "{told}");
}

#[test]
fn words_of_kubeadm_and_the_kubelet_lead_here() {
    insta::assert_snapshot!(problems(&with("serverTLSBootstrap: true")), @r#"
    error: unknown key `serverTLSBootstrap`
     --> cluster.yaml:6:1
      |
    6 | serverTLSBootstrap: true
      | ^^^^^^^^^^^^^^^^^^
      |
      = help: it belongs to `bootstrap.servingCertificates`
    "#);
}
