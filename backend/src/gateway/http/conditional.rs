//! Conditional and range requests: decides between 200, 206, 304, 412 and 416 (RFC 9110 §13 and §14). Pure: headers and
//! an [`Entry`] in, a [`Plan`] out.

use http::header::{HeaderName, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, RANGE};
use http::{HeaderMap, Method};
use shared::{ByteRange, ETag, Entry, Span};

use super::date::parse;
use super::range;

/// How a request for a representation is answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Plan {
    /// 200 with all of it.
    Whole,
    /// 206 with these parts, at least one.
    Parts(Vec<Span>),
    /// 304.
    NotModified,
    /// 412.
    PreconditionFailed,
    /// 416.
    Unsatisfiable,
}

/// The properties of a representation that conditions and ranges depend on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Representation {
    pub etag: Option<ETag>,
    /// In seconds since 1970; `None` for a representation without a date.
    pub modified: Option<i64>,
    /// In bytes.
    pub size: u64,
}

/// The conditions of one request.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Conditions {
    if_match: Option<EntityTags>,
    if_unmodified_since: Option<i64>,
    if_none_match: Option<EntityTags>,
    if_modified_since: Option<i64>,
    if_range: Option<IfRange>,
    ranges: Option<Vec<ByteRange>>,
}

/// The value of `If-Match` or `If-None-Match`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum EntityTags {
    Any,
    Listed(Vec<Tag>),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Tag {
    weak: bool,
    opaque: String,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum IfRange {
    Tag(Tag),
    /// Seconds since 1970.
    Date(i64),
    /// Neither a tag nor a date: the condition is false, and the whole file is sent.
    Malformed,
}

impl Conditions {
    /// Ranges are defined for GET only (RFC 9110 §14.2).
    pub(crate) fn read(method: &Method, headers: &HeaderMap) -> Self {
        let ranges = (method == Method::GET).then(|| single(headers, RANGE).and_then(range::parse)).flatten();
        let if_none_match = tags(headers, IF_NONE_MATCH);
        let if_match = tags(headers, IF_MATCH);
        Self {
            // An entity tag takes precedence over a date (RFC 9110 §13.1.3 and §13.1.4).
            if_modified_since: if if_none_match.is_none() { date(headers, IF_MODIFIED_SINCE) } else { None },
            if_unmodified_since: if if_match.is_none() { date(headers, IF_UNMODIFIED_SINCE) } else { None },
            // If-Range needs a Range (RFC 9110 §13.1.5).
            if_range: ranges.as_ref().and_then(|_| if_range(headers)),
            if_match,
            if_none_match,
            ranges,
        }
    }

    /// The one range (`None` for the whole file) that can be requested without looking at the file first; `Err` where
    /// the file's validator or date must be known.
    pub(crate) fn direct(&self) -> Result<Option<ByteRange>, ()> {
        let unconditional = self.if_match.is_none()
            && self.if_unmodified_since.is_none()
            && self.if_none_match.is_none()
            && self.if_modified_since.is_none()
            && self.if_range.is_none();
        match self.ranges.as_deref() {
            None if unconditional => Ok(None),
            Some([range]) if unconditional => Ok(Some(*range)),
            _ => Err(()),
        }
    }

    /// Evaluates the conditions for a file.
    pub(crate) fn decide(&self, entry: &Entry) -> Plan {
        let modified = Some(entry.modified.seconds());
        self.decide_for(Representation { etag: entry.etag, modified, size: entry.size })
    }

    /// Evaluates the conditions in the order of RFC 9110 §13.2.2. A condition on a date is skipped where the
    /// representation has none.
    pub(crate) fn decide_for(&self, now: Representation) -> Plan {
        let later_than = |date| now.modified.is_some_and(|modified| modified > date);
        let not_later_than = |date| now.modified.is_some_and(|modified| modified <= date);
        if let Some(tags) = &self.if_match {
            if !tags.match_strongly(now.etag) {
                return Plan::PreconditionFailed;
            }
        } else if self.if_unmodified_since.is_some_and(later_than) {
            return Plan::PreconditionFailed;
        }
        if let Some(tags) = &self.if_none_match {
            if tags.match_weakly(now.etag) {
                return Plan::NotModified;
            }
        } else if self.if_modified_since.is_some_and(not_later_than) {
            return Plan::NotModified;
        }
        self.parts(now)
    }

    fn parts(&self, now: Representation) -> Plan {
        let Some(ranges) = &self.ranges else { return Plan::Whole };
        let same = match &self.if_range {
            None => true,
            Some(IfRange::Tag(tag)) => now.etag.is_some_and(|etag| tag.is_strongly(etag)),
            // The date must be equal, not only not later (RFC 9110 §13.1.5).
            Some(IfRange::Date(date)) => now.modified == Some(*date),
            Some(IfRange::Malformed) => false,
        };
        // Some clients add a range to every request; an empty file is sent whole instead of failing with 416.
        if !same || now.size == 0 {
            return Plan::Whole;
        }
        match range::spans(ranges, now.size) {
            spans if spans.is_empty() => Plan::Unsatisfiable,
            spans => Plan::Parts(spans),
        }
    }

    /// True if the client's copy is current, for a representation without a date, such as a listing.
    pub(crate) fn is_current(&self, etag: Option<ETag>) -> bool {
        self.if_none_match.as_ref().is_some_and(|tags| tags.match_weakly(etag))
    }
}

impl EntityTags {
    pub(crate) fn match_strongly(&self, etag: Option<ETag>) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(tags) => etag.is_some_and(|etag| tags.iter().any(|tag| tag.is_strongly(etag))),
        }
    }

    pub(crate) fn match_weakly(&self, etag: Option<ETag>) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(tags) => etag.is_some_and(|etag| tags.iter().any(|tag| tag.is_weakly(etag))),
        }
    }
}

