//! Failures in a browser: a page in its language in place of the problem document.

use std::sync::Arc;

use backend::gateway::GatewayConfig;

use crate::test_gateway::{HttpResponse, TestGateway};
use crate::test_server::small_tree;

/// What browsers send for a navigation.
const NAVIGATION: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8";

#[track_caller]
fn assert_page(response: &HttpResponse, status: u16, lang: &str) {
    assert_eq!((response.status, response.complete), (status, true), "{response:?}");
    assert_eq!(response.header("content-type"), Some("text/html; charset=utf-8"), "{response:?}");
    assert_eq!(response.header("cache-control"), Some("no-store"));
    assert!(response.header("vary").is_some_and(|vary| vary.contains("Accept")), "{response:?}");
    let policy = response.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert!(response.text().contains(&format!("<html lang=\"{lang}\">")), "{response:?}");
    assert!(response.text().contains(response.header("x-request-id").unwrap()));
    assert!(!response.text().contains("<script"));
}

async fn navigate(gateway: &TestGateway, target: &str, language: &str) -> HttpResponse {
    gateway.get_with(target, &[("accept", NAVIGATION), ("accept-language", language)]).await
}

#[tokio::test]
async fn a_browser_gets_a_page_for_every_failure() {
    let gateway = TestGateway::start().await;
    for (target, status) in [
        ("/files/gone.txt", 404),
        ("/files/docs/gone/deeper", 404),
        ("/files/a/../b", 400),
        ("/api/v1/none", 404),
        ("/api/v1/archive?path=gone", 404),
        ("/api/v1/list/?limit=x", 400),
        ("/robots.txt", 404),
        ("/s/expired", 404),
    ] {
        let page = navigate(&gateway, target, "en").await;
        assert_page(&page, status, "en");
        let up = "../".repeat(target.split('?').next().unwrap().matches('/').count() - 1);
        let home = format!("<a href=\"{}\">", if up.is_empty() { "./" } else { &up });
        assert!(page.text().contains(&home), "{target}: {}", page.text());
    }
    let page = navigate(&gateway, &format!("/files/{}", "x".repeat(25_000)), "fr").await;
    assert_page(&page, 414, "fr");
    let put = gateway.send("PUT", "/files/new", &[("accept", NAVIGATION)], b"x").await;
    assert_page(&put, 403, "en");
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn a_page_is_in_the_language_of_the_browser() {
    let gateway = TestGateway::start().await;
    let french = navigate(&gateway, "/files/gone.txt", "fr-FR,fr;q=0.9,en;q=0.8").await;
    assert_page(&french, 404, "fr");
    assert!(french.text().contains("Revenir à tous les fichiers"), "{}", french.text());
    let english = navigate(&gateway, "/files/gone.txt", "en-GB,fr;q=0.5").await;
    assert_page(&english, 404, "en");
    assert!(english.text().contains("Go to all files"));
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn a_page_names_the_host_to_configure() {
    let config = GatewayConfig { hosts: vec!["files.example.org".into()], ..GatewayConfig::default() };
    let gateway = TestGateway::with_config(Arc::new(small_tree()), config).await;
    for language in ["en", "fr"] {
        let headers = [("host", "nas.local:8080"), ("accept", NAVIGATION), ("accept-language", language)];
        let page = gateway.get_with("/", &headers).await;
        assert_page(&page, 421, language);
        let shown = page.text().replace("<span>", "").replace("</span>", "");
        assert!(shown.contains("--host nas.local"), "{shown}");
        assert!(!page.text().contains("<a href"), "a link leads to the same failure");
    }
    let problem = gateway.get_with("/", &[("host", "nas.local:8080")]).await;
    problem.assert_problem(421, "unknown_host");
    assert!(problem.text().contains("--host nas.local"), "{}", problem.text());
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn a_program_gets_a_problem_document() {
    let gateway = TestGateway::start().await;
    for accept in
        ["*/*", "application/json", "application/problem+json, text/html", "image/webp,*/*", "text/html;q=0, */*"]
    {
        gateway.get_with("/files/gone", &[("accept", accept)]).await.assert_problem(404, "not_found");
    }
    gateway.get("/files/gone").await.assert_problem(404, "not_found");
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn text_of_the_request_cannot_become_markup() {
    let config = GatewayConfig::default();
    let gateway = TestGateway::with_config(Arc::new(small_tree()), config).await;
    let target = "/api/v1/list/?limit=1&limit=%3Cimg%20src=x%3E";
    for (target, host) in [(target, "localhost"), ("/", "<img>.example"), ("/", "&lt;img.example")] {
        let page = gateway.get_with(target, &[("accept", NAVIGATION), ("host", host)]).await;
        assert!(page.status >= 400 && !page.text().contains("<img"), "{}", page.text());
    }
    gateway.assert_healthy_and_stop().await;
}
