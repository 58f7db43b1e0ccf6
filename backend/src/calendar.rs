//! The Gregorian calendar in UTC: days since 1970-01-01 as dates and back. Pure; knows no time of now.

use shared::Timestamp;

const DAY_SECONDS: i64 = 86_400;

/// Days from 0000-03-01 to 1970-01-01. Years are counted from March, so that the leap day is the last day of a year.
const DAYS_BEFORE_1970: i64 = 719_468;

/// A moment to the second, in UTC. The order of the fields is the order in time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct DateTime {
    /// The year, 0 for 1 BC as in ISO 8601.
    pub year: i64,
    /// 1 to 12.
    pub month: u32,
    /// 1 to 31.
    pub day: u32,
    /// 0 to 23.
    pub hour: u32,
    /// 0 to 59.
    pub minute: u32,
    /// 0 to 59: like POSIX time, it knows no leap second.
    pub second: u32,
}

impl DateTime {
    /// The moment so many seconds after 1970-01-01T00:00:00Z.
    pub fn from_unix(seconds: i64) -> Self {
        let (year, month, day) = date(seconds.div_euclid(DAY_SECONDS));
        // A remainder by a day's seconds is never negative and always fits.
        let second = seconds.rem_euclid(DAY_SECONDS) as u32;
        Self { year, month, day, hour: second / 3600, minute: second / 60 % 60, second: second % 60 }
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    pub fn unix(self) -> i64 {
        let minutes = (days(self.year, self.month, self.day) * 24 + i64::from(self.hour)) * 60 + i64::from(self.minute);
        minutes * 60 + i64::from(self.second)
    }
}

impl From<Timestamp> for DateTime {
    fn from(moment: Timestamp) -> Self {
        Self::from_unix(moment.seconds())
    }
}

/// Year, month and day of a day counted from 1970-01-01.
fn date(days: i64) -> (i64, u32, u32) {
    let shifted = days + DAYS_BEFORE_1970;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    // Both are small and positive by construction.
    (year, month as u32, day as u32)
}

/// Days from 1970-01-01 to a date: the inverse of [`date`].
fn days(year: i64, month: u32, day: u32) -> i64 {
    let (month, day) = (i64::from(month), i64::from(day));
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + day_of_year - DAYS_BEFORE_1970
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn moments_have_the_dates_of_the_calendar() {
        let check = |seconds, (year, month, day), (hour, minute, second)| {
            let expected = DateTime { year, month, day, hour, minute, second };
            assert_eq!(DateTime::from_unix(seconds), expected);
            assert_eq!(expected.unix(), seconds);
        };
        check(0, (1970, 1, 1), (0, 0, 0));
        check(-1, (1969, 12, 31), (23, 59, 59));
        check(951_782_399, (2000, 2, 28), (23, 59, 59));
        check(951_782_400, (2000, 2, 29), (0, 0, 0));
        check(1_700_000_000, (2023, 11, 14), (22, 13, 20));
        check(4_107_542_399, (2100, 2, 28), (23, 59, 59));
        check(4_107_542_400, (2100, 3, 1), (0, 0, 0));
        check(253_402_300_799, (9999, 12, 31), (23, 59, 59));
    }

    #[test]
    fn every_timestamp_has_a_date() {
        let date = |moment: DateTime| (moment.year, moment.month, moment.day);
        assert_eq!(date(Timestamp(i64::MAX).into()), (2262, 4, 11));
        assert_eq!(date(Timestamp(i64::MIN).into()), (1677, 9, 21));
    }

    proptest! {
        #[test]
        fn days_follow_each_other(day in -1_000_000_i64..3_000_000) {
            let (before, after) = (date(day), date(day + 1));
            prop_assert!(before < after);
            prop_assert!((1..=12).contains(&after.1) && (1..=31).contains(&after.2));
        }

        #[test]
        fn days_and_dates_are_inverse(day in -1_000_000_i64..3_000_000) {
            let (year, month, of_month) = date(day);
            prop_assert_eq!(days(year, month, of_month), day);
        }
    }
}
