//! What is promised of the tokens by which nodes join.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use aws_lc_rs::rand::SystemRandom;
use time::{Duration, OffsetDateTime};

use super::tests::{ADMINS, NOW, Scratch, cluster};
use super::*;
use crate::failure::{Exit, Failure as _};
use crate::spec::{Bootstrap, Cluster, Join, ServingCertificates, TokenStore};

/// A master and two workers that join by tokens of 30 days.
fn bootstrapping(serving_certificates: ServingCertificates) -> Cluster {
    Cluster {
        join: Join::Bootstrap(Bootstrap {
            days: 30,
            tokens: TokenStore::Secret,
            serving_certificates,
        }),
        ..cluster(1, 2)
    }
}

fn usual() -> Cluster {
    bootstrapping(ServingCertificates::Approved)
}

/// What a node holds, in words.
fn held(credentials: &Credentials, cluster: &Cluster, place: usize) -> String {
    let node = credentials.for_node(&cluster.nodes[place]).unwrap();
    let kubelet = match &node.kubelet {
        KubeletIdentity::Certificate(_) => "certificate",
        KubeletIdentity::Token(_) => "token",
    };
    let serving = match node.kubelet_serving {
        Some(_) => "serving",
        None => "none",
    };
    let master = node.control_plane.map(|master| {
        let approver = master.approver.map_or("", |_| " approver");
        format!(" {} tokens{approver}", master.tokens.len())
    });
    format!("{kubelet} {serving}{}", master.unwrap_or_default())
}

#[test]
fn a_node_holds_its_token_and_a_master_holds_all() {
    let scratch = Scratch::new();
    let cluster = usual();
    let credentials = scratch.ensure(&cluster).unwrap().credentials;
    assert_eq!(
        held(&credentials, &cluster, 0),
        "token none 3 tokens approver"
    );
    assert_eq!(held(&credentials, &cluster, 1), "token none");
    assert_eq!(
        credentials.for_node(&cluster.nodes[1]).unwrap().valid_until,
        NOW + Duration::days(30)
    );
    let issued = bootstrapping(ServingCertificates::Issued);
    let credentials = scratch.ensure(&issued).unwrap().credentials;
    assert_eq!(held(&credentials, &issued, 0), "token serving 3 tokens");
    let files = scratch.files();
    let of_worker: Vec<_> = files
        .keys()
        .filter(|file| file.starts_with("nodes/node-1"))
        .map(|file| file.file_name().unwrap().to_str().unwrap())
        .collect();
    assert_eq!(
        of_worker,
        [
            "kube-proxy.crt",
            "kube-proxy.key",
            "kubelet-serving.crt",
            "kubelet-serving.key"
        ]
    );
}

#[test]
fn tokens_are_kubernetes_are_private_and_are_made_once() {
    let scratch = Scratch::new();
    let made = scratch.ensure(&usual()).unwrap();
    let first = scratch.files();
    let again = scratch
        .ensure_at(&usual(), NOW + Duration::days(20))
        .unwrap();
    assert!(again.notices.is_empty(), "{:?}", again.notices);
    assert_eq!(scratch.files(), first);
    let bearers = |ensured: &Ensured| -> Vec<Vec<u8>> {
        let node = ensured.credentials.for_node(&usual().nodes[0]).unwrap();
        let tokens = node.control_plane.unwrap().tokens;
        tokens
            .values()
            .map(|token| token.bearer().expose().to_vec())
            .collect()
    };
    assert_eq!(bearers(&made), bearers(&again));
    let mut distinct = bearers(&made);
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), 3);
    for bearer in &distinct {
        let text = String::from_utf8(bearer.clone()).unwrap();
        let (id, secret) = text.split_once('.').unwrap();
        let plain = |part: &str| {
            part.bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        };
        assert!(id.len() == 6 && secret.len() == 16 && plain(id) && plain(secret));
    }
    let file = scratch.root.join("tokens/node-1");
    assert_eq!(
        fs::metadata(file).unwrap().permissions().mode() & 0o777,
        0o600
    );
}

#[test]
fn nothing_that_is_printed_has_the_secret_part() {
    let scratch = Scratch::new();
    let credentials = scratch.ensure(&usual()).unwrap().credentials;
    let node = credentials.for_node(&usual().nodes[0]).unwrap();
    let tokens = &node.control_plane.as_ref().unwrap().tokens;
    let mut said = format!("{credentials:?} {node:?}");
    let rows = scratch.secrets.inventory(NOW);
    for row in &rows {
        said += &format!(
            "{row:?} {} {}\n",
            row.subject,
            serde_json::to_string(row).unwrap()
        );
    }
    for token in tokens.values() {
        let secret = String::from_utf8(token.secret().expose().to_vec()).unwrap();
        assert!(!said.contains(&secret) && said.contains(token.id()));
    }
}

