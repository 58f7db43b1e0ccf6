//! The end of a certificate's validity (RFC 5280 §4.1.2.5). Pure: reads only as much DER as it needs to find that date.

use crate::calendar::DateTime;

/// The last second in which the certificate is valid, since 1970; `None` if it cannot be read.
pub(super) fn not_after(certificate: &[u8]) -> Option<i64> {
    let certificate = Element::read(certificate)?.0.of(SEQUENCE)?;
    let mut fields = Element::read(certificate)?.0.of(SEQUENCE)?;
    // The version is optional. Serial number, algorithm and issuer follow, one element each.
    let (first, rest) = Element::read(fields)?;
    if first.tag == VERSION {
        fields = rest;
    }
    for _ in 0..3 {
        fields = Element::read(fields)?.1;
    }
    let validity = Element::read(fields)?.0.of(SEQUENCE)?;
    let (_, rest) = Element::read(validity)?;
    let (date, _) = Element::read(rest)?;
    match date.tag {
        // Two-digit years from 50 on are of the 20th century (RFC 5280 §4.1.2.5.1).
        UTC_TIME => {
            let (year, rest) = number(date.content, 2)?;
            moment(i64::from(if year < 50 { 2000 + year } else { 1900 + year }), rest)
        }
        GENERALIZED_TIME => {
            let (year, rest) = number(date.content, 4)?;
            moment(year.into(), rest)
        }
        _ => None,
    }
}

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

struct Element<'a> {
    tag: u8,
    content: &'a [u8],
}

impl<'a> Element<'a> {
    /// The first element, and the bytes after it.
    fn read(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (&[tag, first], mut rest) = bytes.split_first_chunk()?;
        let length = match first {
            ..=0x7f => usize::from(first),
            // The low bits tell the number of length bytes; a certificate needs at most four.
            0x81..=0x84 => {
                let (digits, after) = rest.split_at_checked(usize::from(first & 0x7f))?;
                rest = after;
                digits.iter().fold(0, |length, digit| (length << 8) | usize::from(*digit))
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        Some((Self { tag, content }, rest))
    }

    fn of(self, tag: u8) -> Option<&'a [u8]> {
        (self.tag == tag).then_some(self.content)
    }
}

/// A decimal number of `digits` digits, and the bytes after it.
fn number(text: &[u8], digits: usize) -> Option<(u32, &[u8])> {
    let (digits, rest) = text.split_at_checked(digits)?;
    let digits = std::str::from_utf8(digits).ok()?;
    let legal = digits.bytes().all(|digit| digit.is_ascii_digit());
    legal.then(|| digits.parse().ok())?.map(|number| (number, rest))
}

/// `MMDDHHMMSSZ` of that year.
fn moment(year: i64, text: &[u8]) -> Option<i64> {
    let (month, text) = number(text, 2)?;
    let (day, text) = number(text, 2)?;
    let (hour, text) = number(text, 2)?;
    let (minute, text) = number(text, 2)?;
    let (second, text) = number(text, 2)?;
    let legal = (1..=12).contains(&month) && (1..=31).contains(&day) && text == b"Z";
    legal.then(|| DateTime { year, month, day, hour, minute, second }.unix())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The part of a certificate that is read, valid until `date`.
    fn certificate(tag: u8, date: &[u8], version: bool) -> Vec<u8> {
        let element = |tag: u8, content: &[u8]| [&[tag, 0x82, 0, content.len() as u8][..], content].concat();
        let validity = element(SEQUENCE, &[element(UTC_TIME, b"200101000000Z"), element(tag, date)].concat());
        let version = if version { element(VERSION, b"\x02\x01\x02") } else { Vec::new() };
        let number = element(2, b"\x01");
        let fields = [version, number, element(SEQUENCE, b""), element(SEQUENCE, b""), validity].concat();
        element(SEQUENCE, &element(SEQUENCE, &fields))
    }

    #[track_caller]
    fn check(tag: u8, date: &[u8], expected: Option<i64>) {
        for version in [true, false] {
            assert_eq!(not_after(&certificate(tag, date, version)), expected);
        }
    }

    #[test]
    fn utc_time_and_generalized_time_are_read() {
        check(UTC_TIME, b"700101000000Z", Some(0));
        check(UTC_TIME, b"231114221320Z", Some(1_700_000_000));
        check(UTC_TIME, b"491231235959Z", Some(2_524_607_999));
        check(GENERALIZED_TIME, b"20500101000000Z", Some(2_524_608_000));
        check(GENERALIZED_TIME, b"99991231235959Z", Some(253_402_300_799));
    }

    #[test]
    fn a_malformed_date_is_none() {
        for date in [&b"231114221320"[..], b"231314221320Z", b"23111x221320Z", b"", b"23111422132+Z", b"231114221320Z0"]
        {
            check(UTC_TIME, date, None);
        }
        check(2, b"231114221320Z", None);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80), cut in 0..80_usize) {
            let _ = not_after(&bytes);
            let whole = certificate(UTC_TIME, b"231114221320Z", true);
            let _ = not_after(&[&whole[..cut.min(whole.len())], &bytes].concat());
        }
    }
}
