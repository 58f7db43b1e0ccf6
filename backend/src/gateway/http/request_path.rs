//! [`RequestPath`]: the path of an entry in a request's address. It reaches `VPath`, the only parser of paths,
//! undecoded.

use axum::extract::{MatchedPath, Request};
use http::Uri;
use shared::{PathError, VPath};

/// A path in the address, and whether a slash follows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct RequestPath {
    pub path: VPath,
    pub slash: bool,
}

impl RequestPath {
    /// The part of the address that the route's pattern leaves open (`{*path}`); empty for a pattern without one.
    pub(crate) fn of(request: &Request) -> Result<Self, PathError> {
        let pattern = request.extensions().get().map_or("", MatchedPath::as_str);
        let prefix = pattern.strip_suffix("{*path}").unwrap_or(pattern);
        Self::below(request.uri(), prefix.strip_suffix('/').unwrap_or(prefix))
    }

    fn below(uri: &Uri, prefix: &str) -> Result<Self, PathError> {
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, expected: Result<(&str, bool), PathError>) {
        let uri = Uri::try_from(path).unwrap();
        let target = RequestPath::below(&uri, "/files").map(|target| (target.path.encoded(), target.slash));
        assert_eq!(target, expected.map(|(path, slash)| (path.to_owned(), slash)), "{path}");
    }

    #[test]
    fn paths_are_parsed_below_the_prefix() {
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
}
