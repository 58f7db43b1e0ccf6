//! What a handler takes from a request: the path, raw, for the one parser there is; parameters; the caller. Pure.

use http::Uri;
use percent_encoding::percent_decode;
use shared::{ErrorCode, PathError, VPath};

use super::problem::Refusal;

/// A path in the address, and whether a slash stands after it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Target {
    pub path: VPath,
    pub slash: bool,
}

impl Target {
    /// What stands after `prefix` in the address. No framework has decoded it: `VPath` does, once.
    pub(crate) fn below(uri: &Uri, prefix: &str) -> Result<Self, PathError> {
        let rest = uri.path().strip_prefix(prefix).unwrap_or_default();
        if rest.ends_with("//") {
            return Err(PathError::EmptySegment);
        }
        let (text, slash) = match rest.strip_suffix('/') {
            Some(text) => (text, true),
            None => (rest, false),
        };
        Ok(Self { path: VPath::parse(text)?, slash })
    }

    /// Where a slash has no meaning of its own.
    pub(crate) fn path_below(uri: &Uri, prefix: &str) -> Result<VPath, Refusal> {
        Ok(Self::below(uri, prefix)?.path)
    }
}

/// The parameters of a query or of a form (`application/x-www-form-urlencoded`), in order.
///
/// # Errors
/// [`ErrorCode::BadRequest`] for one that is not UTF-8 once decoded.
pub(crate) fn parameters(text: &str) -> Result<Vec<(String, String)>, Refusal> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    let decoded = pairs.map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Some((decode(name)?, decode(value)?))
    });
    decoded.collect::<Option<_>>().ok_or_else(|| {
        let sentence = "A parameter is not UTF-8. A path is written percent-encoded and then encoded once more, as every parameter is.";
        Refusal::because(ErrorCode::BadRequest, sentence)
    })
}

fn decode(text: &str) -> Option<String> {
    let spaced: Vec<u8> = text.bytes().map(|byte| if byte == b'+' { b' ' } else { byte }).collect();
    String::from_utf8(percent_decode(&spaced).collect()).ok()
}

/// A parameter that may be given once.
pub(crate) fn once<'a>(parameters: &'a [(String, String)], name: &str) -> Result<Option<&'a str>, Refusal> {
    let mut values = parameters.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str());
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        _ => Err(bad_parameter(name, "is given twice")),
    }
}

/// 400, with the name of the parameter and what is wrong with it.
pub(crate) fn bad_parameter(name: &str, problem: &str) -> Refusal {
    Refusal::because(ErrorCode::BadRequest, format!("The parameter `{name}` {problem}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, expected: Result<(&str, bool), PathError>) {
        let uri = Uri::try_from(path).unwrap();
        let target = Target::below(&uri, "/files").map(|target| (target.path.encoded(), target.slash));
        assert_eq!(target, expected.map(|(path, slash)| (path.to_owned(), slash)), "{path}");
    }

    #[test]
    fn targets() {
        check("/files", Ok(("", false)));
        check("/files/", Ok(("", true)));
        check("/files/a", Ok(("a", false)));
        check("/files/a/?x=/b", Ok(("a", true)));
        check("/files/a%20b/caf%C3%A9", Ok(("a%20b/caf%C3%A9", false)));
        check("/files/%252e%252e/a", Ok(("%252e%252e/a", false)));
        check("/files/a%3Fb", Ok(("a%3Fb", false)));
        check("/files//", Err(PathError::EmptySegment));
        check("/files//a", Err(PathError::EmptySegment));
        check("/files/a//", Err(PathError::EmptySegment));
        check("/files//evil.example/", Err(PathError::EmptySegment));
        check("/files/../a", Err(PathError::DotSegment));
        check("/files/%2e%2e/a", Err(PathError::DotSegment));
        check("/files/a/..", Err(PathError::DotSegment));
        check("/files/a/../", Err(PathError::DotSegment));
        check("/files/a%2Fb", Err(PathError::ForbiddenByte));
        check("/files/a%00", Err(PathError::ForbiddenByte));
        check("/files/100%", Err(PathError::MalformedEncoding));
    }

    #[test]
    fn parameters_are_decoded_once() {
        let found = parameters("a=1&path=x%2520y+z&&b&path=%C3%A9=%26").unwrap();
        let found: Vec<_> = found.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(found, [("a", "1"), ("path", "x%20y z"), ("b", ""), ("path", "é=&")]);
        assert!(parameters("a=%FF").is_err());
    }

    #[test]
    fn a_parameter_given_twice_is_refused() {
        let found = parameters("a=1&b=2&b=3").unwrap();
        assert_eq!(once(&found, "a").unwrap(), Some("1"));
        assert_eq!(once(&found, "c").unwrap(), None);
        assert!(once(&found, "b").is_err());
    }
}
