//! Reading over HTTP: files, folders as pages and as JSON, health, metrics and CORS.

use std::sync::Arc;
use std::time::Duration;

use backend::gateway::{Anonymous, GatewayConfig};
use backend::storage::memory::MemoryStorage;
use shared::api::files::{About, Folder};
use shared::{Entry, Kind, Timestamp};

use super::test_gateway::TestGateway;
use super::test_server::small_tree;

mod files {
    use super::*;

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
        for target in ["/files/hello.txt", "/files/empty", "/files/", "/files/docs", "/files/hello.txt/", "/files/none"]
        {
            let (get, head) = (gateway.get(target).await, gateway.head(target).await);
            assert!(head.complete, "{target}");
            let comparable = |response: &super::super::test_gateway::HttpResponse| {
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
        gateway.get("/files/broken").await.assert_problem(403, "link_escapes");
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
        for method in ["POST", "PATCH", "PROPFIND", "TRACE"] {
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
}

mod folder_page {
    use super::*;

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
}

mod api {
    use super::*;

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
            assert_eq!(gateway.get("/api/v1/trash").await.header("passerelle-rights"), Some(rights));
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
        gateway.get_with("/api/v1/about", &[("accept", "text/html")]).await.assert_problem(406, "not_acceptable");
        gateway.send("DELETE", "/api/v1/list/docs", &[], b"").await.assert_problem(405, "method_not_allowed");
        gateway.assert_healthy_and_stop().await;
    }
}

mod health {
    use super::*;

    #[tokio::test]
    async fn readyz_depends_on_the_file_server() {
        let config = GatewayConfig { ready_time: Duration::from_millis(500), ..GatewayConfig::default() };
        let gateway = TestGateway::with_config(Arc::new(small_tree()), config).await;
        assert_eq!(gateway.get("/readyz").await.text(), "ok\n");
        gateway.server.shutdown.cancel();
        while !gateway.server.task.is_finished() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let response = gateway.get("/readyz").await;
        assert_eq!((response.status, response.header("retry-after").is_some()), (503, true));
        assert_eq!(gateway.get("/healthz").await.status, 200);
        let response = gateway.get("/files/hello.txt").await;
        assert!(matches!(response.status, 502..=504), "{response:?}");
        assert_eq!(response.header("content-type"), Some("application/problem+json"));
    }

    #[tokio::test]
    async fn metrics_count_requests() {
        let gateway = TestGateway::start().await;
        gateway.get("/files/hello.txt").await;
        gateway.get("/files/none").await;
        let text = gateway.get("/metrics").await;
        assert!(text.header("content-type").unwrap().starts_with("application/openmetrics-text"));
        for line in [
            "passerelle_http_requests_total{route=\"files\",method=\"GET\",status=\"200\"} 1",
            "passerelle_http_requests_total{route=\"files\",method=\"GET\",status=\"404\"} 1",
            "passerelle_pool_connections{lane=\"bulk\",state=\"idle\"} 1",
        ] {
            assert!(text.text().contains(line), "{line} is not in\n{}", text.text());
        }
        let off = GatewayConfig { metrics: false, ..GatewayConfig::default() };
        TestGateway::with_config(Arc::new(small_tree()), off)
            .await
            .get("/metrics")
            .await
            .assert_problem(404, "not_found");
    }
}

mod cors {
    use super::*;

    const ORIGIN: &str = "https://files.example.org";

    #[tokio::test]
    async fn only_configured_origins_may_read() {
        let config = GatewayConfig { cors_origins: vec![ORIGIN.into()], ..GatewayConfig::default() };
        let gateway = TestGateway::with_config(Arc::new(small_tree()), config).await;
        let response = gateway.get_with("/files/hello.txt", &[("origin", ORIGIN)]).await;
        assert_eq!(response.header("access-control-allow-origin"), Some(ORIGIN));
        let exposed = response.header("access-control-expose-headers").unwrap();
        for name in ["ETag", "Content-Length", "Content-Range", "Content-Disposition", "Accept-Ranges", "X-Request-Id"]
        {
            assert!(exposed.contains(name), "{name}");
        }
        assert_eq!(response.header("vary"), Some("Origin"));
        assert_eq!(response.header("cross-origin-resource-policy"), Some("cross-origin"));
        assert!(
            response.header("content-security-policy").unwrap().ends_with(&format!("frame-ancestors 'self' {ORIGIN}"))
        );
        // Errors have CORS headers, too, so that the page can read their reason.
        let refusal = gateway.get_with("/files/none", &[("origin", ORIGIN)]).await;
        refusal.assert_problem(404, "not_found");
        assert_eq!(refusal.header("access-control-allow-origin"), Some(ORIGIN));
        let other = gateway.get_with("/files/hello.txt", &[("origin", "https://evil.example")]).await;
        assert_eq!((other.status, other.header("access-control-allow-origin")), (200, None));
        gateway.assert_healthy_and_stop().await;
    }

    #[tokio::test]
    async fn a_preflight_is_answered() {
        let config = GatewayConfig { cors_origins: vec![ORIGIN.into()], ..GatewayConfig::default() };
        let gateway = TestGateway::with_config(Arc::new(small_tree()), config).await;
        let preflight = |origin: &'static str| {
            let gateway = &gateway;
            async move {
                let headers = [
                    ("origin", origin),
                    ("access-control-request-method", "GET"),
                    ("access-control-request-headers", "range"),
                ];
                gateway.send("OPTIONS", "/files/hello.txt", &headers, b"").await
            }
        };
        let response = preflight(ORIGIN).await;
        assert_eq!((response.status, response.header("access-control-allow-origin")), (204, Some(ORIGIN)));
        assert!(response.header("access-control-allow-headers").unwrap().contains("Range"));
        let response = preflight("https://evil.example").await;
        assert_eq!((response.status, response.header("access-control-allow-origin")), (204, None));
        gateway.assert_healthy_and_stop().await;
    }
}
