//! The digests of an upload: BLAKE3, which proves it, and CRC-32, which an archive needs. Both can be stored at any
//! offset and continued from there by another process, so COMMIT after a restart reads nothing again.
//!
//! The other algorithms need no such state: a SHA-1 or SHA-256 checksum covers one PUT, and begins and ends with it.

use shared::{Algorithm, Checksum, Digests};

use super::blake3_tree::TreeHasher;

/// Hashes the bytes of an upload in their order.
#[derive(Clone, Default)]
pub(in crate::server) struct UploadHasher {
    bytes: u64,
    blake3: TreeHasher,
    crc32: crc32fast::Hasher,
}

/// The state of an [`UploadHasher`] after so many bytes, at most 3 KiB long.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(in crate::server) struct DigestCheckpoint {
    bytes: u64,
    crc32: u32,
    blake3: TreeHasher,
}

impl UploadHasher {
    /// Continues from a checkpoint; from none, at the first byte.
    pub(in crate::server) fn resume(checkpoint: DigestCheckpoint) -> Self {
        let DigestCheckpoint { bytes, crc32, blake3 } = checkpoint;
        Self { bytes, blake3, crc32: crc32fast::Hasher::new_with_initial_len(crc32, bytes) }
    }

    /// Adds the next bytes.
    pub(in crate::server) fn update(&mut self, bytes: &[u8]) {
        self.blake3.update(bytes);
        self.crc32.update(bytes);
        self.bytes += bytes.len() as u64;
    }

    /// How many bytes it has hashed.
    pub(in crate::server) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The present state.
    pub(in crate::server) fn checkpoint(self) -> DigestCheckpoint {
        DigestCheckpoint { bytes: self.bytes, crc32: self.crc32.finalize(), blake3: self.blake3.compacted() }
    }

    /// The digests of all bytes.
    pub(in crate::server) fn finish(self) -> Digests {
        let blake3 = Checksum { algorithm: Algorithm::Blake3, digest: self.blake3.finish().to_vec() };
        let crc32 = Checksum { algorithm: Algorithm::Crc32, digest: self.crc32.finalize().to_be_bytes().to_vec() };
        Digests { known: vec![blake3, crc32] }
    }
}

/// The first byte of a stored checkpoint: the version of its form.
const FORM: u8 = 1;

impl DigestCheckpoint {
    /// How many bytes it covers.
    pub(in crate::server) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The digests of those bytes.
    pub(in crate::server) fn digests(&self) -> Digests {
        UploadHasher::resume(self.clone()).finish()
    }

    /// The stored form: version, number of bytes and CRC-32 (little-endian), number of chaining values; then the
    /// chaining values of the complete BLAKE3 subtrees, the largest first, and the bytes behind them.
    pub(in crate::server) fn encode(&self) -> Vec<u8> {
        let (values, tail) = self.blake3.parts();
        let mut stored = vec![FORM];
        stored.extend_from_slice(&self.bytes.to_le_bytes());
        stored.extend_from_slice(&self.crc32.to_le_bytes());
        // At most one for each level of the tree, of which there are fewer than 64.
        stored.push(values.len() as u8);
        stored.extend_from_slice(values.as_flattened());
        stored.extend_from_slice(tail);
        stored
    }

    /// Reads the stored form. `None` for another form: the bytes are then read again.
    pub(in crate::server) fn decode(stored: &[u8]) -> Option<Self> {
        let rest = stored.strip_prefix(&[FORM])?;
        let (bytes, rest) = rest.split_first_chunk()?;
        let (crc32, rest) = rest.split_first_chunk()?;
        let (count, rest) = rest.split_first()?;
        let (values, tail) = rest.split_at_checked(usize::from(*count) * blake3::OUT_LEN)?;
        let (bytes, crc32) = (u64::from_le_bytes(*bytes), u32::from_le_bytes(*crc32));
        Some(Self { bytes, crc32, blake3: TreeHasher::from_parts(bytes, values, tail)? })
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::super::hasher::Hashers;
    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn resumed_and_unresumed_digests_are_equal(
            bytes in vec(any::<u8>(), 0..70_000),
            cuts in vec(0_usize..70_000, 0..5),
        ) {
            let mut hasher = UploadHasher::resume(DigestCheckpoint::default());
            let mut at = 0;
            for cut in cuts {
                let end = bytes.len().min(at + cut);
                hasher.update(&bytes[at..end]);
                at = end;
                let checkpoint = hasher.checkpoint();
                prop_assert_eq!(checkpoint.bytes(), at as u64);
                let stored = checkpoint.encode();
                prop_assert!(stored.len() <= 3 << 10);
                hasher = UploadHasher::resume(DigestCheckpoint::decode(&stored).unwrap());
            }
            hasher.update(&bytes[at..]);
            let mut whole = Hashers::new(&[Algorithm::Blake3, Algorithm::Crc32]);
            whole.update(&bytes);
            prop_assert_eq!(hasher.finish(), whole.finish());
        }
    }

    #[test]
    fn another_form_is_no_checkpoint() {
        let mut hasher = UploadHasher::resume(DigestCheckpoint::default());
        hasher.update(&[7; 5000]);
        let stored = hasher.checkpoint().encode();
        assert!(DigestCheckpoint::decode(&stored).is_some());
        assert_eq!(DigestCheckpoint::decode(&stored[..stored.len() - 1]), None);
        assert_eq!(DigestCheckpoint::decode(&[&[2], &stored[1..]].concat()), None);
        assert_eq!(DigestCheckpoint::decode(&[]), None);
    }
}
