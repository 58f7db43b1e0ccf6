//! Digests in header fields (RFC 9530): `Repr-Digest`, `Content-Digest` and `Want-Repr-Digest`. Pure.

use base64::prelude::{BASE64_STANDARD, Engine};
use http::{HeaderMap, HeaderName};
use shared::{Algorithm, Checksum, Digests, ErrorCode};

use super::headers::decode_base64;
use super::problem::ErrorResponse;

/// The registry of digest algorithms has no name for BLAKE3. Clients ignore algorithms that they do not know.
const BLAKE3: &str = "blake3";
const SHA256: &str = "sha-256";

/// The digest of the whole content of a file.
pub(crate) const REPR_DIGEST: HeaderName = HeaderName::from_static("repr-digest");
/// The algorithms whose digest a client wants in the answer.
const WANT_REPR_DIGEST: HeaderName = HeaderName::from_static("want-repr-digest");

const FIELDS: [HeaderName; 2] = [REPR_DIGEST, HeaderName::from_static("content-digest")];

/// The algorithms that `Want-Repr-Digest` names and the server supports. A malformed preference is ignored.
pub(crate) fn wanted_algorithms(headers: &HeaderMap) -> Vec<Algorithm> {
    let fields = headers.get_all(WANT_REPR_DIGEST);
    let named = |algorithm: Algorithm| {
        let texts = fields.iter().filter_map(|value| value.to_str().ok());
        texts.flat_map(|text| text.split(',')).any(|member| {
            let (name, preference) = member.trim().split_once('=').unwrap_or((member.trim(), "0"));
            // 0 means "not acceptable" (RFC 9530 §4).
            Some(name) == field_name(algorithm) && matches!(preference.parse(), Ok(1..=10_u8))
        })
    };
    [Algorithm::Blake3, Algorithm::Sha256].into_iter().filter(|algorithm| named(*algorithm)).collect()
}

/// The value of `Repr-Digest`; `None` if no known digest has a name in it.
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

/// The strongest digest that the request names and the server can verify. Without `Content-Encoding` both fields mean
/// the same bytes.
pub(crate) fn strongest_of_request(headers: &HeaderMap) -> Result<Option<Checksum>, ErrorResponse> {
    strongest(headers, &FIELDS)
}

/// The BLAKE3 digest of a whole file, from a request that carries one piece of it. Only `Repr-Digest` counts, because
/// `Content-Digest` is the digest of the piece. Other algorithms are ignored.
pub(crate) fn of_whole(headers: &HeaderMap) -> Result<Option<Vec<u8>>, ErrorResponse> {
    let found = strongest(headers, &FIELDS[..1])?;
    Ok(found.filter(|found| found.algorithm == Algorithm::Blake3).map(|found| found.digest))
}

fn strongest(headers: &HeaderMap, fields: &[HeaderName]) -> Result<Option<Checksum>, ErrorResponse> {
    let mut found: Option<Checksum> = None;
    for value in fields.iter().flat_map(|name| headers.get_all(name)) {
        let text = value.to_str().map_err(|_| malformed())?;
        // An empty field is an empty dictionary (RFC 9651 §3.2).
        for member in text.split(',').filter(|_| !text.trim().is_empty()) {
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
        strongest_of_request(&headers).map(|found| found.map(|checksum| checksum.algorithm)).map_err(|_| ())
    }

    #[test]
    fn the_strongest_known_algorithm_is_used() {
        let digest = BASE64_STANDARD.encode([7; 32]);
        let (blake3, sha) = (format!("blake3=:{digest}:"), format!("sha-256=:{digest}:"));
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&[("repr-digest", &sha)]), Ok(Some(Algorithm::Sha256)));
        assert_eq!(read(&[("content-digest", &format!("{sha}, {blake3}"))]), Ok(Some(Algorithm::Blake3)));
        assert_eq!(read(&[("repr-digest", &blake3), ("content-digest", &sha)]), Ok(Some(Algorithm::Blake3)));
        assert_eq!(read(&[("repr-digest", "md5=:AAAA:")]), Ok(None));
    }

    #[test]
    fn for_a_piece_only_blake3_in_repr_digest_is_used() {
        let digest = BASE64_STANDARD.encode([7; 32]);
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
    fn wanted_and_known_digests_are_sent() {
        let wanted = |text: &'static str| {
            wanted_algorithms(&HeaderMap::from_iter([(WANT_REPR_DIGEST, HeaderValue::from_static(text))]))
        };
        assert_eq!(wanted_algorithms(&HeaderMap::new()), []);
        assert_eq!(wanted("sha-256=10, blake3=1, md5=3"), [Algorithm::Blake3, Algorithm::Sha256]);
        assert_eq!(wanted("sha-256=3,blake3=0"), [Algorithm::Sha256]);
        for text in ["", "sha-256", "sha-256=11", "sha-256=-1", "=", "blake3=a"] {
            assert_eq!(wanted(text), [], "{text}");
        }
        let known = |algorithm| Checksum { algorithm, digest: vec![0; 3] };
        let digests =
            Digests { known: vec![known(Algorithm::Crc32), known(Algorithm::Sha256), known(Algorithm::Blake3)] };
        assert_eq!(field(&digests).as_deref(), Some("sha-256=:AAAA:, blake3=:AAAA:"));
        assert_eq!(field(&Digests { known: vec![known(Algorithm::Crc32)] }), None);
    }

    #[test]
    fn a_malformed_digest_is_refused() {
        for text in ["sha-256", "sha-256=AAAA", "sha-256=:AAAA:", "blake3=:!:", "blake3=::", ","] {
            assert_eq!(read(&[("repr-digest", text)]), Err(()), "{text}");
        }
        assert_eq!(read(&[("repr-digest", "")]), Ok(None));
    }
}
