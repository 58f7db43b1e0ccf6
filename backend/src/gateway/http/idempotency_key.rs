//! `Idempotency-Key`: a client that repeats a request with the same key has it performed once. Pure.

use http::{HeaderMap, HeaderName};
use sha2::{Digest, Sha256};
use shared::limits::TEXT_BYTES_MAX;
use shared::{ErrorCode, JobId};

use super::problem::ErrorResponse;

pub(crate) const FIELD: HeaderName = HeaderName::from_static("idempotency-key");

/// The key, if the request has one: 32 hexadecimal digits or a UUID, bare or as a quoted string
/// (draft-ietf-httpapi-idempotency-key-header). Any other text is hashed to a key.
pub(crate) fn key(headers: &HeaderMap) -> Result<Option<JobId>, ErrorResponse> {
    let mut values = headers.get_all(FIELD).iter();
    let text = match (values.next(), values.next()) {
        (None, _) => return Ok(None),
        (Some(value), None) => value.to_str().map_err(|_| malformed())?.trim(),
        _ => return Err(malformed()),
    };
    let bare = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    if bare.is_empty() || bare.len() > TEXT_BYTES_MAX {
        return Err(malformed());
    }
    Ok(Some(JobId::parse(bare).unwrap_or_else(|| hashed(bare))))
}

fn hashed(text: &str) -> JobId {
    let digest = Sha256::new_with_prefix(FIELD.as_str()).chain_update(text).finalize();
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    JobId(id)
}

fn malformed() -> ErrorResponse {
    let sentence = format!("Idempotency-Key must be present once, with 1 to {TEXT_BYTES_MAX} characters.");
    ErrorResponse::because(ErrorCode::BadRequest, sentence)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn read(values: &[&str]) -> Option<Option<JobId>> {
        let headers = values.iter().map(|value| (FIELD, HeaderValue::from_str(value).unwrap()));
        let mut map = HeaderMap::new();
        headers.for_each(|(name, value)| {
            map.append(name, value);
        });
        key(&map).ok()
    }

    #[test]
    fn an_id_is_used_as_it_is_and_other_text_is_hashed() {
        let id = JobId([0x1f; 16]);
        let digits = id.to_string();
        assert_eq!(read(&[&digits]), Some(Some(id)));
        assert_eq!(read(&[&format!("\"{digits}\"")]), Some(Some(id)));
        assert_eq!(read(&["1f1f1f1f-1f1f-1f1f-1f1f-1f1f1f1f1f1f"]), Some(Some(id)));
        assert_eq!(read(&[]), Some(None));
        let text = read(&["order 66"]).flatten();
        assert!(text.is_some() && text == read(&["\"order 66\""]).flatten() && text != read(&["order 67"]).flatten());
    }

    #[test]
    fn empty_repeated_and_long_keys_are_refused() {
        assert_eq!(read(&[""]), None);
        assert_eq!(read(&["\"\""]), None);
        assert_eq!(read(&["a", "a"]), None);
        assert_eq!(read(&[&"x".repeat(TEXT_BYTES_MAX + 1)]), None);
    }
}
