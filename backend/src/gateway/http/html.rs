//! Small texts that several pages are made of: escaped HTML, dates, sizes, hashes for policies. Pure.

use std::borrow::Cow;

use sha2::{Digest, Sha256};
use shared::Timestamp;

use super::base64;

/// Appends `text` so that it stands for itself in HTML, in an element and between quotes alike. Control characters,
/// and those that turn the direction of what follows, show as U+FFFD.
pub(crate) fn escape_html(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => out.push('\u{fffd}'),
            control if control.is_control() => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
}

/// A text for one line of a log: printable ASCII stands for itself, everything else is percent-encoded, and what is too
/// long is cut.
pub(crate) fn escape_log(text: &str) -> Cow<'_, str> {
    const LOGGED_BYTES_MAX: usize = 1024;
    if text.len() <= LOGGED_BYTES_MAX && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len().min(LOGGED_BYTES_MAX));
    for byte in text.bytes() {
        if out.len() >= LOGGED_BYTES_MAX {
            out.push('…');
            break;
        }
        match byte {
            b'!'..=b'~' => out.push(char::from(byte)),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    Cow::Owned(out)
}

/// `2023-11-14 22:13`, in UTC.
pub(crate) fn date(moment: Timestamp) -> String {
    let (year, month, day) = civil(moment.seconds().div_euclid(86_400));
    let minutes = moment.seconds().rem_euclid(86_400) / 60;
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}", minutes / 60, minutes % 60)
}

/// Year, month and day of a day counted from 1970-01-01, in the Gregorian calendar.
pub(crate) fn civil(days: i64) -> (i64, u32, u32) {
    // Years that begin in March put the leap day last; 719 468 days lie between 0000-03-01 and 1970-01-01.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    // Both are small and positive by construction.
    (year, month as u32, day as u32)
}

/// `812 B`, `1.2 kB`, `34 MB`.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    // Tenths of the unit, rounded down: a size is never shown larger than it is.
    let (mut tenths, mut unit) = (bytes / 100, 0);
    while tenths >= 10_000 && unit + 1 < UNITS.len() {
        tenths /= 1000;
        unit += 1;
    }
    match tenths {
        0..100 => format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit]),
        _ => format!("{} {}", tenths / 10, UNITS[unit]),
    }
}

/// The source expression of a policy (CSP) that allows exactly this text, inline.
pub(crate) fn csp_hash(text: &str) -> String {
    format!("'sha256-{}'", base64::encode(&Sha256::digest(text.as_bytes())))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn html(text: &str) -> String {
        let mut out = String::new();
        escape_html(text, &mut out);
        out
    }

    #[test]
    fn html_stands_for_itself() {
        assert_eq!(
            html("<img src=x onerror='alert(1)'>&\""),
            "&lt;img src=x onerror=&#39;alert(1)&#39;&gt;&amp;&quot;"
        );
        assert_eq!(html("a\nb\u{202e}c"), "a\u{fffd}b\u{fffd}c");
    }

    #[test]
    fn a_log_line_stays_one_line() {
        assert_eq!(escape_log("/a\nb \u{85}é"), "/a%0Ab%20%C2%85%C3%A9");
        assert!(escape_log(&"\n".repeat(10_000)).len() < 1100);
    }

    #[test]
    fn dates_of_all_sides_of_1970() {
        assert_eq!(date(Timestamp::from_parts(1_700_000_000, 0)), "2023-11-14 22:13");
        assert_eq!(date(Timestamp::from_parts(951_782_400, 0)), "2000-02-29 00:00");
        assert_eq!(date(Timestamp::from_parts(-1, 0)), "1969-12-31 23:59");
        assert_eq!(date(Timestamp(i64::MAX)), "2262-04-11 23:47");
        assert_eq!(date(Timestamp(i64::MIN)), "1677-09-21 00:12");
    }

    #[test]
    fn sizes_of_all_orders() {
        assert_eq!(size(0), "0 B");
        assert_eq!(size(999), "999 B");
        assert_eq!(size(1000), "1.0 kB");
        assert_eq!(size(9_999), "9.9 kB");
        assert_eq!(size(10_000), "10 kB");
        assert_eq!(size(999_999), "999 kB");
        assert_eq!(size(1_000_000), "1.0 MB");
        assert_eq!(size(u64::MAX), "18 EB");
    }

    #[test]
    fn hashes_as_browsers_want_them() {
        assert_eq!(csp_hash(""), "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='");
    }

    proptest! {
        #[test]
        fn no_text_leaves_its_place(text: String) {
            let html = html(&text);
            prop_assert!(!html.contains(['<', '>', '"', '\'', '\n']));
            prop_assert!(escape_log(&text).chars().all(|character| character == '…' || character.is_ascii_graphic()));
        }

        #[test]
        fn days_follow_each_other(day in -200_000i64..200_000) {
            let (before, after) = (civil(day), civil(day + 1));
            prop_assert!(before < after);
            prop_assert!((1..=12).contains(&after.1) && (1..=31).contains(&after.2));
        }
    }
}
