//! `VPath`: the type that parses, compares and joins paths, in page, gateway and file server. There is no other parser.
//!
//! A path is a list of segments, and a segment is bytes, because names on Unix need not be UTF-8. Its text, in URLs and
//! JSON, is their percent-encoding: all bytes but the unreserved characters of RFC 3986 §2.3 are encoded, so a path has
//! exactly one canonical text. Segments that could leave a folder (`.`, `..`, an empty one, `/` or NUL inside one) are
//! refused here and nowhere else. Backslash and newline are legal, as on Unix.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::limits::{PATH_BYTES_MAX, PATH_SEGMENTS_MAX};

/// Everything but the unreserved characters of RFC 3986 §2.3.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A path relative to a root: zero or more segments, each of one or more bytes without `/` and NUL, and neither `.` nor
/// `..`. Without segments it is the root itself.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct VPath {
    /// The segments, joined by single slashes, without a slash at either end.
    bytes: Box<[u8]>,
}

/// Why text or bytes are not a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Two slashes in a row, or one at the end.
    #[error("the path has an empty segment")]
    EmptySegment,
    /// A segment is `.` or `..`, encoded or not.
    #[error("the path has a `.` or `..` segment")]
    DotSegment,
    /// A segment contains a slash (as `%2F`) or a NUL byte.
    #[error("the path has a segment with a slash or a NUL byte")]
    ForbiddenByte,
    /// A `%` is not followed by two hexadecimal digits.
    #[error("the path has a malformed percent-encoding")]
    MalformedEncoding,
    /// Longer than [`PATH_BYTES_MAX`] or deeper than [`PATH_SEGMENTS_MAX`].
    #[error("the path is too long")]
    TooLong,
}

impl VPath {
    /// The root.
    pub fn root() -> Self {
        Self::default()
    }

    /// Parses percent-encoded text. One leading slash is allowed, a trailing one is not.
    ///
    /// # Errors
    /// Every [`PathError`].
    pub fn parse(text: &str) -> Result<Self, PathError> {
        let text = text.strip_prefix('/').unwrap_or(text);
        if text.is_empty() {
            return Ok(Self::root());
        }
        let mut bytes = Vec::with_capacity(text.len());
        for (index, segment) in text.split('/').enumerate() {
            if index > 0 {
                bytes.push(b'/');
            }
            check_encoding(segment)?;
            let start = bytes.len();
            bytes.extend(percent_decode_str(segment));
            check_segment(&bytes[start..])?;
        }
        check_length(&bytes)?;
        Ok(Self { bytes: bytes.into() })
    }

    /// From raw segments joined by single slashes, as in the framed protocol.
    ///
    /// # Errors
    /// Every [`PathError`] but [`PathError::MalformedEncoding`].
    pub fn from_bytes(bytes: impl Into<Box<[u8]>>) -> Result<Self, PathError> {
        let bytes = bytes.into();
        if !bytes.is_empty() {
            check_length(&bytes)?;
            bytes.split(|&byte| byte == b'/').try_for_each(check_segment)?;
        }
        Ok(Self { bytes })
    }

    /// The raw segments joined by slashes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// True for the root.
    pub fn is_root(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The segments, outermost first.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = &[u8]> + Clone {
        self.bytes.split(|&byte| byte == b'/').filter(|segment| !segment.is_empty())
    }

    /// The last segment. Empty for the root.
    pub fn name(&self) -> &[u8] {
        self.segments().next_back().unwrap_or_default()
    }

    /// The last segment as text. Bytes that are not UTF-8 become U+FFFD.
    pub fn display_name(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.name())
    }

