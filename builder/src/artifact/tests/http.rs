//! From a server: what is tried again, what is not, and what is kept.

use std::fs;
use std::net::TcpListener;
use std::sync::Mutex;
use std::time::Duration;

use super::mirror::*;
use super::server::*;
use crate::artifact::source::{Source, Trouble};
use crate::artifact::*;
use crate::digest::Digest;
use crate::failure::{Exit, Failure};

/// A site that publishes one release of 3 MB, and nginx before it.
fn served() -> (Site, Nginx, Vec<u8>) {
    let site = Site::new();
    let bytes = noise(3_000_000);
    site.publish(&runc(), &bytes);
    let nginx = Nginx::start(site.folder.path());
    (site, nginx, bytes)
}

/// Fetches runc and answers what happened and how long was waited, in seconds.
fn fetch(site: &Site, mirror: &str) -> (Result<Vec<Fetched>, ArtifactError>, Vec<u64>) {
    let waits = Mutex::new(Vec::new());
    let sleep = |wait: Duration| waits.lock().unwrap().push(wait.as_secs());
    let fetcher = Fetcher {
        sleep: &sleep,
        ..fetcher(&site.store, mirror)
    };
    let outcome = fetcher.run(&[runc()], &mut Lock::default());
    (outcome, waits.into_inner().unwrap())
}

fn stored(site: &Site, bytes: &[u8]) -> bool {
    fs::read(site.store.path(&Digest::of(bytes))).is_ok_and(|there| there == bytes)
}

#[test]
fn a_download_goes_on_where_the_line_broke() {
    let (site, nginx, bytes) = served();
    // The first connection brings the checksum file and then the first part; each new one the next part.
    let port = flaky(nginx.port, [Line::Cut(1_200_000), Line::Cut(1_200_000)]);
    let (outcome, waits) = fetch(&site, &format!("http://127.0.0.1:{port}/open"));
    outcome.unwrap();
    assert!(stored(&site, &bytes));
    assert_eq!(waits, [1, 1]);
    let requests = nginx.requests("runc.amd64");
    assert_eq!(requests.len(), 3, "{requests:?}");
    assert!(requests[0].starts_with("200 - -"), "{requests:?}");
    for request in &requests[1..] {
        assert!(
            request.starts_with("206 bytes=1") || request.starts_with("206 bytes=2"),
            "{requests:?}"
        );
        // The condition that it is still the same file: nginx writes a quotation mark as \x22.
        assert!(request.ends_with(r"\x22"), "{requests:?}");
    }
}

#[test]
fn a_later_run_goes_on_where_the_first_ended() {
    let (site, nginx, bytes) = served();
    let digest = Digest::of(&bytes);
    let partial = site.store.partial(&digest);
    fs::create_dir_all(partial.parent().unwrap()).unwrap();
    fs::write(&partial, &bytes[..2_000_000]).unwrap();
    fetch(&site, &nginx.url("open")).0.unwrap();
    assert!(stored(&site, &bytes));
    assert_eq!(nginx.requests("runc.amd64"), ["206 bytes=2000000- -"]);
    assert_eq!(site.stored().len(), 1);
}

#[test]
fn what_an_earlier_run_left_is_dropped_where_it_is_wrong() {
    for (left, requests) in [
        // Others than the file's.
        (vec![7; 2_000_000], ["206 bytes=2000000- -", "200 - -"]),
        // More than the file has.
        (vec![7; 4_000_000], ["416 bytes=4000000- -", "200 - -"]),
    ] {
        let (site, nginx, bytes) = served();
        let partial = site.store.partial(&Digest::of(&bytes));
        fs::create_dir_all(partial.parent().unwrap()).unwrap();
        fs::write(&partial, left).unwrap();
        fetch(&site, &nginx.url("open")).0.unwrap();
        assert!(stored(&site, &bytes));
        assert_eq!(nginx.requests("runc.amd64"), requests);
    }
}

