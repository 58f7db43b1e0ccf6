//! Digests of content in header fields (RFC 9530): what a request's bytes should come to, what a client wants to know of
//! a file's, and how it is told. Pure.

use base64::prelude::{BASE64_STANDARD, Engine};
use http::{HeaderMap, HeaderName};
use shared::{Algorithm, Checksum, Digests, ErrorCode};

use super::headers::decode_base64;
use super::problem::ErrorResponse;

/// The name of BLAKE3 in these fields. The registry has none for it; other algorithms are ignored by whoever does not
/// know them.
const BLAKE3: &str = "blake3";
const SHA256: &str = "sha-256";

/// What the whole content of a file comes to.
pub(crate) const REPR_DIGEST: HeaderName = HeaderName::from_static("repr-digest");
/// Which of those a client wants to be told.
const WANT_REPR_DIGEST: HeaderName = HeaderName::from_static("want-repr-digest");

const FIELDS: [HeaderName; 2] = [REPR_DIGEST, HeaderName::from_static("content-digest")];

/// Which digests of a file a request wants to be told (`Want-Repr-Digest`), of those that the server can make. What is
/// malformed is ignored, as a preference may be.
pub(crate) fn asked_for(headers: &HeaderMap) -> Vec<Algorithm> {
    let fields = headers.get_all(WANT_REPR_DIGEST);
    let named = |algorithm: Algorithm| {
        let texts = fields.iter().filter_map(|value| value.to_str().ok());
        texts.flat_map(|text| text.split(',')).any(|member| {
            let (name, preference) = member.trim().split_once('=').unwrap_or((member.trim(), "0"));
            // 0 stands for "not that one" (RFC 9530 §4).
            Some(name) == field_name(algorithm) && matches!(preference.parse(), Ok(1..=10_u8))
        })
    };
    [Algorithm::Blake3, Algorithm::Sha256].into_iter().filter(|algorithm| named(*algorithm)).collect()
}

/// The value of `Repr-Digest`; none where nothing is known that has a name in it.
pub(crate) fn field(digests: &Digests) -> Option<String> {
    let member = |checksum: &Checksum| {
        field_name(checksum.algorithm).map(|name| format!("{name}=:{}:", BASE64_STANDARD.encode(&checksum.digest)))
    };
    let members: Vec<_> = digests.known.iter().filter_map(member).collect();
    (!members.is_empty()).then(|| members.join(", "))
}

fn field_name(algorithm: Algorithm) -> Option<&'static str> {
    match algorithm {
        Algorithm::Blake3 => Some(BLAKE3),
        Algorithm::Sha256 => Some(SHA256),
        Algorithm::Crc32 | Algorithm::Sha1 => None,
    }
}

/// The strongest digest that the request names and the server can check; without `Content-Encoding` both fields mean the
/// same bytes.
pub(crate) fn wanted(headers: &HeaderMap) -> Result<Option<Checksum>, ErrorResponse> {
    strongest(headers, &FIELDS)
}

/// The BLAKE3 digest of a whole file of which a request brings a piece: `Repr-Digest` alone, for `Content-Digest` would be
/// that of the piece. Other algorithms are ignored.
pub(crate) fn of_whole(headers: &HeaderMap) -> Result<Option<Vec<u8>>, ErrorResponse> {
    let found = strongest(headers, &FIELDS[..1])?;
    Ok(found.filter(|found| found.algorithm == Algorithm::Blake3).map(|found| found.digest))
}