#[test]
fn a_token_is_listed_with_its_end() {
    let scratch = Scratch::new();
    scratch.ensure(&usual()).unwrap();
    let row = |now: OffsetDateTime| {
        let rows = scratch.secrets.inventory(now);
        let tokens = rows
            .into_iter()
            .filter(|row| row.path.starts_with("tokens"));
        let tokens: Vec<_> = tokens.collect();
        assert_eq!(tokens.len(), 3);
        (tokens[0].status, tokens[0].days_left)
    };
    assert_eq!(row(NOW), (Status::Valid, Some(30)));
    assert_eq!(row(NOW + Duration::days(24)), (Status::EndsSoon, Some(6)));
    assert_eq!(row(NOW + Duration::days(31)), (Status::Expired, Some(-1)));
    fs::write(scratch.root.join("tokens/node-1"), "abc").unwrap();
    assert!(
        scratch
            .secrets
            .inventory(NOW)
            .iter()
            .any(|row| row.status == Status::Damaged)
    );
}

#[test]
fn a_token_that_would_be_dead_on_arrival_is_refused_with_what_to_do() {
    let scratch = Scratch::new();
    scratch.ensure(&usual()).unwrap();
    let files = scratch.files();
    let soon = scratch
        .ensure_at(&usual(), NOW + Duration::days(26))
        .unwrap();
    assert_eq!(soon.notices.len(), 3);
    insta::assert_snapshot!(
        soon.notices[0].to_string().replace(scratch.root.to_str().unwrap(), "secrets"),
        @"the token `secrets/tokens/master-1` ends on 2026-12-21: `kimage certs renew --tokens` makes a new one"
    );
    for days in [29, 30, 300] {
        let late = NOW + Duration::days(days) + Duration::HOUR;
        let error = scratch.ensure_at(&usual(), late).unwrap_err();
        assert_eq!(error.exit(), Exit::UserFiles);
        insta::allow_duplicates! {
            insta::assert_snapshot!(
                error.to_string().replace(scratch.root.to_str().unwrap(), "secrets"),
                @"the token `secrets/tokens/master-1` is good until 2026-12-21 only"
            );
        }
        assert!(
            error
                .hint()
                .unwrap()
                .contains("kimage certs renew --tokens --all")
        );
    }
    assert_eq!(scratch.files(), files);
}

#[test]
fn tokens_are_made_again_when_that_is_asked_for_and_the_old_ones_are_kept_aside() {
    let scratch = Scratch::new();
    scratch.ensure(&usual()).unwrap();
    let before = scratch.files();
    let late = NOW + Duration::days(40);
    let renewal = Renewal {
        certificates: false,
        tokens: vec!["node-1".parse().unwrap()],
    };
    let wanted = requests(&usual(), ADMINS);
    let random = SystemRandom::new();
    scratch
        .secrets
        .renew(&wanted, &renewal, late, &random)
        .unwrap();
    let after = scratch.files();
    for (file, content) in &before {
        let renewed = file.ends_with("tokens/node-1");
        assert_eq!(after[file] != *content, renewed, "{}", file.display());
    }
    let aside: Vec<_> = after
        .keys()
        .filter(|file| file.starts_with("old"))
        .collect();
    assert_eq!(aside.len(), 1);
    // The others are as dead as before.
    assert!(scratch.ensure_at(&usual(), late).is_err());
}

#[test]
fn a_node_that_is_added_is_told_because_running_masters_do_not_know_its_token() {
    let scratch = Scratch::new();
    scratch.ensure(&usual()).unwrap();
    let more = Cluster {
        nodes: cluster(1, 3).nodes,
        ..usual()
    };
    let notices = scratch.ensure(&more).unwrap().notices;
    let told: Vec<String> = notices
        .iter()
        .filter(|notice| notice.is_warning())
        .map(|notice| {
            notice
                .to_string()
                .replace(scratch.root.to_str().unwrap(), "secrets")
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"), @"made `secrets/tokens/node-3`, because there was none: masters that were built before do not know it");
}

#[test]
fn a_damaged_token_and_one_that_lives_too_long_are_replaced() {
    let scratch = Scratch::new();
    scratch.ensure(&usual()).unwrap();
    let file = scratch.root.join("tokens/node-1");
    let text = fs::read_to_string(&file).unwrap();
    for damaged in [
        text.replace("2026-12", "2036-12"),
        text.replace("id: ", "id: x"),
        String::new(),
    ] {
        assert!(Token::parse(damaged.as_bytes()).is_err(), "{damaged}");
    }
    fs::write(&file, text.replace("2026-12", "2036-12")).unwrap();
    assert_eq!(scratch.ensure(&usual()).unwrap().notices.len(), 1);
    let mut shorter = usual();
    if let Join::Bootstrap(bootstrap) = &mut shorter.join {
        bootstrap.days = 10;
    }
    assert_eq!(scratch.ensure(&shorter).unwrap().notices.len(), 3);
}

#[test]
fn who_builds_nothing_needs_no_token() {
    let requests = requests(&usual(), ADMINS);
    assert_eq!(requests.only(&[]).tokens, None);
    let node = "node-1".parse().unwrap();
    assert_eq!(requests.only(&[&node]).tokens.unwrap().nodes.len(), 3);
}
