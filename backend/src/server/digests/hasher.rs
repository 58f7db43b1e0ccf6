//! Digests by algorithm.

use sha2::Digest as _;
use shared::{Algorithm, Checksum, Digests};

/// A hasher for one algorithm.
pub(in crate::server) enum Hasher {
    Blake3(Box<blake3::Hasher>),
    Crc32(crc32fast::Hasher),
    Sha256(Box<sha2::Sha256>),
    Sha1(Box<sha1::Sha1>),
}

impl Hasher {
    /// A hasher without input yet.
    pub(in crate::server) fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Blake3 => Self::Blake3(Box::default()),
            Algorithm::Crc32 => Self::Crc32(crc32fast::Hasher::new()),
            Algorithm::Sha256 => Self::Sha256(Box::default()),
            Algorithm::Sha1 => Self::Sha1(Box::default()),
        }
    }

    /// Adds input.
    pub(in crate::server) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Blake3(hasher) => drop(hasher.update(bytes)),
            Self::Crc32(hasher) => hasher.update(bytes),
            Self::Sha256(hasher) => hasher.update(bytes),
            Self::Sha1(hasher) => hasher.update(bytes),
        }
    }

    /// The digest of the input.
    pub(in crate::server) fn finish(self) -> Checksum {
        let (algorithm, digest) = match self {
            Self::Blake3(hasher) => (Algorithm::Blake3, hasher.finalize().as_bytes().to_vec()),
            Self::Crc32(hasher) => (Algorithm::Crc32, hasher.finalize().to_be_bytes().to_vec()),
            Self::Sha256(hasher) => (Algorithm::Sha256, hasher.finalize().to_vec()),
            Self::Sha1(hasher) => (Algorithm::Sha1, hasher.finalize().to_vec()),
        };
        Checksum { algorithm, digest }
    }
}

/// Hashers for several algorithms over one input.
pub(in crate::server) struct Hashers(Vec<Hasher>);

impl Hashers {
    /// Hashers without input yet.
    pub(in crate::server) fn new(algorithms: &[Algorithm]) -> Self {
        Self(algorithms.iter().copied().map(Hasher::new).collect())
    }

    /// Adds input.
    pub(in crate::server) fn update(&mut self, bytes: &[u8]) {
        self.0.iter_mut().for_each(|hasher| hasher.update(bytes));
    }

    /// The digests of the input.
    pub(in crate::server) fn finish(self) -> Digests {
        Digests { known: self.0.into_iter().map(Hasher::finish).collect() }
    }
}

#[cfg(test)]
mod tests {
    use shared::hex;

    use super::*;

    #[test]
    fn digests_are_those_of_the_standards() {
        let check = |algorithm, expected: &str| {
            let mut hashers = Hashers::new(&[algorithm]);
            hashers.update(b"12345");
            hashers.update(b"6789");
            let digests = hashers.finish();
            assert_eq!(digests.get(algorithm).map(hex::encode).as_deref(), Some(expected));
        };
        check(Algorithm::Crc32, "cbf43926");
        check(Algorithm::Sha1, "f7c3bc1d808e04732adf679965ccc34ca7ae3441");
        check(Algorithm::Sha256, "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225");
        let empty = Hashers::new(&[Algorithm::Blake3]).finish();
        let expected = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";
        assert_eq!(empty.get(Algorithm::Blake3).map(hex::encode).as_deref(), Some(expected));
    }
}
