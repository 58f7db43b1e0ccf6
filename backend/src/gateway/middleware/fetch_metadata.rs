//! What pages may make a browser load from this server (Fetch Metadata, <https://www.w3.org/TR/fetch-metadata/>). Pure.
//!
//! - Content below `/files`, and data of the API, is never a script, a style sheet or a worker, not even of this
//!   server's own page: that page trusts its own origin, and users write the content.
//! - A page of another site may lead a person to an address by a link. It cannot show the content in itself, because
//!   loading tells it whether a path exists. Where opening the address saves a file or costs the server work, the person
//!   is asked first.
//!
//! A program sends none of these headers and passes.

use http::header::HeaderName;
use http::{HeaderMap, Method, Uri};
use shared::ErrorCode;

use super::origin::{ARCHIVE, FETCH_SITE, Origins, Repeated, single};
use crate::gateway::http::content_disposition::is_download;
use crate::gateway::http::problem::ErrorResponse;

const FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
const FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
/// Sent with the script of a service worker (Service Workers §4.4, "update"), also by browsers without Fetch Metadata.
const SERVICE_WORKER: HeaderName = HeaderName::from_static("service-worker");

/// The prefixes of addresses with content of users and data.
const CONTENT: &[&str] = &["/files", "/api", "/s", "/dav"];
/// The destinations for which content may be loaded: those that run nothing. An unknown one may be another kind of
/// script, so it is refused.
const DESTINATIONS: &[&str] = &[
    "audio",
    "document",
    "embed",
    "empty",
    "fencedframe",
    "font",
    "frame",
    "iframe",
    "image",
    "object",
    "track",
    "video",
];
/// The prefixes of addresses that cost work or a place as long as they are open.
const COSTLY: &[&str] = &[ARCHIVE, "/api/v1/digest", "/api/v1/events"];

/// `Ok` for what the page that asks may load, and for requests of programs.
///
/// # Errors
/// [`ErrorCode::Forbidden`] for scripts, style sheets and workers, [`ErrorCode::CrossSite`] for what a page of another
/// site may not load. Both are decided before anything is looked up, so they tell nothing about a path.
pub(crate) fn check(
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    origins: &Origins<'_>,
) -> Result<(), ErrorResponse> {
    if !is_below(uri.path(), CONTENT) {
        return Ok(());
    }
    if runs(headers) {
        return Err(refused_as_script());
    }
    let reads = *method == Method::GET || *method == Method::HEAD || *method == Method::POST;
    if !reads || !is_foreign(headers) || origins.may_read(headers) {
        return Ok(());
    }
    let asked = is_costly(uri);
    match loading(method, headers) {
        Loading::Link if !asked => Ok(()),
        Loading::Link => Err(confirmation(uri)),
        // Without CORS headers in the answer, the page learns nothing of it.
        Loading::Cors if !asked => Ok(()),
        Loading::Cors | Loading::Embedded => Err(embedded()),
    }
}

/// How a page of another site makes the browser load an address.
enum Loading {
    /// A link, a window or a form with GET: it replaces a page of the browser.
    Link,
    /// A script, or an element with `crossorigin`, under the rules of CORS.
    Cors,
    /// A frame, an image, a download beside the page…
    Embedded,
}

fn loading(method: &Method, headers: &HeaderMap) -> Loading {
    match (single(headers, FETCH_MODE), single(headers, FETCH_DEST)) {
        (Ok(Some("navigate")), Ok(Some("document"))) if *method == Method::GET => Loading::Link,
        (Ok(Some("cors")), _) => Loading::Cors,
        _ => Loading::Embedded,
    }
}

/// True if the browser would run the answer, or use it as a style sheet.
fn runs(headers: &HeaderMap) -> bool {
    let destination = single(headers, FETCH_DEST);
    let shown = destination.is_ok_and(|dest| dest.is_none_or(|dest| DESTINATIONS.contains(&dest)));
    !shown || headers.contains_key(SERVICE_WORKER)
}

/// True if a browser says that a page of another site asks.
fn is_foreign(headers: &HeaderMap) -> bool {
    match single(headers, FETCH_SITE) {
        Ok(site) => site.is_some_and(|site| !matches!(site, "same-origin" | "none")),
        Err(Repeated) => true,
    }
}

