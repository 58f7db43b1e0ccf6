//! Names that a server or a client mints: 128 random bits, 32 hexadecimal digits as text. Whoever knows one has not
//! thereby any right; but nobody guesses one.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! ids {
    ($($(#[doc = $doc:literal])* $name:ident;)*) => {$(
        $(#[doc = $doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub [u8; 16]);

        impl $name {
            /// Reads 32 hexadecimal digits; the dashes of a UUID (RFC 9562) may stand between them.
            pub fn parse(text: &str) -> Option<Self> {
                parse(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, "{:032x}", u128::from_be_bytes(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, concat!(stringify!($name), "({})"), self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not 32 hexadecimal digits"))
            }
        }

        #[cfg(feature = "wire")]
        impl<C> minicbor::Encode<C> for $name {
            fn encode<W: minicbor::encode::Write>(
                &self,
                encoder: &mut minicbor::Encoder<W>,
                _: &mut C,
            ) -> Result<(), minicbor::encode::Error<W::Error>> {
                encoder.bytes(&self.0)?.ok()
            }
        }

        #[cfg(feature = "wire")]
        impl<'b, C> minicbor::Decode<'b, C> for $name {
            fn decode(decoder: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
                let position = decoder.position();
                let bytes = decoder.bytes()?.try_into();
                bytes.map(Self).map_err(|_| minicbor::decode::Error::message("an id has 16 bytes").at(position))
            }
        }
    )*};
}

ids! {
    /// An upload, minted by the file server.
    UploadId;
    /// An item in the trash, minted by the file server.
    TrashId;
    /// A change: the idempotency key that its client minted, by which it asks again and cancels.
    JobId;
}

fn parse(text: &str) -> Option<[u8; 16]> {
    let bytes = text.as_bytes();
    let dashed = bytes.len() == 36;
    let is_dash = |index: usize| dashed && matches!(index, 8 | 13 | 18 | 23);
    let mut digits = 0_u128;
    let mut count = 0;
    for (index, byte) in bytes.iter().enumerate() {
        if is_dash(index) {
            if *byte != b'-' {
                return None;
            }
            continue;
        }
        count += 1;
        if count > 32 {
            return None;
        }
        digits = digits << 4 | u128::from(char::from(*byte).to_digit(16)?);
    }
    (count == 32).then(|| digits.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_with_and_without_dashes_read_back() {
        let id = JobId([0x1f; 16]);
        assert_eq!(JobId::parse(&id.to_string()), Some(id));
        assert_eq!(JobId::parse("1f1f1f1f-1f1f-1f1f-1f1f-1f1f1f1f1f1f"), Some(id));
        for text in ["", "1f", "-1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1", "1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1g", "é"] {
            assert_eq!(JobId::parse(text), None, "{text}");
        }
    }
}
