use super::{cluster, problems, with};

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
