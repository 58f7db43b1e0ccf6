//! Digests of content, which verify transfers.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::hex;

/// Digest algorithms.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "wire", derive(minicbor::Encode, minicbor::Decode))]
#[cfg_attr(feature = "wire", cbor(index_only))]
pub enum Algorithm {
    /// BLAKE3, 32 bytes.
    #[cfg_attr(feature = "wire", n(0))]
    Blake3,
    /// CRC-32 as in ZIP (ISO-HDLC), 4 bytes, big-endian.
    #[cfg_attr(feature = "wire", n(1))]
    Crc32,
    /// SHA-256 (FIPS 180-4), 32 bytes.
    #[cfg_attr(feature = "wire", n(2))]
    Sha256,
    /// SHA-1 (FIPS 180-4), 20 bytes, for old tus clients. It detects accidents, not attacks.
    #[cfg_attr(feature = "wire", n(3))]
    Sha1,
}

impl Algorithm {
    /// Every algorithm of this build.
    pub const ALL: [Self; 4] = [Self::Blake3, Self::Crc32, Self::Sha256, Self::Sha1];

    /// Length of the digest in bytes.
    pub const fn length(self) -> usize {
        match self {
            Self::Blake3 | Self::Sha256 => 32,
            Self::Crc32 => 4,
            Self::Sha1 => 20,
        }
    }

    /// The name in tus's `Upload-Checksum` and `Tus-Checksum-Algorithm`.
    pub const fn tus_name(self) -> &'static str {
        match self {
            Self::Blake3 => "blake3",
            Self::Crc32 => "crc32",
            Self::Sha256 => "sha256",
            Self::Sha1 => "sha1",
        }
    }
}

/// The expected digest of some bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "wire", derive(minicbor::Encode, minicbor::Decode))]
#[cfg_attr(feature = "wire", cbor(map))]
pub struct Checksum {
    /// The algorithm.
    #[cfg_attr(feature = "wire", n(0))]
    pub algorithm: Algorithm,
    /// The digest: [`Algorithm::length`] bytes.
    #[cfg_attr(feature = "wire", cbor(n(1), with = "minicbor::bytes"))]
    pub digest: Vec<u8>,
}

/// The known digests of a file.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "wire", derive(minicbor::Encode, minicbor::Decode))]
#[cfg_attr(feature = "wire", cbor(map))]
pub struct Digests {
    /// At most one for each algorithm, in any order.
    #[cfg_attr(feature = "wire", n(0))]
    pub known: Vec<Checksum>,
}

impl Digests {
    /// The digest by that algorithm.
    pub fn get(&self, algorithm: Algorithm) -> Option<&[u8]> {
        self.known.iter().find(|checksum| checksum.algorithm == algorithm).map(|checksum| checksum.digest.as_slice())
    }
}

/// A JSON object with hexadecimal digests by algorithm: `{"blake3":"af13…","crc32":"00000000"}`.
impl Serialize for Digests {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.known.iter().map(|checksum| (checksum.algorithm, hex::encode(&checksum.digest))))
    }
}

impl<'de> Deserialize<'de> for Digests {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use std::collections::BTreeMap;
        let map = BTreeMap::<String, String>::deserialize(deserializer)?;
        let known = map.into_iter().filter_map(|(name, text)| {
            let algorithm = Algorithm::ALL.into_iter().find(|algorithm| algorithm.tus_name() == name)?;
            Some(Checksum { algorithm, digest: hex::decode(text.as_bytes())? })
        });
        Ok(Self { known: known.collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_read_back_as_json() {
        let digests = Digests {
            known: vec![
                Checksum { algorithm: Algorithm::Blake3, digest: vec![0xaf; 32] },
                Checksum { algorithm: Algorithm::Crc32, digest: vec![0, 1, 2, 255] },
            ],
        };
        let json = serde_json::to_string(&digests).unwrap();
        assert!(json.ends_with(r#""crc32":"000102ff"}"#), "{json}");
        assert_eq!(serde_json::from_str::<Digests>(&json).unwrap(), digests);
    }

    #[test]
    fn json_and_tus_use_equal_names() {
        for algorithm in Algorithm::ALL {
            assert_eq!(serde_json::to_string(&algorithm).unwrap(), format!("\"{}\"", algorithm.tus_name()));
        }
    }
}
