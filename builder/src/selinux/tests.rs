//! What holds for labels, judged by `matchpathcon`, which asks libselinux.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::program::Program;
use crate::tree::{Content, Layer, Meta, Origin, Tree};

const DEBIAN: &str = "/etc/selinux/default/contexts/files/file_contexts";

/// The files beside a `file_contexts`.
fn files(path: &Path) -> PolicyFiles {
    let text = |suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        fs::read_to_string(name).unwrap_or_default()
    };
    PolicyFiles {
        contexts: text(""),
        homedirs: text(".homedirs"),
        local: text(".local"),
        substitutions: text(".subs"),
        distribution_substitutions: text(".subs_dist"),
    }
}

/// What `matchpathcon` calls a kind.
fn mode(kind: FileKind) -> &'static str {
    match kind {
        FileKind::File => "f",
        FileKind::Directory => "d",
        FileKind::Link => "l",
        FileKind::Socket => "s",
        FileKind::Pipe => "p",
        FileKind::CharDevice => "c",
        FileKind::BlockDevice => "b",
    }
}

/// The paths of which libselinux says something else, with what both say.
fn differences(contexts: &Path, paths: &[(String, FileKind)]) -> Vec<String> {
    let ours = FileContexts::parse(&files(contexts)).unwrap();
    let mut by_kind: BTreeMap<FileKind, Vec<&str>> = BTreeMap::new();
    for (path, kind) in paths {
        by_kind.entry(*kind).or_default().push(path);
    }
    let mut differences = Vec::new();
    for (kind, paths) in by_kind {
        for paths in paths.chunks(4000) {
            let output = Program::new("matchpathcon")
                .args(["-n", "-N", "-m", mode(kind), "-f"])
                .arg(contexts)
                .args(paths)
                .run()
                .unwrap();
            let said = String::from_utf8(output.stdout).unwrap();
            let said: Vec<&str> = said.lines().collect();
            assert_eq!(said.len(), paths.len(), "{:?}", output.stderr);
            for (path, theirs) in paths.iter().zip(said) {
                let own = ours.lookup(path, kind).unwrap().unwrap_or("<<none>>");
                if own != theirs {
                    differences.push(format!("{path} {}: {own}, not {theirs}", kind.field()));
                }
            }
        }
    }
    differences
}

/// Where thousands of files have one label: these prove nothing that others do not, and `matchpathcon` takes its time.
const DULL: [&str; 4] = ["/usr/share/", "/usr/include/", "/usr/src/", "/usr/lib/go"];

/// The kind of what lies at a path of this machine.
fn kind_of(path: &str) -> Option<FileKind> {
    let kind = fs::symlink_metadata(path).ok()?.file_type();
    Some(match (kind.is_dir(), kind.is_symlink()) {
        (true, _) => FileKind::Directory,
        (_, true) => FileKind::Link,
        _ => FileKind::File,
    })
}

#[test]
fn every_path_of_debians_packages_gets_the_label_that_libselinux_gives() {
    let mut paths = BTreeMap::new();
    for list in fs::read_dir("/var/lib/dpkg/info").unwrap() {
        let list = list.unwrap().path();
        if list.extension().is_some_and(|end| end == "list") {
            for path in fs::read_to_string(list).unwrap().lines() {
                if path.len() > 2
                    && !DULL.iter().any(|dull| path.starts_with(dull))
                    && let Some(kind) = kind_of(path)
                {
                    paths.insert(path.to_owned(), kind);
                }
            }
        }
    }
    // What packages do not have and machines do.
    for (path, kind) in [
        ("/", FileKind::Directory),
        ("/bin", FileKind::Link),
        ("/lost+found", FileKind::Directory),
        ("/etc/kubernetes/pki/ca.crt", FileKind::File),
        ("/etc/systemd/system/kubelet.service", FileKind::File),
        ("/home/somebody/.ssh/authorized_keys", FileKind::File),
        ("/root/.ssh/authorized_keys", FileKind::File),
        ("/run/containerd/containerd.sock", FileKind::Socket),
        ("/tmp/x", FileKind::File),
        ("/usr/local/bin/kubelet", FileKind::File),
        ("/usr/local/lib/kimage/grow", FileKind::File),
        ("/dev/vda1", FileKind::BlockDevice),
        ("/dev/ttyS0", FileKind::CharDevice),
        ("/var/lib/etcd", FileKind::Directory),
    ] {
        paths.insert(path.to_owned(), kind);
    }
    let paths: Vec<(String, FileKind)> = paths.into_iter().collect();
    assert!(paths.len() > 4_000, "{}", paths.len());
    let none: [&str; 0] = [];
    assert_eq!(differences(Path::new(DEBIAN), &paths), none);
}

