//! Cross-site request forgery: refuses changes that a page of another site asks for. Pure.
//!
//! A browser names the origin of a request in `Sec-Fetch-Site` (Fetch Metadata), which no page can set, and in
//! `Origin`, which it sends with every request that may change something. A program sends neither and passes, because
//! no page can make a program send requests.

use http::header::{HOST, HeaderName, ORIGIN};
use http::{HeaderMap, Method, Uri};
use shared::ErrorCode;

use crate::gateway::connection_info::Transport;
use crate::gateway::http::problem::ErrorResponse;

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// A POST that changes nothing: it only carries more paths than a query can.
const ARCHIVE: &str = "/api/v1/archive";

/// `Ok` for requests that change nothing, requests of this server's own page, requests of a trusted origin, and
/// requests of programs. `*` among the trusted origins allows every page to read and none to change.
pub(crate) fn check(
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    transport: Transport,
    trusted: &[String],
) -> Result<(), ErrorResponse> {
    if !may_change(method, uri) || is_same_site(uri, headers, transport, trusted) {
        return Ok(());
    }
    Err(ErrorResponse::new(ErrorCode::CrossSite))
}

fn may_change(method: &Method, uri: &Uri) -> bool {
    let is_archive = *method == Method::POST && uri.path() == ARCHIVE;
    !(method.is_safe() || is_archive)
}

fn is_same_site(uri: &Uri, headers: &HeaderMap, transport: Transport, trusted: &[String]) -> bool {
    // Browsers send each of these headers once, so a repeated header is refused.
    let Ok(origin) = single(headers, ORIGIN) else { return false };
    if origin.is_some_and(|origin| trusted.iter().any(|known| known != "*" && known.trim_end_matches('/') == origin)) {
        return true;
    }
    match single(headers, FETCH_SITE) {
        Ok(Some(site)) => matches!(site, "same-origin" | "none"),
        Ok(None) => origin.is_none_or(|origin| is_own(origin, uri, headers, transport)),
        Err(()) => false,
    }
}

/// True if the origin has the host and port that the request was sent to. Without TLS both schemes match, because a
/// proxy may have terminated TLS; with TLS only `https` does, because anyone on the network path can forge a page
/// served over `http`.
fn is_own(origin: &str, uri: &Uri, headers: &HeaderMap, transport: Transport) -> bool {
    let Some((scheme, host)) = origin.split_once("://") else { return false };
    let authority = uri.authority().map(|authority| authority.as_str());
    let Some(authority) = authority.or_else(|| headers.get(HOST)?.to_str().ok()) else { return false };
    let default = if scheme == "https" { ":443" } else { ":80" };
    let bare = |host: &str| host.strip_suffix(default).unwrap_or(host).to_ascii_lowercase();
    let schemes: &[&str] = match transport {
        Transport::Plain => &["http", "https"],
        Transport::Tls => &["https"],
    };
    schemes.contains(&scheme) && bare(host) == bare(authority)
}

fn single(headers: &HeaderMap, name: HeaderName) -> Result<Option<&str>, ()> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| ()),
        _ => Err(()),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const TRUSTED: &str = "https://pages.example.org";

    fn passes(method: Method, target: &str, fields: &[(&'static str, &'static str)]) -> bool {
        let mut headers = HeaderMap::from_iter([(HOST, HeaderValue::from_static("localhost:8080"))]);
        for (name, value) in fields {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let trusted = [TRUSTED.to_owned(), "*".to_owned()];
        check(&method, &Uri::try_from(target).unwrap(), &headers, Transport::Plain, &trusted).is_ok()
    }

    #[track_caller]
    fn changing(fields: &[(&'static str, &'static str)], expected: bool) {
        for method in [Method::PUT, Method::POST, Method::PATCH, Method::DELETE] {
            assert_eq!(passes(method.clone(), "/files/a", fields), expected, "{method} {fields:?}");
        }
    }

    #[test]
    fn a_program_and_the_servers_own_page_may_change() {
        changing(&[], true);
        changing(&[("sec-fetch-site", "same-origin"), ("origin", "http://localhost:8080")], true);
        changing(&[("sec-fetch-site", "none")], true);
        changing(&[("origin", "http://localhost:8080")], true);
        changing(&[("origin", "http://LOCALHOST:8080")], true);
        // A proxy that serves this server under its own name: the browser reports that name as same-origin.
        changing(&[("sec-fetch-site", "same-origin"), ("origin", "https://files.example.org")], true);
    }

    #[test]
    fn a_page_of_another_site_may_not_change() {
        changing(&[("sec-fetch-site", "cross-site")], false);
        changing(&[("sec-fetch-site", "same-site"), ("origin", "http://localhost:9090")], false);
        changing(&[("sec-fetch-site", "cross-site"), ("origin", "http://localhost:8080")], false);
        changing(&[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")], false);
        changing(&[("sec-fetch-site", "nonsense")], false);
        for origin in [
            "null",
            "https://evil.example",
            "http://localhost",
            "http://localhost:8081",
            "http://localhost:8080.evil.example",
            "http://evil.example/localhost:8080",
            "file://localhost:8080",
            "localhost:8080",
            "",
        ] {
            changing(&[("origin", origin)], false);
        }
        changing(&[("origin", "http://localhost:8080"), ("origin", "https://evil.example")], false);
    }

    #[test]
    fn a_trusted_origin_may_change_and_a_wildcard_may_not() {
        changing(&[("sec-fetch-site", "cross-site"), ("origin", TRUSTED)], true);
        changing(&[("origin", "https://pages.example.org.evil.example")], false);
        changing(&[("origin", "*")], false);
    }

    #[test]
    fn requests_that_change_nothing_pass() {
        let evil = [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")];
        assert!(passes(Method::GET, "/files/a", &evil));
        assert!(passes(Method::HEAD, "/files/a", &evil));
        assert!(passes(Method::OPTIONS, "/api/v1/uploads", &evil));
        assert!(passes(Method::POST, "/api/v1/archive", &evil));
        assert!(!passes(Method::POST, "/api/v1/archive/", &evil));
        assert!(!passes(Method::from_bytes(b"MOVE").unwrap(), "/files/a", &evil));
    }

    #[test]
    fn a_default_port_may_be_left_out() {
        let headers = |host: &'static str, origin: &'static str| {
            HeaderMap::from_iter([(HOST, HeaderValue::from_static(host)), (ORIGIN, HeaderValue::from_static(origin))])
        };
        let check = |host, origin, transport| {
            check(&Method::PUT, &Uri::from_static("/"), &headers(host, origin), transport, &[]).is_ok()
        };
        let passes = |host, origin| check(host, origin, Transport::Plain);
        assert!(passes("files.example.org:80", "http://files.example.org"));
        assert!(passes("files.example.org", "https://files.example.org"));
        assert!(!passes("files.example.org:80", "https://files.example.org"));
        // Where this server terminates TLS itself, a page served over `http` is another site's.
        assert!(check("files.example.org:8443", "https://files.example.org:8443", Transport::Tls));
        assert!(!check("files.example.org:8443", "http://files.example.org:8443", Transport::Tls));
    }
}
