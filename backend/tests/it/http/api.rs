//! Listings, STAT and facts about the server as JSON.

use std::sync::Arc;

use backend::gateway::{Anonymous, GatewayConfig};
use shared::api::files::{About, Folder};
use shared::{Entry, Kind, Timestamp};

use crate::test_gateway::TestGateway;
use crate::test_server::small_tree;

#[tokio::test]
async fn a_folder_is_listed_in_order() {
    let gateway = TestGateway::start().await;
    let folder: Folder = gateway.get("/api/v1/list/docs").await.json();
    let names: Vec<_> = folder.entries.iter().map(|entry| entry.path.encoded()).collect();
    assert_eq!(names, ["docs/deep", "docs/nothing", "docs/a%20b.txt", "docs/latin%E9.txt"]);
    assert_eq!((folder.total, folder.next_cursor, folder.path.encoded().as_str()), (4, None, "docs"));
    let folder: Folder = gateway.get("/api/v1/list/docs?sort=size&order=desc").await.json();
    assert_eq!(folder.entries.last().unwrap().path.encoded(), "docs/latin%E9.txt");
    for root in ["/api/v1/list", "/api/v1/list/"] {
        assert_eq!(gateway.get(root).await.json::<Folder>().total, 3, "{root}");
    }
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn a_cursor_continues_a_listing() {
    let gateway = TestGateway::start().await;
    let mut found = Vec::new();
    let mut target = "/api/v1/list/docs?limit=1".to_owned();
    loop {
        let response = gateway.get(&target).await;
        let folder: Folder = response.json();
        assert_eq!((folder.entries.len(), folder.total), (1, 4));
        assert!(response.header("etag").is_some(), "each page has a validator of its own");
        found.extend(folder.entries.into_iter().map(|entry| entry.path.encoded()));
        let Some(cursor) = folder.next_cursor else { break };
        target = format!("/api/v1/list/docs?limit=1&cursor={}", shared::path::encode_segment(cursor.as_bytes()));
    }
    assert_eq!(found, ["docs/deep", "docs/nothing", "docs/a%20b.txt", "docs/latin%E9.txt"]);
}

#[tokio::test]
async fn if_none_match_applies_to_listings() {
    let storage = Arc::new(small_tree());
    let gateway = TestGateway::with_storage(Arc::clone(&storage) as _).await;
    let response = gateway.get("/api/v1/list/docs").await;
    let etag = response.header("etag").unwrap();
    assert_eq!(response.header("cache-control"), Some("private, no-cache"));
    let again = gateway.get_with("/api/v1/list/docs", &[("if-none-match", etag)]).await;
    assert_eq!((again.status, again.body.len(), again.header("etag")), (304, 0, Some(etag)));
    storage.add_file("docs/new", "").unwrap();
    assert_eq!(gateway.get_with("/api/v1/list/docs", &[("if-none-match", etag)]).await.status, 200);
}

#[tokio::test]
async fn stat_describes_one_entry() {
    let storage = small_tree();
    storage.set_modified("hello.txt", Timestamp::from_parts(1_700_000_000, 123_000_000)).unwrap();
    let gateway = TestGateway::with_storage(Arc::new(storage)).await;
    let response = gateway.get("/api/v1/stat/hello.txt").await;
    let entry: Entry = response.json();
    assert_eq!((entry.kind, entry.size, entry.modified.milliseconds()), (Kind::File, 13, 1_700_000_000_123));
    assert_eq!(response.header("etag"), entry.etag.map(|etag| etag.quoted()).as_deref());
    assert_eq!(gateway.get("/files/hello.txt").await.header("etag"), response.header("etag"));
    assert_eq!(gateway.get("/api/v1/stat").await.json::<Entry>().kind, Kind::Folder);
    gateway.get("/api/v1/stat/none").await.assert_problem(404, "not_found");
    gateway.get("/api/v1/list/hello.txt").await.assert_problem(404, "not_folder");
}

#[tokio::test]
async fn a_listing_names_the_callers_rights() {
    let read_only = TestGateway::start().await;
    let writable = TestGateway::writable().await;
    for (gateway, rights) in [(read_only, "list read"), (writable, "list read create replace delete")] {
        for accept in ["application/json", "application/vnd.passerelle.columns"] {
            let response = gateway.get_with("/api/v1/list/docs", &[("accept", accept)]).await;
            assert_eq!(response.header("passerelle-rights"), Some(rights), "{response:?}");
            let conditions = [("accept", accept), ("if-none-match", response.header("etag").unwrap())];
            let again = gateway.get_with("/api/v1/list/docs", &conditions).await;
            assert_eq!((again.status, again.header("passerelle-rights")), (304, Some(rights)));
        }
        // The trash asks for more than reading.
        let trash = gateway.get("/api/v1/trash").await;
        let writes = rights.contains("delete");
        assert_eq!(
            (trash.status, trash.header("passerelle-rights")),
            if writes { (200, Some(rights)) } else { (403, None) }
        );
    }
}

#[tokio::test]
async fn about_has_the_name_and_writability() {
    let config = GatewayConfig { name: "Photos".into(), ..GatewayConfig::default() };
    let gateway = TestGateway::with_config(Arc::new(small_tree()), config.clone()).await;
    let about: About = gateway.get("/api/v1/about").await.json();
    assert_eq!((about.name.as_str(), about.writable), ("Photos", false));
    let config = GatewayConfig { anonymous: Anonymous::Write, ..config };
    let gateway = TestGateway::with_config(Arc::new(small_tree()), config).await;
    assert!(gateway.get("/api/v1/about").await.json::<About>().writable);
    assert_eq!(gateway.get("/api/v1/openapi.json").await.json::<serde_json::Value>()["openapi"], "3.1.0");
}

#[tokio::test]
async fn bad_parameters_are_named() {
    let gateway = TestGateway::start().await;
    for (query, code, word) in [
        ("sort=colour", "bad_request", "`sort`"),
        ("order=down", "bad_request", "`order`"),
        ("limit=0", "bad_request", "`limit`"),
        ("limit=1000001", "bad_request", "10000"),
        ("limit=1&limit=2", "bad_request", "twice"),
        ("cursor=made-up", "bad_cursor", "cursor"),
    ] {
        let response = gateway.get(&format!("/api/v1/list/docs?{query}")).await;
        response.assert_problem(400, code);
        assert!(response.text().contains(word), "{query}: {}", response.text());
    }
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn unknown_routes_are_answered_with_a_problem() {
    let gateway = TestGateway::start().await;
    for target in ["/api", "/api/v2/list/", "/api/v1/nothing", "/s/token", "/dav/x", "/assets/gone.js"] {
        gateway.get(target).await.assert_problem(404, "not_found");
    }
    gateway.get_with("/api/v1/about", &[("accept", "text/plain")]).await.assert_problem(406, "not_acceptable");
    gateway.send("DELETE", "/api/v1/list/docs", &[], b"").await.assert_problem(405, "method_not_allowed");
    gateway.assert_healthy_and_stop().await;
}
