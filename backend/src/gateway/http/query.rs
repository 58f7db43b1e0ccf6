//! Parameters of a query or of a form (`application/x-www-form-urlencoded`).

use std::str::FromStr;

use memchr::memchr_iter;
use percent_encoding::percent_decode;
use shared::ErrorCode;
use shared::limits::{ARCHIVE_PATHS_MAX, CURSOR_BYTES_MAX};

use super::problem::ErrorResponse;

/// Most parameters: the paths of an archive, as many exceptions, and a few others.
const PARAMETERS_MAX: usize = 2 * ARCHIVE_PATHS_MAX + 16;

/// The decoded parameters, in their order in the text.
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// # Errors
    /// [`ErrorCode::BadRequest`] for a parameter that is not UTF-8 once decoded; [`ErrorCode::TooLarge`] for too many.
    pub(crate) fn parse(text: &str) -> Result<Self, ErrorResponse> {
        // Before the parameters take many times the memory of their text; empty ones cost time as well.
        if memchr_iter(b'&', text.as_bytes()).count() >= PARAMETERS_MAX {
            let sentence = format!("A request has at most {PARAMETERS_MAX} parameters.");
            return Err(ErrorResponse::because(ErrorCode::TooLarge, sentence));
        }
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        let decoded = pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((decode(name)?, decode(value)?))
        });
        decoded.collect::<Option<_>>().map(Self).ok_or_else(|| {
            let sentence = "A parameter is not UTF-8. A path is written percent-encoded and then encoded once more, as every parameter is.";
            ErrorResponse::because(ErrorCode::BadRequest, sentence)
        })
    }

    /// The values of a parameter that may be repeated.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The value of a parameter that may be given once.
    pub(crate) fn once(&self, name: &str) -> Result<Option<&str>, ErrorResponse> {
        let mut values = self.0.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str());
        match (values.next(), values.next()) {
            (value, None) => Ok(value),
            _ => Err(bad_parameter(name, "is given twice")),
        }
    }

    /// A whole number, which may be given once.
    pub(crate) fn number<T: FromStr>(&self, name: &str) -> Result<Option<T>, ErrorResponse> {
        let Some(text) = self.once(name)? else { return Ok(None) };
        text.parse().map(Some).map_err(|_| bad_parameter(name, "is not a number"))
    }

    /// `limit`: the most items in the answer, from 1 to `max`.
    pub(crate) fn limit(&self, default: u32, max: u32) -> Result<u32, ErrorResponse> {
        let Some(text) = self.once("limit")? else { return Ok(default) };
        let limit = text.parse().ok().filter(|limit| (1..=max).contains(limit));
        limit.ok_or_else(|| bad_parameter("limit", &format!("is not a number from 1 to {max}")))
    }

    /// `cursor`: where the page before ended; `None` for the first page.
    pub(crate) fn cursor(&self) -> Result<Option<String>, ErrorResponse> {
        let cursor = self.once("cursor")?.filter(|cursor| !cursor.is_empty());
        if cursor.is_some_and(|cursor| cursor.len() > CURSOR_BYTES_MAX) {
            return Err(ErrorCode::BadCursor.into());
        }
        Ok(cursor.map(str::to_owned))
    }
}

fn decode(text: &str) -> Option<String> {
    let spaced: Vec<u8> = text.bytes().map(|byte| if byte == b'+' { b' ' } else { byte }).collect();
    String::from_utf8(percent_decode(&spaced).collect()).ok()
}

/// 400 with the name of a parameter and the problem with its value.
pub(crate) fn bad_parameter(name: &str, problem: &str) -> ErrorResponse {
    ErrorResponse::because(ErrorCode::BadRequest, format!("The parameter `{name}` {problem}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded_once() {
        let query = Query::parse("a=1&path=x%2520y+z&&b&path=%C3%A9=%26").unwrap();
        let found: Vec<_> = query.0.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(found, [("a", "1"), ("path", "x%20y z"), ("b", ""), ("path", "é=&")]);
        assert_eq!(query.all("path").collect::<Vec<_>>(), ["x%20y z", "é=&"]);
        assert!(Query::parse("a=%FF").is_err());
        for pair in ["a", ""] {
            assert!(Query::parse(&[pair; PARAMETERS_MAX].join("&")).is_ok());
            let refused = Query::parse(&[pair; PARAMETERS_MAX + 1].join("&")).err();
            assert_eq!(refused.map(|error| error.code), Some(ErrorCode::TooLarge));
        }
    }

    #[test]
    fn a_parameter_given_twice_is_refused() {
        let query = Query::parse("a=1&b=2&b=3").unwrap();
        assert_eq!(query.once("a").unwrap(), Some("1"));
        assert_eq!(query.once("c").unwrap(), None);
        assert!(query.once("b").is_err());
    }

    #[test]
    fn a_number_is_whole_and_not_negative() {
        let number = |text: &str| Query::parse(text).unwrap().number::<u64>("n");
        assert_eq!((number("n=7").unwrap(), number("").unwrap()), (Some(7), None));
        assert!(number("n=-1").is_err() && number("n=x").is_err() && number("n=1&n=2").is_err());
    }

    #[test]
    fn limit_and_cursor_are_bounded() {
        let limit = |text: &str| Query::parse(text).unwrap().limit(10, 1000);
        assert_eq!((limit("").unwrap(), limit("limit=5").unwrap()), (10, 5));
        for text in ["limit=0", "limit=1001", "limit=x", "limit=-1", "limit=1&limit=1", "limit=99999999999999999999"] {
            assert!(limit(text).is_err(), "{text}");
        }
        let cursor = |text: &str| Query::parse(text).unwrap().cursor();
        assert_eq!((cursor("cursor=").unwrap(), cursor("cursor=a%20b").unwrap()), (None, Some("a b".into())));
        assert!(cursor(&format!("cursor={}", "x".repeat(CURSOR_BYTES_MAX + 1))).is_err());
    }
}
