//! Requests for certificates, made by the `openssl` command.

use std::path::{Path, PathBuf};

use kimage::program::Program;

/// Keys and requests, made in a folder that does not outlive its test.
pub(crate) struct Maker {
    folder: tempfile::TempDir,
}

impl Maker {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let maker = Self { folder };
        maker.key("p256", "EC", "ec_paramgen_curve:P-256");
        maker
    }

    /// Makes a key of a kind.
    pub(crate) fn key(&self, name: &str, algorithm: &str, option: &str) {
        let key = self.path(name);
        let options = [
            "-quiet",
            "-algorithm",
            algorithm,
            "-pkeyopt",
            option,
            "-out",
        ];
        openssl(&[&["genpkey"], options.as_slice(), &[key.to_str().unwrap()]].concat());
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A request in PEM, with a key, the lines of a subject and those of its extensions.
    pub(crate) fn with_key(&self, key: &str, subject: &str, extensions: &str) -> String {
        self.configured(
            key,
            &format!(
                "[req]\nprompt=no\nstring_mask=utf8only\nutf8=yes\ndistinguished_name=dn\n{requested}\n\
                 [dn]\n{subject}\n[ext]\n{extensions}\n",
                requested = if extensions.is_empty() { "" } else { "req_extensions=ext" },
            ),
        )
    }

    /// The same with a key of P-256.
    pub(crate) fn request(&self, subject: &str, extensions: &str) -> String {
        self.with_key("p256", subject, extensions)
    }

    /// A request as a whole configuration says.
    pub(crate) fn configured(&self, key: &str, configuration: &str) -> String {
        let file = self.path("request.cnf");
        std::fs::write(&file, configuration).unwrap();
        let (key, file) = (self.path(key), file.to_str().unwrap().to_owned());
        openssl(&[
            "req",
            "-new",
            "-key",
            key.to_str().unwrap(),
            "-config",
            &file,
        ])
    }

    /// The request that a kubelet of a node makes for itself, for the names in `alternatives`.
    pub(crate) fn of_node(&self, node: &str, alternatives: &str) -> String {
        self.request(&subject(node), &format!("subjectAltName={alternatives}"))
    }
}

/// The lines of a node's subject.
pub(crate) fn subject(node: &str) -> String {
    format!("O=system:nodes\nCN=system:node:{node}")
}

pub(crate) fn openssl(arguments: &[&str]) -> String {
    let output = Program::new("openssl").args(arguments).run().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// Whether a certificate verifies against an authority for a purpose.
pub(crate) fn verifies(certificate: &Path, authority: &Path, purpose: &str) -> bool {
    Program::new("openssl")
        .args(["verify", "-purpose", purpose, "-CAfile"])
        .arg(authority)
        .arg(certificate)
        .run()
        .is_ok()
}
