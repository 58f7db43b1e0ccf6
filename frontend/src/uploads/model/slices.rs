//! The size of the slices in which a large file is sent.

/// Smallest slice of a large file, in bytes, about as much as a server syncs at a time. A file up to this size is sent
/// in one request.
pub const SLICE_BYTES_MIN: u64 = 8 << 20;
/// Largest slice, in bytes: what a failure may cost.
pub const SLICE_BYTES_MAX: u64 = 32 << 20;
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

/// The end of the slice that starts at `offset`. The slice takes in a remainder of less than half a smallest slice.
pub fn slice_end(offset: u64, slice: u64, size: u64) -> u64 {
    let end = offset.saturating_add(slice);
    if end.saturating_add(SLICE_BYTES_MIN / 2) >= size { size } else { end }
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
                let end = slice_end(at, SLICE_BYTES_MIN, size);
                assert!(end > at && end <= size);
                (at, slices) = (end, slices + 1);
            }
            assert!(slices <= size.div_ceil(SLICE_BYTES_MIN));
        }
        assert_eq!(slice_end(u64::MAX - 1, u64::MAX, u64::MAX), u64::MAX);
    }
}
