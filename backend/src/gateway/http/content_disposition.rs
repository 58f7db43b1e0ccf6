//! `Content-Disposition` (RFC 6266): the file name under which a download is saved. Pure.

use http::HeaderValue;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use shared::characters::is_bidi_control;

/// Every byte but `attr-char` of RFC 8187 §3.2.1.
const NOT_ATTR_CHAR: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// An attachment named `name`. Characters that no file name should contain (control characters, separators of folders)
/// become `_`.
pub(crate) fn attachment(name: &str) -> HeaderValue {
    let name: String = name.chars().map(|character| if is_unsafe(character) { '_' } else { character }).collect();
    let plain: String = name.chars().map(|character| if is_plain(character) { character } else { '_' }).collect();
    let mut value = format!("attachment; filename=\"{plain}\"");
    // An ASCII name needs no second form.
    if plain != name {
        value.push_str("; filename*=UTF-8''");
        value.extend(utf8_percent_encode(&name, NOT_ATTR_CHAR));
    }
    HeaderValue::try_from(value).unwrap_or(HeaderValue::from_static("attachment"))
}

/// True for a query with the parameter `download`, with or without a value: it asks for an attachment.
pub(crate) fn is_download(query: &str) -> bool {
    query.split('&').any(|pair| pair.split('=').next() == Some("download"))
}

/// Bidirectional controls such as U+202E can make `exe.txt` read as `txt.exe`.
fn is_unsafe(character: char) -> bool {
    character.is_control() || is_bidi_control(character) || matches!(character, '/' | '\\' | '\u{fffd}')
}

/// Characters that may stand in the quoted form. `%` may not: some clients decode it there (RFC 6266, appendix D).
fn is_plain(character: char) -> bool {
    matches!(character, ' '..='~') && !matches!(character, '"' | '%')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(name: &str, expected: &str) {
        assert_eq!(attachment(name).to_str().unwrap(), expected);
    }

    #[test]
    fn names_have_a_quoted_and_an_encoded_form() {
        check("notes.txt", "attachment; filename=\"notes.txt\"");
        check("my notes.txt", "attachment; filename=\"my notes.txt\"");
        check("été.txt", "attachment; filename=\"_t_.txt\"; filename*=UTF-8''%C3%A9t%C3%A9.txt");
        check("a\"b;c", "attachment; filename=\"a_b;c\"; filename*=UTF-8''a%22b%3Bc");
        check("50%.txt", "attachment; filename=\"50_.txt\"; filename*=UTF-8''50%25.txt");
        check("a\\..\\b", "attachment; filename=\"a_.._b\"");
        check("line\r\nX-Evil: 1", "attachment; filename=\"line__X-Evil: 1\"");
        check("ab\u{202e}txt.exe", "attachment; filename=\"ab_txt.exe\"");
    }

    #[test]
    fn download_is_a_parameter_of_its_own() {
        for query in ["download", "download=1", "a=b&download", "download=&x"] {
            assert!(is_download(query), "{query}");
        }
        for query in ["", "downloads", "a=download", "xdownload"] {
            assert!(!is_download(query), "{query}");
        }
    }

    proptest! {
        #[test]
        fn every_name_is_a_header(name: String) {
            let value = attachment(&name);
            let text = value.to_str().unwrap();
            prop_assert!(text.starts_with("attachment; filename=\"") && text.is_ascii());
        }
    }
}
