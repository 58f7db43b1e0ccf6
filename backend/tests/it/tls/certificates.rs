//! Invalid and renewed certificate files.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use backend::gateway::{GatewayConfig, Tls, TlsError, TlsFiles};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tempfile::TempDir;
use tokio::time::timeout;

use super::fixtures::{H1, TlsGateway, certificate_path};
use crate::test_gateway::TEST_TIMEOUT;
use crate::test_server::small_tree;

#[tokio::test]
async fn invalid_certificate_files_have_distinct_errors() {
    let folder = TempDir::new().unwrap();
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "").unwrap();
    let broken = folder.path().join("broken.pem");
    std::fs::write(&broken, "-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n").unwrap();
    let nonsense = folder.path().join("nonsense.pem");
    std::fs::write(&nonsense, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    let large = folder.path().join("large.pem");
    std::fs::write(&large, vec![b'\n'; (1 << 20) + 1]).unwrap();
    let key = certificate_path("first.key.pem");
    let open = |cert: &Path, key: &Path| {
        let opened = Tls::open(TlsFiles { cert: cert.to_owned(), key: key.to_owned() });
        opened.map(drop).expect_err("the files are valid")
    };
    assert!(matches!(open(&certificate_path("absent.pem"), &key), TlsError::Unreadable { .. }));
    assert!(matches!(open(folder.path(), &key), TlsError::Unreadable { .. }));
    assert!(matches!(open(&large, &key), TlsError::Unreadable { .. }));
    assert!(matches!(open(&empty, &key), TlsError::NoCertificate(_)));
    assert!(matches!(open(&key, &key), TlsError::NoCertificate(_)));
    assert!(matches!(open(&broken, &key), TlsError::Malformed { .. }));
    assert!(matches!(open(&nonsense, &key), TlsError::Unusable { .. }));
    let cert = certificate_path("first.pem");
    assert!(matches!(open(&cert, &cert), TlsError::NoKey(_)));
    assert!(matches!(open(&cert, &certificate_path("locked.key.pem")), TlsError::Locked(_)));
    assert!(matches!(open(&cert, &certificate_path("second.key.pem")), TlsError::Mismatch { .. }));
}

#[tokio::test]
async fn a_valid_renewed_certificate_is_loaded_and_a_mismatched_one_is_ignored() {
    let folder = TempDir::new().unwrap();
    let put = |name: &str, to: &str| {
        let fresh = folder.path().join("fresh");
        std::fs::copy(certificate_path(name), &fresh).unwrap();
        std::fs::rename(fresh, folder.path().join(to)).unwrap();
    };
    put("first.pem", "cert.pem");
    put("first.key.pem", "key.pem");
    let pair = TlsFiles { cert: folder.path().join("cert.pem"), key: folder.path().join("key.pem") };
    let config = GatewayConfig { certificate_look_time: Duration::from_millis(5), ..GatewayConfig::default() };
    let gateway = TlsGateway::with_config(Arc::new(small_tree()), pair, config).await;
    let shown = async || gateway.connect(H1).await.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned();
    let is = |name: &str| CertificateDer::from_pem_file(certificate_path(name)).unwrap();
    assert_eq!(shown().await, is("first.pem"));
    let old = gateway.h2().await;

    // An incomplete renewal has no effect, however many connections arrive meanwhile.
    put("rsa.pem", "cert.pem");
    for _ in 0..20 {
        assert_eq!(shown().await, is("first.pem"));
    }
    put("rsa.key.pem", "key.pem");
    timeout(TEST_TIMEOUT, async { while shown().await != is("rsa.pem") {} })
        .await
        .expect("the new certificate is not loaded");
    // Connections from before the renewal stay open.
    assert_eq!(old.send("GET", "/healthz", &[], b"").await.0, 200);
    gateway.assert_healthy_and_stop().await;
}
