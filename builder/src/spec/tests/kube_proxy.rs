use super::{cluster, problems, with};
use crate::spec::ProxyCredentials;

#[test]
fn ipvs_has_a_scheduler_and_others_have_none() {
    let kube_proxy = |text: &str| cluster(&with(text)).kube_proxy;
    let ipvs = kube_proxy("kubeProxy: {mode: ipvs}");
    assert_eq!((ipvs.mode, ipvs.scheduler.as_deref()), ("ipvs", Some("rr")));
    let usual = kube_proxy("");
    assert_eq!((usual.mode, usual.scheduler), ("iptables", None));
    insta::assert_snapshot!(problems(&with("kubeProxy: {scheduler: wlc}")), @r#"
    error: `iptables` has no schedulers: it chooses by chance
     --> cluster.yaml:6:24
      |
    6 | kubeProxy: {scheduler: wlc}
      |                        ^^^
      |
      = help: say `mode: ipvs`, or leave it out
    "#);
}

#[test]
fn kube_proxy_comes_by_a_certificate_or_by_the_token_of_a_service_account() {
    let credentials = |text: &str| cluster(&with(text)).kube_proxy.credentials;
    assert_eq!(credentials(""), ProxyCredentials::Certificate);
    let by_token = "kubeProxy: {credentials: service-account}";
    assert_eq!(credentials(by_token), ProxyCredentials::ServiceAccount);
    insta::assert_snapshot!(problems(&with(&format!(
        "{by_token}\npki: {{certificates: {{kube-proxy: {{subject: {{country: CH}}}}}}}}"
    ))), @r#"
    error: `kube-proxy` has no certificate: with `credentials: service-account` the cluster gives kube-proxy a token
     --> cluster.yaml:7:22
      |
    7 | pki: {certificates: {kube-proxy: {subject: {country: CH}}}}
      |                      ^^^^^^^^^^
      |
      = help: leave it out
    "#);
    insta::assert_snapshot!(problems(&with("kubeProxy: {credentials: token}")), @r#"
    error: `credentials` cannot be `token`
     --> cluster.yaml:6:26
      |
    6 | kubeProxy: {credentials: token}
      |                          ^^^^^
      |
      = help: it can be `certificate` or `service-account`
    "#);
}

#[test]
fn a_scheduler_is_one_of_linux() {
    insta::assert_snapshot!(problems(&with("kubeProxy: {mode: ipvs, scheduler: wcl}")), @r#"
    error: Linux has no scheduler `wcl`
     --> cluster.yaml:6:36
      |
    6 | kubeProxy: {mode: ipvs, scheduler: wcl}
      |                                    ^^^
      |
      = help: did you mean `wlc`?
    "#);
}

#[test]
fn a_mode_is_one_of_this_version() {
    let told = |mode: &str, version: &str| {
        let text = with(&format!("kubeProxy: {{mode: {mode}}}"));
        problems(&text.replace("1.34.2", version))
    };
    insta::assert_snapshot!(told("nftables", "1.28.15"), @r#"
    error: kube-proxy 1.28 has no mode `nftables`
     --> cluster.yaml:6:19
      |
    2 |   version: 1.28.15
      |            ------- this version
    ...
    6 | kubeProxy: {mode: nftables}
      |                   ^^^^^^^^
      |
      = help: it has iptables and ipvs
    "#);
    insta::assert_snapshot!(told("ipvs", "1.35.0"), @r#"
    warning[deprecated]: kube-proxy 1.35 deprecates its mode `ipvs`
     --> cluster.yaml:6:19
      |
    2 |   version: 1.35.0
      |            ------ this version
    ...
    6 | kubeProxy: {mode: ipvs}
      |                   ^^^^
      |
      = help: `nftables` has what it was taken for
    "#);
    assert_eq!(told("nftables", "1.34.2") + &told("ipvs", "1.34.2"), "");
}
