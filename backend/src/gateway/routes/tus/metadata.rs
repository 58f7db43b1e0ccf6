//! `Upload-Metadata`: properties of the file that an upload is to become. Pure.

use std::collections::HashSet;

use http::HeaderMap;
use shared::change::UnknownConflict;
use shared::hex;
use shared::limits::UPLOAD_METADATA_BYTES_MAX;
use shared::{Algorithm, Conflict, ErrorCode, Timestamp, VPath};

use super::headers::METADATA;
use crate::gateway::http::headers::decode_base64;
use crate::gateway::http::problem::ErrorResponse;

/// Most keys: clients send five or so.
const KEYS_MAX: usize = 64;

/// The known keys of the metadata.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Metadata {
    /// The text as it was sent; the client gets it back.
    pub text: String,
    /// `path`, or `filename` in the root.
    pub target: Option<VPath>,
    /// `mtime`, in milliseconds since 1970.
    pub modified: Option<Timestamp>,
    /// `blake3`, in hexadecimal digits.
    pub blake3: Option<Vec<u8>>,
    /// `conflict`.
    pub conflict: Option<Conflict>,
}

impl Metadata {
    /// Keys with values in Base64 (extension `creation`). Unknown keys are the client's own.
    pub(super) fn read(headers: &HeaderMap) -> Result<Self, ErrorResponse> {
        let mut values = headers.get_all(METADATA).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return if headers.contains_key(METADATA) { Err(malformed()) } else { Ok(Self::default()) };
        };
        let text = value.to_str().map_err(|_| malformed())?.trim();
        if text.len() > UPLOAD_METADATA_BYTES_MAX {
            let sentence = format!("Upload-Metadata may have at most {UPLOAD_METADATA_BYTES_MAX} bytes.");
            return Err(ErrorResponse::because(ErrorCode::TooLarge, sentence));
        }
        let pairs = pairs(text)?;
        let find = |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_slice());
        Ok(Self {
            text: text.to_owned(),
            target: target(find("path"), find("filename"))?,
            modified: find("mtime").map(modified).transpose()?,
            blake3: find("blake3").map(blake3).transpose()?,
            conflict: find("conflict").map(conflict).transpose()?,
        })
    }
}

fn pairs(text: &str) -> Result<Vec<(&str, Vec<u8>)>, ErrorResponse> {
    let (mut pairs, mut keys) = (Vec::new(), HashSet::new());
    for pair in text.split(',').map(str::trim) {
        // Some clients end the list with a comma, or send an empty one.
        if pair.is_empty() {
            continue;
        }
        let (key, value) = pair.split_once(' ').unwrap_or((pair, ""));
        let value = decode_base64(value.trim()).ok_or_else(malformed)?;
        if keys.len() == KEYS_MAX || !keys.insert(key) {
            return Err(malformed());
        }
        pairs.push((key, value));
    }
    Ok(pairs)
}

/// `path` takes precedence over `filename`, whose bytes are not percent-decoded.
fn target(path: Option<&[u8]>, name: Option<&[u8]>) -> Result<Option<VPath>, ErrorResponse> {
    let target = match (path, name) {
        (Some(path), _) => {
            let text = std::str::from_utf8(path);
            VPath::parse(text.map_err(|_| wrong("path", "is not the percent-encoded text of a path"))?)?
        }
        (None, Some(name)) => VPath::root().join(name)?,
        (None, None) => return Ok(None),
    };
    if target.is_root() {
        return Err(wrong("path", "names no file"));
    }
    Ok(Some(target))
}

fn modified(value: &[u8]) -> Result<Timestamp, ErrorResponse> {
    let number = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
    number.map(Timestamp::from_milliseconds).ok_or_else(|| wrong("mtime", "is not a number of milliseconds since 1970"))
}

fn blake3(value: &[u8]) -> Result<Vec<u8>, ErrorResponse> {
    let digest = hex::decode(value).filter(|digest| digest.len() == Algorithm::Blake3.length());
    digest.ok_or_else(|| wrong("blake3", "is not 64 hexadecimal digits"))
}

fn conflict(value: &[u8]) -> Result<Conflict, ErrorResponse> {
    String::from_utf8_lossy(value).parse().map_err(|unknown: UnknownConflict| wrong("conflict", &unknown.to_string()))
}

fn wrong(key: &str, problem: &str) -> ErrorResponse {
    ErrorResponse::because(ErrorCode::BadRequest, format!("The value of `{key}` in Upload-Metadata {problem}."))
}

