//! [`ObservedBody`]: a response body with an observer that sees each poll. Its three uses are the access log, the phase of
//! an HTTP/1.1 connection and the stall clock of an HTTP/2 stream.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// The result of polling a body for its next frame.
pub(crate) type Polled = Poll<Option<Result<Frame<Bytes>, axum::Error>>>;

/// Sees a body being sent. Dropped with the body.
pub(crate) trait BodyObserver: Unpin {
    /// The connection requests the next frame.
    fn before_poll(&mut self) {}

    /// What the body answered.
    fn after_poll(&mut self, _polled: &Polled) {}
}

/// A body and its observer.
pub(crate) struct ObservedBody<B, O> {
    pub(crate) body: B,
    pub(crate) observer: O,
}

impl<B, O> Body for ObservedBody<B, O>
where
    B: Body<Data = Bytes, Error = axum::Error> + Unpin,
    O: BodyObserver,
{
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Polled {
        self.observer.before_poll();
        let polled = Pin::new(&mut self.body).poll_frame(context);
        self.observer.after_poll(&polled);
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
