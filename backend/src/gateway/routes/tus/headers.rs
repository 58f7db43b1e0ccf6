//! The header fields of tus 1.0.0. Pure.

use http::{HeaderMap, HeaderName, HeaderValue};
use shared::limits::UPLOAD_PARTS_MAX;
use shared::{Algorithm, Checksum, ErrorCode, UploadId};

use crate::gateway::http::headers::decode_base64;
use crate::gateway::http::problem::ErrorResponse;

pub(crate) const RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
pub(super) const VERSION: HeaderName = HeaderName::from_static("tus-version");
pub(super) const EXTENSION: HeaderName = HeaderName::from_static("tus-extension");
pub(super) const MAX_SIZE: HeaderName = HeaderName::from_static("tus-max-size");
pub(super) const CHECKSUM_ALGORITHM: HeaderName = HeaderName::from_static("tus-checksum-algorithm");
pub(super) const OFFSET: HeaderName = HeaderName::from_static("upload-offset");
pub(super) const LENGTH: HeaderName = HeaderName::from_static("upload-length");
pub(super) const DEFER_LENGTH: HeaderName = HeaderName::from_static("upload-defer-length");
pub(super) const METADATA: HeaderName = HeaderName::from_static("upload-metadata");
pub(super) const EXPIRES: HeaderName = HeaderName::from_static("upload-expires");
pub(super) const CHECKSUM: HeaderName = HeaderName::from_static("upload-checksum");
pub(super) const CONCAT: HeaderName = HeaderName::from_static("upload-concat");
pub(crate) const METHOD_OVERRIDE: HeaderName = HeaderName::from_static("x-http-method-override");

/// The address of all uploads.
pub(super) const BASE: &str = "/api/v1/uploads";

/// The only version of tus that is supported.
pub(crate) const VERSIONS: HeaderValue = HeaderValue::from_static("1.0.0");
pub(super) const EXTENSIONS: HeaderValue = HeaderValue::from_static(
    "creation,creation-with-upload,creation-defer-length,expiration,termination,checksum,concatenation",
);
/// The media type of request bodies with bytes of an upload.
pub(super) const OFFSET_STREAM: &str = "application/offset+octet-stream";

/// The length of an upload, as its creation announces it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Length {
    Known(u64),
    /// A later request tells the length.
    Deferred,
}

/// The value of `Upload-Concat`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Concat {
    /// An upload that becomes a file.
    No,
    /// A part of another upload.
    Partial,
    /// An upload that joins these parts, in this order.
    Final(Vec<UploadId>),
}

/// 412 for a client of another version, or without a version.
pub(super) fn check_version(headers: &HeaderMap) -> Result<(), ErrorResponse> {
    if headers.get(RESUMABLE) == Some(&VERSIONS) {
        return Ok(());
    }
    Err(ErrorResponse::new(ErrorCode::UnsupportedVersion).header(VERSION, VERSIONS))
}

/// `Upload-Offset`.
pub(super) fn offset(headers: &HeaderMap) -> Result<u64, ErrorResponse> {
    number(headers, OFFSET)?.ok_or_else(|| malformed("Upload-Offset must be the position of the first byte."))
}

/// `Upload-Length` of a request that completes a deferred length.
pub(super) fn total(headers: &HeaderMap) -> Result<Option<u64>, ErrorResponse> {
    number(headers, LENGTH)
}

/// `Upload-Length`, or `Upload-Defer-Length: 1`.
pub(super) fn length(headers: &HeaderMap) -> Result<Length, ErrorResponse> {
    match (number(headers, LENGTH)?, text(headers, DEFER_LENGTH)?) {
        (Some(length), None) => Ok(Length::Known(length)),
        (None, Some("1")) => Ok(Length::Deferred),
        _ => Err(malformed("A new upload needs either Upload-Length or `Upload-Defer-Length: 1`.")),
    }
}

