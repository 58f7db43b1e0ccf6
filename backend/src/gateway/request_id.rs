//! Request ids: in the answer, in the gateway's log and in the file server's log.

use std::sync::atomic::{AtomicU64, Ordering};

use http::Extensions;
use sha2::{Digest, Sha256};
use shared::hex;

use crate::random::random_bytes;

/// The id of a request: 16 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct RequestId([u8; 16]);

/// Makes the ids of one process.
pub(super) struct RequestIds {
    /// Random, so that neither ids nor boundaries can be predicted, or repeat after a restart.
    seed: [u8; 16],
    count: AtomicU64,
}

impl RequestIds {
    pub(super) fn new() -> Self {
        // Without randomness ids repeat after a restart, which only makes logs harder to read.
        let seed = random_bytes().unwrap_or_default();
        Self { seed, count: AtomicU64::new(0) }
    }

    pub(super) fn next(&self) -> RequestId {
        let [start @ .., _, _, _, _, _, _, _, _] = self.seed;
        RequestId::from(u64::from_be_bytes(start).wrapping_add(self.count.fetch_add(1, Ordering::Relaxed)))
    }

    /// A boundary for the multipart answer to request `id`: unpredictable, so that no file can contain it.
    pub(super) fn boundary(&self, id: RequestId) -> String {
        let digest = Sha256::new_with_prefix(self.seed).chain_update(id.as_str()).finalize();
        hex::encode(&digest[..16])
    }
}

impl RequestId {
    /// The id that the middleware stored among a request's extensions; zeros if it stored none.
    pub(super) fn of(extensions: &Extensions) -> Self {
        extensions.get().copied().unwrap_or(Self::from(0))
    }

    pub(super) fn as_str(&self) -> &str {
        // The bytes are ASCII digits, so the conversion succeeds.
        str::from_utf8(&self.0).unwrap_or_default()
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<u64> for RequestId {
    fn from(number: u64) -> Self {
        let bytes = number.to_be_bytes();
        let mut digits = hex::digits(&bytes);
        // Eight bytes have sixteen digits.
        Self(std::array::from_fn(|_| digits.next().unwrap_or(b'0')))
    }
}
