//! The `Range` header (RFC 9110 §14.2). Pure. A header that is malformed, has another unit, or names more than
//! [`RANGES_MAX`] ranges is ignored, as the RFC permits: the answer is then the whole file.

use shared::limits::RANGES_MAX;
use shared::{ByteRange, Span};

/// The ranges of one header line; `None` where the line is to be ignored.
pub(crate) fn parse(value: &str) -> Option<Vec<ByteRange>> {
    let (unit, set) = value.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    // Empty list elements are skipped (RFC 9110 §5.6.1.2) but counted, because they cost time too.
    let mut ranges = Vec::new();
    for (index, spec) in set.split(',').enumerate() {
        if index >= 2 * RANGES_MAX {
            return None;
        }
        match spec.trim_matches([' ', '\t']) {
            "" => {}
            spec => ranges.push(parse_one(spec)?),
        }
    }
    (1..=RANGES_MAX).contains(&ranges.len()).then_some(ranges)
}

fn parse_one(spec: &str) -> Option<ByteRange> {
    let (first, last) = spec.split_once('-')?;
    match (first, last) {
        ("", length) => Some(ByteRange::Suffix(number(length)?)),
        (first, "") => Some(ByteRange::From(number(first)?)),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then_some(ByteRange::Between(first, last))
        }
    }
}

/// Decimal digits only. A number that does not fit lies beyond the end of every file.
fn number(digits: &str) -> Option<u64> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(digits.parse().unwrap_or(u64::MAX))
}

/// The parts of a file of `size` bytes, in the order of the header. Ranges that overlap or touch are merged (RFC 9110
/// §15.3.7.2) at the position of the first of them, so that no byte is sent twice. Empty if no range lies in the file.
pub(crate) fn spans(ranges: &[ByteRange], size: u64) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::with_capacity(ranges.len());
    for range in ranges {
        let Some(mut span) = range.clip(size) else { continue };
        let mut place = spans.len();
        let mut index = 0;
        while let Some(&other) = spans.get(index) {
            if span.offset <= other.end() && other.offset <= span.end() {
                spans.remove(index);
                place = place.min(index);
                span = union(span, other);
                // The merged span may overlap spans that were compared before.
                index = 0;
            } else {
                index += 1;
            }
        }
        spans.insert(place.min(spans.len()), span);
    }
    spans
}

fn union(left: Span, right: Span) -> Span {
    let offset = left.offset.min(right.offset);
    Span { offset, length: left.end().max(right.end()) - offset }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(value: &str, size: u64, expected: Option<&[(u64, u64)]>) {
        let found = parse(value)
            .map(|ranges| spans(&ranges, size).into_iter().map(|span| (span.offset, span.length)).collect::<Vec<_>>());
        assert_eq!(found.as_deref(), expected, "{value}");
    }

    #[test]
    fn ranges_are_clipped_to_the_file() {
        check("bytes=0-4", 10, Some(&[(0, 5)]));
        check("Bytes = 2-", 10, Some(&[(2, 8)]));
        check("bytes=-3", 10, Some(&[(7, 3)]));
        check("bytes=-30", 10, Some(&[(0, 10)]));
        check("bytes=8-99", 10, Some(&[(8, 2)]));
        check("bytes=0-0,4-5, -1", 10, Some(&[(0, 1), (4, 2), (9, 1)]));
        check("bytes=,0-0,,4-5,", 10, Some(&[(0, 1), (4, 2)]));
        check("bytes=10-,0-1", 10, Some(&[(0, 2)]));
        check("bytes=10-", 10, Some(&[]));
        check("bytes=-0", 10, Some(&[]));
        check("bytes=0-99999999999999999999999", 10, Some(&[(0, 10)]));
        check("bytes=99999999999999999999999-", 10, Some(&[]));
    }

    #[test]
    fn malformed_headers_are_ignored() {
        for value in ["", "bytes", "bytes=", "bytes=,", "items=0-1", "bytes=4-2", "bytes=a-b", "bytes=0", "bytes=--1"] {
            check(value, 10, None);
        }
        check("bytes=+1-2", 10, None);
        check("bytes=0-1-2", 10, None);
        check("bytes=0 - 1", 10, None);
        check("bytes=0-1;2-3", 10, None);
    }

    #[test]
    fn too_many_ranges_are_ignored() {
        check(&format!("bytes={}", vec!["0-"; RANGES_MAX + 1].join(",")), 10, None);
        check(&format!("bytes={}", ",".repeat(10_000)), 10, None);
        check(&format!("bytes={}", vec!["0-"; RANGES_MAX].join(",")), 10, Some(&[(0, 10)]));
    }

    #[test]
    fn overlapping_and_touching_ranges_are_merged() {
        check("bytes=0-3,2-5", 10, Some(&[(0, 6)]));
        check("bytes=0-3,4-5", 10, Some(&[(0, 6)]));
        check("bytes=8-9,0-1,5-8", 10, Some(&[(5, 5), (0, 2)]));
        check("bytes=0-1,4-5,1-4", 10, Some(&[(0, 6)]));
        check("bytes=6-7,0-1", 10, Some(&[(6, 2), (0, 2)]));
    }

    proptest! {
        #[test]
        fn no_header_panics(value in "\\PC{0,60}") {
            let _ = parse(&value);
        }

        #[test]
        fn spans_are_the_asked_bytes_and_none_twice(
            requested in prop::collection::vec((0u64..60, 0u64..60), 1..RANGES_MAX), size in 0u64..50,
        ) {
            let ranges: Vec<_> = requested.iter().map(|&(first, more)| ByteRange::Between(first, first + more)).collect();
            let spans = spans(&ranges, size);
            let mut found = vec![0; size as usize];
            for span in &spans {
                prop_assert!(span.length > 0 && span.end() <= size);
                (span.offset..span.end()).for_each(|at| found[at as usize] += 1);
            }
            for at in 0..size {
                let wanted = requested.iter().any(|&(first, more)| (first..=first + more).contains(&at));
                prop_assert_eq!(found[at as usize], i32::from(wanted));
            }
        }
    }
}
