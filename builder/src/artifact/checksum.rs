//! Reads the files in which upstream writes down digests.

use crate::digest::Digest;

/// The SHA-256 that a checksum file gives for a file name: the only word in it, or the line that ends in the name
/// (as `sha256sum` writes them: digest, space, space or `*`, name, the name perhaps with a folder in front).
/// `None` where it says nothing, or not the same twice.
pub(super) fn find(text: &str, file: &str) -> Option<Digest> {
    let mut words = text.split_whitespace();
    if let (Some(only), None) = (words.next(), words.next()) {
        return only.to_ascii_lowercase().parse().ok();
    }
    let mut found = None;
    for line in text.lines() {
        let Some((digest, name)) = line.trim().split_once(char::is_whitespace) else {
            continue;
        };
        let name = name.trim_start().trim_start_matches('*');
        if name.rsplit('/').next() != Some(file) {
            continue;
        }
        let digest = digest.to_ascii_lowercase().parse().ok()?;
        if found.is_some_and(|found: Digest| found != digest) {
            return None;
        }
        found = Some(digest);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn upstreams_forms_are_understood() {
        let digest = Digest::of(b"");
        for text in [
            format!("{digest}"),
            format!("{digest}\n"),
            format!("{digest}  runc.amd64\n"),
            format!("{}  runc.arm64\n{digest} *./runc.amd64\n", Digest::of(b"x")),
        ] {
            assert_eq!(find(&text, "runc.amd64"), Some(digest), "{text}");
        }
    }

    #[test]
    fn another_files_digest_is_not_taken() {
        let digest = Digest::of(b"");
        assert_eq!(find(&format!("{digest}  runc.arm64\n"), "runc.amd64"), None);
        assert_eq!(find("<html>not found</html>", "runc.amd64"), None);
        let twice = format!("{digest}  a\n{}  a\n", Digest::of(b"x"));
        assert_eq!(find(&twice, "a"), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,80}") {
            let _ = find(&text, "a");
        }
    }
}
