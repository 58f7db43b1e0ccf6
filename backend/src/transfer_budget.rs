//! Memory for the bytes of files in transit, shared by all transfers: the more there are, the shorter the pieces in
//! which each moves its bytes. A transfer never waits for memory, so a slow one does not block others.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use shared::limits::PIECE_BYTES;

/// Shortest piece, in bytes: a TLS record. Shorter ones would cost more time than the memory they save is worth.
pub const PIECE_BYTES_MIN: usize = 16 << 10;
/// The default budget of the gateway and of the file server, in bytes.
pub const TRANSFER_BYTES_MAX: usize = 64 << 20;
/// Estimated number of pieces that a transfer holds: one that is received, one that is sent, and buffers of libraries.
const PIECES_EACH: usize = 4;

/// The budget. Clones share it.
#[derive(Clone, Debug)]
pub struct TransferBudget(Arc<Memory>);

#[derive(Debug)]
struct Memory {
    bytes: usize,
    shares: AtomicUsize,
}

/// The share of one transfer, until it is dropped.
#[derive(Debug)]
pub struct TransferShare(TransferBudget);

impl TransferBudget {
    /// A budget of `bytes` for all transfers.
    pub fn new(bytes: usize) -> Self {
        Self(Arc::new(Memory { bytes, shares: AtomicUsize::new(0) }))
    }

    /// A share for one more transfer.
    pub fn share(&self) -> TransferShare {
        self.0.shares.fetch_add(1, Ordering::Relaxed);
        TransferShare(self.clone())
    }

    /// Longest piece at the moment, in bytes: between [`PIECE_BYTES_MIN`] and [`PIECE_BYTES`].
    pub fn piece_bytes(&self) -> usize {
        let shares = self.0.shares.load(Ordering::Relaxed).max(1);
        // A power of two, so that pieces begin at page boundaries.
        let bytes = (self.0.bytes / shares / PIECES_EACH).max(1);
        (1 << bytes.ilog2()).clamp(PIECE_BYTES_MIN, PIECE_BYTES)
    }
}

impl TransferShare {
    /// See [`TransferBudget::piece_bytes`].
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
    fn pieces_shrink_with_the_number_of_transfers() {
        let budget = TransferBudget::new(64 << 20);
        assert_eq!(budget.piece_bytes(), PIECE_BYTES);
        let mut shares: Vec<TransferShare> = (0..64).map(|_| budget.share()).collect();
        assert_eq!(budget.piece_bytes(), PIECE_BYTES);
        shares.push(budget.share());
        assert_eq!(budget.piece_bytes(), PIECE_BYTES / 2);
        shares.extend((0..10_000).map(|_| budget.share()));
        assert_eq!(shares[0].piece_bytes(), PIECE_BYTES_MIN);
        shares.truncate(256);
        assert_eq!(shares[0].piece_bytes(), 64 << 10);
        drop(shares);
        assert_eq!(budget.piece_bytes(), PIECE_BYTES);
    }

    #[test]
    fn an_empty_budget_allows_the_shortest_pieces() {
        assert_eq!(TransferBudget::new(0).piece_bytes(), PIECE_BYTES_MIN);
    }
}
