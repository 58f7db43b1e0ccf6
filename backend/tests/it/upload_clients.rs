//! Third-party upload clients (tus-js-client, tuspy, curl) against the gateway. Skips clients that are not installed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use backend::gateway::{Anonymous, GatewayConfig};
use backend::storage::memory::MemoryStorage;
use tokio::process::Command;

use super::test_gateway::TestGateway;

const TUSPY: &str = "tuspy==1.1.0";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn pseudo_random_bytes(length: usize) -> Vec<u8> {
    (0..length).map(|index| ((index * index) >> 7) as u8).collect()
}

async fn gateway() -> TestGateway {
    let config = GatewayConfig { anonymous: Anonymous::Write, ..GatewayConfig::default() };
    TestGateway::with_config(Arc::new(MemoryStorage::new()), config).await
}

/// Runs a program, checks that it succeeds, and returns its output; `None` if it is not installed.
async fn run(program: impl AsRef<Path>, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program.as_ref()).args(arguments).env_remove("http_proxy").output().await.ok()?;
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{} {arguments:?}: {out}{err}", program.as_ref().display());
    Some(out.into_owned())
}

/// Checks that each of these files has exactly this content.
async fn assert_files(gateway: &TestGateway, names: &[&str], content: &[u8]) {
    for name in names {
        let response = gateway.get(&format!("/files/{name}")).await;
        assert!(
            response.status == 200 && response.body == content,
            "{name}: {} {}",
            response.status,
            response.body.len()
        );
    }
}

#[tokio::test]
async fn tus_js_client_uploads_in_all_modes() {
    let modules = root().join("e2e/node_modules");
    if !modules.join("tus-js-client").exists() {
        println!("skipped: tus-js-client is not installed; `cargo xtask setup` does that");
        return;
    }
    let (gateway, content) = (gateway().await, pseudo_random_bytes(5_000_001));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("noise");
    std::fs::write(&file, &content).unwrap();
    let script = root().join("backend/tests/it/clients/tus-js.mjs");
    let endpoint = format!("http://{}/api/v1/uploads", gateway.address);
    let arguments = [script.to_str().unwrap(), &endpoint, file.to_str().unwrap(), modules.to_str().unwrap()];
    let Some(said) = run("node", &arguments).await else {
        println!("skipped: node is not installed");
        return;
    };
    assert_eq!(said.lines().count(), 8, "{said}");
    let names = ["js/whole.bin", "js/paused.bin", "js/parallel.bin", "js/created.bin", "js/deferred.bin"];
    assert_files(&gateway, &names, &content).await;
    assert_files(&gateway, &["js/empty.bin"], b"").await;
    gateway.get("/files/js/given-up.bin").await.assert_problem(404, "not_found");
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn tuspy_uploads_in_all_modes() {
    let venv = root().join("target/tuspy");
    let python = venv.join("bin/python");
    if !venv.join("ready").exists() {
        let Some(_) = run("python3", &["-m", "venv", venv.to_str().unwrap()]).await else {
            println!("skipped: python3 is not installed");
            return;
        };
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", TUSPY];
        let installed = Command::new(&python).args(pip).status().await;
        if !installed.is_ok_and(|status| status.success()) {
            println!("skipped: {TUSPY} cannot be installed");
            return;
        }
        std::fs::write(venv.join("ready"), TUSPY).unwrap();
    }
    let (gateway, content) = (gateway().await, pseudo_random_bytes(5_000_001));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("noise");
    std::fs::write(&file, &content).unwrap();
    let script = root().join("backend/tests/it/clients/tuspy.py");
    let endpoint = format!("http://{}/api/v1/uploads", gateway.address);
    let said = run(&python, &[script.to_str().unwrap(), &endpoint, file.to_str().unwrap()]).await.unwrap();
    assert_eq!(said.lines().count(), 4, "{said}");
    assert_files(&gateway, &["py/whole.bin", "py/resumed.bin", "py/checked.bin"], &content).await;
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn curl_puts_files() {
    let (gateway, content) = (gateway().await, pseudo_random_bytes(3_000_001));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a b.bin");
    std::fs::write(&file, &content).unwrap();
    let url = format!("http://{}/files/docs/", gateway.address);
    let curl = async |more: &[&str]| {
        let plain = ["-sS", "-o", "/dev/null", "-w", "%{http_code}"];
        run("curl", &[&plain, more].concat()).await
    };
    let file = file.to_str().unwrap();
    // curl appends the name of the file to an address that ends in a slash.
    let Some(status) = curl(&["-T", file, &url]).await else {
        println!("skipped: curl is not installed");
        return;
    };
    assert_eq!(status, "201");
    assert_files(&gateway, &["docs/a%20b.bin"], &content).await;
    let tag = gateway.get("/files/docs/a%20b.bin").await.header("etag").unwrap().to_owned();
    let address = format!("{url}a%20b.bin");
    let put = async |field: &str| curl(&["-T", file, "-H", field, &address]).await.unwrap();
    assert_eq!(put("If-None-Match: *").await, "412");
    assert_eq!(put(&format!("If-Match: {tag}")).await, "204");
    assert_eq!(put(&format!("If-Match: {tag}")).await, "412");
    assert_eq!(put("Transfer-Encoding: chunked").await, "204");
    assert_eq!(put("Content-Range: bytes 0-5/10").await, "400");
    assert_eq!(curl(&["-X", "DELETE", &address]).await.unwrap(), "204");
    assert_eq!(curl(&["-T", file, "-H", "Origin: https://evil.example", &url]).await.unwrap(), "403");
    gateway.assert_healthy_and_stop().await;
}
