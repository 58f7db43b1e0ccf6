//! HTTP against hostile, slow and disconnecting clients. After each of them the gateway must serve the next one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use backend::gateway::GatewayConfig;
use backend::storage::memory::MemoryStorage;
use backend::storage::testing::faulty::{Fault, Faults, FaultyStorage, Operation};
use shared::limits::RANGES_MAX;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};

use super::test_gateway::{HttpResponse, TEST_TIMEOUT, TestGateway};
use super::test_server::small_tree;

/// Prefixes of the routes that contain a path.
const PATHS: [&str; 3] = ["/files/", "/api/v1/list/", "/api/v1/stat/"];

fn status(response: &[u8]) -> Option<u16> {
    HttpResponse::read(response, false).map(|response| response.status)
}

mod paths {
    use super::*;

    /// Every route to files uses one parser of paths.
    #[tokio::test]
    async fn paths_cannot_leave_the_root() {
        let gateway = TestGateway::start().await;
        for prefix in PATHS {
            for path in [
                "..",
                "../",
                "../etc/passwd",
                "docs/..",
                "docs/../..",
                "./hello.txt",
                "%2e%2e/etc/passwd",
                "%2E%2E%2fetc",
                "docs/%2e%2e/hello.txt",
                ".%2e/x",
                "docs//a",
                "/etc/passwd",
                "//etc/passwd",
                "a%00.txt",
                "a%2fb",
                "%",
                "%zz",
            ] {
                let response = gateway.get(&format!("{prefix}{path}")).await;
                response.assert_problem(400, "bad_path");
            }
            // Names that only resemble dot segments are valid, and no entry has them.
            for path in [
                "%252e%252e/etc/passwd",
                "..%5c..%5cetc",
                "%c0%ae%c0%ae/etc",
                "...",
                "C:%5cwindows",
                "%ef%bc%8e%ef%bc%8e",
            ] {
                gateway.get(&format!("{prefix}{path}")).await.assert_problem(404, "not_found");
            }
        }
        gateway.assert_healthy_and_stop().await;
    }

    #[tokio::test]
    async fn redirects_stay_on_this_host() {
        let gateway = TestGateway::start().await;
        for target in ["/files//evil.example", "/files//evil.example/", "//evil.example/", "/files/%2f%2fevil.example"]
        {
            let response = gateway.get(target).await;
            assert!(response.header("location").is_none(), "{target}: {response:?}");
        }
        gateway.assert_healthy_and_stop().await;
    }

    #[tokio::test]
    async fn long_paths_and_queries_are_refused() {
        let gateway = TestGateway::start().await;
        gateway.get(&format!("/files/{}", "x".repeat(5_000))).await.assert_problem(400, "bad_path");
        gateway.get(&format!("/files/{}", "x/".repeat(300))).await.assert_problem(400, "bad_path");
        gateway.get(&format!("/files/x?{}", "y".repeat(25_000))).await.assert_problem(414, "too_large");
        gateway.assert_healthy_and_stop().await;
    }
}

mod content {
    use super::*;

    /// Scripts in files do not run with the rights of this site.
    #[tokio::test]
    async fn a_file_with_scripts_is_sandboxed() {
        let storage = MemoryStorage::new();
        for name in ["a.html", "a.svg", "a.xml", "a.xhtml", "a.js", "a.mjs", "a.htm", "a.swf", "a", "a.md", "a.mht"] {
            storage.add_file(name, "<script>alert(1)</script>").unwrap();
        }
        storage.add_file("a.pdf", "%PDF-1.7").unwrap();
        let gateway = TestGateway::with_storage(Arc::new(storage)).await;
        for name in ["a.html", "a.svg", "a.xml", "a.xhtml", "a.js", "a.mjs", "a.htm", "a.swf", "a", "a.md", "a.mht"] {
            for headers in [&[][..], &[("range", "bytes=0-3")]] {
                let response = gateway.get_with(&format!("/files/{name}"), headers).await;
                let policy = response.header("content-security-policy").unwrap();
                assert!(policy.starts_with("sandbox; default-src 'none'"), "{name}: {policy}");
                assert!(!policy.contains("allow-") && !policy.contains("script-src"), "{name}: {policy}");
                assert_eq!(response.header("x-content-type-options"), Some("nosniff"), "{name}");
            }
        }
        let pdf = gateway.get("/files/a.pdf").await;
        assert!(pdf.header("content-security-policy").unwrap().contains("default-src 'none'"));
        gateway.assert_healthy_and_stop().await;
    }

