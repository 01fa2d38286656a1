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

/// What a pattern begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Beginning {
    /// How every path begins that it matches.
    pub prefix: String,
    /// Whether that is all of it.
    pub is_whole: bool,
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

/// Reads a pattern as far as it says the same as a path.
pub(super) fn beginning(pattern: &str) -> Beginning {
    let mut prefix = String::new();
    let mut letters = pattern.chars();
    let mut is_whole = true;
    while let Some(letter) = letters.next() {
        match letter {
            // Letters and digits behind a backslash are classes and anchors.
            '\\' => match letters.next() {
                Some(escaped) if !escaped.is_ascii_alphanumeric() => prefix.push(escaped),
                _ => {
                    is_whole = false;
                    break;
                }
            },
            _ if META.contains(letter) || letter == ')' => {
                is_whole = false;
                // What is before it may be absent.
                if "?*{".contains(letter) {
                    prefix.pop();
                }
                break;
            }
            plain => prefix.push(plain),
        }
    }
    if !is_whole && has_alternatives(pattern) {
        prefix.clear();
    }
    // libselinux compares the first name of a path with the pattern's, if that is plain, before it matches at all.
    if let Some(stem) = stem(pattern)
        && !prefix.starts_with(stem)
    {
        prefix = stem.to_owned();
    }
    Beginning { prefix, is_whole }
}

/// The first name of a pattern with both its slashes, when no letter in it is special.
fn stem(pattern: &str) -> Option<&str> {
    let end = pattern.get(1..)?.find('/')? + 1;
    let plain = !pattern[..end].contains(|letter| META.contains(letter) || letter == '\\');
    plain.then(|| &pattern[..=end])
}

/// Whether a `|` stands in no group: then a path may begin in several ways.
fn has_alternatives(pattern: &str) -> bool {
    let (mut depth, mut in_class) = (0, false);
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => {
                letters.next();
            }
            ']' => in_class = false,
            _ if in_class => {}
            '[' => in_class = true,
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

    fn begins(pattern: &str) -> (String, bool) {
        let Beginning { prefix, is_whole } = beginning(pattern);
        (prefix, is_whole)
    }

    #[test]
    fn every_path_that_a_pattern_matches_begins_with_its_prefix() {
        for (pattern, prefix, is_whole) in [
            ("/usr/bin/\\[", "/usr/bin/[", true),
            ("/etc/passwd[-\\+]?", "/etc/passwd", false),
            ("/usr/bin/perl5?", "/usr/bin/perl", false),
            ("/var/lib/foo(/.*)?", "/var/lib/foo", false),
            ("/lost\\+found", "/lost+found", true),
            ("/foo\\d", "/foo", false),
            ("/usr/a|/usr/b", "/usr/", false),
            ("/a|/b", "", false),
            ("/usr/?x", "/usr/", false),
            ("/.*", "/", false),
        ] {
            assert_eq!(begins(pattern), (prefix.to_owned(), is_whole), "{pattern}");
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