/// A piece of a pattern or of a path between two slashes.
fn piece() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "a",
        "b",
        "ab",
        "c\\.d",
        "c\\+d",
        "lib",
        "usr",
        ".*",
        "[^/]*",
        "[^/]+",
        "(a|b)",
        "a?",
        "b+",
        "[ab]c*",
        "[[:alpha:]]",
        "[]x]",
        "(x(/.*)?)",
        "a{1,2}",
        ".",
        "(a/)?b",
        "ab*",
        "lib(64|32)?",
        "\\[",
        "[^b/]",
        "a|b",
        "[]x]ab",
        ".*ab",
        "a+b?ab",
        "(ab)*x",
        "[^[:alpha:]x]d",
    ])
}

/// Whole patterns, as policies have them.
fn pattern() -> impl Strategy<Value = String> {
    let tail = prop::sample::select(vec!["", "", "(/.*)?", "/.*", "/.+", "(/[^/]+)*", "?", "/"]);
    (prop::collection::vec(piece(), 1..4), tail)
        .prop_map(|(pieces, tail)| format!("/{}{tail}", pieces.join("/")))
}

fn some_path() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec![
        "a", "b", "ab", "aa", "c.d", "c+d", "cxd", "lib", "lib64", "usr", "x", "[", "ac", "abb",
    ]);
    prop::collection::vec(name, 1..5).prop_map(|names| format!("/{}", names.join("/")))
}

fn kind() -> impl Strategy<Value = FileKind> {
    prop::sample::select(vec![FileKind::File, FileKind::Directory, FileKind::Link])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]
    #[test]
    fn any_policy_labels_any_path_as_libselinux_does(
        lines in prop::collection::vec((pattern(), prop::option::of(kind()), prop::bool::weighted(0.1)), 1..30),
        split in 0usize..30,
        aliases in prop::collection::vec((some_path(), some_path(), any::<bool>()), 0..4),
        paths in prop::collection::vec((some_path(), kind()), 1..60),
    ) {
        let directory = tempfile::tempdir().unwrap();
        let at = directory.path().join("file_contexts");
        let mut texts = [String::new(), String::new()];
        for (number, (pattern, kind, none)) in lines.iter().enumerate() {
            let kind = kind.map(FileKind::field).unwrap_or_default();
            let context = match none {
                true => "<<none>>".to_owned(),
                false => format!("u:object_r:t{number}_t:s0"),
            };
            texts[usize::from(number >= split)] += &format!("{pattern}\t{kind}\t{context}\n");
        }
        let mut substitutions = [String::new(), String::new()];
        for (from, to, local) in aliases {
            substitutions[usize::from(local)] += &format!("{from} {to}\n");
        }
        for (suffix, text) in ["", ".local"].iter().zip(&texts).chain([".subs_dist", ".subs"].iter().zip(&substitutions)) {
            fs::write(directory.path().join(format!("file_contexts{suffix}")), text).unwrap();
        }
        let none: [&str; 0] = [];
        prop_assert_eq!(differences(&at, &paths), none, "{:?} {:?}", texts, substitutions);
    }
}

