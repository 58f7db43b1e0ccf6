//! The files of a certificate, and why they cannot be used.

use std::error::Error;
use std::io;
use std::path::PathBuf;

/// The files of the certificate and its key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TlsFiles {
    /// The certificate, followed by the certificates that sign it, as PEM.
    pub cert: PathBuf,
    /// The certificate's key as PEM: PKCS#8, PKCS#1 or SEC1.
    pub key: PathBuf,
}

/// Why HTTPS cannot be served with these files.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file is missing, unreadable or too long.
    #[error("{} cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A file is not PEM.
    #[error("{} is not a valid PEM file: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A file contains no certificate.
    #[error("{} contains no certificate (a section that begins with `BEGIN CERTIFICATE`)", .0.display())]
    NoCertificate(PathBuf),
    /// A file contains no private key.
    #[error("{} contains no private key (a section that begins with `BEGIN PRIVATE KEY`, say)", .0.display())]
    NoKey(PathBuf),
    /// The key is protected by a password.
    #[error("the private key in {} is protected by a password: store it without one, readable only by its owner", .0.display())]
    Locked(PathBuf),
    /// The key belongs to another certificate.
    #[error("the private key in {} does not belong to the first certificate in {}", key.display(), cert.display())]
    Mismatch {
        /// The file of the certificate.
        cert: PathBuf,
        /// The file of the key.
        key: PathBuf,
    },
    /// The certificate or the key is of an unsupported kind, or broken.
    #[error("{} and {} cannot be used: {source}", cert.display(), key.display())]
    Unusable {
        /// The file of the certificate.
        cert: PathBuf,
        /// The file of the key.
        key: PathBuf,
        /// The cause.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The program has no TLS.
    #[error("this program was built without TLS: build it with the feature `tls`, as `cargo xtask run --release` does")]
    NotCompiled,
}
