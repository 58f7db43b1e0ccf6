//! Text for people and scripts: paths, counts and times. Pure.

use std::fmt::Write;

use percent_encoding::percent_encode_byte;
use serde_json::Value;
use shared::characters::is_unprintable;
use shared::{Timestamp, VPath};

use crate::calendar::DateTime;

/// A path as text that client verbs accept as the path again: characters that a terminal cannot show, and the percent
/// sign, are percent-encoded.
pub(super) fn path(path: &VPath) -> String {
    if path.is_root() { "/".into() } else { name(path.as_bytes()) }
}

/// As [`path`], for a name or a part of a path.
pub(super) fn name(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    let encode = |text: &mut String, bytes: &[u8]| text.extend(bytes.iter().copied().map(percent_encode_byte));
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if character == '%' || is_unprintable(character) {
                encode(&mut text, character.encode_utf8(&mut [0; 4]).as_bytes());
            } else {
                text.push(character);
            }
        }
        encode(&mut text, chunk.invalid());
    }
    text
}

/// A sentence that may be of a server, with escapes in place of the characters that a terminal cannot show or would obey.
pub(super) fn sentence(text: &str) -> String {
    escaped(text, |character, line| line.extend(character.escape_unicode()))
}

/// A value as one line of JSON. `\uXXXX` stands for the characters that a terminal cannot show or would obey: they are
/// in strings alone, so the value is unchanged.
pub(super) fn json(value: &Value) -> String {
    escaped(&value.to_string(), |character, line| {
        for unit in character.encode_utf16(&mut [0; 2]) {
            // Writing to a `String` cannot fail.
            let _ = write!(line, "\\u{unit:04x}");
        }
    })
}

fn escaped(text: &str, escape: impl Fn(char, &mut String)) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        if is_unprintable(character) {
            escape(character, &mut line);
        } else {
            line.push(character);
        }
    }
    line
}

/// A number with its noun: `1 file`, `2 files`.
pub(super) fn count(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// A moment as in RFC 3339, in UTC, whole seconds.
pub(super) fn time(moment: Timestamp) -> String {
    let DateTime { year, month, day, hour, minute, second } = moment.into();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_printed_path_parses_to_the_same_path() {
        let check = |bytes: &[u8], expected: &str| {
            let path_before = VPath::from_bytes(bytes).unwrap();
            assert_eq!(path(&path_before), expected);
            assert_eq!(VPath::parse(expected).unwrap(), path_before);
        };
        check(b"", "/");
        check(b"docs/my file.txt", "docs/my file.txt");
        check("été/👩‍👧".as_bytes(), "été/👩‍👧");
        check(b"100%25", "100%2525");
        check(b"line\nfeed\x1b[2J", "line%0Afeed%1B[2J");
        check(b"latin\xe9.txt", "latin%E9.txt");
        check("x\u{202e}txt.exe".as_bytes(), "x%E2%80%AEtxt.exe");
        check("c1\u{9b}".as_bytes(), "c1%C2%9B");
    }

    #[test]
    fn a_printed_sentence_has_no_character_that_a_terminal_obeys() {
        assert_eq!(sentence("no such café"), "no such café");
        assert_eq!(sentence("\x1b]0;x\x07\u{9b}2J\nb\u{202e}"), "\\u{1b}]0;x\\u{7}\\u{9b}2J\\u{a}b\\u{202e}");
    }

    #[test]
    fn a_json_line_is_printable_and_keeps_its_value() {
        let value = serde_json::json!({ "name": "é\x1b[2J\u{9b}2J\u{202e}\u{e0041}\u{feff}\u{2028}" });
        let line = json(&value);
        assert!(!line.contains(is_unprintable), "{line}");
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), value);
    }

    #[test]
    fn times_are_in_utc_with_seconds() {
        assert_eq!(time(Timestamp::from_parts(0, 0)), "1970-01-01T00:00:00Z");
        assert_eq!(time(Timestamp::from_parts(-1, 999_999_999)), "1969-12-31T23:59:59Z");
        assert_eq!(time(Timestamp::from_parts(1_700_000_000, 0)), "2023-11-14T22:13:20Z");
    }
}
