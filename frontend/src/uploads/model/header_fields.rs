//! Values of header fields of uploads: `Upload-Metadata` (tus 1.0.0), digests (RFC 9530), modification times.

use base64::prelude::{BASE64_STANDARD, Engine};

use super::item::{OnExisting, SelectedFile};

/// The value of `Upload-Metadata`: keys, and values in base64. `blake3` is in hexadecimal digits.
pub fn upload_metadata(file: &SelectedFile, on_existing: &OnExisting, blake3: Option<&str>) -> String {
    let path = file.target.encoded();
    let modified = file.modified.to_string();
    let conflict = on_existing.conflict().name();
    let pairs =
        [("path", Some(path.as_str())), ("mtime", Some(&modified)), ("conflict", Some(conflict)), ("blake3", blake3)];
    let pairs = pairs.into_iter().filter_map(|(key, value)| Some(format!("{key} {}", BASE64_STANDARD.encode(value?))));
    pairs.collect::<Vec<_>>().join(",")
}

/// The BLAKE3 digest in the value of a `Repr-Digest` or `Content-Digest` field, in hexadecimal digits.
pub fn parse_blake3(field: &str) -> Option<String> {
    let value = field.split(',').find_map(|member| member.trim().strip_prefix("blake3="))?;
    let text = value.trim().strip_prefix(':')?.split(':').next()?;
    let bytes = BASE64_STANDARD.decode(text).ok()?;
    (bytes.len() == 32).then(|| shared::hex::encode(&bytes))
}

/// The value of a `Repr-Digest` field for a BLAKE3 digest in hexadecimal digits.
pub fn repr_digest(digest: &str) -> String {
    format!("blake3=:{}:", BASE64_STANDARD.encode(shared::hex::decode(digest.as_bytes()).unwrap_or_default()))
}

/// The value of an `X-OC-Mtime` field: seconds since 1970 with three decimals.
pub fn seconds(milliseconds: i64) -> String {
    let sign = if milliseconds < 0 { "-" } else { "" };
    format!("{sign}{}.{:03}", milliseconds.unsigned_abs() / 1_000, milliseconds.unsigned_abs() % 1_000)
}

#[cfg(test)]
mod tests {
    use shared::VPath;

    use super::*;

    #[test]
    fn seconds_have_three_decimals() {
        assert_eq!(
            [0, 1, -1, 1_700_000_000_042, -61_500].map(seconds),
            ["0.000", "0.001", "-0.001", "1700000000.042", "-61.500"]
        );
    }

    #[test]
    fn upload_metadata_contains_the_canonical_path() {
        let file = SelectedFile { target: VPath::parse("a/%C3%A9").unwrap(), size: 1, modified: 1_600 };
        let expected = "path YS8lQzMlQTk=,mtime MTYwMA==,conflict ZmFpbA==";
        assert_eq!(upload_metadata(&file, &OnExisting::Fail, None), expected);
        assert!(
            upload_metadata(&file, &OnExisting::KeepBoth, Some("af")).ends_with(",conflict a2VlcF9ib3Ro,blake3 YWY=")
        );
    }

    #[test]
    fn parse_blake3_finds_the_digest_among_others() {
        let digest = BASE64_STANDARD.encode([0xAB; 32]);
        let field = format!("sha-256=:{}:, blake3=:{digest}:", BASE64_STANDARD.encode([1; 32]));
        assert_eq!(parse_blake3(&field), Some("ab".repeat(32)));
        assert_eq!(parse_blake3(&repr_digest(&"ab".repeat(32))), Some("ab".repeat(32)));
        for field in ["", "sha-256=:AA==:", "blake3=:AA==:", "blake3=x", "blake3=:Zm9*:"] {
            assert_eq!(parse_blake3(field), None, "{field}");
        }
    }
}
