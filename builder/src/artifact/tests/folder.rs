//! From a mirror in a folder.

use std::fs::{self, OpenOptions, Permissions};
use std::os::unix::fs::PermissionsExt;

use super::mirror::*;
use crate::artifact::needed::tests::release;
use crate::artifact::*;
use crate::digest::Digest;
use crate::failure::{Exit, Failure};

#[test]
fn what_a_mirror_has_is_stored_pinned_and_opened() {
    let site = Site::new();
    let kubelet = noise(100_000);
    let members: &[(&str, &[u8])] = &[("./a/", b""), ("./a/kubelet", &kubelet), ("a/empty", b"")];
    site.publish(&etcd(), &archive(&members[1..]));
    site.publish(&runc(), b"runc itself");
    site.publish(&pause(), &image());
    let mut lock = Lock::default();
    let url = site.url();
    let fetched = fetcher(&site.store, &url)
        .run(&[etcd(), runc(), pause()], &mut lock)
        .unwrap();

    for one in &fetched {
        assert_eq!(lock.pin(&one.artifact), Some(&one.pin));
        assert_eq!(
            Digest::of(&fs::read(&one.entry.path).unwrap()),
            one.pin.sha256
        );
        let mode = fs::metadata(&one.entry.path).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o644);
    }
    let Material::Archive(unpacked) = fetched[0].open(&site.store).unwrap() else {
        panic!("etcd is an archive")
    };
    assert_eq!(read(&unpacked.member("a/kubelet").unwrap()), kubelet);
    assert_eq!(read(&unpacked.member("a/empty").unwrap()), b"");
    assert!(unpacked.member("a").is_none());
    let Material::Binary(runc) = fetched[1].open(&site.store).unwrap() else {
        panic!("runc is a binary")
    };
    assert_eq!(read(&runc), b"runc itself");
    let Material::Image(pause) = fetched[2].open(&site.store).unwrap() else {
        panic!("pause is an image")
    };
    assert_eq!(read(&pause), image());
}

#[test]
fn once_fetched_nothing_is_asked_for_again() {
    let (site, _, mut lock) = with_runc();
    let url = site.url();
    let text = lock.text();
    fs::remove_dir_all(site.root()).unwrap();
    for check in [Check::Stamp, Check::Full] {
        let again = Fetcher {
            check,
            ..fetcher(&site.store, &url)
        };
        again.run(&[runc()], &mut lock).unwrap();
    }
    assert_eq!(lock.text(), text);
}

#[test]
fn bytes_that_upstreams_checksum_does_not_describe_are_not_stored() {
    let site = Site::new();
    let file = site.publish(&runc(), b"runc itself");
    fs::write(file, b"runc itsel").unwrap();
    let url = site.url();
    let mut lock = Lock::default();
    let error = fetcher(&site.store, &url)
        .run(&[runc()], &mut lock)
        .unwrap_err();
    assert!(
        matches!(&error, ArtifactError::WrongChecksum { name, .. } if name == "runc"),
        "{error}"
    );
    assert_eq!(error.exit(), Exit::Integrity);
    assert_eq!((lock, site.stored()), (Lock::default(), vec![]));
}

#[test]
fn bytes_that_the_lock_does_not_describe_are_not_stored() {
    let (site, _, lock) = with_runc();
    let url = site.url();
    for (other, word) in [(b"runc ITSELF".as_slice(), "sha256"), (b"runc", "4 bytes")] {
        // Upstream replaced the file and its checksum.
        site.publish(&runc(), other);
        fs::remove_dir_all(site.folder.path().join("cache")).unwrap();
        let error = fetcher(&site.store, &url)
            .run(&[runc()], &mut lock.clone())
            .unwrap_err();
        assert!(error.to_string().contains(word), "{error}");
        assert_eq!((error.exit(), site.stored()), (Exit::Integrity, vec![]));
    }
}

