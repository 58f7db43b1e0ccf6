//! What people and programs read: names, sizes, times, JSON lines. It asks nobody for anything.

use std::io::{self, Write};

use serde_json::{Value, json};
use shared::{Timestamp, VPath};

use super::exit::Failure;

/// A path as text that is a path again when it is given to a client verb: what a terminal cannot show as it is comes
/// percent-encoded, and so does the percent sign.
pub(super) fn path(path: &VPath) -> String {
    if path.is_root() { "/".into() } else { name(path.as_bytes()) }
}

/// As [`path`], for a name or a part of a path.
pub(super) fn name(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    let encode = |text: &mut String, bytes: &[u8]| bytes.iter().for_each(|byte| text.push_str(&format!("%{byte:02X}")));
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if character == '%' || is_unseen(character) {
                encode(&mut text, character.encode_utf8(&mut [0; 4]).as_bytes());
            } else {
                text.push(character);
            }
        }
        encode(&mut text, chunk.invalid());
    }
    text
}

/// Characters that move the cursor, turn the direction of what follows, or cannot be seen at all. The joiners, without
/// which some scripts and pictures cannot be written, stay.
fn is_unseen(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// A number of bytes with a unit, decimal.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: &[&str] = &["kB", "MB", "GB", "TB", "PB", "EB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1000.0;
    let mut unit = 0;
    // What would be rounded to 1000 is 1 of the next.
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let digits = usize::from(value < 99.95);
    format!("{value:.digits$} {}", UNITS[unit])
}

/// A number with the word for what is counted.
pub(super) fn count(number: u64, word: &str) -> String {
    format!("{number} {word}{}", if number == 1 { "" } else { "s" })
}

/// A moment as RFC 3339 has it, in UTC, whole seconds.
pub(super) fn time(moment: Timestamp) -> String {
    let seconds = moment.seconds();
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Year, month and day of a number of days since 1970-01-01, in the Gregorian calendar; years are counted from March,
/// so that the leap day is the last of its year.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
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
    fn sizes_have_two_or_three_digits() {
        let check = |bytes, expected: &str| assert_eq!(size(bytes), expected);
        check(0, "0 B");
        check(999, "999 B");
        check(1_000, "1.0 kB");
        check(3_440_000, "3.4 MB");
        check(34_000_000, "34.0 MB");
        check(99_960_000, "100 MB");
        check(999_499, "999 kB");
        check(999_600, "1.0 MB");
        check(u64::MAX, "18.4 EB");
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
