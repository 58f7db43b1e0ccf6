//! HTTP dates (RFC 9110 §5.6.7) of every moment that a file may have: the library `httpdate` begins in 1970. Pure.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use shared::Timestamp;

use crate::calendar::DateTime;

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAY_SECONDS: i64 = 86_400;

/// The date of a moment, as `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(crate) fn http_date(moment: Timestamp) -> String {
    match u64::try_from(moment.seconds()) {
        Ok(seconds) => httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds)),
        Err(_) => before_1970(moment.seconds()),
    }
}

/// The `Last-Modified` of a file, never later than `now` (RFC 9110 §8.8.2.1).
pub(crate) fn last_modified(modified: Timestamp, now: SystemTime) -> String {
    let now = now.duration_since(UNIX_EPOCH).ok().and_then(|time| i64::try_from(time.as_secs()).ok());
    let latest = now.map_or(modified, |seconds| Timestamp::from_parts(seconds, 0));
    http_date(modified.min(latest))
}

/// Whole seconds since 1970, negative before it.
pub(crate) fn parse(text: &str) -> Option<i64> {
    let text = text.trim();
    match httpdate::parse_http_date(text) {
        Ok(moment) => i64::try_from(moment.duration_since(UNIX_EPOCH).ok()?.as_secs()).ok(),
        Err(_) => parse_before_1970(text),
    }
}

fn before_1970(seconds: i64) -> String {
    let DateTime { year, month, day, hour, minute, second } = DateTime::from_unix(seconds);
    // 1970-01-01 was a Thursday; the remainder is 0 to 6, and a month is 1 to 12.
    let weekday = DAYS[(seconds.div_euclid(DAY_SECONDS) + 3).rem_euclid(7) as usize];
    let month = MONTHS[month as usize - 1];
    format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
}

/// Reads what [`before_1970`] writes. The obsolete forms have two digits of a year, or no origin of such dates.
fn parse_before_1970(text: &str) -> Option<i64> {
    let fields: Vec<&str> = text.get(5..)?.split([' ', ':']).collect();
    let [day, month, year, hour, minute, second, "GMT"] = fields[..] else { return None };
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    let moment = DateTime {
        year: year.parse().ok()?,
        month: u32::try_from(month).ok()?,
        day: day.parse().ok()?,
        hour: hour.parse().ok()?,
        minute: minute.parse().ok()?,
        second: second.parse().ok()?,
    };
    // Only the text of a real date is written back unchanged.
    let seconds = (0..=9999).contains(&moment.year).then(|| moment.unix())?;
    (seconds < 0 && before_1970(seconds) == text).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(seconds: i64, text: &str) {
        assert_eq!(http_date(Timestamp::from_parts(seconds, 0)), text);
        assert_eq!(parse(text), Some(seconds));
    }

    #[test]
    fn dates_before_and_after_1970_are_written_and_read() {
        check(784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT");
        check(0, "Thu, 01 Jan 1970 00:00:00 GMT");
        check(-1, "Wed, 31 Dec 1969 23:59:59 GMT");
        check(-86_401, "Tue, 30 Dec 1969 23:59:59 GMT");
        check(-2_208_988_800, "Mon, 01 Jan 1900 00:00:00 GMT");
        assert_eq!(http_date(Timestamp(i64::MIN)), "Tue, 21 Sep 1677 00:12:43 GMT");
        assert_eq!(http_date(Timestamp(i64::MAX)), "Fri, 11 Apr 2262 23:47:16 GMT");
        assert_eq!(parse("Sunday, 06-Nov-94 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(parse("Sun Nov  6 08:49:37 1994"), Some(784_111_777));
    }

    #[test]
    fn other_text_is_no_date() {
        for text in [
            "",
            "now",
            "Wed, 31 Dec 1969 23:59:59",
            "Thu, 31 Dec 1969 23:59:59 GMT",
            "Wed, 32 Dec 1969 23:59:59 GMT",
            "Wed, 31 Dec 1969 23:59:60 GMT",
            "Wed, 31 Dec 1969 4294967295:59:59 GMT",
            "Wed, 31 Dec -9223372036854775808 23:59:59 GMT",
            "Wed, 31 Dez 1969 23:59:59 GMT",
            "Wéd, 31 Dec 1969 23:59:59 GMT",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn last_modified_is_never_in_the_future() {
        let now = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let date_of = |seconds| last_modified(Timestamp::from_parts(seconds, 999), now);
        assert_eq!(date_of(1_600_000_000), http_date(Timestamp::from_parts(1_600_000_000, 0)));
        assert_eq!(date_of(1_800_000_000), http_date(Timestamp::from_parts(1_700_000_000, 0)));
        assert_eq!(date_of(-1), "Wed, 31 Dec 1969 23:59:59 GMT");
    }

    proptest! {
        #[test]
        fn a_date_is_read_back(moment: i64) {
            let moment = Timestamp(moment);
            prop_assert_eq!(parse(&http_date(moment)), Some(moment.seconds()));
        }

        #[test]
        fn no_text_panics(text in "[A-Z][a-z]{2}, [0-9]{1,12} [A-Z][a-z]{2} [-0-9]{1,20} [0-9:]{1,30} GMT", other: String) {
            let _ = (parse(&text), parse(&other));
        }
    }
}
