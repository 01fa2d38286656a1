//! Paths that are looked up as others: `file_contexts.subs` and `file_contexts.subs_dist`.

use std::borrow::Cow;

/// One file of substitutions.
#[derive(Debug, Clone, Default)]
pub(super) struct Substitutions(Vec<(String, String)>);

impl Substitutions {
    /// Reads lines of two paths. Where several fit, the last one counts, so they are kept from the end.
    pub(super) fn parse(text: &str) -> Self {
        let pairs = text.lines().rev().filter_map(|line| {
            let mut fields = line.split_ascii_whitespace();
            let from = fields.next().filter(|from| !from.starts_with('#'))?;
            Some((from.to_owned(), fields.next()?.to_owned()))
        });
        Self(pairs.collect())
    }

    /// The path that one is looked up as; `None` when that is itself.
    pub(super) fn apply(&self, path: &str) -> Option<String> {
        self.0.iter().find_map(|(from, to)| {
            let rest = path.strip_prefix(from.as_str())?;
            match (rest.is_empty() || rest.starts_with('/'), to.as_str()) {
                (false, _) => None,
                (true, "/") if !rest.is_empty() => Some(rest.to_owned()),
                (true, to) => Some(format!("{to}{rest}")),
            }
        })
    }
}

/// The local file and the distribution's.
#[derive(Debug, Clone, Default)]
pub(super) struct Aliases {
    pub local: Substitutions,
    pub distribution: Substitutions,
}

impl Aliases {
    /// The path that is looked up: people's substitution first, the distribution's on what comes out.
    pub(super) fn apply<'a>(&self, path: &'a str) -> Cow<'a, str> {
        let own = self.local.apply(path);
        let shared = self.distribution.apply(own.as_deref().unwrap_or(path));
        match shared.or(own) {
            Some(other) => Cow::Owned(other),
            None => Cow::Borrowed(path),
        }
    }
}
