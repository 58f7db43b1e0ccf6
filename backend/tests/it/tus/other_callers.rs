//! Ids, rights and metadata of other callers.

use backend::gateway::Anonymous;
use shared::api::uploads::Uploads;
use shared::{Rights, Scope};

use super::fixtures::{UPLOADS, VERSION, head, metadata, patch, resolve};
use crate::test_gateway::TestGateway;
use crate::test_server::path;

#[tokio::test]
async fn unknown_ids_are_not_found() {
    let gateway = TestGateway::writable().await;
    for id in ["0".repeat(32), "x".into(), "..%2f".into(), "%00".into(), "f".repeat(33), "a".repeat(5000)] {
        let address = format!("{UPLOADS}/{id}");
        let response = patch(&gateway, &address, 0, b"hello", &[]).await;
        assert_eq!(response.status, 404, "{id}: {response:?}");
        assert_eq!(head(&gateway, &address).await.status, 404, "{id}");
        assert_eq!(gateway.send("DELETE", &address, &[VERSION], b"").await.status, 404, "{id}");
        gateway.get(&address).await.assert_problem(404, "not_found");
    }
    gateway.assert_healthy_and_stop().await;
}

/// 404 instead of 403, so that ids of other callers cannot be probed.
#[tokio::test]
async fn uploads_of_other_callers_are_not_found() {
    let gateway = TestGateway::writable().await;
    let rights = Anonymous::Write.rights().union(Rights::NONE);
    let ada = backend::client::Caller {
        scope: Scope::whole(rights),
        principal: Some("ada".into()),
        ..backend::client::Caller::default()
    };
    let stage = backend::client::Stage {
        caller: ada.clone(),
        target: Some(path("hers")),
        length: Some(5),
        resumable: true,
        ..backend::client::Stage::default()
    };
    let hers = gateway.server.client.stage(&stage).await.unwrap();
    let address = format!("{UPLOADS}/{}", hers.id);
    patch(&gateway, &address, 0, b"hello", &[]).await.assert_problem(404, "not_found");
    assert_eq!(head(&gateway, &address).await.status, 404);
    gateway.send("DELETE", &address, &[VERSION], b"").await.assert_problem(404, "not_found");
    let json = [("content-type", "application/json")];
    gateway.send("POST", &format!("{address}/commit"), &json, b"{}").await.assert_problem(404, "not_found");
    let uploads: Uploads = gateway.get(UPLOADS).await.json();
    assert_eq!(uploads.uploads, []);
    assert_eq!(gateway.server.client.upload_status(&ada, hers.id).await.unwrap().offset, 0);
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn read_only_callers_cannot_upload() {
    let gateway = TestGateway::start().await;
    let headers = [VERSION, ("upload-length", "5"), ("upload-metadata", "path YQ==")];
    gateway.send("POST", UPLOADS, &headers, b"").await.assert_problem(403, "forbidden");
    gateway.assert_healthy_and_stop().await;
}

/// Metadata is returned unchanged, and its line breaks do not create headers.
#[tokio::test]
async fn metadata_cannot_add_headers() {
    let gateway = TestGateway::writable().await;
    let metadata = metadata(&[("filename", "a\r\nSet-Cookie: x=y\r\n\r\n<script>")]);
    let headers = [VERSION, ("upload-length", "1"), ("upload-metadata", metadata.as_str())];
    let address = resolve(gateway.send("POST", UPLOADS, &headers, b"").await.header("location").unwrap());
    let response = head(&gateway, &address).await;
    assert_eq!(response.header("upload-metadata"), Some(metadata.as_str()));
    let response = patch(&gateway, &address, 0, b"x", &[]).await;
    assert_eq!(response.header("set-cookie"), None, "{response:?}");
    assert_eq!(
        response.header("content-location"),
        Some("/files/a%0D%0ASet-Cookie%3A%20x%3Dy%0D%0A%0D%0A%3Cscript%3E")
    );
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn upload_names_cannot_leave_the_root() {
    let gateway = TestGateway::writable().await;
    for (key, value, code) in [
        ("path", "../a", "bad_path"),
        ("path", "%2e%2e/a", "bad_path"),
        ("path", "a/%2e%2e/%2e%2e/b", "bad_path"),
        ("path", "a%00", "bad_path"),
        ("path", "//etc/passwd", "bad_path"),
        ("path", "a%2fb", "bad_path"),
        ("filename", "..", "bad_path"),
        ("filename", "a/b", "bad_path"),
        ("filename", "/etc/passwd", "bad_path"),
        ("path", ".passerelle/database", "name_reserved"),
        ("path", "docs/.passerelle/x", "name_reserved"),
        ("filename", ".passerelle", "name_reserved"),
    ] {
        let metadata = metadata(&[(key, value)]);
        let headers = [VERSION, ("upload-length", "1"), ("upload-metadata", metadata.as_str())];
        gateway.send("POST", UPLOADS, &headers, b"").await.assert_problem(400, code);
    }
    gateway.assert_healthy_and_stop().await;
}
