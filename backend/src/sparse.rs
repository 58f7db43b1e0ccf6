//! Long runs of zeros in bytes that are to be written: a file that has a hole in their place takes less space. Pure.

/// Length of the blocks that are looked at, in bytes. Shorter runs of zeros are written: many small holes make a file
/// slow to read.
const BLOCK_BYTES: usize = 32 << 10;

static ZEROS: [u8; BLOCK_BYTES] = [0; BLOCK_BYTES];

/// Bytes that follow each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Run<'a> {
    /// Some of the bytes.
    pub bytes: &'a [u8],
    /// All of them are zeros, and they begin or end a block.
    pub is_zeros: bool,
}

/// Splits bytes that belong at `offset` of a file into runs of zeros and of other blocks.
pub fn runs(bytes: &[u8], offset: u64) -> impl Iterator<Item = Run<'_>> {
    let mut rest = bytes;
    let mut before_block = (offset % BLOCK_BYTES as u64) as usize;
    std::iter::from_fn(move || {
        let is_zeros = is_zeros(block(rest, before_block)?);
        let mut length = 0;
        while let Some(next) = block(&rest[length..], before_block).filter(|next| self::is_zeros(next) == is_zeros) {
            length += next.len();
            before_block = 0;
        }
        let (run, after) = rest.split_at(length);
        rest = after;
        Some(Run { bytes: run, is_zeros })
    })
}

/// The bytes up to the end of the block that has `before` bytes already; `None` if there are none.
fn block(bytes: &[u8], before: usize) -> Option<&[u8]> {
    (!bytes.is_empty()).then(|| &bytes[..bytes.len().min(BLOCK_BYTES - before)])
}

fn is_zeros(block: &[u8]) -> bool {
    block == &ZEROS[..block.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(bytes: &[u8], offset: u64) -> Vec<(usize, bool)> {
        let found: Vec<_> = runs(bytes, offset).collect();
        assert_eq!(found.iter().flat_map(|run| run.bytes).copied().collect::<Vec<_>>(), bytes);
        found.iter().map(|run| (run.bytes.len(), run.is_zeros)).collect()
    }

    #[test]
    fn runs_of_whole_blocks_are_found() {
        assert_eq!(lengths(b"", 0), []);
        assert_eq!(lengths(b"abc", 5), [(3, false)]);
        let mut bytes = vec![0; 4 * BLOCK_BYTES];
        assert_eq!(lengths(&bytes, 0), [(4 * BLOCK_BYTES, true)]);
        bytes[2 * BLOCK_BYTES + 7] = 1;
        assert_eq!(lengths(&bytes, 0), [(2 * BLOCK_BYTES, true), (BLOCK_BYTES, false), (BLOCK_BYTES, true)]);
        let shifted = [(2 * BLOCK_BYTES - 8, true), (BLOCK_BYTES, false), (BLOCK_BYTES + 8, true)];
        assert_eq!(lengths(&bytes, 8), shifted);
    }
}