fn malformed() -> ErrorResponse {
    let sentence =
        "Upload-Metadata must be at most 64 keys, each once, with commas between and a value in Base64 after a space.";
    ErrorResponse::because(ErrorCode::BadRequest, sentence)
}

#[cfg(test)]
mod tests {
    use base64::prelude::{BASE64_STANDARD, Engine};
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<Metadata, ErrorCode> {
        let headers = HeaderMap::from_iter([(METADATA, HeaderValue::from_str(text).unwrap())]);
        Metadata::read(&headers).map_err(|error| error.code)
    }

    fn pair(key: &str, value: &[u8]) -> String {
        format!("{key} {}", BASE64_STANDARD.encode(value))
    }

    #[track_caller]
    fn target(key: &str, value: &[u8], expected: Result<&str, ErrorCode>) {
        let found = read(&pair(key, value)).map(|metadata| metadata.target.unwrap().encoded());
        assert_eq!(found, expected.map(str::to_owned), "{key} {}", String::from_utf8_lossy(value));
    }

    #[test]
    fn there_are_few_keys() {
        let text = |keys: usize| (0..keys).map(|key| format!("k{key} ")).collect::<Vec<_>>().join(",");
        assert!(read(&text(KEYS_MAX)).is_ok());
        assert_eq!(read(&text(KEYS_MAX + 1)).err(), Some(ErrorCode::BadRequest));
    }

    #[test]
    fn all_known_keys_are_read() {
        let digest = [0xaf; 32];
        let text = [
            pair("path", b"docs/caf%C3%A9.txt"),
            pair("filename", b"other"),
            pair("mtime", b"1700000000123"),
            pair("blake3", shared::hex::encode(&digest).as_bytes()),
            pair("conflict", b"keep_both"),
            "is_confidential".to_owned(),
        ]
        .join(", ");
        let metadata = read(&text).unwrap();
        assert_eq!(metadata.target, Some(VPath::parse("docs/caf%C3%A9.txt").unwrap()));
        assert_eq!(metadata.modified, Some(Timestamp::from_milliseconds(1_700_000_000_123)));
        assert_eq!(metadata.blake3.as_deref(), Some(&digest[..]));
        assert_eq!(metadata.conflict, Some(Conflict::KeepBoth));
        assert_eq!(metadata.text, text);
        assert_eq!(Metadata::read(&HeaderMap::new()).unwrap(), Metadata::default());
        assert_eq!(read("").unwrap().target, None);
    }

    #[test]
    fn a_path_is_encoded_and_a_name_is_not() {
        target("path", b"/a/b%20c", Ok("a/b%20c"));
        target("filename", "café %41.txt".as_bytes(), Ok("caf%C3%A9%20%2541.txt"));
        target("filename", b"latin\xe9.txt", Ok("latin%E9.txt"));
        target("filename", b"a\r\nSet-Cookie: x=y", Ok("a%0D%0ASet-Cookie%3A%20x%3Dy"));
        for path in ["..", "a/../b", "%2e%2e/a", "a//b", "a%00", "a%2fb", "/a/", "%", "."] {
            target("path", path.as_bytes(), Err(ErrorCode::BadPath));
        }
        for name in [&b".."[..], b"/etc/passwd", b"a/b", b"a\0b", b""] {
            target("filename", name, Err(ErrorCode::BadPath));
        }
        target("path", b"latin\xe9", Err(ErrorCode::BadRequest));
        target("path", b"/", Err(ErrorCode::BadRequest));
        target("filename", &[b'x'; 5000], Err(ErrorCode::BadPath));
    }

    #[test]
    fn malformed_metadata_is_refused() {
        let twice = [pair("a", b"1"), pair("a", b"2")].join(",");
        for text in ["a !", "a b c", twice.as_str()] {
            assert_eq!(read(text), Err(ErrorCode::BadRequest), "{text}");
        }
        for (key, value) in [("mtime", "soon"), ("mtime", ""), ("blake3", "af"), ("conflict", "Replace")] {
            assert_eq!(read(&pair(key, value.as_bytes())), Err(ErrorCode::BadRequest), "{key} {value}");
        }
        assert_eq!(read(&pair("x", &[7; UPLOAD_METADATA_BYTES_MAX])), Err(ErrorCode::TooLarge));
    }

    proptest! {
        #[test]
        fn no_metadata_panics(text in "[ -~]{0,80}") {
            let _ = read(&text);
        }
    }
}
