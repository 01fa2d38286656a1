//! All of a policy's file contexts, and the one that counts for a path.

use super::SelinuxError;
use super::spec::{FileKind, Spec};
use super::substitution::{Aliases, Substitutions};

/// The texts in `/etc/selinux/POLICY/contexts/files`; those that are not there are empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PolicyFiles {
    /// `file_contexts`
    pub contexts: String,
    /// `file_contexts.homedirs`
    pub homedirs: String,
    /// `file_contexts.local`
    pub local: String,
    /// `file_contexts.subs`
    pub substitutions: String,
    /// `file_contexts.subs_dist`
    pub distribution_substitutions: String,
}

/// A policy's file contexts.
///
/// The last line that fits a path counts, and lines without a special letter come after all others. Only lines whose
/// plain beginning is the path's are tried: those are found by one search in their order and a walk to the shorter ones.
#[derive(Debug)]
pub struct FileContexts {
    /// In the order in which they count, the last one most.
    specs: Vec<Spec>,
    /// What lines begin with, in order.
    beginnings: Vec<Beginning>,
    aliases: Aliases,
}

/// Lines that begin alike.
#[derive(Debug)]
struct Beginning {
    prefix: String,
    /// Their places among all lines.
    specs: Vec<usize>,
    /// The longest other beginning that this one begins with.
    shorter: Option<usize>,
}

impl FileContexts {
    /// Reads a policy's files.
    ///
    /// # Errors
    ///
    /// When a line is not what libselinux reads. Patterns are looked at when a path needs them.
    pub fn parse(files: &PolicyFiles) -> Result<Self, SelinuxError> {
        let mut specs = Vec::new();
        for (file, text) in [
            ("file_contexts", &files.contexts),
            ("file_contexts.homedirs", &files.homedirs),
            ("file_contexts.local", &files.local),
        ] {
            for (index, line) in text.lines().enumerate() {
                specs.extend(Spec::parse(line, file, index + 1)?);
            }
        }
        specs.sort_by_cached_key(Spec::is_exact);
        Ok(Self {
            beginnings: beginnings(&specs),
            specs,
            aliases: Aliases {
                local: Substitutions::parse(&files.substitutions),
                distribution: Substitutions::parse(&files.distribution_substitutions),
            },
        })
    }

    /// The context of a path, `system_u:object_r:etc_t:s0`; `None` when the policy gives none.
    ///
    /// # Errors
    ///
    /// When a pattern that had to be tried cannot be matched.
    pub fn lookup(&self, path: &str, kind: FileKind) -> Result<Option<&str>, SelinuxError> {
        let path = self.aliases.apply(path);
        let mut candidates = Vec::new();
        // Whatever the path begins with is in order before it, and is what the last of those begins with.
        let behind = self
            .beginnings
            .partition_point(|beginning| *beginning.prefix <= *path);
        let mut next = behind.checked_sub(1);
        while let Some(at) = next {
            let Beginning {
                prefix,
                specs,
                shorter,
            } = &self.beginnings[at];
            if path.starts_with(prefix.as_str()) {
                candidates.extend_from_slice(specs);
            }
            next = *shorter;
        }
        candidates.sort_unstable_by(|left, right| right.cmp(left));
        for candidate in candidates {
            let spec = &self.specs[candidate];
            if spec.matches(&path, kind)? {
                return Ok(spec.context.as_deref());
            }
        }
        Ok(None)
    }

    /// What a pattern has to be to match, if paths that begin like it are looked up as others.
    pub fn alias(&self, pattern: &str) -> Option<String> {
        let beginning = super::pattern::outline(pattern).prefix;
        let other = self.aliases.apply(&beginning);
        // Escaped letters in it make it another text than the pattern's: then nothing can be proposed.
        let rest = pattern.strip_prefix(beginning.as_str())?;
        (other != beginning).then(|| format!("{other}{rest}"))
    }
}

fn beginnings(specs: &[Spec]) -> Vec<Beginning> {
    let mut order: Vec<usize> = (0..specs.len()).collect();
    order.sort_by_key(|at| &specs[*at].outline.prefix);
    let mut beginnings: Vec<Beginning> = Vec::new();
    for at in order {
        let prefix = &specs[at].outline.prefix;
        let mut shorter = beginnings.len().checked_sub(1);
        if let Some(last) = beginnings.last_mut()
            && last.prefix == *prefix
        {
            last.specs.push(at);
            continue;
        }
        while let Some(before) = shorter.filter(|at| !prefix.starts_with(&*beginnings[*at].prefix))
        {
            shorter = beginnings[before].shorter;
        }
        beginnings.push(Beginning {
            prefix: prefix.clone(),
            specs: vec![at],
            shorter,
        });
    }
    beginnings
}