    /// Reflected request text could be executed by a browser.
    #[tokio::test]
    async fn errors_do_not_reflect_the_request() {
        let gateway = TestGateway::start().await;
        for target in ["/files/%3Cscript%3E", "/api/v1/list/%3Cscript%3E?sort=%3Cscript%3E", "/api/v1/%3Cscript%3E"] {
            let response = gateway.get(target).await;
            assert!(!response.text().contains("script"), "{}", response.text());
            assert_eq!(response.header("x-content-type-options"), Some("nosniff"));
        }
        gateway.assert_healthy_and_stop().await;
    }

    #[tokio::test]
    async fn a_download_name_cannot_add_a_header() {
        let storage = MemoryStorage::new();
        storage.add_file("a\r\nset-cookie: x=1\".txt", "x").unwrap();
        let gateway = TestGateway::with_storage(Arc::new(storage)).await;
        let response = gateway.get("/files/a%0D%0Aset-cookie%3A%20x%3D1%22.txt?download").await;
        assert_eq!((response.status, response.header("set-cookie")), (200, None));
        gateway.assert_healthy_and_stop().await;
    }
}

mod hosts {
    use super::*;

    /// Protects from DNS rebinding: a host name that is not configured gets no content.
    #[tokio::test]
    async fn requests_for_unknown_hosts_are_refused() {
        let config = GatewayConfig { hosts: vec!["files.example.org".into()], ..GatewayConfig::default() };
        let gateway = TestGateway::with_config(Arc::new(small_tree()), config).await;
        for target in
            ["/", "/files/hello.txt", "/api/v1/list/", "/api/v1/archive?path=", "/healthz", "/metrics", "/none"]
        {
            gateway.get_with(target, &[("host", "evil.example")]).await.assert_problem(421, "unknown_host");
        }
        for host in ["localhost", "127.0.0.1", "[::1]:99", "files.example.org:1234"] {
            assert_eq!(gateway.get_with("/files/hello.txt", &[("host", host)]).await.status, 200, "{host}");
        }
        for request in [
            "GET /healthz HTTP/1.1\r\nconnection: close\r\n\r\n",
            "GET /healthz HTTP/1.1\r\nhost: localhost\r\nhost: evil.example\r\nconnection: close\r\n\r\n",
            "GET /healthz HTTP/1.1\r\nhost: a b\r\nconnection: close\r\n\r\n",
        ] {
            assert_eq!(status(&gateway.send_raw(request.as_bytes()).await), Some(400), "{request}");
        }
        let absolute = "GET http://evil.example/healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
        assert_eq!(status(&gateway.send_raw(absolute.as_bytes()).await), Some(421));
        gateway.assert_healthy_and_stop().await;
    }
}

mod requests {
    use super::*;

    /// Many overlapping ranges must not multiply the bytes of a response (RFC 9110 §14.2).
    #[tokio::test]
    async fn too_many_ranges_are_answered_with_the_complete_file() {
        let storage = MemoryStorage::new();
        storage.add_file("file", vec![1; 100_000]).unwrap();
        let gateway = TestGateway::with_storage(Arc::new(storage)).await;
        for range in [
            format!("bytes={}", vec!["0-"; RANGES_MAX + 1].join(",")),
            format!("bytes={}", vec!["0-"; 3000].join(",")),
            format!("bytes={}", ",".repeat(20_000)),
        ] {
            let response = gateway.get_with("/files/file", &[("range", &range)]).await;
            assert_eq!((response.status, response.body.len()), (200, 100_000));
        }
        let response =
            gateway.get_with("/files/file", &[("range", &format!("bytes={}", vec!["0-"; RANGES_MAX].join(",")))]).await;
        assert_eq!((response.status, response.body.len()), (206, 100_000));
        gateway.assert_healthy_and_stop().await;
    }

