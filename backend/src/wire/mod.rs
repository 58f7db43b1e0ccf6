//! The framed protocol on a byte stream, for both ends of a connection: bytes ⇄ frames, keys and their proofs. What a
//! frame means is not known here.

mod in_process;
mod key;
mod lazy_timeout;
mod pipe;
mod proof;
mod reader;
mod transport;
mod unix;
mod writer;

pub use in_process::{InProcessConnector, InProcessListener, in_process};
pub use key::{Key, KeyError, KeyId};
pub use lazy_timeout::LazyTimeout;
pub use pipe::{PipeReader, PipeWriter};
pub use proof::Transcript;
pub use reader::{Frame, FrameReader, Incoming, Source};
pub use transport::{TransportReader, TransportWriter, connect_in_process, connect_tcp, connect_unix};
pub use unix::{UnixListenError, UnixListener, UnixReader, UnixWriter};
pub use writer::FrameWriter;

use shared::ErrorCode;
use shared::wire::{DecodeError, HeaderError};

/// Why a byte stream is no longer a sequence of frames.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The stream ended inside a frame.
    #[error("the connection ended in the middle of a frame")]
    Truncated,
    /// Twelve bytes that are no header.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// A body that is not the message it should be.
    #[error(transparent)]
    Body(#[from] DecodeError),
    /// A frame that may not come now.
    #[error("{0}")]
    Unexpected(&'static str),
    /// A peer that asks for too much in too short a time.
    #[error("{0}")]
    TooMany(&'static str),
    /// The peer took nothing, or sent nothing, for too long.
    #[error("the peer stalled")]
    Stalled,
    /// The socket failed.
    #[error("the connection failed: {0}")]
    Io(#[from] std::io::Error),
}

impl WireError {
    /// The reason as the peer is told it, if it can still be told anything.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Header(HeaderError::TooLong) => ErrorCode::FrameTooLong,
            Self::Header(_) | Self::Unexpected(_) => ErrorCode::Protocol,
            Self::Body(_) => ErrorCode::BadRequest,
            Self::TooMany(_) => ErrorCode::TooManyRequests,
            Self::Truncated | Self::Stalled | Self::Io(_) => ErrorCode::Disconnected,
        }
    }
}
