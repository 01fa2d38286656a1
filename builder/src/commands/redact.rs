//! Takes secrets out of what is shown.
//!
//! A key in an image is no reason to have it in a terminal's history or a log: whoever needs the key itself has it in the
//! secrets directory.

/// Keys of YAML files whose values are secret: of kubeconfigs, of the encryption configuration.
const SECRET_KEYS: &[&str] = &["client-key-data:", "token:", "secret:", "password:"];

/// The content with private keys, tokens and the like replaced by a word. What is no text stays as it is, unless a
/// private key is in it.
pub(super) fn redact(content: &[u8]) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(content) else {
        let holds_key = content
            .windows(KEY_MARK.len())
            .any(|window| window == KEY_MARK.as_bytes());
        return if holds_key {
            b"(binary content with a private key)\n".to_vec()
        } else {
            content.to_vec()
        };
    };
    let mut shown = String::with_capacity(text.len());
    let mut in_key = false;
    for line in text.split_inclusive('\n') {
        let begins = line.contains("-----BEGIN ") && line.contains(KEY_MARK);
        let ends = line.contains("-----END ") && line.contains(KEY_MARK);
        match (in_key, begins, ends) {
            (false, true, _) => {
                in_key = !ends;
                shown.push_str("(private key, not shown)\n");
            }
            (true, _, true) => in_key = false,
            (true, _, false) => {}
            (false, false, _) => shown.push_str(&without_value(line)),
        }
    }
    shown.into_bytes()
}

const KEY_MARK: &str = "PRIVATE KEY-----";

/// A line with the value of a secret key replaced.
fn without_value(line: &str) -> String {
    for key in SECRET_KEYS {
        let Some(at) = line.find(key) else { continue };
        let before = &line[..at];
        let (value, rest) = (
            &line[at + key.len()..],
            if line.contains('}') { "}" } else { "" },
        );
        let names_key = before
            .chars()
            .last()
            .is_none_or(|last| " {,-\"".contains(last));
        if names_key && !value.trim().is_empty() {
            return format!("{before}{key} (not shown){rest}\n");
        }
    }
    without_tokens(line)
}

/// A line with the secret part of every token taken out: words of six characters, a dot and sixteen.
fn without_tokens(line: &str) -> String {
    const SECRET: usize = 16;
    let drawn = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    let mut shown = String::with_capacity(line.len());
    for word in line.split_inclusive(|byte: char| !byte.is_ascii_alphanumeric() && byte != '.') {
        let token = word.split_once('.').filter(|(id, rest)| {
            let (secret, end) = rest.split_at_checked(SECRET).unwrap_or_default();
            id.len() == 6 && drawn(id) && secret.len() == SECRET && drawn(secret) && end.len() <= 1
        });
        match token {
            Some((id, rest)) => {
                shown.push_str(&format!("{id}.(not shown){}", &rest[SECRET..]));
            }
            None => shown.push_str(word),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        String::from_utf8(redact(text.as_bytes())).unwrap()
    }

    #[test]
    fn a_private_key_is_not_shown_and_what_is_around_it_is() {
        let text = "a\n-----BEGIN EC PRIVATE KEY-----\nc2VjcmV0\n-----END EC PRIVATE KEY-----\nb\n";
        assert_eq!(shown(text), "a\n(private key, not shown)\nb\n");
    }

    #[test]
    fn a_key_that_never_ends_is_not_shown_either() {
        assert_eq!(
            shown("-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n"),
            "(private key, not shown)\n"
        );
    }

    #[test]
    fn values_of_secret_keys_are_not_shown() {
        assert_eq!(
            shown("    client-key-data: c2VjcmV0\n"),
            "    client-key-data: (not shown)\n"
        );
        assert_eq!(
            shown("      - {name: key1, secret: c2VjcmV0}\n"),
            "      - {name: key1, secret: (not shown)}\n"
        );
        assert_eq!(shown("resources: [secrets]\n"), "resources: [secrets]\n");
        assert_eq!(
            shown("  token-secret: \"0123456789abcdef\"\n"),
            "  token-secret: (not shown)\n"
        );
    }

    #[test]
    fn the_secret_part_of_a_token_is_not_shown_wherever_it_is() {
        assert_eq!(
            shown("abcdef.0123456789abcdef,kubelet-bootstrap,10001,\"a\"\n"),
            "abcdef.(not shown),kubelet-bootstrap,10001,\"a\"\n"
        );
        assert_eq!(
            shown("see abcdef.0123456789abcdef\n"),
            "see abcdef.(not shown)\n"
        );
        let name = "server: lab001.clusters-of-mine.example.org/abcdef.0123456789abcdefg\n";
        assert_eq!(shown(name), name);
    }
}
