//! Checks that a request is meant for this server (RFC 9110 §7.2). Pure.
//!
//! A web page can have its own domain name resolve to 127.0.0.1 and then reach this server as its own origin (DNS
//! rebinding). Its requests carry that name in `Host`, so only configured names, `localhost` and IP addresses are
//! accepted; an IP address cannot be made to resolve elsewhere.

use std::net::{Ipv4Addr, Ipv6Addr};

use http::header::HOST;
use http::{HeaderMap, Uri, Version};
use shared::ErrorCode;

use crate::gateway::http::problem::ErrorResponse;

/// `Ok` if the request names this server; a port does not matter. HTTP/1.0, which no browser speaks, may omit the name.
pub(crate) fn check(version: Version, uri: &Uri, headers: &HeaderMap, names: &[String]) -> Result<(), ErrorResponse> {
    let mut values = headers.get_all(HOST).iter();
    let header = match (values.next(), values.next()) {
        (Some(value), None) => Some(value.to_str().map_err(|_| malformed())?),
        (None, _) => None,
        (Some(_), Some(_)) => return Err(malformed()),
    };
    // HTTP/2 has the name twice, and another program may take the other one (RFC 9113 §8.3.1).
    let authority = uri.authority().map(|authority| authority.as_str());
    let differs = |header: &str| authority.is_some_and(|authority| !authority.eq_ignore_ascii_case(header));
    if version == Version::HTTP_2 && header.is_some_and(differs) {
        return Err(malformed());
    }
    // The authority of an absolute target precedes the header (RFC 9112 §3.2.2).
    match authority.or(header) {
        Some(host) if names.iter().any(|name| name == "*") => is_wellformed(host).then_some(()).ok_or_else(malformed),
        Some(host) => known(host, names),
        None if version < Version::HTTP_11 => Ok(()),
        None => Err(malformed()),
    }
}

fn known(host: &str, names: &[String]) -> Result<(), ErrorResponse> {
    let name = without_port(host).ok_or_else(malformed)?;
    if is_address(name) {
        return Ok(());
    }
    let name = name.strip_suffix('.').unwrap_or(name);
    let local = name.eq_ignore_ascii_case("localhost");
    let mut names = names.iter().filter_map(|known| without_port(known));
    if local || names.any(|known| known.eq_ignore_ascii_case(name)) { Ok(()) } else { Err(unknown(name)) }
}

/// 421 with the option that makes the name known.
fn unknown(name: &str) -> ErrorResponse {
    let english = format!(
        "This server does not answer to the name {name}. Start it with --host {name}, or open it by its IP address."
    );
    let french = format!(
        "Ce serveur ne répond pas au nom {name}. Démarrez-le avec --host {name}, ou ouvrez-le par son adresse IP."
    );
    ErrorResponse::because(ErrorCode::UnknownHost, english).in_french(french)
}

fn is_wellformed(host: &str) -> bool {
    without_port(host).is_some()
}

/// The host of `host[:port]`; `None` where it is malformed.
fn without_port(host: &str) -> Option<&str> {
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => {
            let end = rest.find(']')? + 2;
            host.split_at_checked(end)?
        }
        None => host.split_at(host.find(':').unwrap_or(host.len())),
    };
    let digits = port.strip_prefix(':').unwrap_or(port);
    let legal = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic() && !b"@/\\?#,".contains(&byte));
    (legal && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(name)
}

fn is_address(name: &str) -> bool {
    match name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => name.parse::<Ipv4Addr>().is_ok(),
    }
}

fn malformed() -> ErrorResponse {
    ErrorResponse::because(
        ErrorCode::BadRequest,
        "The request must have one Host header, with a host and perhaps a port.",
    )
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn answer(host: Option<&str>, uri: &str, version: Version) -> Result<(), ErrorCode> {
        let mut headers = HeaderMap::new();
        if let Some(host) = host {
            headers.insert(HOST, HeaderValue::from_str(host).unwrap());
        }
        let names = ["files.example.org".to_owned()];
        check(version, &Uri::try_from(uri).unwrap(), &headers, &names).map_err(|error| error.code)
    }

    #[track_caller]
    fn checks(host: &str, expected: Result<(), ErrorCode>) {
        assert_eq!(answer(Some(host), "/", Version::HTTP_11), expected, "{host}");
    }

    #[test]
    fn configured_names_and_addresses_are_accepted() {
        for host in [
            "localhost",
            "localhost:8080",
            "LOCALHOST",
            "localhost.",
            "127.0.0.1",
            "127.0.0.1:8080",
            "192.168.1.5:80",
            "[::1]",
            "[::1]:8080",
            "[fe80::1]:8080",
            "files.example.org",
            "Files.Example.org:8443",
            "files.example.org.",
        ] {
            checks(host, Ok(()));
        }
        for host in [
            "evil.example",
            "evil.example:8080",
            "localhost.evil.example",
            "xfiles.example.org",
            "127.0.0.1.nip.io",
            "2130706433",
            "0x7f.1",
        ] {
            checks(host, Err(ErrorCode::UnknownHost));
        }
        for host in [
            "",
            ":80",
            "a b",
            "localhost:x",
            "localhost:80:80",
            "[::1",
            "[::1]x",
            "user@localhost",
            "localhost,evil.example",
            "localhost/evil",
        ] {
            checks(host, Err(ErrorCode::BadRequest));
        }
        checks("[not-an-address]", Err(ErrorCode::UnknownHost));
    }

    #[test]
    fn an_absolute_target_precedes_the_header() {
        let uri = "http://evil.example/files/";
        assert_eq!(answer(Some("localhost"), uri, Version::HTTP_11), Err(ErrorCode::UnknownHost));
        assert_eq!(answer(Some("evil.example"), "http://localhost/", Version::HTTP_11), Ok(()));
    }

    #[test]
    fn only_http_1_0_may_omit_the_host() {
        assert_eq!(answer(None, "/", Version::HTTP_11), Err(ErrorCode::BadRequest));
        assert_eq!(answer(None, "/", Version::HTTP_10), Ok(()));
    }

    #[test]
    fn the_two_names_of_an_http_2_request_agree() {
        let answer = |host, uri| answer(host, uri, Version::HTTP_2);
        assert_eq!(answer(None, "https://localhost:8443/"), Ok(()));
        assert_eq!(answer(Some("LocalHost:8443"), "https://localhost:8443/"), Ok(()));
        for host in ["localhost", "localhost:8444", "files.example.org", "evil.example", ""] {
            assert_eq!(answer(Some(host), "https://localhost:8443/"), Err(ErrorCode::BadRequest), "{host}");
        }
    }

    #[test]
    fn a_repeated_host_header_is_refused() {
        let mut headers = HeaderMap::new();
        headers.append(HOST, HeaderValue::from_static("localhost"));
        headers.append(HOST, HeaderValue::from_static("evil.example"));
        assert!(check(Version::HTTP_11, &Uri::from_static("/"), &headers, &[]).is_err());
        assert!(check(Version::HTTP_11, &Uri::from_static("/"), &headers, &["*".into()]).is_err());
    }

    proptest! {
        #[test]
        fn no_host_panics(host in "[ -~]{0,40}") {
            let _ = answer(Some(&host), "/", Version::HTTP_11);
        }
    }
}