    /// The parent folder. `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        let end = self.bytes.iter().rposition(|&byte| byte == b'/').unwrap_or(0);
        Some(Self { bytes: self.bytes[..end].into() })
    }

    /// True if this is the path of an entry of `folder`, which is then its [`VPath::parent`]. Allocates nothing.
    pub fn is_in(&self, folder: &Self) -> bool {
        let inner = match self.bytes.strip_prefix(&*folder.bytes) {
            Some(inner) if folder.is_root() => inner,
            Some([b'/', inner @ ..]) => inner,
            _ => return false,
        };
        !inner.is_empty() && !inner.contains(&b'/')
    }

    /// All ancestors, the root first, and this path last.
    pub fn ancestry(&self) -> impl Iterator<Item = Self> + '_ {
        let slashes = self.bytes.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(index, _)| index);
        let ends = (!self.is_root()).then_some(self.bytes.len());
        std::iter::once(0).chain(slashes).chain(ends).map(|end| Self { bytes: self.bytes[..end].into() })
    }

    /// The path of the entry `name` in this folder.
    ///
    /// # Errors
    /// As [`VPath::from_bytes`].
    pub fn join(&self, name: &[u8]) -> Result<Self, PathError> {
        check_segment(name)?;
        let mut bytes = Vec::with_capacity(self.bytes.len() + 1 + name.len());
        bytes.extend_from_slice(&self.bytes);
        if !bytes.is_empty() {
            bytes.push(b'/');
        }
        bytes.extend_from_slice(name);
        check_length(&bytes)?;
        Ok(Self { bytes: bytes.into() })
    }

    /// True if `other` is this path or lies below it. Compares segments, as [`VPath::strip_prefix_of`] does.
    pub fn contains(&self, other: &Self) -> bool {
        self.is_root() || other.bytes.strip_prefix(&*self.bytes).is_some_and(|rest| matches!(rest, [] | [b'/', ..]))
    }

    /// `other` relative to this folder. `None` if it is not below. Compares segments: a prefix of bytes would put
    /// `share2` below `share`.
    pub fn strip_prefix_of(&self, other: &Self) -> Option<Self> {
        if self.is_root() {
            return Some(other.clone());
        }
        match other.bytes.strip_prefix(&*self.bytes)? {
            [] => Some(Self::root()),
            [b'/', rest @ ..] => Some(Self { bytes: rest.into() }),
            _ => None,
        }
    }

    /// The path of `inner`, which is relative to this folder.
    ///
    /// # Errors
    /// [`PathError::TooLong`].
    pub fn join_path(&self, inner: &Self) -> Result<Self, PathError> {
        // The base of most callers.
        if self.is_root() {
            return Ok(inner.clone());
        }
        inner.segments().try_fold(self.clone(), |path, name| path.join(name))
    }

    /// The canonical percent-encoded text. Empty for the root.
    pub fn encoded(&self) -> String {
        let mut text = String::with_capacity(self.bytes.len() + 16);
        for (index, segment) in self.segments().enumerate() {
            if index > 0 {
                text.push('/');
            }
            text.extend(percent_encode(segment, RESERVED));
        }
        text
    }
}

/// The canonical percent-encoded text of one segment.
pub fn encode_segment(segment: &[u8]) -> String {
    percent_encode(segment, RESERVED).to_string()
}

/// The text of [`encode_segment`] in pieces, without an allocation.
pub fn encoded_pieces(segment: &[u8]) -> impl Iterator<Item = &str> {
    percent_encode(segment, RESERVED)
}

/// True if the bytes can be one segment of a path.
pub fn is_name(bytes: &[u8]) -> bool {
    check_segment(bytes).is_ok()
}

/// True if percent-encoded text has `.` segments, and neither a `..` nor an empty segment: its target is the text
/// without them (RFC 3986 §5.2.4). [`VPath::parse`] refuses them all, since a path has one text.
pub fn has_only_redundant_dots(text: &str) -> bool {
    let inner = text.strip_prefix('/').unwrap_or(text);
    let inner = inner.strip_suffix('/').unwrap_or(inner);
    let mut redundant = false;
    for segment in inner.split('/') {
        // Borrows where nothing is encoded: every request comes through here.
        match &*Cow::from(percent_decode_str(segment)) {
            b".." | b"" => return false,
            b"." => redundant = true,
            _ => {}
        }
    }
    redundant
}

fn check_length(bytes: &[u8]) -> Result<(), PathError> {
    let deep = bytes.iter().filter(|&&byte| byte == b'/').count() >= PATH_SEGMENTS_MAX;
    if bytes.len() > PATH_BYTES_MAX || deep { Err(PathError::TooLong) } else { Ok(()) }
}

fn check_segment(segment: &[u8]) -> Result<(), PathError> {
    match segment {
        b"" => Err(PathError::EmptySegment),
        b"." | b".." => Err(PathError::DotSegment),
        _ if segment.contains(&b'/') || segment.contains(&0) => Err(PathError::ForbiddenByte),
        _ => Ok(()),
    }
}

/// Refuses a malformed `%`, which the decoder would keep as it is: a path must have one text.
fn check_encoding(segment: &str) -> Result<(), PathError> {
    let bytes = segment.as_bytes();
    let whole = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'%').all(|(index, _)| {
        matches!(bytes.get(index + 1..index + 3), Some([high, low]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit())
    });
    if whole { Ok(()) } else { Err(PathError::MalformedEncoding) }
}

impl fmt::Display for VPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.encoded())
    }
}

impl fmt::Debug for VPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "VPath({})", self.encoded())
    }
}

impl FromStr for VPath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        Self::parse(text)
    }
}

impl Serialize for VPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.encoded())
    }
}