impl Tag {
    /// The entity tag as one of this server; `None` for a weak or a foreign tag.
    pub(crate) fn strong(&self) -> Option<ETag> {
        ETag::parse(&self.opaque).filter(|etag| self.is_strongly(*etag))
    }

    /// The strong comparison (RFC 9110 §8.8.3.2).
    fn is_strongly(&self, etag: ETag) -> bool {
        !self.weak && self.is_weakly(etag)
    }

    fn is_weakly(&self, etag: ETag) -> bool {
        ETag::parse(&self.opaque) == Some(etag) && self.opaque == etag.to_string()
    }
}

/// The value of a header that must not be repeated; `None` where it is.
pub(crate) fn single(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

pub(crate) fn date(headers: &HeaderMap, name: HeaderName) -> Option<i64> {
    parse(single(headers, name)?)
}

fn if_range(headers: &HeaderMap) -> Option<IfRange> {
    headers.contains_key(IF_RANGE).then(|| {
        let Some(value) = single(headers, IF_RANGE).map(str::trim) else { return IfRange::Malformed };
        match parse_tag(value) {
            Some((tag, "")) => IfRange::Tag(tag),
            _ => parse(value).map_or(IfRange::Malformed, IfRange::Date),
        }
    })
}

/// The entity tags in all lines of a header. A malformed list yields the tags before the error.
pub(crate) fn tags(headers: &HeaderMap, name: HeaderName) -> Option<EntityTags> {
    if !headers.contains_key(&name) {
        return None;
    }
    let mut listed = Vec::new();
    for value in headers.get_all(&name) {
        let Ok(mut rest) = value.to_str().map(str::trim) else { continue };
        if rest == "*" {
            return Some(EntityTags::Any);
        }
        loop {
            rest = rest.trim_start_matches([' ', '\t', ',']);
            let Some((tag, after)) = parse_tag(rest) else { break };
            listed.push(tag);
            rest = after;
        }
    }
    Some(EntityTags::Listed(listed))
}

/// One entity tag and the text after it (RFC 9110 §8.8.3).
fn parse_tag(text: &str) -> Option<(Tag, &str)> {
    let (weak, rest) = match text.strip_prefix("W/") {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (opaque, rest) = rest.strip_prefix('"')?.split_once('"')?;
    Some((Tag { weak, opaque: opaque.to_owned() }, rest))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;
    use shared::{Kind, Timestamp, VPath};

    use super::*;

    const ETAG: &str = "\"abababababababababababababababab\"";
    /// 1_700_000_000 s after 1970.
    const DATE: &str = "Tue, 14 Nov 2023 22:13:20 GMT";
    const EARLIER: &str = "Tue, 14 Nov 2023 22:13:19 GMT";
    const LATER: &str = "Tue, 14 Nov 2023 22:13:21 GMT";

    fn file(size: u64) -> Entry {
        Entry {
            path: VPath::parse("a").unwrap(),
            kind: Kind::File,
            size,
            modified: Timestamp(1_700_000_000_999_999_999),
            executable: false,
            link: None,
            etag: Some(ETag([0xab; 16])),
        }
    }

    fn conditions(method: Method, headers: &[(&str, &str)]) -> Conditions {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::try_from(*name).unwrap(), HeaderValue::from_str(value).unwrap());
        }
        Conditions::read(&method, &map)
    }

    #[track_caller]
    fn check(headers: &[(&str, &str)], expected: Plan) {
        assert_eq!(conditions(Method::GET, headers).decide(&file(10)), expected, "{headers:?}");
    }

    fn part(offset: u64, length: u64) -> Plan {
        Plan::Parts(vec![Span { offset, length }])
    }

    #[test]
    fn if_none_match_compares_weakly() {
        check(&[("if-none-match", ETAG)], Plan::NotModified);
        check(&[("if-none-match", &format!("W/{ETAG}"))], Plan::NotModified);
        check(&[("if-none-match", &format!("\"x\" , {ETAG}"))], Plan::NotModified);
        check(&[("if-none-match", "\"x\""), ("if-none-match", ETAG)], Plan::NotModified);
        check(&[("if-none-match", "*")], Plan::NotModified);
        check(&[("if-none-match", "\"x\"")], Plan::Whole);
        check(&[("if-none-match", &ETAG.to_uppercase())], Plan::Whole);
        check(&[("if-none-match", "garbage")], Plan::Whole);
        check(&[("if-none-match", ETAG.trim_matches('"'))], Plan::Whole);
    }

    #[test]
    fn if_match_compares_strongly() {
        check(&[("if-match", ETAG)], Plan::Whole);
        check(&[("if-match", "*")], Plan::Whole);
        check(&[("if-match", &format!("W/{ETAG}"))], Plan::PreconditionFailed);
        check(&[("if-match", "\"x\"")], Plan::PreconditionFailed);
        check(&[("if-match", "garbage")], Plan::PreconditionFailed);
        check(&[("if-match", "\"x\""), ("if-none-match", ETAG)], Plan::PreconditionFailed);
        check(&[("if-match", ETAG), ("if-none-match", ETAG)], Plan::NotModified);
    }

    #[test]
    fn dates_are_compared_in_whole_seconds() {
        check(&[("if-modified-since", DATE)], Plan::NotModified);
        check(&[("if-modified-since", LATER)], Plan::NotModified);
        check(&[("if-modified-since", EARLIER)], Plan::Whole);
        check(&[("if-modified-since", "yesterday")], Plan::Whole);
        check(&[("if-unmodified-since", DATE)], Plan::Whole);
        check(&[("if-unmodified-since", LATER)], Plan::Whole);
        check(&[("if-unmodified-since", EARLIER)], Plan::PreconditionFailed);
        check(&[("if-unmodified-since", "yesterday")], Plan::Whole);
        // The two obsolete formats of dates are still accepted (RFC 9110 §5.6.7).
        check(&[("if-modified-since", "Tuesday, 14-Nov-23 22:13:20 GMT")], Plan::NotModified);
        check(&[("if-modified-since", "Tue Nov 14 22:13:20 2023")], Plan::NotModified);
    }

    #[test]
    fn a_tag_takes_precedence_over_a_date() {
        check(&[("if-none-match", "\"x\""), ("if-modified-since", LATER)], Plan::Whole);
        check(&[("if-match", ETAG), ("if-unmodified-since", EARLIER)], Plan::Whole);
    }

    #[test]
    fn ranges_and_if_range() {
        check(&[("range", "bytes=2-4")], part(2, 3));
        check(&[("range", "bytes=10-")], Plan::Unsatisfiable);
        check(&[("range", "lines=1-2")], Plan::Whole);
        check(&[("range", "bytes=0-1"), ("range", "bytes=2-3")], Plan::Whole);
        check(&[("range", "bytes=2-4"), ("if-range", ETAG)], part(2, 3));
        check(&[("range", "bytes=2-4"), ("if-range", &format!("W/{ETAG}"))], Plan::Whole);
        check(&[("range", "bytes=2-4"), ("if-range", "\"x\"")], Plan::Whole);
        check(&[("range", "bytes=2-4"), ("if-range", DATE)], part(2, 3));
        check(&[("range", "bytes=2-4"), ("if-range", EARLIER)], Plan::Whole);
        check(&[("range", "bytes=2-4"), ("if-range", LATER)], Plan::Whole);
        check(&[("range", "bytes=2-4"), ("if-range", "garbage")], Plan::Whole);
        check(&[("range", "bytes=20-"), ("if-range", "\"x\"")], Plan::Whole);
        check(&[("range", "bytes=2-4"), ("if-none-match", ETAG)], Plan::NotModified);
        check(&[("range", "bytes=20-"), ("if-match", "\"x\"")], Plan::PreconditionFailed);
        check(
            &[("range", "bytes=0-0,-1")],
            Plan::Parts(vec![Span { offset: 0, length: 1 }, Span { offset: 9, length: 1 }]),
        );
    }

    #[test]
    fn a_range_of_an_empty_file_gets_all_of_it() {
        let plan = conditions(Method::GET, &[("range", "bytes=0-")]).decide(&file(0));
        assert_eq!(plan, Plan::Whole);
    }

    #[test]
    fn head_ignores_ranges() {
        let plan = conditions(Method::HEAD, &[("range", "bytes=20-")]).decide(&file(10));
        assert_eq!(plan, Plan::Whole);
    }

    #[test]
    fn only_conditions_and_several_ranges_need_the_metadata_first() {
        let direct = |headers: &[(&str, &str)]| conditions(Method::GET, headers).direct();
        assert_eq!(direct(&[]), Ok(None));
        assert_eq!(direct(&[("range", "bytes=5-")]), Ok(Some(ByteRange::From(5))));
        assert_eq!(direct(&[("range", "nonsense")]), Ok(None));
        assert_eq!(direct(&[("range", "bytes=5-,1-2")]), Err(()));
        assert_eq!(direct(&[("range", "bytes=5-"), ("if-range", ETAG)]), Err(()));
        // Without a range, If-Range has no effect.
        assert_eq!(direct(&[("if-range", ETAG)]), Ok(None));
        assert_eq!(direct(&[("if-none-match", ETAG)]), Err(()));
        assert_eq!(direct(&[("if-unmodified-since", DATE)]), Err(()));
    }

    #[test]
    fn a_file_without_a_validator_matches_only_the_wildcard() {
        let entry = Entry { etag: None, ..file(10) };
        let decide = |name, value| conditions(Method::GET, &[(name, value)]).decide(&entry);
        assert_eq!(decide("if-match", ETAG), Plan::PreconditionFailed);
        assert_eq!(decide("if-match", "*"), Plan::Whole);
        assert_eq!(decide("if-none-match", ETAG), Plan::Whole);
    }

    proptest! {
        #[test]
        fn no_header_panics_and_parts_lie_in_the_file(
            values in prop::collection::vec((0usize..6, "[ -~]{0,40}"), 0..8), size in 0u64..100,
        ) {
            let names = ["if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range", "range"];
            let headers: Vec<_> = values.iter().map(|(name, value)| (names[*name], value.as_str())).collect();
            if let Plan::Parts(spans) = conditions(Method::GET, &headers).decide(&file(size)) {
                prop_assert!(!spans.is_empty());
                prop_assert!(spans.iter().all(|span| span.length > 0 && span.end() <= size));
            }
        }

        #[test]
        fn a_direct_range_is_what_would_be_decided(first in 0u64..20, last in 0u64..20, size in 1u64..15) {
            let conditions = conditions(Method::GET, &[("range", &format!("bytes={first}-{last}"))]);
            let range = conditions.direct().unwrap();
            let clipped = range.map_or(Some(Span::whole(size)), |range| range.clip(size));
            let expected = match (range, clipped) {
                (None, _) => Plan::Whole,
                (_, Some(span)) => Plan::Parts(vec![span]),
                (_, None) => Plan::Unsatisfiable,
            };
            prop_assert_eq!(conditions.decide(&file(size)), expected);
        }
    }
}
