//! Digests, made as bytes go by.

use sha2::Digest as _;
use shared::{Algorithm, Checksum, Digests};

/// One digest in the making.
#[derive(Clone)]
pub(in crate::server) enum Sum {
    Blake3(Box<blake3::Hasher>),
    Crc32(crc32fast::Hasher),
    Sha256(Box<sha2::Sha256>),
    Sha1(Box<sha1::Sha1>),
}

impl Sum {
    /// Of no bytes yet.
    pub(in crate::server) fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Blake3 => Self::Blake3(Box::default()),
            Algorithm::Crc32 => Self::Crc32(crc32fast::Hasher::new()),
            Algorithm::Sha256 => Self::Sha256(Box::default()),
            Algorithm::Sha1 => Self::Sha1(Box::default()),
        }
    }

    /// Takes the next bytes in.
    pub(in crate::server) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Blake3(sum) => drop(sum.update(bytes)),
            Self::Crc32(sum) => sum.update(bytes),
            Self::Sha256(sum) => sum.update(bytes),
            Self::Sha1(sum) => sum.update(bytes),
        }
    }

    /// What the bytes came to.
    pub(in crate::server) fn finish(self) -> Checksum {
        let (algorithm, digest) = match self {
            Self::Blake3(sum) => (Algorithm::Blake3, sum.finalize().as_bytes().to_vec()),
            Self::Crc32(sum) => (Algorithm::Crc32, sum.finalize().to_be_bytes().to_vec()),
            Self::Sha256(sum) => (Algorithm::Sha256, sum.finalize().to_vec()),
            Self::Sha1(sum) => (Algorithm::Sha1, sum.finalize().to_vec()),
        };
        Checksum { algorithm, digest }
    }
}

/// Several digests of the same bytes, from the first on.
#[derive(Clone)]
pub(in crate::server) struct Sums {
    sums: Vec<Sum>,
    bytes: u64,
}

impl Sums {
    /// What is made of every upload: what proves it, and what an archive needs.
    pub(in crate::server) const OF_UPLOADS: [Algorithm; 2] = [Algorithm::Blake3, Algorithm::Crc32];

    /// Of no bytes yet.
    pub(in crate::server) fn new(algorithms: &[Algorithm]) -> Self {
        Self { sums: algorithms.iter().copied().map(Sum::new).collect(), bytes: 0 }
    }

    /// How many bytes they are of.
    pub(in crate::server) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes the next bytes in.
    pub(in crate::server) fn update(&mut self, bytes: &[u8]) {
        self.sums.iter_mut().for_each(|sum| sum.update(bytes));
        self.bytes += bytes.len() as u64;
    }

    /// What the bytes came to.
    pub(in crate::server) fn finish(self) -> Digests {
        Digests { known: self.sums.into_iter().map(Sum::finish).collect() }
    }
}

#[cfg(test)]
mod tests {
    use shared::hex;

    use super::*;

    #[test]
    fn digests_are_those_of_the_standards() {
        let check = |algorithm, expected: &str| {
            let mut sums = Sums::new(&[algorithm]);
            sums.update(b"12345");
            sums.update(b"6789");
            let digests = sums.finish();
            assert_eq!(digests.get(algorithm).map(hex::encode).as_deref(), Some(expected));
        };
        check(Algorithm::Crc32, "cbf43926");
        check(Algorithm::Sha1, "f7c3bc1d808e04732adf679965ccc34ca7ae3441");
        check(Algorithm::Sha256, "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225");
        let empty = Sums::new(&[Algorithm::Blake3]).finish();
        let expected = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";
        assert_eq!(empty.get(Algorithm::Blake3).map(hex::encode).as_deref(), Some(expected));
    }
}