#[test]
fn a_damaged_entry_is_found_set_aside_and_fetched_again() {
    let (site, first, mut lock) = with_runc();
    let url = site.url();
    let path = &first[0].entry.path;
    for damage in ["truncated", "overwritten", "stamp lost"] {
        let times = fs::metadata(path).unwrap().modified().unwrap();
        let file = OpenOptions::new().write(true).open(path).unwrap();
        match damage {
            "truncated" => file.set_len(5).unwrap(),
            "overwritten" => fs::write(path, b"runc ITSELF").unwrap(),
            _ => {
                fs::write(path, b"runc").unwrap();
                fs::remove_file(format!("{}.checked", path.display())).unwrap();
            }
        }
        // Not even a modification time that was set back hides it.
        file.set_modified(times).unwrap();
        let look = site.store.look(&first[0].pin.sha256, Check::Stamp).unwrap();
        assert!(matches!(look, Found::Damaged(_)), "{damage}: {look:?}");
        let quick = Fetcher {
            check: Check::Stamp,
            ..fetcher(&site.store, &url)
        };
        quick.run(&[runc()], &mut lock).unwrap();
        assert_eq!(fs::read(path).unwrap(), b"runc itself", "{damage}");
    }
    assert!(site.stored().iter().any(|file| file.contains("/damaged/")));
}

#[test]
fn a_disk_that_rots_silently_is_found_by_a_full_check() {
    let (site, first, _) = with_runc();
    let path = &first[0].entry.path;
    fs::write(path, b"runc ITSELF").unwrap();
    // What a rotten disk looks like: other bytes, and a stamp that holds.
    let metadata = fs::metadata(path).unwrap();
    crate::artifact::store::stamp(path, &metadata).unwrap();
    let digest = first[0].pin.sha256;
    assert!(matches!(
        site.store.look(&digest, Check::Stamp).unwrap(),
        Found::Whole(_)
    ));
    assert!(matches!(
        site.store.look(&digest, Check::Full).unwrap(),
        Found::Damaged(_)
    ));
}

#[test]
fn a_copied_cache_is_believed_after_reading_it_once() {
    let site = Site::new();
    site.publish(&etcd(), &archive(&[("a", b"b")]));
    let url = site.url();
    let mut lock = Lock::default();
    let fetched = fetcher(&site.store, &url)
        .run(&[etcd()], &mut lock)
        .unwrap();
    fetched[0].open(&site.store).unwrap();
    for file in site.stored() {
        let bytes = fs::read(&file).unwrap();
        fs::remove_file(&file).unwrap();
        fs::write(&file, bytes).unwrap();
    }
    fs::remove_dir_all(site.root()).unwrap();
    let again = fetcher(&site.store, &url)
        .run(&[etcd()], &mut lock)
        .unwrap();
    assert!(again[0].open(&site.store).is_ok());
}

#[test]
fn a_damaged_unpacked_archive_is_made_again() {
    let site = Site::new();
    site.publish(&etcd(), &archive(&[("a", b"bytes")]));
    let url = site.url();
    let fetched = fetcher(&site.store, &url)
        .run(&[etcd()], &mut Lock::default())
        .unwrap();
    let open = || match fetched[0].open(&site.store).unwrap() {
        Material::Archive(unpacked) => unpacked.member("a").unwrap(),
        other => panic!("{other:?}"),
    };
    let tar = open().blob.path().to_owned();
    for damage in ["truncate", "overwrite", "remove", "index"] {
        match damage {
            "truncate" => {
                let file = OpenOptions::new().write(true).open(&tar).unwrap();
                file.set_len(600).unwrap();
            }
            "overwrite" => {
                let size = fs::metadata(&tar).unwrap().len();
                fs::write(&tar, vec![0; size as usize]).unwrap();
            }
            "remove" => fs::remove_file(&tar).unwrap(),
            _ => fs::write(tar.with_extension("index"), b"{}").unwrap(),
        }
        assert_eq!(read(&open()), b"bytes", "{damage}");
    }
}

#[test]
fn a_damaged_entry_is_an_integrity_error_where_nothing_may_be_fetched() {
    let (site, first, mut lock) = with_runc();
    let url = site.url();
    let offline = Fetcher {
        mirror: None,
        connections: Connections::Forbidden,
        ..fetcher(&site.store, &url)
    };
    offline.run(&[runc()], &mut lock).unwrap();
    fs::write(&first[0].entry.path, b"runc").unwrap();
    let error = offline.run(&[runc()], &mut lock).unwrap_err();
    assert!(matches!(error, ArtifactError::Damaged { .. }), "{error}");
    assert_eq!(error.exit(), Exit::Integrity);
    let error = offline.run(&[runc()], &mut lock).unwrap_err();
    assert!(matches!(error, ArtifactError::Offline { .. }), "{error}");
    assert_eq!(error.exit(), Exit::Network);
}

