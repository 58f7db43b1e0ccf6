//! What pages make a browser load: content as scripts, and anything for a page of another site (Fetch Metadata).

use std::sync::Arc;

use backend::gateway::GatewayConfig;

use crate::test_gateway::{HttpResponse, TestGateway};
use crate::test_server::small_tree;

/// Addresses of content and data, with entries that exist and entries that do not.
const CONTENT: [&str; 20] = [
    "/files",
    "/files/",
    "/files/hello.txt",
    "/files/none.txt",
    "/files/hello.txt?download",
    "/files/docs/",
    "/files/docs/?index",
    "/api/v1/list/",
    "/api/v1/stat/hello.txt",
    "/api/v1/uploads",
    "/api/v1/uploads/00000000000000000000000000000000",
    "/api/v1/jobs",
    "/api/v1/jobs/00000000000000000000000000000000",
    "/api/v1/trash",
    "/api/v1/digest/hello.txt",
    "/api/v1/events?path=",
    "/api/v1/about",
    "/api/v1/openapi.json",
    "/api/v1/archive?path=docs",
    "/s/none",
];
/// The addresses among them that a link of another site opens after a question.
const ASKS: [&str; 4] =
    ["/files/hello.txt?download", "/api/v1/digest/hello.txt", "/api/v1/events?path=", "/api/v1/archive?path=docs"];

const PEOPLE: &str = "text/html,application/xhtml+xml,*/*;q=0.8";

async fn load(gateway: &TestGateway, target: &str, site: &str, mode: &str, dest: &str) -> HttpResponse {
    let fields = [("sec-fetch-site", site), ("sec-fetch-mode", mode), ("sec-fetch-dest", dest), ("accept", PEOPLE)];
    gateway.get_with(target, &fields).await
}

/// The answer without what differs between any two requests.
fn comparable(response: &HttpResponse) -> (u16, String) {
    let id = response.header("x-request-id").unwrap();
    (response.status, response.text().replace(id, ""))
}

