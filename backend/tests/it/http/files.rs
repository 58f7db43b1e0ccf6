//! Files: headers, names, redirects and refusals.

use std::sync::Arc;

use crate::test_gateway::TestGateway;
use crate::test_server::small_tree;

#[tokio::test]
async fn get_sends_a_file_with_its_headers() {
    let gateway = TestGateway::start().await;
    let response = gateway.get("/files/hello.txt").await;
    assert_eq!((response.status, response.text(), response.complete), (200, "hello, world\n", true));
    assert_eq!(response.header("content-length"), Some("13"));
    assert_eq!(response.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(response.header("accept-ranges"), Some("bytes"));
    assert_eq!(response.header("cache-control"), Some("private, no-cache"));
    assert_eq!(response.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(response.header("cross-origin-resource-policy"), Some("same-origin"));
    assert!(response.header("etag").is_some_and(|etag| etag.len() == 34 && etag.starts_with('"')));
    assert!(response.header("last-modified").is_some_and(|date| date.ends_with(" GMT")));
    assert!(response.header("date").is_some() && response.header("content-disposition").is_none());
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn percent_encoded_names_are_decoded() {
    let gateway = TestGateway::start().await;
    assert_eq!(gateway.get("/files/docs/a%20b.txt").await.text(), "spaces");
    assert_eq!(gateway.get("/files/docs/latin%E9.txt").await.text(), "latin");
    assert_eq!(gateway.get("/files/docs/%6catin%e9.txt").await.text(), "latin");
    let deep = gateway.get("/files/docs/deep/er/file.bin").await;
    assert!(deep.complete && deep.body == [7; 300_000]);
    let empty = gateway.get("/files/empty").await;
    assert_eq!((empty.status, empty.body.len(), empty.header("content-length")), (200, 0, Some("0")));
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn download_sets_content_disposition() {
    let gateway = TestGateway::start().await;
    let name = |target: &'static str| {
        let gateway = &gateway;
        async move { gateway.get(target).await.header("content-disposition").unwrap().to_owned() }
    };
    assert_eq!(name("/files/hello.txt?download").await, "attachment; filename=\"hello.txt\"");
    assert_eq!(name("/files/docs/latin%E9.txt?download=1").await, "attachment; filename=\"latin_.txt\"");
}

#[tokio::test]
async fn head_has_the_headers_of_get() {
    let gateway = TestGateway::start().await;
    for target in ["/files/hello.txt", "/files/empty", "/files/", "/files/docs", "/files/hello.txt/", "/files/none"] {
        let (get, head) = (gateway.get(target).await, gateway.head(target).await);
        assert!(head.complete, "{target}");
        let comparable = |response: &crate::test_gateway::HttpResponse| {
            let mut headers = response.headers.clone();
            headers.retain(|(name, _)| !matches!(name.as_str(), "x-request-id" | "date"));
            headers.sort();
            (response.status, headers)
        };
        assert_eq!(comparable(&head), comparable(&get), "{target}");
    }
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn trailing_slashes_are_redirected_by_kind() {
    let gateway = TestGateway::start().await;
    for (target, location) in [
        ("/files", "files/"),
        ("/files/docs", "docs/"),
        ("/files/docs?download", "docs/?download"),
        ("/files/docs/deep", "deep/"),
        ("/files/hello.txt/", "../hello.txt"),
        ("/files/docs/a%20b.txt/", "../a%20b.txt"),
    ] {
        let response = gateway.get(target).await;
        assert_eq!((response.status, response.header("location")), (308, Some(location)), "{target}");
    }
    gateway.get("/files/none/").await.assert_problem(404, "not_found");
    gateway.get("/files/hello.txt/below").await.assert_problem(404, "not_folder");
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn unreadable_entries_are_refused_with_a_code() {
    let storage = small_tree();
    storage.add_link("out", "../../etc/passwd").unwrap();
    storage.add_link("broken", "nothing").unwrap();
    storage.add_link("inside", "hello.txt").unwrap();
    storage.add_link("folder", "docs").unwrap();
    storage.add_other("pipe").unwrap();
    storage.set_denied("empty", true).unwrap();
    let gateway = TestGateway::with_storage(Arc::new(storage)).await;
    gateway.get("/files/out").await.assert_problem(403, "link_escapes");
    gateway.get("/files/broken").await.assert_problem(404, "link_broken");
    gateway.get("/files/pipe").await.assert_problem(403, "not_regular");
    gateway.get("/files/empty").await.assert_problem(403, "access_denied");
    gateway.get("/files/none").await.assert_problem(404, "not_found");
    for target in ["/files/out", "/files/broken", "/files/pipe", "/files/none"] {
        assert_eq!(gateway.head(target).await.status, gateway.get(target).await.status, "{target}");
    }
    assert_eq!(gateway.get("/files/inside").await.text(), "hello, world\n");
    assert_eq!(gateway.get("/files/folder/a%20b.txt").await.text(), "spaces");
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn a_read_only_gateway_refuses_other_methods() {
    let gateway = TestGateway::start().await;
    // These methods exist, but the caller may only read.
    for method in ["PUT", "DELETE"] {
        gateway.send(method, "/files/hello.txt", &[], b"x").await.assert_problem(403, "forbidden");
    }
    gateway.send("POST", "/files/", &[], b"x").await.assert_problem(415, "unsupported_media_type");
    for method in ["PATCH", "PROPFIND", "TRACE"] {
        let response = gateway.send(method, "/files/hello.txt", &[], b"").await;
        response.assert_problem(405, "method_not_allowed");
        assert_eq!(response.header("allow"), Some("GET, HEAD, OPTIONS"), "{method}");
    }
    let options = gateway.send("OPTIONS", "/files/hello.txt", &[], b"").await;
    assert_eq!((options.status, options.header("allow")), (204, Some("GET, HEAD, OPTIONS")));
    let options = gateway.send("OPTIONS", "/api/v1/archive", &[], b"").await;
    assert_eq!(options.header("allow"), Some("GET, HEAD, POST, OPTIONS"));
    gateway.assert_healthy_and_stop().await;
}
