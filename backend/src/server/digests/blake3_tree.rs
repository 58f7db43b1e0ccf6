//! BLAKE3 with a state that can be stored. `blake3::Hasher` keeps its state private; this hasher computes the chaining
//! values of subtrees with it and merges them as the BLAKE3 paper says (§2.1): the tree over the input is
//! left-balanced, so the complete subtrees to the left of any point are the binary digits of the number of chunks
//! before it.

use blake3::hazmat::{ChainingValue, HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root};
use blake3::{CHUNK_LEN, Hasher, OUT_LEN};

/// Least input that is hashed at a time, in bytes: sixteen chunks, which AVX-512 hashes side by side.
const GROUP_BYTES: usize = 16 << 10;
/// Most input that is hashed as one subtree, in bytes.
const SUBTREE_BYTES_MAX: usize = 1 << 20;

/// A BLAKE3 hasher.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct TreeHasher {
    /// Chaining values of the complete subtrees, the largest first. More input shows which of them are siblings, and
    /// merges them; without more, the last merge makes the root.
    stack: Vec<ChainingValue>,
    /// Chunks in those subtrees.
    chunks: u64,
    /// The input behind them, up to the next multiple of [`GROUP_BYTES`].
    tail: Vec<u8>,
}

impl TreeHasher {
    /// The state after `bytes` bytes of input from its parts: the chaining values one after another, and the tail.
    /// `None` if they do not fit together.
    pub(super) fn from_parts(bytes: u64, values: &[u8], tail: &[u8]) -> Option<Self> {
        let start = bytes.checked_sub(tail.len() as u64)?;
        let (chunks, rest) = (start / CHUNK_LEN as u64, start % CHUNK_LEN as u64);
        let stack: Vec<_> = values.chunks(OUT_LEN).map(ChainingValue::try_from).collect::<Result<_, _>>().ok()?;
        let fits = rest == 0 && tail.len() <= CHUNK_LEN && stack.len() >= chunks.count_ones() as usize;
        fits.then(|| Self { stack, chunks, tail: tail.to_vec() })
    }

    /// The stack and the tail.
    pub(super) fn parts(&self) -> (&[ChainingValue], &[u8]) {
        (&self.stack, &self.tail)
    }

    /// The hasher with at most one chunk in its tail.
    pub(super) fn compacted(mut self) -> Self {
        if !self.tail.is_empty() {
            self.absorb((self.tail.len() - 1) / CHUNK_LEN * CHUNK_LEN);
            self.tail.shrink_to_fit();
            self.merge_siblings();
        }
        self
    }

    /// Adds input.
    pub(super) fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = GROUP_BYTES - (self.start() % GROUP_BYTES as u64) as usize - self.tail.len();
            if room == 0 {
                self.absorb(self.tail.len());
                continue;
            }
            if room == GROUP_BYTES {
                // The first subtree may be the whole input, and then is the root: some input has to follow it.
                let available = if self.chunks == 0 { bytes.len() - 1 } else { bytes.len() };
                let whole = aligned_length(self.start(), available);
                if whole >= GROUP_BYTES {
                    self.push(&bytes[..whole]);
                    bytes = &bytes[whole..];
                    continue;
                }
            }
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.tail.extend_from_slice(now);
            bytes = later;
        }
    }

    /// The hash of the input.
    pub(super) fn finish(self) -> [u8; OUT_LEN] {
        if self.stack.is_empty() {
            return blake3::hash(&self.tail).into();
        }
        let Self { mut stack, chunks, tail } = self.compacted();
        if !tail.is_empty() {
            stack.push(chaining_value(chunks * CHUNK_LEN as u64, &tail));
        }
        let mut right = stack.pop().unwrap_or_default();
        while let Some(left) = stack.pop() {
            if stack.is_empty() {
                return merge_subtrees_root(&left, &right, Mode::Hash).into();
            }
            right = merge_subtrees_non_root(&left, &right, Mode::Hash);
        }
        right
    }

    /// Moves so many bytes, whole chunks, from the tail into subtrees.
    fn absorb(&mut self, length: usize) {
        let mut tail = std::mem::take(&mut self.tail);
        let mut at = 0;
        while at < length {
            let whole = aligned_length(self.start(), length - at);
            self.push(&tail[at..at + whole]);
            at += whole;
        }
        tail.drain(..length);
        self.tail = tail;
    }

    /// Adds a complete subtree.
    fn push(&mut self, subtree: &[u8]) {
        self.merge_siblings();
        self.stack.push(chaining_value(self.start(), subtree));
        self.chunks += (subtree.len() / CHUNK_LEN) as u64;
    }

    /// Merges siblings: the subtrees are then the binary digits of `chunks`. Only right if more input follows.
    fn merge_siblings(&mut self) {
        while self.stack.len() > self.chunks.count_ones() as usize
            && let (Some(right), Some(left)) = (self.stack.pop(), self.stack.pop())
        {
            self.stack.push(merge_subtrees_non_root(&left, &right, Mode::Hash));
        }
    }

    /// Where the tail begins in the input.
    fn start(&self) -> u64 {
        self.chunks * CHUNK_LEN as u64
    }
}