#[test]
fn a_server_without_ranges_is_asked_for_the_whole_again() {
    let (site, nginx, bytes) = served();
    let port = flaky(nginx.port, [Line::Cut(1_200_000)]);
    let (outcome, _) = fetch(&site, &format!("http://127.0.0.1:{port}/whole"));
    outcome.unwrap();
    assert!(stored(&site, &bytes));
    assert_eq!(nginx.requests("runc.amd64").len(), 2);
}

#[test]
fn a_reset_is_tried_again() {
    let (site, nginx, bytes) = served();
    let port = flaky(nginx.port, [Line::Reset, Line::Reset]);
    let (outcome, waits) = fetch(&site, &format!("http://127.0.0.1:{port}/open"));
    outcome.unwrap();
    assert!(stored(&site, &bytes));
    assert_eq!(waits, [1, 2]);
}

#[test]
fn a_line_that_always_breaks_ends_in_an_error_and_keeps_what_came() {
    let (site, nginx, _) = served();
    let cuts = std::iter::once(Line::Cut(200_000)).chain(vec![Line::Reset; 100]);
    let port = flaky(nginx.port, cuts);
    let (outcome, waits) = fetch(&site, &format!("http://127.0.0.1:{port}/open"));
    let error = outcome.unwrap_err();
    assert!(
        matches!(error, ArtifactError::Unreachable { .. }),
        "{error}"
    );
    assert_eq!(error.exit(), Exit::Network);
    assert_eq!(waits, [1, 2, 4, 8]);
    let left = site.stored();
    assert!(
        left.iter().all(|file| file.contains("/partial/")) && !left.is_empty(),
        "{left:?}"
    );
}

#[test]
fn a_busy_server_is_given_the_time_that_it_asks_for() {
    let (site, nginx, bytes) = served();
    let url = nginx.url("busy");
    let waits = Mutex::new(Vec::new());
    let sleep = |wait: Duration| {
        waits.lock().unwrap().push(wait.as_secs());
        nginx.calm();
    };
    let fetcher = Fetcher {
        sleep: &sleep,
        ..fetcher(&site.store, &url)
    };
    fetcher.run(&[runc()], &mut Lock::default()).unwrap();
    assert!(stored(&site, &bytes));
    assert_eq!(*waits.lock().unwrap(), [7]);
}

#[test]
fn a_server_that_stays_down_is_named_after_five_attempts() {
    let (site, nginx, _) = served();
    let (outcome, waits) = fetch(&site, &nginx.url("down"));
    let error = outcome.unwrap_err();
    let ArtifactError::Unreachable { source, .. } = &error else {
        panic!("{error}")
    };
    assert!(source.to_string().contains("503"), "{source}");
    assert_eq!((error.exit(), waits), (Exit::Network, vec![1, 2, 4, 8]));
}

#[test]
fn a_refusal_is_named_at_once() {
    let (site, nginx, _) = served();
    let (outcome, waits) = fetch(&site, &nginx.url("forbidden"));
    let error = outcome.unwrap_err();
    assert!(
        matches!(&error, ArtifactError::Denied { status: 403, url, .. } if url.contains("/forbidden/github.com/")),
        "{error}"
    );
    assert_eq!((error.exit(), waits), (Exit::Network, vec![]));
    assert_eq!(site.stored(), Vec::<String>::new());
}

#[test]
fn what_an_earlier_run_brought_to_its_end_is_not_asked_for() {
    let (site, nginx, bytes) = served();
    let partial = site.store.partial(&Digest::of(&bytes));
    fs::create_dir_all(partial.parent().unwrap()).unwrap();
    fs::write(&partial, &bytes).unwrap();
    fetch(&site, &nginx.url("open")).0.unwrap();
    assert!(stored(&site, &bytes));
    assert_eq!(nginx.requests("runc.amd64"), Vec::<String>::new());
}

