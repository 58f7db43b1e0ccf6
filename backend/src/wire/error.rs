//! Why a byte stream is no longer a sequence of frames.

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
    /// A body that does not decode as the expected message.
    #[error(transparent)]
    Body(#[from] DecodeError),
    /// A frame that the protocol does not allow at this point.
    #[error("{0}")]
    Unexpected(&'static str),
    /// The peer exceeds a rate limit.
    #[error("{0}")]
    TooMany(&'static str),
    /// The peer received nothing, or sent nothing, for too long.
    #[error("the peer stalled")]
    Stalled,
    /// The socket failed.
    #[error("the connection failed: {0}")]
    Io(#[from] std::io::Error),
}

impl WireError {
    /// The code that the peer is sent.
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
