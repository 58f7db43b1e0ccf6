//! Memory for bytes on their way, shared by all that move some: the more there are, the shorter the pieces in which each
//! moves its own. Nobody waits for memory, so nobody who dawdles keeps others from moving.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use shared::limits::PIECE_BYTES;

/// Shortest piece, in bytes: a record of TLS. Shorter ones would cost more than they spare.
pub const PIECE_BYTES_MIN: usize = 16 << 10;
/// The memory that both halves have where nothing else is said, in bytes.
pub const TRANSFER_BYTES_MAX: usize = 64 << 20;
/// How many pieces each holds at a time, more or less: one that comes, one that goes, and what libraries keep.
const PIECES_EACH: usize = 4;

/// The memory. Cheap to clone.
#[derive(Clone, Debug)]
pub struct TransferBudget(Arc<Memory>);

#[derive(Debug)]
struct Memory {
    bytes: usize,
    shares: AtomicUsize,
}

/// The part of one that moves bytes, for as long as it does.
#[derive(Debug)]
pub struct TransferShare(TransferBudget);

impl TransferBudget {
    /// So many bytes for all.
    pub fn new(bytes: usize) -> Self {
        Self(Arc::new(Memory { bytes, shares: AtomicUsize::new(0) }))
    }

    /// A part of it.
    pub fn share(&self) -> TransferShare {
        self.0.shares.fetch_add(1, Ordering::Relaxed);
        TransferShare(self.clone())
    }

    /// How long a piece may be at the moment, in bytes: between [`PIECE_BYTES_MIN`] and [`PIECE_BYTES`].
    pub fn piece_bytes(&self) -> usize {
        let shares = self.0.shares.load(Ordering::Relaxed).max(1);
        // A power of two, so that pieces begin at pages.
        let bytes = (self.0.bytes / shares / PIECES_EACH).max(1);
        (1 << bytes.ilog2()).clamp(PIECE_BYTES_MIN, PIECE_BYTES)
    }
}

impl TransferShare {
    /// As [`TransferBudget::piece_bytes`].
    pub fn piece_bytes(&self) -> usize {
        self.0.piece_bytes()
    }
}

impl Drop for TransferShare {
    fn drop(&mut self) {
        self.0.0.shares.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_get_shorter_as_there_are_more_and_longer_again() {
        let pieces = TransferBudget::new(64 << 20);
        assert_eq!(pieces.piece_bytes(), PIECE_BYTES);
        let mut shares: Vec<TransferShare> = (0..64).map(|_| pieces.share()).collect();
        assert_eq!(pieces.piece_bytes(), PIECE_BYTES);
        shares.push(pieces.share());
        assert_eq!(pieces.piece_bytes(), PIECE_BYTES / 2);
        shares.extend((0..10_000).map(|_| pieces.share()));
        assert_eq!(shares[0].piece_bytes(), PIECE_BYTES_MIN);
        shares.truncate(256);
        assert_eq!(shares[0].piece_bytes(), 64 << 10);
        drop(shares);
        assert_eq!(pieces.piece_bytes(), PIECE_BYTES);
    }

    #[test]
    fn without_any_memory_pieces_are_short() {
        assert_eq!(TransferBudget::new(0).piece_bytes(), PIECE_BYTES_MIN);
    }
}
