//! A filter that tells most names of a long list from the few that are sought, without comparing them. Pure.

/// Bits of the filter: with a thousand names, one other name in sixty passes.
const BITS: usize = 1 << 16;
/// Bytes at the end of a name that count: names of one folder often start alike.
const TAIL_BYTES: usize = 16;

/// A set of names with false positives.
pub(super) struct NameFilter(Vec<u64>);

impl NameFilter {
    /// The filter of these names.
    pub(super) fn of<'a>(names: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut bits = vec![0_u64; BITS / 64];
        for name in names {
            let bit = bit_of(name);
            bits[bit / 64] |= 1 << (bit % 64);
        }
        Self(bits)
    }

    /// False if the name is certainly not in the set.
    pub(super) fn may_contain(&self, name: &[u8]) -> bool {
        let bit = bit_of(name);
        self.0[bit / 64] >> (bit % 64) & 1 == 1
    }
}

/// FNV-1a of the length and the tail, folded to the bits of the filter.
fn bit_of(name: &[u8]) -> usize {
    let tail = &name[name.len().saturating_sub(TAIL_BYTES)..];
    let start = 0x811c_9dc5 ^ name.len() as u32;
    let hash = tail.iter().fold(start, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
    (hash ^ (hash >> 16)) as usize % BITS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_the_set_pass_and_most_others_do_not() {
        let name = |index: usize| format!("a long name of a file {index:06}.txt").into_bytes();
        let names: Vec<_> = (0..1_000).map(name).collect();
        let filter = NameFilter::of(names.iter().map(Vec::as_slice));
        assert!(names.iter().all(|name| filter.may_contain(name)));
        let others = (1_000..100_000).filter(|index| filter.may_contain(&name(*index))).count();
        assert!(others < 3_000, "{others} of 99 000 other names pass");
        assert!(!NameFilter::of(std::iter::empty()).may_contain(b""));
    }
}
