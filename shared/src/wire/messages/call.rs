//! Requests that the server answers with one message: a client needs no code of its own for such a request.

use super::common::Caller;
use crate::wire::codec::Message;
use crate::wire::header::FrameKind;

/// A request, its answer, and the types of the frames of both.
pub trait Call: Message {
    /// The message that the server answers with, before END.
    type Answer: Message;
    /// The type of the request's frame.
    const KIND: FrameKind;
    /// The type of the answer's frame.
    const ANSWER: FrameKind;

    /// Who sends the request.
    fn caller(&self) -> &Caller;
}
