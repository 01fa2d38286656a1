//! How kimage speaks TLS: by the library that makes its keys, so that whatever it issues it can also show and verify.
//!
//! ureq would take ring by itself, which knows no P-521.

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use ureq::tls::{TlsConfig, TlsConfigBuilder, TlsProvider};

/// The algorithms.
pub(crate) fn cryptography() -> CryptoProvider {
    aws_lc_rs::default_provider()
}

/// The settings that every connection begins with.
pub(crate) fn settings() -> TlsConfigBuilder {
    TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .unversioned_rustls_crypto_provider(Arc::new(cryptography()))
}
