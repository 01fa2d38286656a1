//! Patterns of paths: Perl's regular expressions, as PCRE has them, of which policies use little.
//!
//! libselinux puts `^` before and `$` behind a pattern and nothing around it. Here the `regex` crate matches, on bytes: no
//! policy of Debian or Red Hat looks ahead or back or refers to a group, and a matcher without those is never slow. What it
//! would understand otherwise than PCRE is written otherwise; what it cannot do is an error.

use regex::bytes::{Regex, RegexBuilder};

/// What makes a pattern more than a path; libselinux has the same list.
const META: &str = ".^$?*+|[({";

/// Why a pattern cannot be matched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It is no regular expression, or one that only PCRE matches.
    #[error("`{pattern}` is no regular expression without look-around and back-references")]
    Syntax {
        /// The pattern.
        pattern: String,
    },
    /// A quantifier that gives nothing back.
    #[error("`{pattern}` has a possessive quantifier")]
    Possessive {
        /// The pattern.
        pattern: String,
    },
}

/// What can be said of a pattern without matching it. Thousands of patterns begin like a path; few are left to match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outline {
    /// How every path begins that it matches.
    pub prefix: String,
    /// What may follow.
    pub rest: Rest,
}

/// What of a path may follow a pattern's plain beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Rest {
    /// Nothing: the pattern is a path.
    Nothing,
    /// Whatever there is: `.*`.
    Anything,
    /// Nothing, or what is below: `(/.*)?`.
    Below,
    /// What the pattern says, and in any case this text.
    Matching(String),
}

/// Whether libselinux takes it for a path and no pattern. Such paths come before all patterns, wherever they stand.
pub(super) fn is_exact(pattern: &str) -> bool {
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => {
                letters.next();
            }
            _ if META.contains(letter) => return false,
            _ => {}
        }
    }
    true
}

/// Reads a pattern as far as it says the same as a path, and looks at what is behind.
pub(super) fn outline(pattern: &str) -> Outline {
    let mut prefix = String::new();
    let mut end = 0;
    let mut letters = pattern.char_indices();
    while let Some((at, letter)) = letters.next() {
        let (plain, next) = match letter {
            // Letters and digits behind a backslash are classes and anchors.
            '\\' => match letters.next() {
                Some((_, escaped)) if !escaped.is_ascii_alphanumeric() => {
                    (escaped, at + 1 + escaped.len_utf8())
                }
                _ => break,
            },
            _ if META.contains(letter) || letter == ')' => {
                // What is before it may be absent.
                if "?*{".contains(letter) {
                    prefix.pop();
                }
                break;
            }
            plain => (plain, at + plain.len_utf8()),
        };
        prefix.push(plain);
        end = next;
    }
    let mut rest = match &pattern[end..] {
        "" => Rest::Nothing,
        ".*" => Rest::Anything,
        "(/.*)?" => Rest::Below,
        rest => Rest::Matching(needed_text(rest)),
    };
    if rest != Rest::Nothing && has_alternatives(pattern) {
        prefix.clear();
        rest = Rest::Matching(String::new());
    }
    // libselinux compares the first name of a path with the pattern's, if that is plain, before it matches at all.
    if let Some(stem) = stem(pattern)
        && !prefix.starts_with(stem)
    {
        prefix = stem.to_owned();
        rest = Rest::Matching(String::new());
    }
    Outline { prefix, rest }
}

