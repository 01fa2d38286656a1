//! Private keys: made, read and signed with by AWS-LC.
//!
//! New keys are written as PKCS#8 (`PRIVATE KEY`); SEC 1 and PKCS#1 are read too, because that is what other tools
//! make. No error here quotes a byte of what was read.

use std::fmt;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING,
    EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{PublicKeyData, SignatureAlgorithm};
use zeroize::Zeroizing;

use crate::secret::Secret;
use crate::spec::KeyAlgorithm;

/// How many characters a line of PEM has.
const LINE: usize = 64;

/// A private key, its public one, and its text.
pub(super) struct Key {
    algorithm: KeyAlgorithm,
    pair: Pair,
    pem: Secret,
}

enum Pair {
    Ecdsa(EcdsaKeyPair),
    Rsa(RsaKeyPair),
}

/// Why bytes are no private key, without quoting them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum KeyFault {
    #[error("it holds no PEM block of a private key")]
    NoPem,
    #[error("it is no intact unencrypted key of ECDSA P-256, P-384, P-521 or RSA 2048, 3072, 4096")]
    NoKey,
}

/// AWS-LC could not make or use a key; it does not say why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cryptographic library failed")]
pub(super) struct Failed;

fn ecdsa(algorithm: KeyAlgorithm) -> Option<&'static EcdsaSigningAlgorithm> {
    match algorithm {
        KeyAlgorithm::EcdsaP256 => Some(&ECDSA_P256_SHA256_ASN1_SIGNING),
        KeyAlgorithm::EcdsaP384 => Some(&ECDSA_P384_SHA384_ASN1_SIGNING),
        KeyAlgorithm::EcdsaP521 => Some(&ECDSA_P521_SHA512_ASN1_SIGNING),
        KeyAlgorithm::Rsa2048 | KeyAlgorithm::Rsa3072 | KeyAlgorithm::Rsa4096 => None,
    }
}

impl Key {
    /// Makes a key.
    pub(super) fn generate(algorithm: KeyAlgorithm) -> Result<Self, Failed> {
        let size = match algorithm {
            KeyAlgorithm::Rsa2048 => KeySize::Rsa2048,
            KeyAlgorithm::Rsa3072 => KeySize::Rsa3072,
            KeyAlgorithm::Rsa4096 => KeySize::Rsa4096,
            KeyAlgorithm::EcdsaP256 | KeyAlgorithm::EcdsaP384 | KeyAlgorithm::EcdsaP521 => {
                let kind = ecdsa(algorithm).ok_or(Failed)?;
                let pair = EcdsaKeyPair::generate(kind).map_err(|_| Failed)?;
                let document = pair.to_pkcs8v1().map_err(|_| Failed)?;
                let pem = private_pem(document.as_ref());
                return Ok(Self {
                    algorithm,
                    pair: Pair::Ecdsa(pair),
                    pem,
                });
            }
        };
        let pair = RsaKeyPair::generate(size).map_err(|_| Failed)?;
        let document = pair.as_der().map_err(|_| Failed)?;
        let pem = private_pem(document.as_ref());
        Ok(Self {
            algorithm,
            pair: Pair::Rsa(pair),
            pem,
        })
    }

    /// Reads a key and checks that it is consistent in itself.
    pub(super) fn parse(text: Secret) -> Result<Self, KeyFault> {
        let blocks = pem::parse_many(text.expose()).map_err(|_| KeyFault::NoPem)?;
        let der = blocks
            .into_iter()
            .find(|block| block.tag().ends_with("PRIVATE KEY"))
            .map(|block| Zeroizing::new(block.into_contents()))
            .ok_or(KeyFault::NoPem)?;
        let curves = [
            KeyAlgorithm::EcdsaP256,
            KeyAlgorithm::EcdsaP384,
            KeyAlgorithm::EcdsaP521,
        ];
        for algorithm in curves {
            let read = ecdsa(algorithm).map(|kind| EcdsaKeyPair::from_private_key_der(kind, &der));
            if let Some(Ok(pair)) = read {
                return Ok(Self {
                    algorithm,
                    pair: Pair::Ecdsa(pair),
                    pem: text,
                });
            }
        }
        let pair = RsaKeyPair::from_pkcs8(&der)
            .or_else(|_| RsaKeyPair::from_der(&der))
            .map_err(|_| KeyFault::NoKey)?;
        let algorithm = match pair.public_modulus_len() {
            256 => KeyAlgorithm::Rsa2048,
            384 => KeyAlgorithm::Rsa3072,
            512 => KeyAlgorithm::Rsa4096,
            _ => return Err(KeyFault::NoKey),
        };
        Ok(Self {
            algorithm,
            pair: Pair::Rsa(pair),
            pem: text,
        })
    }

    /// What kind of key it is.
    pub(super) fn kind(&self) -> KeyAlgorithm {
        self.algorithm
    }

    /// The private key's text.
    pub(super) fn pem(&self) -> &Secret {
        &self.pem
    }

    /// The public key's text: `PUBLIC KEY`.
    pub(super) fn public_pem(&self) -> String {
        encode("PUBLIC KEY", &self.subject_public_key_info())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({:?})", self.algorithm)
    }
}

impl PublicKeyData for Key {
    fn der_bytes(&self) -> &[u8] {
        match &self.pair {
            Pair::Ecdsa(pair) => pair.public_key().as_ref(),
            Pair::Rsa(pair) => pair.public_key().as_ref(),
        }
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        match self.algorithm {
            KeyAlgorithm::EcdsaP256 => &rcgen::PKCS_ECDSA_P256_SHA256,
            KeyAlgorithm::EcdsaP384 => &rcgen::PKCS_ECDSA_P384_SHA384,
            KeyAlgorithm::EcdsaP521 => &rcgen::PKCS_ECDSA_P521_SHA512,
            KeyAlgorithm::Rsa2048 | KeyAlgorithm::Rsa3072 | KeyAlgorithm::Rsa4096 => {
                &rcgen::PKCS_RSA_SHA256
            }
        }
    }
}

impl rcgen::SigningKey for Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        // Both calls ignore the random source that they ask for.
        let unused = SystemRandom::new();
        match &self.pair {
            Pair::Ecdsa(pair) => pair
                .sign(&unused, message)
                .map(|signature| signature.as_ref().to_vec()),
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &unused, message, &mut signature)
                    .map(|()| signature)
            }
        }
        .map_err(|_| rcgen::Error::RemoteKeyError)
    }
}

/// Bytes from the caller's source.
pub(super) fn random_bytes<const SIZE: usize>(
    random: &dyn SecureRandom,
) -> Result<[u8; SIZE], Failed> {
    let mut bytes = [0; SIZE];
    random.fill(&mut bytes).map_err(|_| Failed)?;
    Ok(bytes)
}

/// A PEM block, with line feeds on every machine.
pub(super) fn encode(tag: &str, der: &[u8]) -> String {
    let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
    pem::encode_config(&pem::Pem::new(tag, der), config)
}

/// The same for a private key, with nothing of it left behind in memory.
fn private_pem(der: &[u8]) -> Secret {
    let base64 = Zeroizing::new(STANDARD.encode(der));
    // Room for all of it: a text that grows leaves copies behind.
    let mut text = String::with_capacity(base64.len() + base64.len() / LINE + 64);
    text.push_str("-----BEGIN PRIVATE KEY-----\n");
    for line in base64.as_bytes().chunks(LINE) {
        text.push_str(str::from_utf8(line).expect("base64 is ASCII"));
        text.push('\n');
    }
    text.push_str("-----END PRIVATE KEY-----\n");
    Secret::new(text.into_bytes())
}
