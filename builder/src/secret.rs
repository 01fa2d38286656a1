//! Bytes that must not be seen: private keys, tokens, encryption keys.
//!
//! A [`Secret`] cannot be printed, compared or serialized by accident, and is wiped when it is dropped. To use the
//! bytes one has to call [`Secret::expose`], which is easy to search for.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

/// Secret bytes. Cloning shares them.
#[derive(Clone)]
pub struct Secret(Arc<Zeroizing<Vec<u8>>>);

impl Secret {
    /// Takes the bytes over; they are wiped when the last clone is dropped.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Arc::new(Zeroizing::new(bytes)))
    }

    /// The bytes themselves. Every caller either writes them with a mode that says who may read them, or derives
    /// something that is secret again.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// How many bytes there are; a length is no secret.
    pub fn size(&self) -> u64 {
        self.0.len() as u64
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_show_its_bytes() {
        assert_eq!(format!("{:?}", Secret::new(b"hunter2".to_vec())), "Secret");
    }
}