/// The longest text that stands in everything that a pattern without alternatives matches. Empty where that is not plain.
fn needed_text(pattern: &str) -> String {
    let mut texts = vec![String::new()];
    let mut depth = 0;
    let mut rest = pattern;
    while let Some(letter) = rest.chars().next() {
        rest = &rest[letter.len_utf8()..];
        let plain = match letter {
            '\\' => {
                let escaped = rest.chars().next();
                // Classes and numbers of letters, and what else PCRE has.
                let Some(escaped) = escaped.filter(|escaped| !escaped.is_ascii_alphanumeric())
                else {
                    return String::new();
                };
                rest = &rest[escaped.len_utf8()..];
                Some(escaped)
            }
            '(' if rest.starts_with('?') => return String::new(),
            '[' => {
                rest = behind_class(rest);
                None
            }
            _ if META.contains(letter) || letter == ')' => None,
            plain => Some(plain),
        };
        match (plain, letter) {
            (Some(plain), _) if depth == 0 => {
                texts
                    .last_mut()
                    .into_iter()
                    .for_each(|text| text.push(plain));
                continue;
            }
            (Some(_), _) => continue,
            (None, '(') => depth += 1,
            (None, ')') => depth -= 1,
            // What is before it may be absent.
            (None, '?' | '*' | '{') => {
                texts.last_mut().and_then(String::pop);
                if letter == '{' && counts(rest) {
                    rest = rest.split_once('}').map_or("", |(_, behind)| behind);
                }
            }
            (None, _) => {}
        }
        texts.push(String::new());
    }
    texts
        .into_iter()
        .max_by_key(String::len)
        .unwrap_or_default()
}

/// What is behind a class of letters, of which `rest` is what follows its first bracket.
fn behind_class(rest: &str) -> &str {
    let rest = rest.strip_prefix('^').unwrap_or(rest);
    // A bracket that comes first is one of the class.
    let mut rest = rest.strip_prefix(']').unwrap_or(rest);
    while let Some(letter) = rest.chars().next() {
        let length = match letter {
            ']' => return &rest[1..],
            '\\' => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
            '[' if rest.starts_with("[:") => rest.find(":]").map_or(1, |end| end + 2),
            _ => letter.len_utf8(),
        };
        rest = &rest[length..];
    }
    rest
}

/// The first name of a pattern with both its slashes, when no letter in it is special.
fn stem(pattern: &str) -> Option<&str> {
    let end = pattern.get(1..)?.find('/')? + 1;
    let plain = !pattern[..end].contains(|letter| META.contains(letter) || letter == '\\');
    plain.then(|| &pattern[..=end])
}

/// Whether a `|` stands in no group: then a path may begin in several ways.
fn has_alternatives(pattern: &str) -> bool {
    let mut depth = 0;
    let mut rest = pattern;
    while let Some(letter) = rest.chars().next() {
        rest = &rest[letter.len_utf8()..];
        match letter {
            '\\' => rest = rest.get(1..).unwrap_or(""),
            '[' => rest = behind_class(rest),
            '(' => depth += 1,
            ')' => depth -= 1,
            '|' if depth == 0 => return true,
            _ => {}
        }
    }
    false
}

/// Makes a pattern ready to match.
pub(super) fn compile(pattern: &str) -> Result<Regex, PatternError> {
    let syntax = || PatternError::Syntax {
        pattern: pattern.to_owned(),
    };
    RegexBuilder::new(&translated(pattern)?)
        .unicode(false)
        .dot_matches_new_line(true)
        .build()
        .map_err(|_| syntax())
}