    /// Request smuggling: proxy and gateway must agree on the end of each request (RFC 9112 §11.2).
    #[tokio::test]
    async fn ambiguous_requests_are_refused() {
        let gateway = TestGateway::start().await;
        let host = "host: localhost\r\n";
        for request in [
            format!("POST /api/v1/archive HTTP/1.1\r\n{host}content-length: 3\r\ncontent-length: 4\r\n\r\nabcd"),
            format!("POST /api/v1/archive HTTP/1.1\r\n{host}content-length: -1\r\n\r\n"),
            format!("POST /api/v1/archive HTTP/1.1\r\n{host}content-length: 99999999999999999999\r\n\r\n"),
            format!("POST /api/v1/archive HTTP/1.1\r\n{host}transfer-encoding: xchunked\r\n\r\n"),
            format!("GET /healthz HTTP/1.1\r\n{host}bad header: x\r\n\r\n"),
            format!("GET /healthz HTTP/1.1\r\n{host} folded: x\r\n\r\n"),
            format!("GET /he althz HTTP/1.1\r\n{host}\r\n"),
            format!("GET /healthz HTTP/9.9\r\n{host}\r\n"),
            "\0\u{1}\u{2}garbage\r\n\r\n".into(),
        ] {
            let response =
                timeout(Duration::from_secs(5), gateway.send_raw(request.as_bytes())).await.unwrap_or_default();
            assert!(
                status(&response).is_none_or(|status| status >= 400),
                "{request:?}: {}",
                String::from_utf8_lossy(&response)
            );
        }
        // A bare LF does not end the size of a chunk, so the body does not turn into a second request.
        let smuggled = format!(
            "POST /api/v1/archive HTTP/1.1\r\n{host}content-type: application/x-www-form-urlencoded\r\n\
             transfer-encoding: chunked\r\nconnection: close\r\n\r\n3;\nxxxx\r\npat\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\n{host}\r\n"
        );
        let response = gateway.send_raw(smuggled.as_bytes()).await;
        assert_eq!(String::from_utf8_lossy(&response).matches("HTTP/1.1 200").count(), 0);
        gateway.assert_healthy_and_stop().await;
    }

    #[tokio::test]
    async fn headers_over_the_limits_are_refused() {
        let gateway = TestGateway::start().await;
        let long = "x".repeat(40_000);
        gateway.get_with("/healthz", &[("x-long", &long)]).await.assert_problem(431, "too_large");
        let lines: Vec<_> = (0..90).map(|index| (format!("x-{index}"), "y".repeat(400))).collect();
        let lines: Vec<_> = lines.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        gateway.get_with("/healthz", &lines).await.assert_problem(431, "too_large");
        // A header over all limits is not read to its end.
        let endless = format!("GET /healthz HTTP/1.1\r\nhost: localhost\r\nx: {}", "x".repeat(300_000));
        assert!(status(&gateway.send_raw(endless.as_bytes()).await).is_none_or(|status| status == 431));
        gateway.assert_healthy_and_stop().await;
    }

    /// The time to read a body is limited. A body that its route does not read delays no response.
    #[tokio::test]
    async fn a_body_shorter_than_content_length_times_out() {
        let config = GatewayConfig { body_read_time: Duration::from_millis(300), ..GatewayConfig::default() };
        let gateway = TestGateway::with_config(Arc::new(small_tree()), config).await;
        let head =
            "POST /api/v1/archive HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-www-form-urlencoded\r\n";
        let short = format!("{head}content-length: 100\r\n\r\npath=docs");
        assert_eq!(status(&gateway.send_raw(short.as_bytes()).await), Some(408));
        let unread =
            "GET /healthz HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000000000000\r\nconnection: close\r\n\r\nx";
        assert_eq!(status(&gateway.send_raw(unread.as_bytes()).await), Some(200));
        gateway.assert_healthy_and_stop().await;
    }
}

mod timeouts {
    use super::*;