#[test]
fn the_last_line_counts_and_a_plain_path_most() {
    let contexts = FileContexts::parse(&PolicyFiles {
        contexts: "/etc/.* u:r:etc_t:s0\n\
                   /etc/hosts u:r:hosts_t:s0\n\
                   /etc/h.* -- u:r:h_t:s0\n\
                   # a comment\n\
                   /etc/keys(/.*)? <<none>>\n"
            .into(),
        local: "/etc/mine u:r:mine_t:s0\n".into(),
        substitutions: "/srv/etc /etc\n".into(),
        distribution_substitutions: "/etc/other /etc/keys\n/etc/other /etc/hosts\n".into(),
        ..PolicyFiles::default()
    })
    .unwrap();
    let asked = |path, kind| contexts.lookup(path, kind).unwrap().unwrap_or("-");
    insta::assert_snapshot!(
        [
            asked("/etc/x", FileKind::File),
            asked("/etc/hosts", FileKind::File),
            asked("/etc/hx", FileKind::File),
            asked("/etc/hx", FileKind::Directory),
            asked("/etc/keys/x", FileKind::File),
            asked("/etc/mine", FileKind::File),
            asked("/srv/etc/mine", FileKind::File),
            asked("/srv/etc/other", FileKind::File),
            asked("/nowhere", FileKind::File),
        ]
        .join("\n"),
        @r#"
    u:r:etc_t:s0
    u:r:hosts_t:s0
    u:r:h_t:s0
    u:r:etc_t:s0
    -
    u:r:mine_t:s0
    u:r:mine_t:s0
    u:r:hosts_t:s0
    -
    "#
    );
    assert_eq!(
        contexts.alias("/srv/etc/x(/.*)?").as_deref(),
        Some("/etc/x(/.*)?")
    );
    assert_eq!(contexts.alias("/etc/x(/.*)?"), None);
}

#[test]
fn a_broken_policy_names_its_line() {
    let parse = |contexts: &str| {
        let contexts = contexts.to_owned();
        FileContexts::parse(&PolicyFiles {
            contexts,
            ..PolicyFiles::default()
        })
    };
    for (text, said) in [
        (
            "/a",
            "line 1 of `file_contexts` is no file context: it has no context",
        ),
        (
            "\n/a -x u:r:t:s0",
            "line 2 of `file_contexts` is no file context: its second field is no kind of file",
        ),
        (
            "/ä u:r:t:s0",
            "line 1 of `file_contexts` is no file context: it is not ASCII",
        ),
    ] {
        assert_eq!(parse(text).unwrap_err().to_string(), said);
    }
    let contexts = parse("/a(?!b).* u:r:t:s0").unwrap();
    assert_eq!(contexts.lookup("/b", FileKind::File).unwrap(), None);
    let error = contexts.lookup("/ac", FileKind::File).unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 1 of `file_contexts` has a pattern that cannot be matched"
    );
}

#[test]
fn an_entry_without_a_context_gets_its_directorys() {
    let contexts = FileContexts::parse(&PolicyFiles {
        contexts:
            "/.* u:r:default_t:s0\n/tmp/.* <<none>>\n/tmp -d u:r:tmp_t:s0\n/ -d u:r:root_t:s0\n"
                .into(),
        ..PolicyFiles::default()
    })
    .unwrap();
    let mut layer = Layer::new(Origin::new("base"));
    let mut file = |path: &str, own: Option<&str>| {
        let mut meta = Meta::root(0o644);
        meta.xattrs
            .extend(own.map(|own| (ATTRIBUTE.to_owned(), own.into())));
        layer.file(path.parse().unwrap(), meta, Content::bytes(""));
    };
    file("/tmp/deep/x", None);
    file("/tmp/own", Some("u:r:own_t:s0\0"));
    file("/srv", Some("u:r:own_t:s0\0"));
    let mut tree = Tree::seal([layer]).unwrap();
    label(&mut tree, &contexts).unwrap();
    let labels: Vec<String> = tree
        .entries()
        .map(|(path, entry)| {
            let value = String::from_utf8(entry.meta.xattrs[ATTRIBUTE].clone()).unwrap();
            format!("{path} {}", value.replace('\0', "|"))
        })
        .collect();
    insta::assert_snapshot!(labels.join("\n"), @r#"
    / u:r:root_t:s0|
    /srv u:r:default_t:s0|
    /tmp u:r:tmp_t:s0|
    /tmp/deep u:r:tmp_t:s0|
    /tmp/deep/x u:r:tmp_t:s0|
    /tmp/own u:r:own_t:s0|
    "#);
}

#[test]
fn a_compiled_policy_is_asked_for_its_types() {
    let policies = fs::read_dir("/etc/selinux/default/policy").unwrap();
    let policy = policies.map(|policy| policy.unwrap().path()).max().unwrap();
    let policy = fs::read(policy).unwrap();
    for (name, is_there) in [
        ("bin_t", true),
        // Another name of `bin_t`.
        ("sbin_t", true),
        ("kubernetes_no_such_t", false),
        ("bin", false),
        ("in_t", false),
    ] {
        assert_eq!(has_type(&policy, name), is_there, "{name}");
    }
}