/// The pattern as the `regex` crate means it: classes have no operators in PCRE, `\<` is a `<`, and a brace that counts
/// nothing is a brace.
fn translated(pattern: &str) -> Result<String, PatternError> {
    let mut out = String::with_capacity(pattern.len() + 2);
    out.push('^');
    let mut in_class = false;
    let mut after_quantifier = false;
    let mut rest = pattern;
    while let Some(letter) = rest.chars().next() {
        rest = &rest[letter.len_utf8()..];
        let is_quantifier = !in_class && ("?*+".contains(letter) || letter == '}');
        if letter == '+' && after_quantifier && !in_class {
            return Err(PatternError::Possessive {
                pattern: pattern.to_owned(),
            });
        }
        after_quantifier = is_quantifier;
        match letter {
            '\\' => {
                let escaped = rest.chars().next();
                rest = escaped.map_or(rest, |escaped| &rest[escaped.len_utf8()..]);
                if !matches!(escaped, Some('<' | '>')) {
                    out.push('\\');
                }
                out.extend(escaped);
            }
            '[' if !in_class => {
                in_class = true;
                out.push('[');
                if let Some(behind) = rest.strip_prefix('^') {
                    out.push('^');
                    rest = behind;
                }
                // A bracket that comes first is one of the class.
                if let Some(behind) = rest.strip_prefix(']') {
                    out.push_str("\\]");
                    rest = behind;
                }
            }
            '[' => match rest.find(":]").filter(|_| rest.starts_with(':')) {
                Some(end) => {
                    out.push('[');
                    out.push_str(&rest[..end + 2]);
                    rest = &rest[end + 2..];
                }
                None => out.push_str("\\["),
            },
            ']' => {
                in_class = false;
                out.push(']');
            }
            '&' | '~' if in_class => {
                out.push('\\');
                out.push(letter);
            }
            '{' if !in_class && !counts(rest) => out.push_str("\\{"),
            _ => out.push(letter),
        }
    }
    out.push('$');
    Ok(out)
}

/// Whether what follows a `{` makes it a quantifier: `2}`, `2,}`, `2,3}`.
fn counts(rest: &str) -> bool {
    let Some((inside, _)) = rest.split_once('}') else {
        return false;
    };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match inside.split_once(',') {
        None => is_number(inside),
        Some((least, most)) => is_number(least) && (most.is_empty() || is_number(most)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_that_a_pattern_matches_begins_with_its_prefix() {
        let text = |text: &str| Rest::Matching(text.to_owned());
        for (pattern, prefix, rest) in [
            ("/usr/bin/\\[", "/usr/bin/[", Rest::Nothing),
            ("/lost\\+found", "/lost+found", Rest::Nothing),
            ("/.*", "/", Rest::Anything),
            ("/var/lib/foo(/.*)?", "/var/lib/foo", Rest::Below),
            ("/etc/passwd[-\\+]?", "/etc/passwd", text("")),
            ("/usr/bin/perl5?", "/usr/bin/perl", text("")),
            ("/usr/(.*/)?bin(/.*)?", "/usr/", text("bin")),
            ("/usr/.*\\.cgi", "/usr/", text(".cgi")),
            ("/a.*/bc?d+e{2}", "/a", text("/b")),
            ("/foo\\dx", "/foo", text("")),
            ("/f[]x]oo[^[:alpha:]b]", "/f", text("oo")),
            ("/a[x(]b", "/a", text("b")),
            ("/usr/a|/usr/b", "/usr/", text("")),
            ("/a|/b", "", text("")),
            ("/usr/?x", "/usr/", text("")),
        ] {
            let prefix = prefix.to_owned();
            assert_eq!(outline(pattern), Outline { prefix, rest }, "{pattern}");
        }
    }

    #[test]
    fn what_pcre_means_otherwise_is_written_otherwise() {
        for (pattern, path, matches) in [
            ("/a[[&~]b", "/a[b", true),
            ("/a[[&~]b", "/a~b", true),
            ("/a[]x]b", "/a]b", true),
            ("/a[^]x]b", "/ayb", true),
            ("/a[[:digit:]]", "/a7", true),
            ("/a[[:digit:]]", "/a:", false),
            ("/a\\<b", "/a<b", true),
            ("/a{b}", "/a{b}", true),
            ("/a{2}", "/aa", true),
            ("/a.b", "/a\nb", true),
            ("/a.b", "/aéb", false),
        ] {
            let regex = compile(pattern).unwrap();
            assert_eq!(regex.is_match(path.as_bytes()), matches, "{pattern} {path}");
        }
    }

    #[test]
    fn what_only_pcre_can_is_refused() {
        for pattern in ["/a(?!b)", "/(a)\\1", "/a*+b", "/a\\Kb", "/a(", "/a[b"] {
            assert!(compile(pattern).is_err(), "{pattern}");
        }
    }
}
