//! Requests, and those of them that the server answers with one message: a client needs no code of its own for such a
//! request.

use super::bounds::Bounded;
use super::caller::Caller;
use crate::wire::codec::Message;
use crate::wire::header::FrameKind;

/// A request.
pub trait Request: Bounded {
    /// Who sends the request.
    fn caller(&self) -> &Caller;

    /// As [`Request::caller`], to limit what the caller may do.
    fn caller_mut(&mut self) -> &mut Caller;
}

/// A request, its answer, and the types of the frames of both.
pub trait Call: Message + Request {
    /// The message that the server answers with, before END.
    type Answer: Message;
    /// The type of the request's frame.
    const KIND: FrameKind;
    /// The type of the answer's frame.
    const ANSWER: FrameKind;
}
