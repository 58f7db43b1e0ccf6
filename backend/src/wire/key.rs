//! Keys: the secret that a client and a file server share, and its text form.

use std::fmt;
use std::str::FromStr;

use shared::hex;
use shared::limits::TEXT_BYTES_MAX;

use crate::random::{NoRandomness, random_bytes};

/// The name of a key; not a secret.
pub type KeyId = String;

/// A secret of 32 bytes with its name. Its text, which [`fmt::Display`] gives and [`FromStr`] reads, is one line:
/// `passerelle-key-1 <id> <64 hexadecimal digits>`.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    id: KeyId,
    secret: [u8; 32],
}

/// Why a key cannot be parsed or generated.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum KeyError {
    /// The text is no key.
    #[error("not a key: expected one line `passerelle-key-1 <id> <64 hexadecimal digits>`")]
    Malformed,
    /// The operating system gave no random bytes.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

const LABEL: &str = "passerelle-key-1";

impl Key {
    /// A new random key with a random name.
    pub fn generate() -> Result<Self, KeyError> {
        Ok(Self { id: hex::encode(&random_bytes::<8>()?), secret: random_bytes()? })
    }

    /// The name.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The secret.
    pub fn secret(&self) -> &[u8; 32] {
        &self.secret
    }
}

impl fmt::Display for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{LABEL} {} {}", self.id, hex::encode(&self.secret))
    }
}

/// Leaves out the secret, which must not appear in logs.
impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Key({})", self.id)
    }
}

impl FromStr for Key {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let mut words = text.split_whitespace();
        let (Some(LABEL), Some(id), Some(digits), None) = (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(KeyError::Malformed);
        };
        if id.len() > TEXT_BYTES_MAX {
            return Err(KeyError::Malformed);
        }
        let secret = hex::decode_array(digits.as_bytes()).ok_or(KeyError::Malformed)?;
        Ok(Self { id: id.to_owned(), secret })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_parses_from_its_text_and_hides_its_secret_in_logs() {
        let key = Key::generate().unwrap();
        assert_eq!(format!("{key}\n").parse::<Key>().as_ref(), Ok(&key));
        assert_eq!(format!("{key:?}"), format!("Key({})", key.id()));
        for text in ["", "passerelle-key-1 a", "passerelle-key-2 a 00", "passerelle-key-1 a zz"] {
            assert_eq!(text.parse::<Key>(), Err(KeyError::Malformed), "{text}");
        }
    }
}
