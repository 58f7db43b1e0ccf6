//! The site that a request comes from, as browsers tell it. Pure.

use http::HeaderMap;
use http::header::{HeaderName, ORIGIN, REFERER};

/// The relation between the page that asks and this server (Fetch Metadata). No page can set it.
pub(super) const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// Its POST changes nothing: it only carries more paths than a query can.
pub(super) const ARCHIVE: &str = "/api/v1/archive";

/// The origins whose pages may use this server.
pub(crate) struct Origins<'a> {
    /// Of other sites. `*` allows every page to read and none to change.
    pub(crate) trusted: &'a [String],
    /// The names of this server, each with its port unless that is the default one. A proxy that does not pass the
    /// `Host` header on makes requests of this server's own page look like those of another site, unless the name of the
    /// page is here.
    pub(crate) hosts: &'a [String],
}

impl Origins<'_> {
    /// True for an origin that is trusted by its name.
    pub(super) fn trusts(&self, origin: &str) -> bool {
        self.named().any(|known| known == origin)
    }

    /// True if the page that asks may read what this server has: every page may with `*`, else one of a trusted origin.
    /// Browsers send no `Origin` with links and images. Then `Referer` names the page: a page can omit it, and cannot
    /// name another origin in it.
    pub(super) fn may_read(&self, headers: &HeaderMap) -> bool {
        if self.trusted.iter().any(|known| known == "*") {
            return true;
        }
        match single(headers, ORIGIN) {
            Ok(Some(origin)) => self.trusts(origin),
            Ok(None) => single(headers, REFERER).is_ok_and(|page| page.is_some_and(|page| self.trusts_page(page))),
            Err(Repeated) => false,
        }
    }

    fn trusts_page(&self, page: &str) -> bool {
        self.named().any(|known| page.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
    }

    fn named(&self) -> impl Iterator<Item = &str> {
        self.trusted.iter().filter(|known| *known != "*").map(|known| known.trim_end_matches('/'))
    }
}

/// A header that browsers send once is there several times, or is no text.
#[derive(Debug)]
pub(super) struct Repeated;

/// The value of a header that browsers send once at most.
pub(super) fn single(headers: &HeaderMap, name: HeaderName) -> Result<Option<&str>, Repeated> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| Repeated),
        _ => Err(Repeated),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[track_caller]
    fn check(trusted: &[&str], fields: &[(&'static str, &'static str)], expected: bool) {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let trusted: Vec<_> = trusted.iter().map(|origin| (*origin).to_owned()).collect();
        let origins = Origins { trusted: &trusted, hosts: &[] };
        assert_eq!(origins.may_read(&headers), expected, "{trusted:?} {fields:?}");
    }

    #[test]
    fn a_page_of_a_trusted_origin_is_known_by_its_origin_or_its_address() {
        const PAGES: &[&str] = &["https://pages.example/"];
        check(&[], &[], false);
        check(&["*"], &[], true);
        check(PAGES, &[], false);
        check(PAGES, &[("origin", "https://pages.example")], true);
        check(PAGES, &[("referer", "https://pages.example")], true);
        check(PAGES, &[("referer", "https://pages.example/a?b")], true);
        check(PAGES, &[("referer", "https://pages.example.evil.example/")], false);
        check(PAGES, &[("referer", "https://pages.example:444/")], false);
        check(PAGES, &[("referer", "https://evil.example/https://pages.example/")], false);
        check(PAGES, &[("origin", "null"), ("referer", "https://pages.example/")], false);
        check(PAGES, &[("origin", "https://pages.example"), ("origin", "https://pages.example")], false);
    }
}