#[test]
fn a_kept_lock_refuses_what_it_does_not_have_and_names_it() {
    let site = Site::new();
    site.publish(&runc(), b"runc itself");
    site.publish(&etcd(), &archive(&[]));
    let url = site.url();
    let mut lock = Lock::default();
    fetcher(&site.store, &url)
        .run(&[runc()], &mut lock)
        .unwrap();
    let before = lock.clone();
    let kept = Fetcher {
        pins: Pins::Keep,
        ..fetcher(&site.store, &url)
    };
    kept.run(&[runc()], &mut lock).unwrap();
    let error = kept.run(&[runc(), etcd()], &mut lock).unwrap_err();
    assert_eq!(error.exit(), Exit::UserFiles);
    assert!(
        error.to_string().contains("`etcd` is not pinned"),
        "{error}"
    );
    assert_eq!(lock, before);
}

#[test]
fn a_file_that_the_mirror_lacks_is_named() {
    let site = Site::new();
    let url = site.url();
    let run = |artifact| {
        fetcher(&site.store, &url)
            .run(&[artifact], &mut Lock::default())
            .unwrap_err()
    };
    let error = run(runc());
    assert!(
        error
            .to_string()
            .ends_with("/runc/releases/download/v1.3.0/runc.sha256sum"),
        "{error}"
    );
    assert_eq!(error.exit(), Exit::Network);
    site.put(&runc().checksum_path, b"no digest here\n");
    assert_eq!(run(runc()).exit(), Exit::Integrity);
}

#[test]
fn what_upstream_publishes_no_digest_of_is_pinned_by_what_comes_first() {
    let site = Site::new();
    let docker = release("docker", "18.09.9");
    site.put(&docker.mirror_path, b"docker itself");
    let mut lock = Lock::default();
    fetcher(&site.store, &site.url())
        .run(std::slice::from_ref(&docker), &mut lock)
        .unwrap();
    let pinned = lock.pin(&docker).unwrap().sha256;
    assert_eq!(pinned, Digest::of(b"docker itself"));

    // Another one is no longer believed, whoever publishes it.
    let other = Site::new();
    other.publish(&docker, b"docker, but not the same");
    let error = fetcher(&other.store, &other.url())
        .run(std::slice::from_ref(&docker), &mut lock)
        .unwrap_err();
    assert_eq!(error.exit(), Exit::Integrity, "{error}");

    // A mirror's digest counts from the first time on.
    let damaged = Site::new();
    damaged.publish(&docker, b"docker itself");
    damaged.put(&docker.mirror_path, b"docker itsalf");
    let error = fetcher(&damaged.store, &damaged.url())
        .run(&[docker], &mut Lock::default())
        .unwrap_err();
    assert_eq!(error.exit(), Exit::Integrity, "{error}");
}

#[test]
fn an_image_without_a_checksum_file_is_judged_by_its_own_blobs() {
    let site = Site::new();
    let url = site.url();
    let whole = image();
    site.put(&pause().mirror_path, &whole);
    fetcher(&site.store, &url)
        .run(&[pause()], &mut Lock::default())
        .unwrap();
    for at in [513, 4 << 20] {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        let other = Site::new();
        other.put(&pause().mirror_path, &damaged);
        let error = fetcher(&other.store, &other.url())
            .run(&[pause()], &mut Lock::default())
            .unwrap_err();
        assert!(matches!(error, ArtifactError::Archive { .. }), "{error}");
        assert_eq!(other.stored(), Vec::<String>::new());
    }
}

#[test]
fn a_cache_that_cannot_be_written_is_the_machines_fault() {
    let site = Site::new();
    site.publish(&runc(), b"runc itself");
    // A file where a folder must be stops root too, which a mode would not.
    fs::write(site.folder.path().join("cache"), b"").unwrap();
    fs::set_permissions(site.folder.path(), Permissions::from_mode(0o755)).unwrap();
    let error = fetcher(&site.store, &site.url())
        .run(&[runc()], &mut Lock::default())
        .unwrap_err();
    assert_eq!(error.exit(), Exit::Environment, "{error}");
}
