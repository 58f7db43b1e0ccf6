//! [`SlicedBody`]: a body in slices, for HTTP/2 and for answers that are whole in memory. A stream takes its next piece
//! once the client has accepted nearly all of the one before, so the pace of a slow client shows in short pieces only.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// Longest slice, in bytes: two frames of HTTP/2.
const SLICE_BYTES: usize = 32 << 10;

pub(crate) struct SlicedBody<B> {
    body: B,
    /// What is left of the last piece.
    rest: Bytes,
}

impl<B> SlicedBody<B> {
    pub(crate) fn new(body: B) -> Self {
        Self { body, rest: Bytes::new() }
    }

    fn slice(&mut self, mut piece: Bytes) -> Frame<Bytes> {
        if piece.len() > SLICE_BYTES {
            self.rest = piece.split_off(SLICE_BYTES);
        }
        Frame::data(piece)
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for SlicedBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        if !self.rest.is_empty() {
            let rest = std::mem::take(&mut self.rest);
            return Poll::Ready(Some(Ok(self.slice(rest))));
        }
        Pin::new(&mut self.body).poll_frame(context).map(|polled| {
            polled
                .map(|frame| frame.map(|frame| frame.into_data().map_or_else(|other| other, |piece| self.slice(piece))))
        })
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (inner, rest) = (self.body.size_hint(), self.rest.len() as u64);
        let mut hint = SizeHint::new();
        hint.set_lower(inner.lower() + rest);
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper + rest);
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt, Full};

    use super::*;

    #[tokio::test]
    async fn a_long_piece_becomes_slices_of_the_same_bytes() {
        let content: Bytes = (0..2 * SLICE_BYTES + 5).map(|index| index as u8).collect();
        let mut body = SlicedBody::new(Full::new(content.clone()));
        let mut joined = Vec::new();
        while !body.is_end_stream() {
            assert_eq!(body.size_hint().exact(), Some((content.len() - joined.len()) as u64));
            let slice = body.frame().await.unwrap().unwrap().into_data().unwrap();
            assert!(slice.len() <= SLICE_BYTES);
            joined.extend_from_slice(&slice);
        }
        assert_eq!(joined, content);
        assert!(body.frame().await.is_none());
    }
}
