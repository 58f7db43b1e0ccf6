//! Text for people and scripts: paths, counts and times. Pure.

use percent_encoding::percent_encode_byte;
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
    fn times_are_in_utc_with_seconds() {
        assert_eq!(time(Timestamp::from_parts(0, 0)), "1970-01-01T00:00:00Z");
        assert_eq!(time(Timestamp::from_parts(-1, 999_999_999)), "1969-12-31T23:59:59Z");
        assert_eq!(time(Timestamp::from_parts(1_700_000_000, 0)), "2023-11-14T22:13:20Z");
    }
}
