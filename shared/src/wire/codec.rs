//! Encoding and decoding of bodies, and the CBOR form of types that have no derived one.

use minicbor::data::Type;
use minicbor::decode::Error as CborError;
use minicbor::{Decode, Decoder, Encode, Encoder};

use crate::entry::ETag;
use crate::error::ErrorCode;
use crate::path::VPath;

/// Why a body cannot be decoded as the expected message.
#[derive(Debug, thiserror::Error)]
#[error("the message cannot be decoded: {0}")]
pub struct DecodeError(String);

/// A body of a frame: every type in `messages`.
pub trait Message: Encode<()> + for<'b> Decode<'b, ()> {}

impl<M: Encode<()> + for<'b> Decode<'b, ()>> Message for M {}

/// The bytes of a message or of a part of one.
pub fn encode(message: &impl Encode<()>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(128);
    // Writing into a vector cannot fail, nor can the encoding of a message.
    let _ = minicbor::encode(message, &mut bytes);
    bytes
}

/// The length of [`encode`]'s result, without an allocation.
pub fn encoded_length(message: &impl Encode<()>) -> usize {
    struct Length(usize);

    impl minicbor::encode::Write for Length {
        type Error = std::convert::Infallible;

        fn write_all(&mut self, bytes: &[u8]) -> Result<(), Self::Error> {
            self.0 += bytes.len();
            Ok(())
        }
    }

    let mut length = Length(0);
    // Counting cannot fail, nor can the encoding of a message.
    let _ = minicbor::encode(message, &mut length);
    length.0
}

/// Decodes a message that fills `bytes`. Unknown fields are ignored.
///
/// # Errors
/// Malformed CBOR, a value that its type refuses, or bytes after the message.
pub fn decode<M: Message>(bytes: &[u8]) -> Result<M, DecodeError> {
    let mut decoder = Decoder::new(bytes);
    let message = decoder.decode().map_err(|error| DecodeError(error.to_string()))?;
    if decoder.position() == bytes.len() { Ok(message) } else { Err(DecodeError("bytes follow the message".into())) }
}

/// Decodes an optional enumeration of a request: a variant that this version does not have is an error. The derived
/// decoding would read it as an absent field, so a request for a part of a file would get all of it.
pub(super) fn known_variant<'b, C, T: Decode<'b, C>>(
    decoder: &mut Decoder<'b>,
    context: &mut C,
) -> Result<T, CborError> {
    let position = decoder.position();
    T::decode(decoder, context).map_err(|error| match error.is_unknown_variant() {
        true => CborError::message("a variant that this version does not have").at(position),
        false => error,
    })
}

/// A digest: a byte string. Earlier versions of the server wrote and took an array of numbers, which is in their
/// records, so both are read.
pub(super) mod digest_bytes {
    use super::*;

    pub(in crate::wire) fn encode<C, W: minicbor::encode::Write>(
        digest: &Option<Vec<u8>>,
        encoder: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        match digest {
            Some(bytes) => encoder.bytes(bytes)?.ok(),
            None => encoder.null()?.ok(),
        }
    }

    pub(in crate::wire) fn decode<C>(decoder: &mut Decoder<'_>, _: &mut C) -> Result<Option<Vec<u8>>, CborError> {
        match decoder.datatype()? {
            Type::Null => decoder.null().map(|()| None),
            Type::Array | Type::ArrayIndef => decoder.decode().map(Some),
            _ => decoder.bytes().map(|bytes| Some(bytes.to_vec())),
        }
    }

    /// Leaves an absent digest out.
    pub(in crate::wire) fn is_nil(digest: &Option<Vec<u8>>) -> bool {
        digest.is_none()
    }

    /// The value of a field that is left out.
    pub(in crate::wire) fn nil() -> Option<Option<Vec<u8>>> {
        Some(None)
    }
}

impl<C> Encode<C> for VPath {
    fn encode<W: minicbor::encode::Write>(
        &self,
        encoder: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        encoder.bytes(self.as_bytes())?.ok()
    }
}

impl<'b, C> Decode<'b, C> for VPath {
    fn decode(decoder: &mut Decoder<'b>, _: &mut C) -> Result<Self, CborError> {
        let position = decoder.position();
        Self::from_bytes(decoder.bytes()?).map_err(|error| CborError::message(error).at(position))
    }
}

impl<C> Encode<C> for ETag {
    fn encode<W: minicbor::encode::Write>(
        &self,
        encoder: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        encoder.bytes(&self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for ETag {
    fn decode(decoder: &mut Decoder<'b>, _: &mut C) -> Result<Self, CborError> {
        let position = decoder.position();
        let bytes = decoder.bytes()?.try_into();
        bytes.map(Self).map_err(|_| CborError::message("an entity tag is 16 bytes").at(position))
    }
}

impl<C> Encode<C> for ErrorCode {
    fn encode<W: minicbor::encode::Write>(
        &self,
        encoder: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        encoder.u16(self.number())?.ok()
    }
}

impl<'b, C> Decode<'b, C> for ErrorCode {
    fn decode(decoder: &mut Decoder<'b>, _: &mut C) -> Result<Self, CborError> {
        decoder.u16().map(Self::from_number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoded_length_is_that_of_the_encoding() {
        for text in ["", "a", &"long/".repeat(100)] {
            let path = VPath::parse(text.trim_end_matches('/')).unwrap();
            assert_eq!(encoded_length(&path), encode(&path).len());
        }
    }
}
