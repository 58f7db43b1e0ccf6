//! Numbers of bytes as people read them: two or three digits and a decimal unit.

/// The units that [`Scaled::unit`] counts, in English.
pub const UNITS: [&str; 7] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];

/// A number of bytes in the unit that shows it best.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scaled {
    /// The number, in that unit.
    pub value: f64,
    /// Index of the unit in [`UNITS`]: the power of 1000.
    pub unit: usize,
    /// How many digits to show after the decimal sign.
    pub decimals: u8,
}

/// Chooses unit and precision for a number of bytes.
pub fn scale(bytes: u64) -> Scaled {
    let (mut value, mut unit) = (bytes as f64, 0);
    // From 999.5 on the number would be rounded to 1000, which is 1 of the next unit.
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1_000.0;
        unit += 1;
    }
    Scaled { value, unit, decimals: u8::from(unit > 0 && value < 99.95) }
}

/// A number of bytes as English text: `812 B`, `1.2 kB`, `340 MB`.
pub fn english(bytes: u64) -> String {
    let Scaled { value, unit, decimals } = scale(bytes);
    format!("{value:.*} {}", usize::from(decimals), UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_keep_about_three_digits() {
        let check = |bytes, value: f64, unit, decimals| {
            let scaled = scale(bytes);
            assert!((scaled.value - value).abs() < 1e-9, "{bytes}: {scaled:?}");
            assert_eq!((scaled.unit, scaled.decimals), (unit, decimals), "{bytes}");
        };
        check(0, 0.0, 0, 0);
        check(999, 999.0, 0, 0);
        check(1_000, 1.0, 1, 1);
        check(999_949, 1.0 - 51e-6, 2, 1);
        check(1_234_567, 1.234567, 2, 1);
        check(123_000_000, 123.0, 2, 0);
        check(u64::MAX, u64::MAX as f64 / 1e18, 6, 1);
    }

    #[test]
    fn english_text_has_two_or_three_digits() {
        let check = |bytes, expected: &str| assert_eq!(english(bytes), expected);
        check(0, "0 B");
        check(999, "999 B");
        check(1_000, "1.0 kB");
        check(9_999, "10.0 kB");
        check(3_440_000, "3.4 MB");
        check(34_000_000, "34.0 MB");
        check(99_960_000, "100 MB");
        check(999_499, "999 kB");
        check(999_600, "1.0 MB");
        check(u64::MAX, "18.4 EB");
    }
}
