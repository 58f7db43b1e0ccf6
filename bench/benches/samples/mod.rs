//! File names that several benchmarks use.

/// Names as cameras give them, unsorted, and equal on every machine.
pub(crate) fn names(count: u32) -> Vec<Vec<u8>> {
    (0..count)
        .map(|number| format!("holiday picture {}.jpg", number.wrapping_mul(2_654_435_761)).into_bytes())
        .collect()
}
