//! The size of the slices in which a large file is sent.

/// Smallest slice of a large file, in bytes, about as much as a server syncs at a time. A file up to this size is sent
/// in one request.
pub const SLICE_BYTES_MIN: u64 = 8 << 20;
/// Largest slice, in bytes: what a failure may cost.
pub const SLICE_BYTES_MAX: u64 = 32 << 20;
/// Longest body that is tried after a proxy refused a longer one, in bytes: the limit of nginx unless it is configured.
const PROXY_BODY_BYTES: u64 = 1 << 20;
/// Shortest body that is tried, in bytes.
const BODY_BYTES_MIN: u64 = 64 << 10;
/// A slice that took less, in milliseconds, is followed by a larger one.
const FAST_MILLISECONDS: f64 = 1_500.0;
/// A slice that took more, in milliseconds, is followed by a smaller one.
const SLOW_MILLISECONDS: f64 = 8_000.0;

/// The size of the next slice in bytes, after one of `bytes` took `milliseconds`.
pub fn next_slice(bytes: u64, milliseconds: f64) -> u64 {
    let next = match milliseconds {
        fast if fast < FAST_MILLISECONDS => bytes * 2,
        slow if slow > SLOW_MILLISECONDS => bytes / 2,
        _ => bytes,
    };
    next.clamp(SLICE_BYTES_MIN, SLICE_BYTES_MAX)
}

/// The longest request body that a proxy in front of the server takes, as far as its answers (413) say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyLimit(u64);

impl Default for BodyLimit {
    fn default() -> Self {
        Self(u64::MAX)
    }
}

impl BodyLimit {
    /// True if a body of this length may pass.
    pub fn allows(self, bytes: u64) -> bool {
        bytes <= self.0
    }

    /// Lowers the limit because a body of `bytes` was refused. `false` if no shorter body is worth a try.
    pub fn refuse(&mut self, bytes: u64) -> bool {
        let shorter = if bytes > PROXY_BODY_BYTES { PROXY_BODY_BYTES } else { bytes / 2 };
        if shorter >= BODY_BYTES_MIN {
            self.0 = self.0.min(shorter);
        }
        bytes > self.0
    }
}

/// The end of the slice that starts at `offset`. The slice takes in a remainder of less than half a smallest slice,
/// within the `limit` of a request.
pub fn slice_end(offset: u64, slice: u64, size: u64, limit: BodyLimit) -> u64 {
    let end = offset.saturating_add(slice.min(limit.0));
    let takes_rest = end.saturating_add(SLICE_BYTES_MIN / 2) >= size && limit.allows(size - offset);
    if takes_rest { size } else { end.min(size) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_grow_on_a_fast_network_and_shrink_on_a_slow_one() {
        assert_eq!(next_slice(SLICE_BYTES_MIN, 100.0), 2 * SLICE_BYTES_MIN);
        assert_eq!(next_slice(SLICE_BYTES_MAX, 100.0), SLICE_BYTES_MAX);
        assert_eq!(next_slice(SLICE_BYTES_MAX, 9_000.0), SLICE_BYTES_MAX / 2);
        assert_eq!(next_slice(SLICE_BYTES_MIN, 9_000.0), SLICE_BYTES_MIN);
        assert_eq!(next_slice(SLICE_BYTES_MAX, 3_000.0), SLICE_BYTES_MAX);
    }

    #[test]
    fn slices_cover_a_file_without_gaps() {
        for size in [0, 1, SLICE_BYTES_MIN, 3 * SLICE_BYTES_MIN + 1, 100_000_001] {
            let (mut at, mut slices) = (0, 0);
            while at < size {
                let end = slice_end(at, SLICE_BYTES_MIN, size, BodyLimit::default());
                assert!(end > at && end <= size);
                (at, slices) = (end, slices + 1);
            }
            assert!(slices <= size.div_ceil(SLICE_BYTES_MIN));
        }
        assert_eq!(slice_end(u64::MAX - 1, u64::MAX, u64::MAX, BodyLimit::default()), u64::MAX);
    }

    #[test]
    fn a_refused_body_is_followed_by_shorter_ones_down_to_a_smallest() {
        let mut limit = BodyLimit::default();
        assert!(limit.allows(SLICE_BYTES_MAX));
        assert!(limit.refuse(SLICE_BYTES_MIN) && limit.allows(PROXY_BODY_BYTES) && !limit.allows(PROXY_BODY_BYTES + 1));
        assert!(limit.refuse(SLICE_BYTES_MAX), "another upload was on its way with a longer body");
        assert!(limit.allows(PROXY_BODY_BYTES));
        let mut refused = PROXY_BODY_BYTES;
        while limit.refuse(refused) {
            refused /= 2;
        }
        assert_eq!(refused, BODY_BYTES_MIN);
        assert!(!limit.refuse(1_000), "a short body was refused for another reason");
    }

    #[test]
    fn slices_within_a_limit_cover_a_file() {
        let mut limit = BodyLimit::default();
        limit.refuse(SLICE_BYTES_MIN);
        let size = 2 * PROXY_BODY_BYTES + 5;
        let end = |offset| slice_end(offset, SLICE_BYTES_MIN, size, limit);
        assert_eq!(
            [end(0), end(PROXY_BODY_BYTES), end(2 * PROXY_BODY_BYTES)],
            [size - 5 - PROXY_BODY_BYTES, size - 5, size]
        );
    }
}