/// True for an address that saves a file, or costs the server work.
fn is_costly(uri: &Uri) -> bool {
    is_below(uri.path(), COSTLY) || uri.query().is_some_and(is_download)
}

fn is_below(path: &str, prefixes: &[&str]) -> bool {
    prefixes.iter().any(|prefix| path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

fn refused_as_script() -> ErrorResponse {
    ErrorResponse::because(
        ErrorCode::Forbidden,
        "Files and data of this server cannot be loaded as scripts, style sheets or workers.",
    )
    .in_french("Les fichiers et les données de ce serveur ne peuvent servir ni de script, ni de feuille de style.")
}

fn embedded() -> ErrorResponse {
    ErrorResponse::because(
        ErrorCode::CrossSite,
        "A page of another site cannot show files of this server. Open the address in a tab of its own.",
    )
    .in_french(
        "Une page d’un autre site ne peut pas afficher les fichiers de ce serveur. Ouvrez l’adresse dans un onglet.",
    )
}

/// A page with one button that leads to the address: then this server's own page asks for it.
fn confirmation(uri: &Uri) -> ErrorResponse {
    ErrorResponse::because(
        ErrorCode::CrossSite,
        "A page of another site leads to this address. Continue only if you want what it offers.",
    )
    .in_french("Un autre site vous a mené à cette adresse. Continuez seulement si vous voulez ce qu’elle propose.")
    .offering(itself(uri))
}

/// The address of the request, relative to itself.
fn itself(uri: &Uri) -> String {
    match uri.query() {
        Some(query) => format!("?{query}"),
        None => format!("./{}", uri.path().rsplit('/').next().unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const TRUSTED: &str = "https://pages.example.org";

    #[derive(PartialEq, Eq, Debug)]
    enum Answer {
        Passes,
        Asks,
        Refused(ErrorCode),
    }

    fn answer(method: Method, target: &str, fields: &[(&'static str, &'static str)]) -> Answer {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let trusted = [TRUSTED.to_owned()];
        let origins = Origins { trusted: &trusted, hosts: &[] };
        match check(&method, &Uri::try_from(target).unwrap(), &headers, &origins) {
            Ok(()) => Answer::Passes,
            Err(error) if error.offers() => Answer::Asks,
            Err(error) => Answer::Refused(error.code),
        }
    }

    const CROSS: (&str, &str) = ("sec-fetch-site", "cross-site");

    /// The headers of browsers: site, mode, destination.
    fn loads(site: &'static str, mode: &'static str, dest: &'static str) -> [(&'static str, &'static str); 3] {
        [("sec-fetch-site", site), ("sec-fetch-mode", mode), ("sec-fetch-dest", dest)]
    }

    #[test]
    fn content_is_never_loaded_as_what_runs() {
        for dest in [
            "script",
            "style",
            "worker",
            "sharedworker",
            "serviceworker",
            "audioworklet",
            "paintworklet",
            "sharedstorageworklet",
            "xslt",
            "json",
            "manifest",
            "speculationrules",
            "report",
            "unheard-of",
            "",
        ] {
            for site in ["same-origin", "none", "cross-site"] {
                for target in ["/files/a.js", "/files", "/api/v1/stat/a", "/api/none", "/s/x", "/dav/a"] {
                    let refused = Answer::Refused(ErrorCode::Forbidden);
                    assert_eq!(answer(Method::GET, target, &loads(site, "no-cors", dest)), refused, "{dest} {target}");
                }
            }
            for target in ["/", "/assets/a.js", "/filesystem.js", "/healthz", "/docs/files"] {
                assert_eq!(answer(Method::GET, target, &loads("same-origin", "no-cors", dest)), Answer::Passes);
            }
        }
        let refused = Answer::Refused(ErrorCode::Forbidden);
        assert_eq!(answer(Method::GET, "/files/a.js", &[("service-worker", "script")]), refused);
        let twice = [("sec-fetch-dest", "image"), ("sec-fetch-dest", "script")];
        assert_eq!(answer(Method::GET, "/files/a.js", &twice), refused);
    }

    #[test]
    fn the_own_page_loads_what_it_shows() {
        for dest in DESTINATIONS {
            for mode in ["navigate", "cors", "no-cors", "same-origin"] {
                for target in ["/files/a?download", "/api/v1/archive?path=a", "/api/v1/digest/a", "/files/a"] {
                    assert_eq!(answer(Method::GET, target, &loads("same-origin", mode, dest)), Answer::Passes);
                    assert_eq!(answer(Method::GET, target, &loads("none", mode, dest)), Answer::Passes);
                }
            }
        }
    }

    #[test]
    fn a_link_of_another_site_leads_to_a_file_and_asks_before_a_download() {
        for site in ["cross-site", "same-site", "unheard-of"] {
            let link = loads(site, "navigate", "document");
            for target in ["/files/a", "/files/a/", "/files", "/api/v1/list/a", "/files/a?x=download", "/s/abc"] {
                assert_eq!(answer(Method::GET, target, &link), Answer::Passes, "{target}");
            }
            for target in [
                "/files/a?download",
                "/files/a?x&download=1",
                "/api/v1/archive?path=a",
                "/api/v1/digest/a",
                "/api/v1/events?path=a",
            ] {
                assert_eq!(answer(Method::GET, target, &link), Answer::Asks, "{target}");
                assert_eq!(answer(Method::POST, target, &link), Answer::Refused(ErrorCode::CrossSite), "{target}");
            }
        }
    }

    #[test]
    fn a_page_of_another_site_embeds_nothing() {
        let refused = Answer::Refused(ErrorCode::CrossSite);
        for (mode, dest) in [
            ("navigate", "iframe"),
            ("navigate", "frame"),
            ("navigate", "embed"),
            ("navigate", "object"),
            ("navigate", "fencedframe"),
            ("navigate", "empty"),
            ("no-cors", "image"),
            ("no-cors", "video"),
            ("no-cors", "empty"),
            ("no-cors", "document"),
            ("websocket", "empty"),
            ("same-origin", "empty"),
        ] {
            for target in ["/files/a", "/files/none/", "/api/v1/stat/a", "/s/abc"] {
                assert_eq!(answer(Method::GET, target, &loads("cross-site", mode, dest)), refused, "{mode} {dest}");
                assert_eq!(answer(Method::HEAD, target, &loads("cross-site", mode, dest)), refused, "{mode} {dest}");
            }
            assert_eq!(answer(Method::GET, "/", &loads("cross-site", mode, dest)), Answer::Passes, "{mode} {dest}");
        }
        // A browser that names the site and not the mode.
        assert_eq!(answer(Method::GET, "/files/a", &[CROSS]), refused);
        assert_eq!(answer(Method::GET, "/files/a", &[("sec-fetch-site", "none"), CROSS]), refused);
    }

    #[test]
    fn scripts_of_another_site_are_governed_by_cors_and_start_no_work() {
        let script = loads("cross-site", "cors", "empty");
        assert_eq!(answer(Method::GET, "/files/a", &script), Answer::Passes);
        for target in ["/files/a?download", "/api/v1/archive?path=a", "/api/v1/digest/a", "/api/v1/events?path=a"] {
            assert_eq!(answer(Method::GET, target, &script), Answer::Refused(ErrorCode::CrossSite), "{target}");
        }
    }

    #[test]
    fn pages_of_trusted_origins_and_programs_pass() {
        for target in ["/files/a", "/files/a?download", "/api/v1/archive?path=a", "/api/v1/digest/a"] {
            for known in [("origin", TRUSTED), ("referer", "https://pages.example.org/some/where")] {
                for (mode, dest) in [("navigate", "iframe"), ("navigate", "document"), ("no-cors", "image")] {
                    let fields = [&loads("cross-site", mode, dest)[..], &[known]].concat();
                    assert_eq!(answer(Method::GET, target, &fields), Answer::Passes, "{target}");
                }
            }
            assert_eq!(answer(Method::GET, target, &[]), Answer::Passes);
            assert_eq!(answer(Method::POST, target, &[]), Answer::Passes);
        }
    }

    #[test]
    fn an_address_relative_to_itself_keeps_its_name_and_query() {
        for (target, expected) in [
            ("/files/a?download", "?download"),
            ("/api/v1/digest/a/b%3Ac", "./b%3Ac"),
            ("/api/v1/archive?path=a&path=b", "?path=a&path=b"),
        ] {
            assert_eq!(itself(&Uri::try_from(target).unwrap()), expected);
        }
    }
}
