//! Paths that try to leave the root.

use super::fixtures::PATHS;
use crate::test_gateway::TestGateway;

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
            "./../hello.txt",
            "docs/./../../etc",
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
        for path in
            ["%252e%252e/etc/passwd", "..%5c..%5cetc", "%c0%ae%c0%ae/etc", "...", "C:%5cwindows", "%ef%bc%8e%ef%bc%8e"]
        {
            gateway.get(&format!("{prefix}{path}")).await.assert_problem(404, "not_found");
        }
    }
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn redirects_stay_on_this_host() {
    let gateway = TestGateway::start().await;
    for target in ["/files//evil.example", "/files//evil.example/", "//evil.example/", "/files/%2f%2fevil.example"] {
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