impl<'de> Deserialize<'de> for VPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<&[u8], PathError>) {
        assert_eq!(VPath::parse(text).as_ref().map(VPath::as_bytes), expected.as_ref().map(|bytes| *bytes));
    }

    #[test]
    fn parse_accepts_paths_and_refuses_others() {
        check("", Ok(b""));
        check("/", Ok(b""));
        check("a/b", Ok(b"a/b"));
        check("/a/b", Ok(b"a/b"));
        check("latin%E9.txt", Ok(b"latin\xe9.txt"));
        check("a\\..\\b", Ok(b"a\\..\\b"));
        check("line%0Afeed", Ok(b"line\nfeed"));
        check("%252e%252e", Ok(b"%2e%2e"));
        check("...", Ok(b"..."));
        check("//a", Err(PathError::EmptySegment));
        check("a//b", Err(PathError::EmptySegment));
        check("a/", Err(PathError::EmptySegment));
        check("a/./b", Err(PathError::DotSegment));
        check("../etc", Err(PathError::DotSegment));
        check("a/%2e%2E/b", Err(PathError::DotSegment));
        check("a%2Fb", Err(PathError::ForbiddenByte));
        check("a%00", Err(PathError::ForbiddenByte));
        check("100%", Err(PathError::MalformedEncoding));
        check("%zz", Err(PathError::MalformedEncoding));
        check(&"x".repeat(PATH_BYTES_MAX + 1), Err(PathError::TooLong));
        check(&vec!["x"; PATH_SEGMENTS_MAX + 1].join("/"), Err(PathError::TooLong));
        assert!(VPath::parse(&vec!["x"; PATH_SEGMENTS_MAX].join("/")).is_ok());
    }

    #[test]
    fn redundant_dots_are_segments_of_one_dot() {
        for text in [".", "a/./b", "/./a", "a/.", "%2e/a", "a/%2E/b/", "./a%2Fb"] {
            assert!(has_only_redundant_dots(text), "{text}");
        }
        for text in
            ["", "a/b", "...", ".a", "a.", "..", "./..", "a/./%2e%2E/b", "%252e", "%2e%2e/.", "//.", ".//a", "a/.//"]
        {
            assert!(!has_only_redundant_dots(text), "{text}");
        }
    }

    #[test]
    fn a_prefix_consists_of_whole_segments() {
        let strip = |folder: &str, path: &str| {
            let (folder, path) = (VPath::parse(folder).unwrap(), VPath::parse(path).unwrap());
            folder.strip_prefix_of(&path).map(|rest| rest.encoded())
        };
        assert_eq!(strip("share", "share/a/b").as_deref(), Some("a/b"));
        assert_eq!(strip("share", "share").as_deref(), Some(""));
        assert_eq!(strip("", "share").as_deref(), Some("share"));
        assert_eq!(strip("share", "share2"), None);
        assert_eq!(strip("share/a", "share"), None);
    }

    #[test]
    fn parents_and_ancestors_have_fewer_segments() {
        let path = VPath::parse("a/b%20c/d").unwrap();
        assert_eq!(path.name(), b"d");
        assert_eq!(path.parent().unwrap().encoded(), "a/b%20c");
        assert_eq!(VPath::root().parent(), None);
        let texts: Vec<_> = path.ancestry().map(|folder| folder.encoded()).collect();
        assert_eq!(texts, ["", "a", "a/b%20c", "a/b%20c/d"]);
        assert_eq!(VPath::root().ancestry().count(), 1);
    }

    #[test]
    fn a_path_is_in_its_parent_alone() {
        let paths = ["", "a", "ab", "a/b", "a/bc", "a/b/c", "ab/c"].map(|text| VPath::parse(text).unwrap());
        for (path, folder) in paths.iter().flat_map(|path| paths.iter().map(move |folder| (path, folder))) {
            assert_eq!(path.is_in(folder), path.parent().as_ref() == Some(folder), "{path:?} in {folder:?}");
        }
    }

    proptest! {
        #[test]
        fn a_path_has_one_text(segments in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..20), 0..6)) {
            let joined = segments.join(&b'/');
            if let Ok(path) = VPath::from_bytes(joined.clone()) {
                prop_assert_eq!(path.as_bytes(), &joined[..]);
                prop_assert_eq!(VPath::parse(&path.encoded()).unwrap(), path.clone());
                prop_assert!(path.segments().all(|segment| segment != b".." && segment != b"."));
            }
        }

        #[test]
        fn parsed_text_has_valid_bytes(text in ".{0,80}") {
            if let Ok(path) = VPath::parse(&text) {
                prop_assert_eq!(VPath::from_bytes(path.as_bytes()).unwrap(), path);
            }
        }
    }
}
