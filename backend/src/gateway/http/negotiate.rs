//! Content negotiation: media types (RFC 9110 §12.5.1) and codings (§12.5.3), by their q-values. Pure.

use http::HeaderMap;
use http::header::{ACCEPT, ACCEPT_ENCODING, HeaderName};

/// A content coding of a stored asset, densest first.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Coding {
    Brotli,
    Gzip,
    Identity,
}

impl Coding {
    /// The name of the coding in header fields.
    pub(crate) fn token(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
            Self::Identity => "identity",
        }
    }
}

/// q-values are scaled to 0..=1000.
const FULL: u16 = 1000;

/// The best of the available codings. A client that refuses `identity` still gets it rather than an error, which RFC
/// 9110 §12.5.3 permits.
pub(crate) fn coding(headers: &HeaderMap, available: &[Coding]) -> Coding {
    let wanted = elements(headers, ACCEPT_ENCODING);
    if wanted.is_empty() {
        return Coding::Identity;
    }
    let weight = |coding: Coding| {
        let named = wanted.iter().find(|(name, _)| name.eq_ignore_ascii_case(coding.token()));
        let any = wanted.iter().find(|(name, _)| *name == "*");
        match (named.or(any), coding) {
            (Some((_, weight)), _) => *weight,
            // `identity` is acceptable without being named, after every named coding.
            (None, Coding::Identity) => 1,
            (None, _) => 0,
        }
    };
    let mut best = (Coding::Identity, weight(Coding::Identity));
    // At equal weight the denser coding wins; it comes first in `available`.
    for &coding in available.iter().rev() {
        let weight = weight(coding);
        if weight > 0 && weight >= best.1 {
            best = (coding, weight);
        }
    }
    best.0
}

/// True if the client accepts the media type `type/subtype`.
pub(crate) fn accepts(headers: &HeaderMap, media_type: &str) -> bool {
    weight_of(&elements(headers, ACCEPT), media_type) > 0
}

/// The index of the media type that the client prefers, the first one if it has no preference; `None` if it accepts
/// none of them.
pub(crate) fn preferred(headers: &HeaderMap, media_types: &[&str]) -> Option<usize> {
    let wanted = elements(headers, ACCEPT);
    let mut best = (None, 0);
    for (index, media_type) in media_types.iter().enumerate() {
        let weight = weight_of(&wanted, media_type);
        if weight > best.1 {
            best = (Some(index), weight);
        }
    }
    best.0
}

fn weight_of(wanted: &[(&str, u16)], media_type: &str) -> u16 {
    if wanted.is_empty() {
        return FULL;
    }
    let (kind, _) = media_type.split_once('/').unwrap_or((media_type, ""));
    // The most specific media range takes precedence (RFC 9110 §12.5.1).
    let specificity = |range: &str| match range.split_once('/') {
        _ if range.eq_ignore_ascii_case(media_type) => Some(2),
        Some((wanted, "*")) if wanted.eq_ignore_ascii_case(kind) => Some(1),
        Some(("*", "*")) => Some(0),
        _ => None,
    };
    let ranked = wanted.iter().filter_map(|(range, weight)| Some((specificity(range)?, *weight)));
    ranked.max().map_or(0, |(_, weight)| weight)
}

/// The elements of a list of weighted tokens. Parameters other than `q` are ignored.
pub(super) fn elements(headers: &HeaderMap, name: HeaderName) -> Vec<(&str, u16)> {
    let lines = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(',')).filter_map(element).collect()
}

fn element(text: &str) -> Option<(&str, u16)> {
    let mut parts = text.split(';').map(str::trim);
    let token = parts.next().filter(|token| !token.is_empty())?;
    let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    Some((token, weight.map_or(FULL, parse_weight)))
}

/// `0`, `0.5`, `1.000`; a malformed weight counts as 0.
fn parse_weight(text: &str) -> u16 {
    match text.trim().parse::<f32>() {
        // The clamped product lies between 0 and 1000.
        Ok(weight) if weight.is_finite() => (weight.clamp(0.0, 1.0) * f32::from(FULL)) as u16,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    const ALL: &[Coding] = &[Coding::Brotli, Coding::Gzip];

    fn headers(name: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn the_coding_with_the_highest_weight_is_chosen() {
        let check = |value, available, expected| {
            assert_eq!(coding(&headers(ACCEPT_ENCODING, value), available), expected, "{value}");
        };
        check("gzip, deflate, br, zstd", ALL, Coding::Brotli);
        check("gzip, br", &[Coding::Gzip], Coding::Gzip);
        check("gzip, br", &[], Coding::Identity);
        check("br;q=0.5, gzip", ALL, Coding::Gzip);
        check("br;q=0, gzip;q=0", ALL, Coding::Identity);
        check("*", ALL, Coding::Brotli);
        check("*;q=0.1, gzip;q=0.9", ALL, Coding::Gzip);
        check("identity, gzip;q=0.5", ALL, Coding::Identity);
        check("identity;q=0", ALL, Coding::Identity);
        check("GZIP", ALL, Coding::Gzip);
        check("br;q=high", ALL, Coding::Identity);
        check("", ALL, Coding::Identity);
        assert_eq!(coding(&HeaderMap::new(), ALL), Coding::Identity);
    }

    #[test]
    fn the_most_specific_range_decides() {
        let check = |value, expected| {
            assert_eq!(accepts(&headers(ACCEPT, value), "application/json"), expected, "{value}");
        };
        check("application/json", true);
        check("Application/JSON; charset=utf-8", true);
        check("application/*", true);
        check("text/html, */*;q=0.8", true);
        check("text/html", false);
        check("application/json;q=0", false);
        check("*/*, application/json;q=0", false);
        check("application/json;q=0.1, */*;q=0", true);
        assert!(accepts(&HeaderMap::new(), "application/json"));
    }

    proptest! {
        #[test]
        fn no_header_panics(value in "[ -~]{0,60}") {
            coding(&headers(ACCEPT_ENCODING, &value), ALL);
            accepts(&headers(ACCEPT, &value), "application/json");
        }
    }
}
