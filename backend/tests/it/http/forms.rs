//! Uploads by `multipart/form-data`, as `curl -F` and HTML forms send them.

use std::sync::Arc;

use backend::gateway::{Anonymous, GatewayConfig};
use serde_json::{Value, json};
use shared::api::files::Folder;
use shared::limits::STORE_BYTES_MAX;
use shared::{Job, JobState};

use crate::test_gateway::{HttpResponse, TestGateway};
use crate::test_server::small_tree;

const TYPE: (&str, &str) = ("content-type", "multipart/form-data; boundary=----abc");

/// The body of a form with these files.
fn form(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, content) in files {
        let head = format!("------abc\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(b"Content-Type: application/octet-stream\r\n\r\n");
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"------abc--\r\n");
    body
}

async fn post(gateway: &TestGateway, target: &str, files: &[(&str, &[u8])]) -> HttpResponse {
    gateway.send("POST", target, &[TYPE], &form(files)).await
}

/// Brings a replaced file back from the trash.
async fn restore(gateway: &TestGateway, id: &Value) {
    let change = json!({"action": "restore", "items": [{"id": id}], "conflict": "replace"});
    let json = ("content-type", "application/json");
    let answer = gateway.send("POST", "/api/v1/changes", &[json], change.to_string().as_bytes()).await;
    assert_eq!((answer.status, answer.json::<Job>().state), (200, JobState::Done), "{answer:?}");
}

async fn names(gateway: &TestGateway, folder: &str) -> Vec<String> {
    let folder: Folder = gateway.get(&format!("/api/v1/list/{folder}")).await.json();
    folder.entries.iter().map(|entry| entry.display_name().into_owned()).collect()
}

