//! Modification times before 1970 and in the future.

use shared::api::files::Folder;

use crate::test_gateway::TestGateway;

const BEFORE: &str = "Wed, 31 Dec 1969 23:59:58 GMT";

#[tokio::test]
async fn a_time_before_1970_is_sent_and_compared() {
    let gateway = TestGateway::writable().await;
    let stored = gateway.send("PUT", "/files/old.txt", &[("x-oc-mtime", "-1.5")], b"old").await;
    assert_eq!((stored.status, stored.header("last-modified")), (201, Some(BEFORE)), "{stored:?}");
    for response in [gateway.get("/files/old.txt").await, gateway.head("/files/old.txt").await] {
        assert_eq!(response.header("last-modified"), Some(BEFORE));
    }
    let status = async |name, date| gateway.get_with("/files/old.txt", &[(name, date)]).await.status;
    assert_eq!(status("if-modified-since", BEFORE).await, 304);
    assert_eq!(status("if-modified-since", "Wed, 31 Dec 1969 23:59:57 GMT").await, 200);
    assert_eq!(status("if-unmodified-since", BEFORE).await, 200);
    assert_eq!(status("if-unmodified-since", "Wed, 31 Dec 1969 23:59:57 GMT").await, 412);
    let headers = [("range", "bytes=0-0"), ("if-range", BEFORE)];
    assert_eq!(gateway.get_with("/files/old.txt", &headers).await.status, 206);
    let put = [("if-unmodified-since", BEFORE), ("x-oc-mtime", "-1.5")];
    assert_eq!(gateway.send("PUT", "/files/old.txt", &put, b"old").await.status, 204);
    let page = gateway.get("/files/").await;
    assert!(
        page.text().contains("old.txt</a><td class=\"n\">3 B<td class=\"n\">1969-12-31 23:59\n"),
        "{}",
        page.text()
    );
    let listing: Folder = gateway.get("/api/v1/list/").await.json();
    let old = listing.entries.iter().find(|entry| entry.path.name() == b"old.txt").unwrap();
    assert_eq!(old.modified.milliseconds(), -1500);
    gateway.assert_healthy_and_stop().await;
}

/// RFC 9110 §8.8.2.1: `Last-Modified` is never later than the answer.
#[tokio::test]
async fn a_time_in_the_future_is_sent_as_now() {
    let gateway = TestGateway::writable().await;
    let stored = gateway.send("PUT", "/files/new.txt", &[("x-oc-mtime", "7000000000.5")], b"new").await;
    assert_eq!(stored.status, 201, "{stored:?}");
    let response = gateway.get("/files/new.txt").await;
    let sent = httpdate::parse_http_date(response.header("last-modified").unwrap()).unwrap();
    assert!(sent <= std::time::SystemTime::now());
    let listing: Folder = gateway.get("/api/v1/list/").await.json();
    let new = listing.entries.iter().find(|entry| entry.path.name() == b"new.txt").unwrap();
    assert_eq!(new.modified.milliseconds(), 7_000_000_000_500);
    gateway.assert_healthy_and_stop().await;
}
