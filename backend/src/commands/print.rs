//! What people and programs read: names, sizes, times, JSON lines. It asks nobody for anything.

use std::io::{self, Write};

use percent_encoding::percent_encode_byte;
use serde_json::{Value, json};
use shared::characters::is_unprintable;
use shared::{Timestamp, VPath};

use super::exit::Failure;
use crate::calendar::DateTime;

/// A path as text that is a path again when it is given to a client verb: what a terminal cannot show as it is comes
/// percent-encoded, and so does the percent sign.
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

/// A number with the word for what is counted.
pub(super) fn count(number: u64, word: &str) -> String {
    format!("{number} {word}{}", if number == 1 { "" } else { "s" })
}

/// A moment as RFC 3339 has it, in UTC, whole seconds.
pub(super) fn time(moment: Timestamp) -> String {
    let DateTime { year, month, day, hour, minute, second } = moment.into();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// One line on standard output, at once.
pub(super) fn line(text: &str) -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    writeln!(output, "{text}").and_then(|()| output.flush()).map_err(|error| Failure::output(&error))
}

/// Says on standard error what went wrong.
pub(super) fn failure(json: bool, failure: &Failure) {
    if !failure.message.is_empty() {
        complaint(json, "error", "", failure);
    }
}

/// A line on standard error. Nobody is left to be told if that fails.
pub(super) fn complaint(json: bool, key: &str, prefix: &str, failure: &Failure) {
    let line = if json {
        json!({ key: failure_json(failure) }).to_string()
    } else {
        format!("passerelle: {prefix}{}", failure.sentence())
    };
    let _ = writeln!(io::stderr().lock(), "{line}");
}

fn failure_json(failure: &Failure) -> Value {
    let mut value = json!({ "code": failure.code, "message": failure.message });
    if let Some(path) = &failure.path {
        value["path"] = path.encoded().into();
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_printed_path_is_a_path_again() {
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
    fn moments_are_those_of_the_calendar() {
        let check = |seconds: i64, expected: &str| assert_eq!(time(Timestamp::from_parts(seconds, 0)), expected);
        check(0, "1970-01-01T00:00:00Z");
        check(-1, "1969-12-31T23:59:59Z");
        check(951_782_399, "2000-02-28T23:59:59Z");
        check(951_782_400, "2000-02-29T00:00:00Z");
        check(1_700_000_000, "2023-11-14T22:13:20Z");
        check(4_107_542_399, "2100-02-28T23:59:59Z");
        check(4_107_542_400, "2100-03-01T00:00:00Z");
    }
}