/// The length of the longest complete subtree at `start` within `available` bytes: a power of two that divides `start`.
fn aligned_length(start: u64, available: usize) -> usize {
    let most = available.min(SUBTREE_BYTES_MAX);
    let longest = most.checked_ilog2().map_or(0, |exponent| 1 << exponent);
    match start.trailing_zeros() {
        zeros if zeros < usize::BITS => longest.min(1 << zeros),
        _ => longest,
    }
}

fn chaining_value(start: u64, bytes: &[u8]) -> ChainingValue {
    Hasher::new().set_input_offset(start).update(bytes).finalize_non_root()
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn input(length: usize) -> Vec<u8> {
        (0..length).map(|index| (index % 251) as u8).collect()
    }

    #[track_caller]
    fn check(length: usize, cuts: &[usize]) {
        let input = input(length);
        let mut hasher = TreeHasher::default();
        let mut at = 0;
        for cut in cuts.iter().copied().chain([length]).map(|cut| cut.min(length)) {
            hasher.update(&input[at..cut]);
            at = cut;
            hasher = hasher.compacted();
            let (values, tail) = hasher.parts();
            assert!(tail.len() <= CHUNK_LEN);
            hasher = TreeHasher::from_parts(at as u64, values.as_flattened(), tail).unwrap();
        }
        assert_eq!(hasher.finish(), *blake3::hash(&input).as_bytes(), "{length} bytes cut at {cuts:?}");
    }

    #[test]
    fn hashes_of_all_tree_shapes_are_those_of_the_crate() {
        let group = GROUP_BYTES;
        for length in [0, 1, 1023, 1024, 1025, 2048, 3072, 3073, group - 1, group, group + 1, 2 * group, 3 * group + 7]
        {
            check(length, &[]);
            let mut hasher = TreeHasher::default();
            input(length).chunks(700).for_each(|piece| hasher.update(piece));
            assert_eq!(hasher.finish(), *blake3::hash(&input(length)).as_bytes(), "{length} bytes in pieces");
            check(length, &[1, 1024, 2048, group - 1, group + 1]);
        }
        check(SUBTREE_BYTES_MAX * 2, &[SUBTREE_BYTES_MAX]);
        check(SUBTREE_BYTES_MAX * 2, &[SUBTREE_BYTES_MAX / 2, SUBTREE_BYTES_MAX]);
        check(SUBTREE_BYTES_MAX, &[SUBTREE_BYTES_MAX / 4, SUBTREE_BYTES_MAX / 2, SUBTREE_BYTES_MAX * 3 / 4]);
        check(SUBTREE_BYTES_MAX * 3 + 5, &[5, SUBTREE_BYTES_MAX + 1]);
    }

    #[test]
    fn parts_that_do_not_fit_together_are_refused() {
        let mut hasher = TreeHasher::default();
        hasher.update(&input(5000));
        let hasher = hasher.compacted();
        let (values, tail) = hasher.parts();
        let values = values.as_flattened();
        assert_eq!(TreeHasher::from_parts(5000, values, tail), Some(hasher.clone()));
        assert_eq!(TreeHasher::from_parts(4999, values, tail), None);
        assert_eq!(TreeHasher::from_parts(5000, &values[1..], tail), None);
        assert_eq!(TreeHasher::from_parts(8192 + 904, &values[32..], tail), None);
        assert_eq!(TreeHasher::from_parts(0, &[], &[1]), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn resumed_and_unresumed_hashes_are_equal(
            length in 0_usize..200_000,
            cuts in vec(0_usize..200_000, 0..6),
        ) {
            let mut cuts = cuts;
            cuts.sort_unstable();
            check(length, &cuts);
        }
    }
}