fn strongest(headers: &HeaderMap, fields: &[HeaderName]) -> Result<Option<Checksum>, ErrorResponse> {
    let mut found: Option<Checksum> = None;
    for value in fields.iter().flat_map(|name| headers.get_all(name)) {
        let text = value.to_str().map_err(|_| malformed())?;
        for member in text.split(',') {
            let Some((name, value)) = member.trim().split_once('=') else { return Err(malformed()) };
            let algorithm = match name {
                BLAKE3 => Algorithm::Blake3,
                SHA256 => Algorithm::Sha256,
                _ => continue,
            };
            let bytes = value.strip_prefix(':').and_then(|value| value.strip_suffix(':')).and_then(decode_base64);
            let digest = bytes.filter(|bytes| bytes.len() == algorithm.length()).ok_or_else(malformed)?;
            if found.is_none() || algorithm == Algorithm::Blake3 {
                found = Some(Checksum { algorithm, digest });
            }
        }
    }
    Ok(found)
}

fn malformed() -> ErrorResponse {
    let sentence = "A digest of the request is malformed: write `sha-256=:BASE64:` or `blake3=:BASE64:` (RFC 9530).";
    ErrorResponse::because(ErrorCode::BadRequest, sentence)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn read(fields: &[(&'static str, &str)]) -> Result<Option<Algorithm>, ()> {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        wanted(&headers).map(|found| found.map(|checksum| checksum.algorithm)).map_err(|_| ())
    }

    #[test]
    fn the_strongest_that_is_known_counts() {
        let digest = BASE64_STANDARD.encode(&[7; 32]);
        let (blake3, sha) = (format!("blake3=:{digest}:"), format!("sha-256=:{digest}:"));
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&[("repr-digest", &sha)]), Ok(Some(Algorithm::Sha256)));
        assert_eq!(read(&[("content-digest", &format!("{sha}, {blake3}"))]), Ok(Some(Algorithm::Blake3)));
        assert_eq!(read(&[("repr-digest", &blake3), ("content-digest", &sha)]), Ok(Some(Algorithm::Blake3)));
        assert_eq!(read(&[("repr-digest", "md5=:AAAA:")]), Ok(None));
    }

    #[test]
    fn of_a_whole_file_only_blake3_in_its_own_field_counts() {
        let digest = BASE64_STANDARD.encode(&[7; 32]);
        let read = |name: &'static str, value: String| {
            of_whole(&HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::try_from(value).unwrap())]))
        };
        let (blake3, sha) = (format!("blake3=:{digest}:"), format!("sha-256=:{digest}:"));
        assert_eq!(read("repr-digest", format!("{sha}, {blake3}")).unwrap(), Some(vec![7; 32]));
        assert_eq!(read("repr-digest", sha).unwrap(), None);
        assert_eq!(read("content-digest", blake3).unwrap(), None);
        assert!(read("repr-digest", "blake3=:AAAA:".into()).is_err());
    }

    #[test]
    fn what_is_wanted_and_known_is_told() {
        let asked =
            |text: &'static str| asked_for(&HeaderMap::from_iter([(WANT_REPR_DIGEST, HeaderValue::from_static(text))]));
        assert_eq!(asked_for(&HeaderMap::new()), []);
        assert_eq!(asked("sha-256=10, blake3=1, md5=3"), [Algorithm::Blake3, Algorithm::Sha256]);
        assert_eq!(asked("sha-256=3,blake3=0"), [Algorithm::Sha256]);
        for text in ["", "sha-256", "sha-256=11", "sha-256=-1", "=", "blake3=a"] {
            assert_eq!(asked(text), [], "{text}");
        }
        let known = |algorithm| Checksum { algorithm, digest: vec![0; 3] };
        let digests =
            Digests { known: vec![known(Algorithm::Crc32), known(Algorithm::Sha256), known(Algorithm::Blake3)] };
        assert_eq!(field(&digests).as_deref(), Some("sha-256=:AAAA:, blake3=:AAAA:"));
        assert_eq!(field(&Digests { known: vec![known(Algorithm::Crc32)] }), None);
    }

    #[test]
    fn what_is_no_digest_is_refused() {
        for text in ["sha-256", "sha-256=AAAA", "sha-256=:AAAA:", "blake3=:!:", "blake3=::", ""] {
            assert_eq!(read(&[("repr-digest", text)]), Err(()), "{text}");
        }
    }
}