/// `Upload-Concat`.
pub(super) fn concat(headers: &HeaderMap) -> Result<Concat, ErrorResponse> {
    match text(headers, CONCAT)? {
        None => Ok(Concat::No),
        Some("partial") => Ok(Concat::Partial),
        Some(text) => {
            let list = text.strip_prefix("final;").ok_or_else(not_concat)?;
            let parts: Vec<_> =
                list.split_ascii_whitespace().map(part).collect::<Option<_>>().ok_or_else(not_concat)?;
            if parts.is_empty() {
                return Err(not_concat());
            }
            if parts.len() > UPLOAD_PARTS_MAX {
                let sentence = format!("An upload joins at most {UPLOAD_PARTS_MAX} others.");
                return Err(ErrorResponse::because(ErrorCode::TooLarge, sentence));
            }
            Ok(Concat::Final(parts))
        }
    }
}

/// The id in the last segment of an upload's address, absolute or relative: the host and prefix that clients use are
/// not known here.
fn part(address: &str) -> Option<UploadId> {
    UploadId::parse(address.rsplit('/').next()?)
}

/// The value of `Upload-Concat` in the answer to HEAD.
pub(super) fn concat_of(is_part: bool, parts: &[UploadId]) -> Option<String> {
    match (is_part, parts) {
        (_, [_, ..]) => {
            let list: Vec<_> = parts.iter().map(|part| format!("{}/{part}", BASE)).collect();
            Some(format!("final;{}", list.join(" ")))
        }
        (true, []) => Some("partial".into()),
        (false, []) => None,
    }
}

/// `Upload-Checksum`: an algorithm and a digest in Base64.
pub(super) fn checksum(headers: &HeaderMap) -> Result<Option<Checksum>, ErrorResponse> {
    let Some(text) = text(headers, CHECKSUM)? else { return Ok(None) };
    let malformed = || malformed("Upload-Checksum must be the name of an algorithm, a space, and a digest in Base64.");
    let (name, digest) = text.split_once(' ').ok_or_else(malformed)?;
    let algorithm = Algorithm::ALL.into_iter().find(|algorithm| algorithm.tus_name() == name).ok_or_else(|| {
        let sentence = format!("The algorithm of Upload-Checksum is none of {}.", algorithms());
        ErrorResponse::because(ErrorCode::BadRequest, sentence)
    })?;
    let digest = decode_base64(digest.trim()).filter(|digest| digest.len() == algorithm.length());
    Ok(Some(Checksum { algorithm, digest: digest.ok_or_else(malformed)? }))
}

/// The value of `Tus-Checksum-Algorithm`.
pub(super) fn algorithms() -> String {
    Algorithm::ALL.map(Algorithm::tus_name).join(",")
}

/// A decimal number that is at most the longest length of a file.
fn number(headers: &HeaderMap, name: HeaderName) -> Result<Option<u64>, ErrorResponse> {
    let Some(text) = text(headers, name.clone())? else { return Ok(None) };
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.then(|| text.parse().ok()).flatten().filter(|number| i64::try_from(*number).is_ok());
    number.map(Some).ok_or_else(|| malformed(&format!("{name} must be a number of bytes, and no file is so long.")))
}

/// The value of a field that must not be repeated.
fn text(headers: &HeaderMap, name: HeaderName) -> Result<Option<&str>, ErrorResponse> {
    let mut values = headers.get_all(&name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => {
            value.to_str().map(|text| Some(text.trim())).map_err(|_| malformed(&format!("{name} is not plain text.")))
        }
        _ => Err(malformed(&format!("{name} is there twice."))),
    }
}

fn not_concat() -> ErrorResponse {
    malformed("Upload-Concat must be `partial`, or `final;` and the addresses of uploads with spaces between them.")
}

