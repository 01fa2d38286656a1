//! The accounts of an image: `/etc/passwd` and `/etc/group`.

/// The number of a user or group by its name, out of the text of either file.
pub fn account_number(text: &str, name: &str) -> Option<u32> {
    let line = text
        .lines()
        .find(|line| line.split(':').next() == Some(name))?;
    line.split(':').nth(2)?.parse().ok()
}