#[tokio::test]
async fn content_is_no_script_for_any_page() {
    let gateway = TestGateway::start().await;
    for target in CONTENT {
        for dest in ["script", "style", "worker", "sharedworker", "serviceworker", "audioworklet", "xslt", "json"] {
            for site in ["same-origin", "cross-site", "none"] {
                let response = load(&gateway, target, site, "no-cors", dest).await;
                assert_eq!(response.status, 403, "{target} as {dest} from {site}: {response:?}");
            }
        }
        gateway.get_with(target, &[("service-worker", "script")]).await.assert_problem(403, "forbidden");
    }
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn a_page_of_another_site_cannot_tell_whether_a_path_exists() {
    let gateway = TestGateway::start().await;
    for (mode, dest) in [
        ("navigate", "iframe"),
        ("navigate", "object"),
        ("navigate", "embed"),
        ("no-cors", "image"),
        ("no-cors", "empty"),
    ] {
        let first = comparable(&load(&gateway, "/files/hello.txt", "cross-site", mode, dest).await);
        assert_eq!(first.0, 403);
        for target in CONTENT {
            let response = load(&gateway, target, "cross-site", mode, dest).await;
            assert_eq!(response.status, 403, "{target} {mode} {dest}");
        }
        assert_eq!(comparable(&load(&gateway, "/files/nose.txt", "same-site", mode, dest).await), first);
    }
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn a_link_of_another_site_works_and_asks_before_work() {
    let gateway = TestGateway::start().await;
    for target in CONTENT.into_iter().filter(|target| !ASKS.contains(target)) {
        let response = load(&gateway, target, "cross-site", "navigate", "document").await;
        let own = load(&gateway, target, "none", "navigate", "document").await;
        assert_eq!(response.status, own.status, "{target}: {response:?}");
    }
    for target in ASKS {
        let page = load(&gateway, target, "cross-site", "navigate", "document").await;
        assert_eq!((page.status, page.header("content-type")), (403, Some("text/html; charset=utf-8")), "{page:?}");
        assert_eq!(page.header("content-disposition"), None);
        assert_eq!(page.text().matches("<a ").count(), 1, "{}", page.text());
        assert!(page.text().contains(">Continue</a>"), "{}", page.text());
        let french = [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
            ("accept", PEOPLE),
            ("accept-language", "fr"),
        ];
        assert!(gateway.get_with(target, &french).await.text().contains(">Continuer</a>"));
    }
    for (target, address) in [
        ("/files/hello.txt?download", "?download"),
        ("/files/none.txt?download", "?download"),
        ("/api/v1/digest/hello.txt", "./hello.txt"),
        ("/api/v1/archive?path=docs&name=%22", "?path=docs&amp;name=%22"),
    ] {
        let page = load(&gateway, target, "cross-site", "navigate", "document").await;
        assert!(page.text().contains(&format!("<a href=\"{address}\">")), "{target}: {}", page.text());
    }
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn the_page_of_this_server_and_pages_of_its_origins_load_everything() {
    const PAGES: &str = "https://pages.example.org";
    let config = GatewayConfig { cors_origins: vec![PAGES.into()], ..GatewayConfig::default() };
    let gateway = TestGateway::with_config(Arc::new(small_tree()), config).await;
    for target in CONTENT.into_iter().filter(|target| !target.contains("events")) {
        let expected = gateway.get(target).await.status;
        for (mode, dest) in [("navigate", "document"), ("navigate", "iframe"), ("cors", "empty"), ("no-cors", "video")]
        {
            let own = load(&gateway, target, "same-origin", mode, dest).await;
            assert_eq!(own.status, expected, "{target} {mode} {dest}");
            let fields = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", mode), ("sec-fetch-dest", dest)];
            for known in [("origin", PAGES), ("referer", "https://pages.example.org/some/where/")] {
                let response = gateway.get_with(target, &[&fields[..], &[known]].concat()).await;
                assert_eq!(response.status, expected, "{target} {mode} {dest} {known:?}");
            }
        }
    }
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn a_wildcard_lets_every_page_read() {
    let config = GatewayConfig { cors_origins: vec!["*".into()], ..GatewayConfig::default() };
    let gateway = TestGateway::with_config(Arc::new(small_tree()), config).await;
    for (mode, dest) in [("navigate", "iframe"), ("no-cors", "image"), ("navigate", "document")] {
        for target in ["/files/hello.txt", "/files/hello.txt?download", "/api/v1/archive?path=docs"] {
            assert_eq!(load(&gateway, target, "cross-site", mode, dest).await.status, 200, "{target} {mode} {dest}");
        }
    }
    assert_eq!(load(&gateway, "/files/hello.txt", "cross-site", "no-cors", "script").await.status, 403);
    gateway.assert_healthy_and_stop().await;
}

/// The page, its files and the checks of health are loaded as browsers like, and programs send no such headers.
#[tokio::test]
async fn other_addresses_and_programs_are_not_restricted() {
    let gateway = TestGateway::start().await;
    for target in ["/", "/docs/deep", "/healthz", "/readyz", "/metrics"] {
        for (mode, dest) in [("navigate", "iframe"), ("no-cors", "script"), ("navigate", "document")] {
            let response = load(&gateway, target, "cross-site", mode, dest).await;
            assert!(response.status < 400, "{target} {mode} {dest}: {response:?}");
        }
    }
    for target in CONTENT.into_iter().filter(|target| !target.contains("events")) {
        for agent in ["curl/8.5.0", "Wget/1.21.3", "rclone/v1.60.1"] {
            let response = gateway.get_with(target, &[("user-agent", agent), ("accept", "*/*")]).await;
            assert_eq!(response.status, gateway.get(target).await.status, "{target}: {response:?}");
        }
    }
    gateway.assert_healthy_and_stop().await;
}
