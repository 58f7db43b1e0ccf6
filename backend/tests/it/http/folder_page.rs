//! Folders as HTML pages.

use std::sync::Arc;

use backend::storage::memory::MemoryStorage;

use crate::test_gateway::TestGateway;

#[tokio::test]
async fn a_folder_page_links_its_entries() {
    let gateway = TestGateway::start().await;
    let page = gateway.get("/files/docs/").await;
    assert_eq!((page.status, page.complete), (200, true));
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(page.header("x-robots-tag"), Some("noindex"));
    for link in [
        "href=\"../?index\"",
        "href=\"deep/?index\"",
        "href=\"nothing/?index\"",
        "href=\"a%20b.txt\"",
        "href=\"latin%E9.txt\"",
    ] {
        assert!(page.text().contains(link), "{link}");
    }
    assert!(!page.text().contains("<script"));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert!(!gateway.get("/files/").await.text().contains("href=\"../?index\""));
    let etag = page.header("etag").unwrap();
    assert_eq!(gateway.get_with("/files/docs/", &[("if-none-match", etag)]).await.status, 304);
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn names_are_escaped_in_folder_pages() {
    let storage = MemoryStorage::new();
    storage.add_file("d/<img src=x onerror=alert(1)>.txt", "").unwrap();
    storage.add_file("d/\"quoted\" & 'more'", "").unwrap();
    storage.add_file("d/line\nfeed", "").unwrap();
    let gateway = TestGateway::with_storage(Arc::new(storage)).await;
    let page = gateway.get("/files/d/").await;
    assert!(!page.text().contains("<img"));
    assert!(page.text().contains("&lt;img src=x onerror=alert(1)&gt;.txt"));
    assert!(page.text().contains("href=\"line%0Afeed\">line\u{fffd}feed<"));
}

#[tokio::test]
async fn a_large_folder_page_lists_every_entry_once() {
    let storage = MemoryStorage::new();
    for index in 0..5_000 {
        storage.add_file(format!("f{index}"), "").unwrap();
    }
    let gateway = TestGateway::with_storage(Arc::new(storage)).await;
    let page = gateway.get("/files/").await;
    assert_eq!((page.header("transfer-encoding"), page.complete), (Some("chunked"), true));
    let links: Vec<_> = page.text().matches("<a href=\"f").collect();
    assert_eq!(links.len(), 5_000);
    assert!(page.text().contains("Name (5000)") && page.text().ends_with("</table>\n"));
    gateway.assert_healthy_and_stop().await;
}

/// Follows the links of folder pages as `wget -m` does, from an address that was given.
async fn mirror(gateway: &TestGateway, start: &str) -> Vec<String> {
    let mut seen = vec![start.to_owned()];
    let mut next = 0;
    while let Some(address) = seen.get(next).cloned() {
        next += 1;
        assert!(next < 100, "the pages do not end: {address}");
        let page = gateway.get(&address).await;
        assert_eq!(page.status, 200, "{address}");
        let links = page.text().split("href=\"").skip(1).filter_map(|rest| rest.split("/?index\"").next());
        let inner = links.filter(|link| !link.contains(['.', '"', '<']));
        let found: Vec<_> = inner.map(|link| format!("{address}{link}/")).collect();
        seen.extend(found.into_iter().filter(|found| !seen.contains(found)).collect::<Vec<_>>());
    }
    seen
}

#[tokio::test]
async fn a_page_does_not_link_to_a_folder_that_contains_it() {
    let storage = MemoryStorage::new();
    storage.add_file("a/file", "").unwrap();
    storage.add_link("a/self", ".").unwrap();
    storage.add_link("a/top", "..").unwrap();
    storage.add_link("a/other", "../b").unwrap();
    storage.add_link("b/back", "../a").unwrap();
    storage.add_link("b/chain", "hop").unwrap();
    storage.add_link("b/hop", "../a").unwrap();
    storage.add_file("c/d/file", "").unwrap();
    storage.add_link("b/leaf", "../c/d").unwrap();
    let gateway = TestGateway::with_storage(Arc::new(storage)).await;
    let mut pages = mirror(&gateway, "/files/").await;
    pages.sort_unstable();
    let expected = [
        "/files/",
        "/files/a/",
        "/files/a/other/",
        "/files/a/other/leaf/",
        "/files/b/",
        "/files/b/back/",
        "/files/b/chain/",
        "/files/b/hop/",
        "/files/b/leaf/",
        "/files/c/",
        "/files/c/d/",
    ];
    assert_eq!(pages, expected);
    let page = gateway.get("/files/a/").await;
    assert!(page.text().contains("<td>top (link to a folder above)"), "{}", page.text());
    gateway.assert_healthy_and_stop().await;
}
