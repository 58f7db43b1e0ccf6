//! A filter that tells most names of a long list from the few that are sought, without comparing them. Pure.

/// Bits of the filter: with a thousand names, one other name in sixty passes.
const BITS: usize = 1 << 16;
/// Bytes at the end of a name that count: names of one folder often start alike.
const TAIL_BYTES: usize = 16;
/// 2⁶⁴ divided by the golden ratio (Knuth, The Art of Computer Programming, 6.4).
const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

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

/// A multiplicative hash of the length and the tail, of which the highest bits are the best. It reads eight bytes at a time,
/// because it is computed for each name of a long list.
fn bit_of(name: &[u8]) -> usize {
    let tail = name.last_chunk().copied().unwrap_or_else(|| padded(name));
    let (front, back) = (u128::from_le_bytes(tail) as u64, (u128::from_le_bytes(tail) >> 64) as u64);
    let hash = (front ^ name.len() as u64).wrapping_mul(MULTIPLIER);
    let hash = (hash.rotate_left(32) ^ back).wrapping_mul(MULTIPLIER);
    (hash >> 48) as usize % BITS
}

/// A name that is shorter than a tail, with zeros after it.
fn padded(name: &[u8]) -> [u8; TAIL_BYTES] {
    std::array::from_fn(|index| name.get(index).copied().unwrap_or(0))
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

    #[test]
    fn short_names_differ_in_each_letter_and_in_their_length() {
        let names: Vec<_> = (0..300).map(|number| number.to_string().into_bytes()).collect();
        let filter = NameFilter::of(names.iter().map(Vec::as_slice));
        assert!(names.iter().all(|name| filter.may_contain(name)));
        let others = (300..10_000).filter(|number| filter.may_contain(number.to_string().as_bytes())).count();
        assert!(others < 150, "{others} of 9 700 other names pass");
        assert_ne!(bit_of(b"a"), bit_of(b"a\0"));
    }
}
