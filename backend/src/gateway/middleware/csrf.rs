//! Cross-site request forgery: refuses changes that a page of another site asks for. Pure.
//!
//! A browser names the origin of a request in `Sec-Fetch-Site` (Fetch Metadata), which no page can set, and in
//! `Origin`, which it sends with every request that may change something. A program sends neither and passes, because
//! no page can make a program send requests.

use http::header::{HOST, ORIGIN};
use http::{HeaderMap, Method, Uri};
use shared::ErrorCode;

use super::origin::{ARCHIVE, FETCH_SITE, Origins, Repeated, single};
use crate::gateway::connection_info::Transport;
use crate::gateway::http::problem::ErrorResponse;

/// `Ok` for requests that change nothing, requests of this server's own page, requests of a trusted origin, and
/// requests of programs.
pub(crate) fn check(
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    transport: Transport,
    origins: &Origins<'_>,
) -> Result<(), ErrorResponse> {
    if !may_change(method, uri) || is_same_site(uri, headers, transport, origins) {
        return Ok(());
    }
    let error = ErrorResponse::new(ErrorCode::CrossSite);
    Err(match misled(uri, headers) {
        None => error,
        Some((origin, host, asked)) => {
            let detail = format!(
                "This page is at {origin}, but the server was asked as {asked}. If a proxy is between them, start the \
                 server with --host {host}, or let the proxy pass the Host header on."
            );
            let french = format!(
                "Cette page est à l’adresse {origin}, mais la requête est arrivée au nom {asked}. S’il y a un proxy entre \
                 les deux, démarrez le serveur avec --host {host}, ou faites-lui transmettre l’en-tête Host."
            );
            error.with_detail(detail.clone()).in_french(french).caused_by(detail)
        }
    })
}

/// The origin, its host and the host that was asked, where a proxy may have replaced the `Host` header: the browser
/// compares origins itself if it knows that the connection is secure, and then its verdict counts.
fn misled<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<(&'a str, &'a str, &'a str)> {
    let origin = single(headers, ORIGIN).ok()??;
    let host = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"))?;
    let plain = !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte));
    let asked = authority(uri, headers)?;
    (plain && !headers.contains_key(FETCH_SITE)).then_some((origin, host, asked))
}

fn may_change(method: &Method, uri: &Uri) -> bool {
    let is_archive = *method == Method::POST && uri.path() == ARCHIVE;
    !(method.is_safe() || is_archive)
}

fn is_same_site(uri: &Uri, headers: &HeaderMap, transport: Transport, origins: &Origins<'_>) -> bool {
    // Browsers send each of these headers once, so a repeated header is refused.
    let Ok(origin) = single(headers, ORIGIN) else { return false };
    if origin.is_some_and(|origin| origins.trusts(origin)) {
        return true;
    }
    match single(headers, FETCH_SITE) {
        Ok(Some(site)) => matches!(site, "same-origin" | "none"),
        Ok(None) => origin.is_none_or(|origin| is_own(origin, uri, headers, transport, origins.hosts)),
        Err(Repeated) => false,
    }
}

/// True if the origin has the host and port that the request was sent to, or one of `hosts`. Without TLS both schemes
/// match, because a proxy may have terminated TLS; with TLS only `https` does, because anyone on the network path can
/// forge a page served over `http`.
fn is_own(origin: &str, uri: &Uri, headers: &HeaderMap, transport: Transport, hosts: &[String]) -> bool {
    let Some((scheme, host)) = origin.split_once("://") else { return false };
    let Some(authority) = authority(uri, headers) else { return false };
    let default = if scheme == "https" { ":443" } else { ":80" };
    let bare = |host: &str| host.strip_suffix(default).unwrap_or(host).to_ascii_lowercase();
    let schemes: &[&str] = match transport {
        Transport::Plain => &["http", "https"],
        Transport::Tls => &["https"],
    };
    let mut own = hosts.iter().map(String::as_str).filter(|host| *host != "*").chain([authority]);
    schemes.contains(&scheme) && own.any(|own| bare(host) == bare(own))
}

/// The host and port that the request was sent to.
fn authority<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    let authority = uri.authority().map(|authority| authority.as_str());
    authority.or_else(|| headers.get(HOST)?.to_str().ok())
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    const TRUSTED: &str = "https://pages.example.org";

    fn passes(method: Method, target: &str, fields: &[(&'static str, &'static str)]) -> bool {
        let mut headers = HeaderMap::from_iter([(HOST, HeaderValue::from_static("localhost:8080"))]);
        for (name, value) in fields {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let (trusted, hosts) = ([TRUSTED.to_owned(), "*".to_owned()], ["*".to_owned()]);
        let origins = Origins { trusted: &trusted, hosts: &hosts };
        check(&method, &Uri::try_from(target).unwrap(), &headers, Transport::Plain, &origins).is_ok()
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

    /// `proxy_pass http://127.0.0.1:8080` alone makes nginx send the `Host` of that address.
    #[test]
    fn the_page_of_a_named_host_may_change_behind_a_proxy_that_replaces_the_host() {
        let answer = |origin: &'static str, site: Option<&'static str>, hosts: &[&str]| {
            let mut headers = HeaderMap::from_iter([(HOST, HeaderValue::from_static("127.0.0.1:8080"))]);
            headers.insert(ORIGIN, HeaderValue::from_static(origin));
            site.map(|site| headers.insert(FETCH_SITE, HeaderValue::from_static(site)));
            let hosts: Vec<_> = hosts.iter().map(|host| (*host).to_owned()).collect();
            let origins = Origins { trusted: &[], hosts: &hosts };
            check(&Method::PUT, &Uri::from_static("/"), &headers, Transport::Plain, &origins)
        };
        let refused = answer("http://files.example.org", None, &[]).unwrap_err();
        assert!(refused.cause.contains("http://files.example.org"), "{}", refused.cause);
        assert!(refused.cause.contains("127.0.0.1:8080") && refused.cause.contains("--host files.example.org"));
        assert!(answer("http://files.example.org", None, &["files.example.org"]).is_ok());
        assert!(answer("https://files.example.org", None, &["a", "Files.Example.org"]).is_ok());
        assert!(answer("http://files.example.org:81", None, &["files.example.org:81"]).is_ok());
        // Another server of the name, another name, and what the browser knows better.
        assert!(answer("http://files.example.org:81", None, &["files.example.org"]).is_err());
        assert!(answer("http://files.example.org", None, &["files.example.org:81"]).is_err());
        assert!(answer("http://evil.example", None, &["files.example.org", "*"]).is_err());
        let known = answer("http://files.example.org", Some("cross-site"), &["files.example.org"]).unwrap_err();
        assert!(known.cause.is_empty(), "{}", known.cause);
        assert!(answer("http://a/<b>", None, &[]).unwrap_err().cause.is_empty());
    }

    #[test]
    fn a_default_port_may_be_left_out() {
        let headers = |host: &'static str, origin: &'static str| {
            HeaderMap::from_iter([(HOST, HeaderValue::from_static(host)), (ORIGIN, HeaderValue::from_static(origin))])
        };
        let check = |host, origin, transport| {
            let origins = Origins { trusted: &[], hosts: &[] };
            check(&Method::PUT, &Uri::from_static("/"), &headers(host, origin), transport, &origins).is_ok()
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