#[tokio::test]
async fn a_form_stores_its_files_in_the_folder() {
    let gateway = TestGateway::writable().await;
    let large: Vec<u8> = (0..3_000_000_u32).map(|index| (index >> 7) as u8).collect();
    let answer =
        post(&gateway, "/files/docs/", &[("café.txt", b"a\r\n------ab\r\nb"), ("large.bin", &large), ("none", b"")])
            .await;
    assert_eq!((answer.status, answer.header("content-type")), (201, Some("application/json")), "{answer:?}");
    let files: Value = answer.json();
    let outcome = |index: usize| files["files"][index]["outcome"].as_str().unwrap().to_owned();
    assert_eq!([outcome(0), outcome(1), outcome(2)], ["created", "created", "created"]);
    assert_eq!(files["files"][0]["entry"]["path"], "docs/caf%C3%A9.txt");
    assert_eq!(gateway.get("/files/docs/caf%C3%A9.txt").await.text(), "a\r\n------ab\r\nb");
    assert_eq!(gateway.get("/files/docs/large.bin").await.body, large);
    assert_eq!(gateway.get("/files/docs/none").await.body, b"");
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn a_form_is_accepted_without_the_slash_and_at_the_root() {
    let gateway = TestGateway::writable().await;
    assert_eq!(post(&gateway, "/files/docs", &[("one", b"1")]).await.status, 201);
    assert_eq!(post(&gateway, "/files/", &[("two", b"2")]).await.status, 201);
    assert_eq!(post(&gateway, "/files", &[("three", b"3")]).await.status, 201);
    assert_eq!(gateway.get("/files/docs/one").await.text(), "1");
    assert_eq!(gateway.get("/files/two").await.text(), "2");
    post(&gateway, "/files/gone/", &[("x", b"1")]).await.assert_problem(404, "not_found");
    post(&gateway, "/files/hello.txt", &[("x", b"1")]).await.assert_problem(404, "not_folder");
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn an_existing_file_is_replaced_only_on_request() {
    let gateway = TestGateway::writable().await;
    let answer = post(&gateway, "/files/", &[("first", b"1"), ("hello.txt", b"other"), ("last", b"3")]).await;
    answer.assert_problem(409, "already_exists");
    assert!(answer.text().contains("hello.txt") && answer.text().contains("first"), "{}", answer.text());
    assert_eq!(gateway.get("/files/hello.txt").await.text(), "hello, world\n");
    assert_eq!(gateway.get("/files/first").await.text(), "1");
    assert_eq!(gateway.get("/files/last").await.status, 404);
    let answer = post(&gateway, "/files/?conflict=keep_both", &[("hello.txt", b"second")]).await;
    assert_eq!(answer.status, 201);
    assert_eq!(gateway.get("/files/hello%20%282%29.txt").await.text(), "second");
    let answer = post(&gateway, "/files/?conflict=skip", &[("hello.txt", b"third")]).await;
    assert_eq!(answer.json::<Value>()["files"][0]["outcome"], "skipped");
    let answer = post(&gateway, "/files/?conflict=replace", &[("hello.txt", b"fourth")]).await;
    assert_eq!(answer.json::<Value>()["files"][0]["outcome"], "replaced");
    assert_eq!(gateway.get("/files/hello.txt").await.text(), "fourth");
    let long = vec![b'5'; STORE_BYTES_MAX as usize + 1];
    let answer = post(&gateway, "/files/?conflict=replace", &[("hello.txt", &long), ("new.txt", b"6")]).await;
    let files = answer.json::<Value>();
    assert_eq!((&files["files"][1]["outcome"], &files["files"][1]["trash"]), (&"created".into(), &Value::Null));
    restore(&gateway, &files["files"][0]["trash"]).await;
    assert_eq!(gateway.get("/files/hello.txt").await.text(), "fourth");
    post(&gateway, "/files/?conflict=x", &[("a", b"")]).await.assert_problem(400, "bad_request");
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn names_of_a_form_stay_in_the_folder() {
    let gateway = TestGateway::writable().await;
    for name in ["..", ".", "a/..", "/", ".passerelle", "a\0b"] {
        let answer = post(&gateway, "/files/docs/", &[(name, b"evil")]).await;
        assert_eq!(answer.status, 400, "{name}: {answer:?}");
    }
    // RFC 7578 §4.2: the path of a name is discarded.
    for (sent, stored) in
        [("../../up.txt", "up.txt"), ("/etc/evil", "evil"), ("a%22b.txt", "a\"b.txt"), ("100%", "100%")]
    {
        let answer = post(&gateway, "/files/docs/nothing/", &[(sent, b"x")]).await;
        assert_eq!(answer.status, 201, "{sent}: {answer:?}");
        assert!(names(&gateway, "docs/nothing").await.contains(&stored.to_owned()), "{sent}");
    }
    let long = "x".repeat(256);
    post(&gateway, "/files/docs/", &[(&long, b"x")]).await.assert_problem(400, "name_too_long");
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn a_form_needs_the_right_and_the_origin() {
    let gateway = TestGateway::start().await;
    post(&gateway, "/files/docs/", &[("x", b"1")]).await.assert_problem(403, "forbidden");
    gateway.assert_healthy_and_stop().await;
    let gateway = TestGateway::writable().await;
    for header in [("origin", "http://evil.example"), ("sec-fetch-site", "cross-site"), ("origin", "null")] {
        let answer = gateway.send("POST", "/files/docs/", &[TYPE, header], &form(&[("x", b"1")])).await;
        answer.assert_problem(403, "cross_site");
    }
    assert_eq!(gateway.get("/files/docs/x").await.status, 404);
    let allowed = gateway.send("OPTIONS", "/files/docs/", &[], b"").await;
    assert!(allowed.header("allow").unwrap().contains("POST"), "{allowed:?}");
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn a_broken_form_leaves_no_part_of_a_file() {
    let gateway = TestGateway::writable().await;
    let whole = form(&[("first", b"1"), ("second", b"22222")]);
    for cut in 1..whole.len() - 4 {
        let answer = gateway.send("POST", "/files/docs/?conflict=replace", &[TYPE], &whole[..cut]).await;
        assert_eq!(answer.status, 400, "{cut}: {answer:?}");
        let second = gateway.get("/files/docs/second").await;
        assert!(second.status == 404 || second.text() == "22222", "{cut}");
    }
    for (content_type, status, code) in [
        ("multipart/form-data", 400, "bad_request"),
        ("multipart/form-data; boundary=", 400, "bad_request"),
        ("application/x-www-form-urlencoded", 415, "unsupported_media_type"),
        ("text/plain", 415, "unsupported_media_type"),
    ] {
        let answer = gateway.send("POST", "/files/docs/", &[("content-type", content_type)], &whole).await;
        answer.assert_problem(status, code);
    }
    let head = b"------abc\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n".as_slice();
    let junk = [head, b"content\r\n------abcjunk\r\n"].concat();
    for (body, problem) in [
        (whole[..60].to_vec(), "The form ends before its last boundary."),
        (whole[..whole.len() - 4].to_vec(), "The form ends before its last boundary."),
        (b"------abcjunk\r\n".to_vec(), "The form is malformed after a boundary."),
        (junk, "The form is malformed after a boundary."),
        (
            [b"------abc\r\nX-Long: ".as_slice(), &[b'x'; 20_000]].concat(),
            "The headers of a part of the form cannot be read.",
        ),
    ] {
        let answer = gateway.send("POST", "/files/docs/?conflict=replace", &[TYPE], &body).await;
        assert!(answer.text().contains(problem), "{problem} {answer:?}");
    }
    let no_file = b"------abc\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\ntext\r\n------abc--\r\n";
    gateway.send("POST", "/files/docs/", &[TYPE], no_file).await.assert_problem(400, "bad_request");
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn a_form_is_bounded() {
    let config = GatewayConfig { anonymous: Anonymous::Write, upload_bytes_max: 1000, ..GatewayConfig::default() };
    let gateway = TestGateway::with_config(Arc::new(small_tree()), config).await;
    let answer = post(&gateway, "/files/docs/", &[("fits", &[1; 1000]), ("long", &[2; 1001])]).await;
    answer.assert_problem(413, "too_large");
    assert_eq!(names(&gateway, "docs").await.iter().filter(|name| *name == "fits" || *name == "long").count(), 1);
    let head = [b"------abc\r\nX-Long: ".as_slice(), &[b'x'; 20_000]].concat();
    gateway.send("POST", "/files/docs/", &[TYPE], &head).await.assert_problem(400, "bad_request");
    let files: Vec<_> = (0..1001).map(|index| format!("f{index}")).collect();
    let files: Vec<_> = files.iter().map(|name| (name.as_str(), b"".as_slice())).collect();
    post(&gateway, "/files/docs/nothing/", &files).await.assert_problem(413, "too_large");
    gateway.assert_healthy_and_stop().await;
}
