//! Addresses that lead to another one: `.` segments, and addresses of no resource, which name a folder in the page.

use crate::test_gateway::TestGateway;

/// The target of a relative reference (RFC 3986 §5.2), for references that begin with `./`.
fn resolve(address: &str, location: &str) -> String {
    let folder = &address[..=address.split('?').next().unwrap().rfind('/').unwrap()];
    let mut merged = format!("{folder}{}", location.strip_prefix("./").unwrap());
    for dot in ["/%2e/", "/%2E/", "/./"] {
        while merged.contains(dot) {
            merged = merged.replacen(dot, "/", 1);
        }
    }
    merged
}

#[tokio::test]
async fn dot_segments_are_redirected_and_others_refused() {
    let gateway = TestGateway::writable().await;
    for (target, location, expected) in [
        ("/files/docs/./a%20b.txt", "./a%20b.txt", "/files/docs/a%20b.txt"),
        ("/files/docs/./a:b.txt", "./a:b.txt", "/files/docs/a:b.txt"),
        ("/files/./docs/./a%20b.txt?download", "./a%20b.txt?download", "/files/docs/a%20b.txt?download"),
        ("/files/docs/.", "./", "/files/docs/"),
        ("/files/docs/./", "./", "/files/docs/"),
        ("/files/./?index", "./?index", "/files/?index"),
        ("/files/%2e/docs/%2E/x", "./x", "/files/docs/x"),
        ("/./api/v1/stat/hello.txt", "./hello.txt", "/api/v1/stat/hello.txt"),
    ] {
        for method in ["GET", "HEAD", "PUT", "DELETE"] {
            let answer = gateway.send(method, target, &[], b"").await;
            assert_eq!((answer.status, answer.header("location")), (308, Some(location)), "{method} {target}");
        }
        assert_eq!(resolve(target, location), expected);
    }
    for target in ["/files/docs/../hello.txt", "/files/./../hello.txt", "/files/docs/%2e%2e/./hello.txt", "/files/.//a"]
    {
        gateway.get(target).await.assert_problem(400, "bad_path");
    }
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn an_address_of_no_resource_leads_to_the_folder_in_the_page() {
    let gateway = TestGateway::start().await;
    for (target, location) in [
        ("/docs", "./?path=docs"),
        ("/docs/", "../?path=docs"),
        ("/docs/deep/er", "../../?path=docs/deep/er"),
        ("/docs/deep/er/", "../../../?path=docs/deep/er"),
        ("/latin%e9/x%26y", "../?path=latin%E9/x%26y"),
        ("/foo/bar?x=1", "../?path=foo/bar"),
    ] {
        let answer = gateway.get(target).await;
        assert_eq!((answer.status, answer.header("location")), (307, Some(location)), "{target}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    for target in ["/?path=docs", "/?path=docs%2Fdeep", "/index.html"] {
        assert_eq!(gateway.get(target).await.status, 200, "{target}");
    }
    gateway.get("/foo//bar").await.assert_problem(400, "bad_path");
    gateway.get("/100%").await.assert_problem(400, "bad_path");
    gateway.assert_healthy_and_stop().await;
}