    fn short_timeouts() -> GatewayConfig {
        GatewayConfig {
            header_read_time: Duration::from_millis(400),
            idle_time: Duration::from_millis(800),
            stall_time: Duration::from_millis(500),
            drain_time: Duration::from_millis(500),
            ..GatewayConfig::default()
        }
    }

    /// One byte at a time must not keep a connection open (Slowloris).
    #[tokio::test]
    async fn slow_headers_time_out() {
        let gateway = TestGateway::with_config(Arc::new(small_tree()), short_timeouts()).await;
        let mut stream = gateway.connect().await;
        let started = Instant::now();
        for byte in b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n".iter().cycle() {
            if stream.write_all(&[*byte]).await.is_err() || started.elapsed() > Duration::from_secs(10) {
                break;
            }
            sleep(Duration::from_millis(50)).await;
        }
        assert!(started.elapsed() < Duration::from_secs(5));
        gateway.assert_healthy_and_stop().await;
    }

    /// The idle time applies before the first request and after a response.
    #[tokio::test]
    async fn idle_connections_are_closed() {
        let gateway = TestGateway::with_config(Arc::new(small_tree()), short_timeouts()).await;
        let mut silent = gateway.connect().await;
        let mut kept = gateway.connect().await;
        kept.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        for stream in [&mut silent, &mut kept] {
            let mut response = Vec::new();
            let ended = timeout(Duration::from_secs(10), stream.read_to_end(&mut response)).await;
            assert!(ended.is_ok(), "the connection stays open");
        }
        gateway.assert_healthy_and_stop().await;
    }

    fn large() -> Arc<MemoryStorage> {
        let storage = MemoryStorage::new();
        storage.add_file("large", vec![5; 64 << 20]).unwrap();
        storage.add_file("hello.txt", "hello").unwrap();
        Arc::new(storage)
    }

    /// A reader that takes no byte within the stall time is disconnected.
    #[tokio::test]
    async fn a_stalled_reader_is_disconnected() {
        let gateway = TestGateway::with_config(large(), short_timeouts()).await;
        let mut stream = gateway.connect().await;
        stream.write_all(b"GET /files/large HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        sleep(Duration::from_millis(2_000)).await;
        let mut taken = Vec::new();
        let _ =
            timeout(Duration::from_secs(10), stream.read_to_end(&mut taken)).await.expect("the connection stays open");
        assert!(taken.len() < 64 << 20, "the response is complete");
        gateway.assert_healthy_and_stop().await;
    }

    #[tokio::test]
    async fn a_slow_reader_gets_the_complete_file() {
        let gateway =
            TestGateway::with_config(large(), GatewayConfig { stall_time: Duration::from_secs(2), ..short_timeouts() })
                .await;
        let mut stream = gateway.connect().await;
        stream.write_all(b"GET /files/large HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await.unwrap();
        let mut buffer = vec![0; 4 << 20];
        let mut total = 0;
        for round in 0.. {
            match stream.read(&mut buffer).await.unwrap() {
                0 => break,
                taken => total += taken,
            }
            if round < 5 {
                sleep(Duration::from_millis(700)).await;
            }
        }
        assert!(total > 64 << 20);
        gateway.assert_healthy_and_stop().await;
    }

    /// A client that disconnects during a transfer leaves no state behind.
    #[tokio::test]
    async fn disconnected_readers_leave_no_state() {
        let gateway = TestGateway::with_config(large(), short_timeouts()).await;
        for _ in 0..50 {
            let mut stream = gateway.connect().await;
            stream.write_all(b"GET /files/large HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
            let mut some = [0; 1000];
            stream.read_exact(&mut some).await.unwrap();
        }
        assert_eq!(gateway.get("/files/hello.txt").await.text(), "hello");
        for _ in 0..100 {
            let text = gateway.get("/metrics").await;
            if text.text().contains("passerelle_http_requests_in_flight 1\n")
                && text.text().contains("lane=\"bulk\",state=\"busy\"} 0")
            {
                return gateway.assert_healthy_and_stop().await;
            }
            sleep(Duration::from_millis(50)).await;
        }
        panic!("{}", gateway.get("/metrics").await.text());
    }

    /// A connection over the limit gets 503, until another connection has ended.
    #[tokio::test]
    async fn too_many_connections_are_refused_with_an_error() {
        let config = GatewayConfig { connections_max: 4, ..GatewayConfig::default() };
        let gateway = TestGateway::with_config(Arc::new(small_tree()), config).await;
        let mut kept = Vec::new();
        for _ in 0..4 {
            let mut stream = gateway.connect().await;
            stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
            let mut some = [0; 15];
            stream.read_exact(&mut some).await.unwrap();
            assert_eq!(&some, b"HTTP/1.1 200 OK");
            kept.push(stream);
        }
        let refused =
            HttpResponse::read(&gateway.send_raw(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await, false)
                .unwrap();
        assert_eq!((refused.status, refused.complete, refused.header("retry-after")), (503, true, Some("2")));
        assert!(refused.text().contains("too_many_connections"));
        drop(kept);
        sleep(Duration::from_millis(200)).await;
        gateway.assert_healthy_and_stop().await;
    }

    /// Shutdown waits for running requests, and ends those that exceed the drain time.
    #[tokio::test]
    async fn shutdown_time_is_limited() {
        let gateway = TestGateway::with_config(large(), short_timeouts()).await;
        let mut stream = gateway.connect().await;
        stream.write_all(b"GET /files/large HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        let mut some = [0; 1000];
        stream.read_exact(&mut some).await.unwrap();
        let _idle = gateway.connect().await;
        let started = Instant::now();
        gateway.assert_healthy_and_stop().await;
        assert!(started.elapsed() < Duration::from_secs(10));
    }
}

mod storage_faults {
    use super::*;

    fn faulty() -> (Arc<Faults>, Arc<FaultyStorage<MemoryStorage>>) {
        let faults = Faults::seeded(7);
        let storage = small_tree();
        storage.add_file("large", vec![1; 5_000_000]).unwrap();
        (Arc::clone(&faults), Arc::new(FaultyStorage::new(storage, faults)))
    }

    /// If a file changes, shrinks or fails during a transfer, the connection ends before `Content-Length` is reached, so
    /// that the client sees an incomplete response.
    #[tokio::test]
    async fn a_truncated_file_ends_the_connection_early() {
        for fault in [Fault::Change, Fault::Shrink, Fault::Fail(shared::ErrorCode::Io)] {
            let (faults, storage) = faulty();
            let gateway = TestGateway::with_storage(storage).await;
            faults.at(Operation::Read, 5, fault);
            let response = gateway.get("/files/large").await;
            assert_eq!(
                (response.status, response.complete, response.header("content-length")),
                (200, false, Some("5000000")),
                "{fault:?}"
            );
            faults.at(Operation::Read, faults.calls(Operation::Read) + 5, fault);
            let response = gateway.get_with("/files/large", &[("range", "bytes=0-9,1000000-4999999")]).await;
            assert_eq!((response.status, response.complete), (206, false), "{fault:?}");
            assert!(gateway.get("/files/large").await.complete);
            gateway.assert_healthy_and_stop().await;
        }
    }

    /// A small file is read before the headers are sent, and read again if it changed meanwhile.
    #[tokio::test]
    async fn a_small_file_that_changes_is_read_again() {
        let (faults, storage) = faulty();
        let gateway = TestGateway::with_storage(storage).await;
        faults.at(Operation::Validate, 1, Fault::Change);
        let response = gateway.get("/files/hello.txt").await;
        assert_eq!((response.status, response.text(), response.complete), (200, "hello, world\n", true));
        faults.by_chance(Operation::Open, 1.0);
        gateway.get("/files/hello.txt").await.assert_problem(500, "io");
        faults.by_chance(Operation::List, 1.0);
        gateway.get("/api/v1/list/docs").await.assert_problem(500, "io");
        gateway.get("/files/docs/").await.assert_problem(500, "io");
        gateway.assert_healthy_and_stop().await;
    }
}

mod changing {
    use super::*;

    use backend::gateway::Anonymous;

    /// Every request that changes files: method, target and content type.
    const CHANGING: [(&str, &str, &str); 7] = [
        ("PUT", "/files/hello.txt", "text/plain"),
        ("DELETE", "/files/hello.txt", "text/plain"),
        ("POST", "/api/v1/uploads", "application/offset+octet-stream"),
        ("PATCH", "/api/v1/uploads/00000000000000000000000000000000", "application/offset+octet-stream"),
        ("DELETE", "/api/v1/uploads/00000000000000000000000000000000", "text/plain"),
        ("POST", "/api/v1/uploads/00000000000000000000000000000000/commit", "application/json"),
        ("POST", "/api/v1/changes", "application/json"),
    ];

    /// CSRF: a page of another site cannot change files through a browser.
    #[tokio::test]
    async fn cross_site_requests_cannot_change_anything() {
        let config = GatewayConfig {
            anonymous: Anonymous::Write,
            cors_origins: vec!["https://pages.example.org".into(), "*".into()],
            ..GatewayConfig::default()
        };
        let gateway = TestGateway::with_config(Arc::new(small_tree()), config).await;
        let body = br#"{"action":"delete","items":[{"path":"hello.txt"}]}"#;
        for (method, target, kind) in CHANGING {
            for fields in [
                &[("origin", "https://evil.example")][..],
                &[("origin", "null")],
                &[("sec-fetch-site", "cross-site")],
                &[("sec-fetch-site", "same-site"), ("origin", "http://localhost:1")],
                &[
                    ("sec-fetch-site", "cross-site"),
                    ("origin", "https://evil.example"),
                    ("x-http-method-override", "GET"),
                ],
            ] {
                let headers = [&[("content-type", kind)], fields].concat();
                gateway.send(method, target, &headers, body).await.assert_problem(403, "cross_site");
            }
        }
        assert_eq!(gateway.get("/files/hello.txt").await.text(), "hello, world\n");
        // Requests of the own page, of a configured origin, and of programs that send no such header are accepted.
        let own = format!("http://{}", gateway.address);
        for fields in [
            vec![("origin", own.as_str())],
            vec![("sec-fetch-site", "same-origin")],
            vec![("sec-fetch-site", "cross-site"), ("origin", "https://pages.example.org")],
            vec![],
        ] {
            assert_eq!(gateway.send("PUT", "/files/hello.txt", &fields, b"mine").await.status, 204, "{fields:?}");
        }
        gateway.assert_healthy_and_stop().await;
    }

    /// The refusal needs no byte of the body, and no 100 (Continue) is sent.
    #[tokio::test]
    async fn cross_site_requests_are_refused_before_their_body() {
        let gateway = TestGateway::writable().await;
        let mut stream = gateway.connect().await;
        let head = format!(
            "PUT /files/hello.txt HTTP/1.1\r\nhost: {}\r\norigin: https://evil.example\r\nexpect: 100-continue\r\n\
             content-length: 1000000\r\n\r\n",
            gateway.address
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut response = Vec::new();
        timeout(TEST_TIMEOUT, stream.read_to_end(&mut response)).await.unwrap().unwrap();
        HttpResponse::read(&response, false).unwrap().assert_problem(403, "cross_site");
        gateway.assert_healthy_and_stop().await;
    }

    /// Lengths that are contradictory, negative, too large, or not numbers (RFC 9112 §6.3 and §7.1).
    #[tokio::test]
    async fn invalid_and_contradictory_lengths_are_refused() {
        let gateway = TestGateway::writable().await;
        let put = async |head: &str| {
            let host = gateway.address;
            gateway
                .send_raw(format!("PUT /files/lies HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{head}").as_bytes())
                .await
        };
        for head in [
            "content-length: 5\r\ncontent-length: 6\r\n\r\nhello!",
            "content-length: -5\r\n\r\nhello",
            "content-length: 5x\r\n\r\nhello",
            "content-length: 99999999999999999999999\r\n\r\nhello",
            "content-length: \r\n\r\nhello",
            "content-length: 5, 6\r\n\r\nhello!",
            "transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\nhello\r\n0\r\n\r\n",
            "transfer-encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n",
            "transfer-encoding: chunked\r\n\r\n5\nhello\n0\n\n",
            "transfer-encoding: chunked, identity\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            "transfer-encoding: gzip\r\n\r\nhello",
            "transfer-encoding: xchunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        ] {
            let response = put(head).await;
            let status = status(&response).unwrap_or(0);
            assert!((400..500).contains(&status), "{head:?}: {}", String::from_utf8_lossy(&response));
            gateway.get("/files/lies").await.assert_problem(404, "not_found");
        }
        // Bytes after the announced length are not part of the file.
        put("content-length: 5\r\n\r\nhello, and GET /more HTTP/1.1\r\n\r\n").await;
        assert_eq!(gateway.get("/files/lies").await.text(), "hello");
        gateway.assert_healthy_and_stop().await;
    }

    #[tokio::test]
    async fn invalid_upload_offsets_and_lengths_are_refused() {
        let gateway = TestGateway::writable().await;
        let version = ("tus-resumable", "1.0.0");
        let name = ("upload-metadata", "path bGllcw==");
        for length in ["-1", "1e9", "0x5", "9223372036854775808", "18446744073709551616", " ", "5,5"] {
            let response =
                gateway.send("POST", "/api/v1/uploads", &[version, name, ("upload-length", length)], b"").await;
            response.assert_problem(400, "bad_request");
        }
        let response = gateway.send("POST", "/api/v1/uploads", &[version, name, ("upload-length", "5")], b"").await;
        let address = format!("/api/v1/{}", response.header("location").unwrap());
        let bytes = ("content-type", "application/offset+octet-stream");
        for offset in ["-1", "1e9", "", "9223372036854775808", "18446744073709551615"] {
            let response =
                gateway.send("PATCH", &address, &[version, bytes, ("upload-offset", offset)], b"hello").await;
            response.assert_problem(400, "bad_request");
        }
        let most = i64::MAX.to_string();
        let response = gateway.send("PATCH", &address, &[version, bytes, ("upload-offset", &most)], b"hello").await;
        assert!(matches!(response.status, 400 | 409 | 413), "{response:?}");
        let twice = [version, bytes, ("upload-offset", "0"), ("upload-offset", "0")];
        gateway.send("PATCH", &address, &twice, b"hello").await.assert_problem(400, "bad_request");
        gateway.get("/files/lies").await.assert_problem(404, "not_found");
        gateway.assert_healthy_and_stop().await;
    }

    /// The content type of the upload does not weaken the sandbox of the download.
    #[tokio::test]
    async fn an_uploaded_file_is_sandboxed() {
        let gateway = TestGateway::writable().await;
        let script = b"<script>alert(document.domain)</script>";
        for name in ["a.html", "a.svg", "a.xhtml", "a"] {
            let kind = [("content-type", "text/html")];
            assert_eq!(gateway.send("PUT", &format!("/files/{name}"), &kind, script).await.status, 201);
            let response = gateway.get(&format!("/files/{name}")).await;
            assert!(
                response.header("content-security-policy").unwrap().starts_with("sandbox; default-src 'none'"),
                "{name}"
            );
            assert_eq!(response.header("x-content-type-options"), Some("nosniff"));
        }
        gateway.assert_healthy_and_stop().await;
    }

    /// PUT and DELETE use the parser of paths that GET uses.
    #[tokio::test]
    async fn writes_cannot_leave_the_root() {
        let gateway = TestGateway::writable().await;
        for path in
            ["../a", "%2e%2e/a", "docs/../../a", "docs/%2e%2e/%2e%2e/a", "a%00", "a%2fb", "/a", "docs//a", "%zz"]
        {
            gateway.send("PUT", &format!("/files/{path}"), &[], b"x").await.assert_problem(400, "bad_path");
            gateway.send("DELETE", &format!("/files/{path}"), &[], b"").await.assert_problem(400, "bad_path");
        }
        for path in [".passerelle", ".passerelle/a", "docs/.passerelle/a"] {
            let response = gateway.send("PUT", &format!("/files/{path}"), &[], b"x").await;
            assert!((400..500).contains(&response.status), "{path}: {response:?}");
        }
        gateway.assert_healthy_and_stop().await;
    }
}
