//! Which types a compiled policy has.

/// How far before its name an entry of a symbol table has the name's length: since version 24 of the format three
/// numbers lie between, before it two.
const LENGTH_BEFORE: [usize; 2] = [16, 12];

/// Whether a compiled policy (`policy.33`) has a type, or another name of one.
///
/// Only its table of symbols is asked, by the form of its entries: a name, preceded by numbers of which the first is the
/// name's length. Attributes stand in the same table and are taken for types.
pub fn has_type(policy: &[u8], name: &str) -> bool {
    let name = name.as_bytes();
    let length = (name.len() as u32).to_le_bytes();
    policy.windows(name.len()).enumerate().any(|(at, window)| {
        window == name
            && LENGTH_BEFORE.iter().any(|before| {
                let start = at.checked_sub(*before);
                start.is_some_and(|start| policy[start..].starts_with(&length))
            })
    })
}
