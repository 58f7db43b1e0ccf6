//! Random ids of 128 bits, as text 32 hexadecimal digits. They cannot be guessed, but knowing one gives no right.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::hex;

/// Length of the text of a UUID, and where its dashes stand (RFC 9562 §4).
const UUID_LENGTH: usize = 36;
const UUID_DASHES: [usize; 4] = [8, 13, 18, 23];

macro_rules! ids {
    ($($(#[doc = $doc:literal])* $name:ident;)*) => {$(
        $(#[doc = $doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub [u8; 16]);

        impl $name {
            /// Parses 32 hexadecimal digits, or a UUID with dashes (RFC 9562).
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
    /// The id of an upload, chosen by the file server.
    UploadId;
    /// The id of an item in the trash, chosen by the file server.
    TrashId;
    /// The id of a job: the idempotency key of its change, chosen by the client, which repeats and cancels by it.
    JobId;
}

fn parse(text: &str) -> Option<[u8; 16]> {
    match text.len() {
        UUID_LENGTH => {
            let dashes = UUID_DASHES.iter().all(|index| text.as_bytes()[*index] == b'-');
            dashes.then(|| hex::decode_array(text.replace('-', "").as_bytes()))?
        }
        _ => hex::decode_array(text.as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_parse_with_and_without_dashes() {
        let id = JobId([0x1f; 16]);
        assert_eq!(JobId::parse(&id.to_string()), Some(id));
        assert_eq!(JobId::parse("1f1f1f1f-1f1f-1f1f-1f1f-1f1f1f1f1f1f"), Some(id));
        for text in ["", "1f", "-1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1", "1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1g", "é"] {
            assert_eq!(JobId::parse(text), None, "{text}");
        }
    }
}
