//! A frame in memory.

use bytes::Bytes;
use shared::wire::{FrameKind, Header, Message, decode};

use super::error::WireError;

/// A complete frame, of any kind but DATA.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Its header.
    pub header: Header,
    /// Its encoded message.
    pub body: Bytes,
}

/// The next frame of a connection.
#[derive(Debug)]
pub enum Incoming {
    /// A message.
    Message(Frame),
    /// A DATA frame; [`super::FrameReader::piece`] receives its payload.
    Data {
        /// The request that it belongs to.
        request_id: u32,
        /// The length of its payload in bytes, never 0.
        bytes: usize,
    },
}

impl Frame {
    /// A frame with an encoded message.
    pub fn new(kind: FrameKind, request_id: u32, body: Vec<u8>) -> Self {
        Self { header: Header::new(kind, request_id, body.len()), body: body.into() }
    }

    /// The kind of the frame; `None` for a kind that this version does not know.
    pub fn kind(&self) -> Option<FrameKind> {
        self.header.kind()
    }

    /// Decodes the message.
    pub fn message<M: Message>(&self) -> Result<M, WireError> {
        Ok(decode(&self.body)?)
    }
}
