use super::{cluster, problems, with};

#[test]
fn ipvs_has_a_scheduler_and_others_have_none() {
    let kube_proxy = |text: &str| cluster(&with(text)).kube_proxy;
    let ipvs = kube_proxy("kubeProxy: {mode: ipvs}");
    assert_eq!((ipvs.mode, ipvs.scheduler.as_deref()), ("ipvs", Some("rr")));
    let usual = kube_proxy("");
    assert_eq!((usual.mode, usual.scheduler), ("iptables", None));
    insta::assert_snapshot!(problems(&with("kubeProxy: {scheduler: wlc}")), @"");
}

#[test]
fn a_scheduler_is_one_of_linux() {
    insta::assert_snapshot!(problems(&with("kubeProxy: {mode: ipvs, scheduler: wcl}")), @"");
}

#[test]
fn a_mode_is_one_of_this_version() {
    let told = |mode: &str, version: &str| {
        let text = with(&format!("kubeProxy: {{mode: {mode}}}"));
        problems(&text.replace("1.34.2", version))
    };
    insta::assert_snapshot!(told("nftables", "1.28.15"), @"");
    insta::assert_snapshot!(told("ipvs", "1.35.0"), @"");
    assert_eq!(told("nftables", "1.34.2") + &told("ipvs", "1.34.2"), "");
}
