//! [`Language`]: the language of a page that the gateway writes, by `Accept-Language` (RFC 9110 §12.5.4). Pure.

use http::HeaderMap;
use http::header::ACCEPT_LANGUAGE;

use super::negotiate::elements;

/// A language of the pages.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Language {
    #[default]
    English,
    French,
}

impl Language {
    /// The language with the highest weight; of equal weights the one that is named first, as browsers order them.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut best = (Self::English, 0);
        for (range, weight) in elements(headers, ACCEPT_LANGUAGE) {
            if let Some(language) = Self::of_range(range).filter(|_| weight > best.1) {
                best = (language, weight);
            }
        }
        best.0
    }

    /// The language of a range such as `fr-CA`.
    fn of_range(range: &str) -> Option<Self> {
        let primary = range.split('-').next().unwrap_or(range);
        [Self::English, Self::French].into_iter().find(|language| primary.eq_ignore_ascii_case(language.tag()))
    }

    /// The language tag (RFC 5646).
    pub(crate) fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::French => "fr",
        }
    }

    /// The text of this language.
    pub(crate) fn pick<T>(self, english: T, french: T) -> T {
        match self {
            Self::English => english,
            Self::French => french,
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_language_with_the_highest_weight_is_chosen() {
        let check = |value: &'static str, expected| {
            let headers = HeaderMap::from_iter([(ACCEPT_LANGUAGE, HeaderValue::from_static(value))]);
            assert_eq!(Language::of(&headers), expected, "{value}");
        };
        check("fr", Language::French);
        check("fr-CA, fr;q=0.9, en;q=0.8", Language::French);
        check("FR", Language::French);
        check("en-GB, en;q=0.9, fr;q=0.8", Language::English);
        check("en;q=0.5, fr;q=0.9", Language::French);
        check("fr, en", Language::French);
        check("de, fr;q=0.5", Language::French);
        check("fr;q=0", Language::English);
        check("de", Language::English);
        check("frr", Language::English);
        check("*", Language::English);
        check("", Language::English);
        assert_eq!(Language::of(&HeaderMap::new()), Language::English);
    }
}