fn malformed(sentence: &str) -> ErrorResponse {
    ErrorResponse::because(ErrorCode::BadRequest, sentence)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn headers(fields: &[(HeaderName, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(name.clone(), HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        headers
    }

    fn code<T>(result: Result<T, ErrorResponse>) -> Option<ErrorCode> {
        result.err().map(|error| error.code)
    }

    #[test]
    fn one_version_is_supported() {
        assert!(check_version(&headers(&[(RESUMABLE, "1.0.0")])).is_ok());
        for fields in [vec![], vec![(RESUMABLE, "0.2.2")], vec![(RESUMABLE, "1.0.0 ")], vec![(RESUMABLE, "")]] {
            assert_eq!(code(check_version(&headers(&fields))), Some(ErrorCode::UnsupportedVersion), "{fields:?}");
        }
    }

    #[test]
    fn numbers_are_decimal_and_at_most_the_longest_file() {
        assert_eq!(offset(&headers(&[(OFFSET, "0")])).unwrap(), 0);
        assert_eq!(offset(&headers(&[(OFFSET, "9223372036854775807")])).unwrap(), i64::MAX as u64);
        for text in ["", "-1", "+1", "1.5", "0x10", "1e3", "9223372036854775808", "18446744073709551616", "é"] {
            assert_eq!(code(offset(&headers(&[(OFFSET, text)]))), Some(ErrorCode::BadRequest), "{text}");
        }
        assert!(offset(&headers(&[])).is_err());
        assert!(offset(&headers(&[(OFFSET, "1"), (OFFSET, "1")])).is_err());
    }

    #[test]
    fn a_length_is_known_or_deferred() {
        assert_eq!(length(&headers(&[(LENGTH, "5")])).unwrap(), Length::Known(5));
        assert_eq!(length(&headers(&[(DEFER_LENGTH, "1")])).unwrap(), Length::Deferred);
        for fields in [vec![], vec![(DEFER_LENGTH, "0")], vec![(LENGTH, "5"), (DEFER_LENGTH, "1")]] {
            assert!(length(&headers(&fields)).is_err(), "{fields:?}");
        }
    }

    #[test]
    fn parts_are_named_by_address() {
        let id = "1f".repeat(16);
        let concat = |text: &str| concat(&headers(&[(CONCAT, text)]));
        let ids = vec![UploadId([0x1f; 16]); 2];
        let text = format!("final;/api/v1/uploads/{id} http://a.example/x/{id}");
        assert_eq!(concat(&text).unwrap(), Concat::Final(ids.clone()));
        assert_eq!(concat("partial").unwrap(), Concat::Partial);
        assert_eq!(super::concat(&headers(&[])).unwrap(), Concat::No);
        for text in ["", "final", "final;", "final; ", "final;/api/v1/uploads/", "partial;", "final;../etc"] {
            assert_eq!(code(concat(text)), Some(ErrorCode::BadRequest), "{text}");
        }
        let many = format!("final;{}", format!("{id} ").repeat(UPLOAD_PARTS_MAX + 1));
        assert_eq!(code(concat(&many)), Some(ErrorCode::TooLarge));
        let said = concat_of(false, &ids).unwrap();
        assert_eq!(concat(&said).unwrap(), Concat::Final(ids));
        assert_eq!(concat_of(true, &[]).as_deref(), Some("partial"));
        assert_eq!(concat_of(false, &[]), None);
    }

    #[test]
    fn checksums_have_their_algorithms_length() {
        let checksum = |text: &str| checksum(&headers(&[(CHECKSUM, text)]));
        // The example of the specification.
        let found = checksum("sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=").unwrap().unwrap();
        assert_eq!((found.algorithm, found.digest.len()), (Algorithm::Sha1, 20));
        assert_eq!(checksum("crc32 AAAAAA==").unwrap().unwrap().algorithm, Algorithm::Crc32);
        for text in ["", "sha1", "sha1 ", "sha1 AAAA", "md5 AAAA", "SHA1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=", "sha1 !"] {
            assert_eq!(code(checksum(text)), Some(ErrorCode::BadRequest), "{text}");
        }
        assert_eq!(algorithms(), "blake3,crc32,sha256,sha1");
    }

    proptest! {
        #[test]
        fn no_field_panics(text in "[ -~]{0,60}") {
            let fields = headers(&[(OFFSET, &text), (LENGTH, &text), (CONCAT, &text), (CHECKSUM, &text)]);
            let _ = (offset(&fields), length(&fields), concat(&fields), checksum(&fields));
        }
    }
}
