//! SELinux labels, without SELinux and without root: which context the base's own policy gives to each path.
//!
//! The rules are libselinux's, so that `restorecon` on the booted node finds nothing to change (its `label_file.c`,
//! and file_contexts(5)). A base has them as text in `/etc/selinux/POLICY/contexts/files`: `file_contexts`, what is
//! added for home directories and by people (`.homedirs`, `.local`), and which path is looked up as another (`.subs`,
//! `.subs_dist`). [`FileContexts`] reads those and answers; [`label`] asks for every entry of a tree. Nothing here opens
//! a file, and nothing knows what a policy allows.

mod contexts;
mod error;
mod label;
mod pattern;
mod spec;
mod substitution;
#[cfg(test)]
mod tests;
mod types;

pub use contexts::{FileContexts, PolicyFiles};
pub use error::SelinuxError;
pub use label::label;
pub use pattern::PatternError;
pub use spec::FileKind;
pub use types::has_type;

/// The attribute with an entry's label. Its value ends with a zero byte, as the kernel writes it.
pub const ATTRIBUTE: &str = "security.selinux";

/// Whether a pattern of paths can be matched.
///
/// # Errors
///
/// When it is no regular expression, or one that only PCRE matches.
pub fn check_pattern(pattern: &str) -> Result<(), PatternError> {
    pattern::compile(pattern).map(|_| ())
}