#[test]
fn a_missing_file_is_named_at_once() {
    let (site, nginx, _) = served();
    fs::remove_file(site.root().join(&runc().mirror_path)).unwrap();
    let (outcome, waits) = fetch(&site, &nginx.url("open"));
    let error = outcome.unwrap_err();
    assert!(error.to_string().ends_with("/v1.3.0/runc.amd64"), "{error}");
    assert!(matches!(error, ArtifactError::Missing { .. }), "{error}");
    assert_eq!((error.exit(), waits), (Exit::Network, vec![]));
    assert_eq!(site.stored(), Vec::<String>::new());
}

#[test]
fn nobody_listening_is_named_at_once() {
    let site = Site::new();
    let url = format!("http://127.0.0.1:{}", free_port());
    let (outcome, waits) = fetch(&site, &url);
    let error = outcome.unwrap_err();
    assert!(
        matches!(error, ArtifactError::Unreachable { .. }),
        "{error}"
    );
    assert_eq!((error.exit(), waits), (Exit::Network, vec![]));
}

#[test]
fn a_wrong_checksum_from_a_server_is_not_tried_again_and_leaves_nothing() {
    let (site, nginx, _) = served();
    site.put(&runc().mirror_path, &noise(2_999_999));
    let (outcome, waits) = fetch(&site, &nginx.url("open"));
    let error = outcome.unwrap_err();
    assert!(
        matches!(error, ArtifactError::WrongChecksum { .. }),
        "{error}"
    );
    assert_eq!((error.exit(), waits), (Exit::Integrity, vec![]));
    assert_eq!(nginx.requests("runc.amd64").len(), 1);
    assert_eq!(site.stored(), Vec::<String>::new());
}

#[test]
fn a_mirrors_password_opens_it_and_is_never_shown() {
    let (site, nginx, bytes) = served();
    let private = nginx.url("private");
    let with = |user: &str| private.replacen("://", &format!("://{user}@"), 1);
    fetch(&site, &with("u:hunter2")).0.unwrap();
    assert!(stored(&site, &bytes));
    let other = Site::new();
    for mirror in [with("u:hunter3"), with("u:hunter3").replace("http", "ftp")] {
        let error = fetch(&other, &mirror).0.unwrap_err();
        let all = format!("{error} {error:?} {:?}", error.hint());
        assert!(
            !all.contains("hunter3") && all.contains("/private"),
            "{all}"
        );
    }
}

#[test]
fn a_mirror_is_trusted_by_the_machines_own_certificate_authorities() {
    let (_site, nginx, _) = served();
    let url = nginx.tls_url("open");
    let (mut source, path) = (Source::new(Some(&url), true).unwrap(), runc().mirror_path);
    let location = source.locate(&path);
    let stranger = source.open(&location, 0, None).map(|_| ());
    assert!(
        matches!(stranger, Err(Trouble::Hopeless(_))),
        "{stranger:?}"
    );
    source = Source::new(Some(&url), true).unwrap();
    source.authorities = vec!["/nowhere".into(), nginx.authority()];
    let transfer = source.open(&location, 0, None).unwrap();
    assert_eq!(transfer.total, Some(3_000_000));
}

#[test]
fn offline_opens_no_connection() {
    let site = Site::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let offline = Fetcher {
        connections: Connections::Forbidden,
        ..fetcher(&site.store, &url)
    };
    let error = offline
        .run(&[runc(), pause()], &mut Lock::default())
        .unwrap_err();
    assert!(matches!(error, ArtifactError::Offline { .. }), "{error}");
    let nobody = listener.accept().unwrap_err();
    assert_eq!(nobody.kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn two_processes_that_want_one_file_download_it_once() {
    let (site, nginx, bytes) = served();
    let url = nginx.url("open");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| fetch(&site, &url).0.unwrap());
        }
    });
    assert!(stored(&site, &bytes));
    assert_eq!(nginx.requests("runc.amd64").len(), 1);
    assert_eq!(site.stored().len(), 1);
}
