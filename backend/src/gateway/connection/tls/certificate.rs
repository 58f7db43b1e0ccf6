//! A certificate chain and its private key, read from two PEM files.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use tracing::warn;

use super::files::{TlsError, TlsFiles};
use super::validity::not_after;

/// Longest file that is read for a certificate or a key, in bytes.
pub(super) const TLS_FILE_BYTES_MAX: u64 = 1 << 20;

/// Marks a private key that is protected by a password.
const LOCKED: &[u8] = b"ENCRYPTED";

pub(super) fn unusable(files: &TlsFiles, source: rustls::Error) -> TlsError {
    TlsError::Unusable { cert: files.cert.clone(), key: files.key.clone(), source: Box::new(source) }
}

/// Reads both files and checks that they belong together. An expired certificate is used with a warning: the
/// browser's message about it is clearer to people than a server that does not start.
pub(super) fn read(files: &TlsFiles, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
    let chain = chain(&files.cert)?;
    if let Some(days) = chain.first().and_then(|cert| not_after(cert)).and_then(days_since) {
        warn!(certificate = %files.cert.display(), days, "the certificate has expired: browsers will warn of it");
    }
    let key = key(&files.key)?;
    CertifiedKey::from_der(chain, key, provider).map_err(|source| match source {
        rustls::Error::InconsistentKeys(_) => TlsError::Mismatch { cert: files.cert.clone(), key: files.key.clone() },
        source => unusable(files, source),
    })
}

/// How many whole days ago that moment was; `None` if it has not come yet.
fn days_since(not_after: i64) -> Option<i64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs();
    let over = i64::try_from(now).ok()? - not_after;
    (over > 0).then_some(over / 86_400)
}

fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = content(path)?;
    let chain: Vec<_> =
        CertificateDer::pem_slice_iter(&text).collect::<Result<_, _>>().map_err(|error| malformed(path, &error))?;
    if chain.is_empty() { Err(TlsError::NoCertificate(path.to_owned())) } else { Ok(chain) }
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let text = content(path)?;
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| match error {
        // Both `BEGIN ENCRYPTED PRIVATE KEY` (PKCS#8) and `Proc-Type: 4,ENCRYPTED` (older formats) contain it.
        _ if text.windows(LOCKED.len()).any(|window| window == LOCKED) => TlsError::Locked(path.to_owned()),
        PemError::NoItemsFound => TlsError::NoKey(path.to_owned()),
        error => malformed(path, &error),
    })
}

fn malformed(path: &Path, error: &PemError) -> TlsError {
    TlsError::Malformed { path: path.to_owned(), reason: error.to_string() }
}

fn content(path: &Path) -> Result<Vec<u8>, TlsError> {
    let read = || {
        let mut text = Vec::new();
        File::open(path)?.take(TLS_FILE_BYTES_MAX + 1).read_to_end(&mut text)?;
        if text.len() as u64 > TLS_FILE_BYTES_MAX {
            return Err(io::Error::other(format!("it is longer than {TLS_FILE_BYTES_MAX} bytes")));
        }
        Ok(text)
    };
    read().map_err(|source| TlsError::Unreadable { path: path.to_owned(), source })
}
