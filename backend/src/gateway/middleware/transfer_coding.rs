//! Refuses transfer codings that the server does not have (RFC 9112 §6.1). Pure.
//!
//! hyper takes the chunks of `Transfer-Encoding: gzip, chunked` apart and leaves the rest encoded, so a file would be
//! stored as its gzip stream.

use http::HeaderMap;
use http::header::TRANSFER_ENCODING;
use shared::ErrorCode;

use crate::gateway::http::problem::ErrorResponse;

/// 501 for any coding but `chunked`, once.
pub(crate) fn check(headers: &HeaderMap) -> Result<(), ErrorResponse> {
    let mut values = headers.get_all(TRANSFER_ENCODING).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(()),
        (Some(value), None) if value.as_bytes().eq_ignore_ascii_case(b"chunked") => Ok(()),
        _ => {
            let english =
                "The only transfer coding of this server is `chunked`. Send the bytes as they are to be stored.";
            let french = "Ce serveur n’accepte que le codage de transfert `chunked`. Envoyez les octets tels quels.";
            Err(ErrorResponse::because(ErrorCode::Unsupported, english).in_french(french))
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn accepts(values: &[&'static str]) -> bool {
        let fields = values.iter().map(|value| (TRANSFER_ENCODING, HeaderValue::from_static(value)));
        let mut headers = HeaderMap::new();
        fields.for_each(|(name, value)| {
            headers.append(name, value);
        });
        check(&headers).is_ok()
    }

    #[test]
    fn chunked_is_the_only_coding() {
        assert!(accepts(&[]) && accepts(&["chunked"]) && accepts(&["Chunked"]));
        for values in [&["gzip, chunked"][..], &["gzip", "chunked"], &["chunked", "chunked"], &["identity"], &[""]] {
            assert!(!accepts(values), "{values:?}");
        }
    }
}
