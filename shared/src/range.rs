//! Byte ranges of requests, and the spans of a file that they select.

/// A requested range, independent of the file's size (RFC 9110 §14.1.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "wire", derive(minicbor::Encode, minicbor::Decode))]
pub enum ByteRange {
    /// From `first` to the end.
    #[cfg_attr(feature = "wire", n(0))]
    From(#[cfg_attr(feature = "wire", n(0))] u64),
    /// From `first` to `last`, both included.
    #[cfg_attr(feature = "wire", n(1))]
    Between(#[cfg_attr(feature = "wire", n(0))] u64, #[cfg_attr(feature = "wire", n(1))] u64),
    /// The given number of bytes at the end.
    #[cfg_attr(feature = "wire", n(2))]
    Suffix(#[cfg_attr(feature = "wire", n(0))] u64),
}

/// A part of a file, in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span {
    /// The first byte.
    pub offset: u64,
    /// The number of bytes.
    pub length: u64,
}

impl ByteRange {
    /// The part of a file of `size` bytes in the range. `None` if the range has no byte of the file, or if its end is
    /// before its start.
    pub const fn clip(self, size: u64) -> Option<Span> {
        let (offset, end) = match self {
            Self::From(first) => (first, size),
            Self::Between(first, last) if first <= last => (first, if last < size { last + 1 } else { size }),
            Self::Between(..) => return None,
            Self::Suffix(length) => (size.saturating_sub(length), size),
        };
        if offset < end { Some(Span { offset, length: end - offset }) } else { None }
    }
}

impl Span {
    /// The whole of a file of `size` bytes.
    pub const fn whole(size: u64) -> Self {
        Self { offset: 0, length: size }
    }

    /// The first byte after the span.
    pub const fn end(self) -> u64 {
        self.offset + self.length
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(range: ByteRange, size: u64, expected: Option<(u64, u64)>) {
        assert_eq!(range.clip(size).map(|span| (span.offset, span.length)), expected);
    }

    #[test]
    fn ranges_are_clipped_to_the_file() {
        check(ByteRange::From(0), 10, Some((0, 10)));
        check(ByteRange::From(9), 10, Some((9, 1)));
        check(ByteRange::From(10), 10, None);
        check(ByteRange::From(0), 0, None);
        check(ByteRange::Between(2, 4), 10, Some((2, 3)));
        check(ByteRange::Between(2, u64::MAX), 10, Some((2, 8)));
        check(ByteRange::Between(4, 2), 10, None);
        check(ByteRange::Between(10, 20), 10, None);
        check(ByteRange::Suffix(3), 10, Some((7, 3)));
        check(ByteRange::Suffix(30), 10, Some((0, 10)));
        check(ByteRange::Suffix(0), 10, None);
        check(ByteRange::Suffix(3), 0, None);
    }

    proptest! {
        #[test]
        fn a_span_is_never_empty_and_never_outside(first: u64, last: u64, size: u64) {
            for range in [ByteRange::From(first), ByteRange::Between(first, last), ByteRange::Suffix(first)] {
                if let Some(span) = range.clip(size) {
                    prop_assert!(span.length > 0 && span.end() <= size);
                }
            }
        }
    }
}
