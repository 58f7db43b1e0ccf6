//! `multipart/byteranges` (RFC 9110 §14.6): several parts of one file in one answer, whose exact length is known before
//! its first byte.

use bytes::{BufMut, Bytes, BytesMut};
use shared::Span;

use super::body_stream::{BodySource, end_item, next_piece, protocol_error};
use crate::client::{ClientError, Item, Transfer};

/// The text around the parts. Pure.
pub(crate) struct Layout {
    /// The delimiter between parts.
    boundary: String,
    content_type: String,
    size: u64,
}

impl Layout {
    /// `token` must be unpredictable: content that contains the boundary would break the answer apart.
    pub(crate) fn new(token: &str, content_type: &str, size: u64) -> Self {
        Self { boundary: format!("passerelle-{token}"), content_type: content_type.into(), size }
    }

    /// The media type of the answer.
    pub(crate) fn content_type(&self) -> String {
        format!("multipart/byteranges; boundary={}", self.boundary)
    }

    /// The text before a part.
    fn head(&self, span: Span) -> String {
        let Self { boundary, content_type, size } = self;
        let (first, last) = (span.offset, span.end().saturating_sub(1));
        format!(
            "\r\n--{boundary}\r\nContent-Type: {content_type}\r\nContent-Range: bytes {first}-{last}/{size}\r\n\r\n"
        )
    }

    /// The text after the last part.
    fn tail(&self) -> String {
        format!("\r\n--{}--\r\n", self.boundary)
    }

    /// The length of the answer, in bytes.
    pub(crate) fn length(&self, spans: &[Span]) -> u64 {
        let parts: u64 = spans.iter().map(|span| self.head(*span).len() as u64 + span.length).sum();
        parts + self.tail().len() as u64
    }
}

/// The parts, streamed from a transfer with one item for each.
pub(crate) struct Parts {
    layout: Layout,
    spans: std::vec::IntoIter<Span>,
    transfer: Transfer,
    /// The first item, which the handler has received already.
    ahead: Option<Item>,
    bytes_left: u64,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Between,
    Inside,
    Done,
}

impl Parts {
    /// `first` is the first item of `transfer`.
    pub(crate) fn new(layout: Layout, spans: Vec<Span>, transfer: Transfer, first: Item) -> Self {
        let spans = spans.into_iter();
        Self { layout, spans, transfer, ahead: Some(first), bytes_left: 0, state: State::Between }
    }

    async fn next_part(&mut self, span: Span) -> Result<Bytes, ClientError> {
        let item = match self.ahead.take() {
            Some(item) => Some(item),
            None => self.transfer.next_item().await?,
        };
        match item {
            Some(Item::Sending(meta)) if meta.offset == span.offset && meta.length == span.length => {}
            Some(Item::Refused(failure) | Item::Unsatisfiable(_, failure)) => return Err(failure.into()),
            _ => return Err(protocol_error("a part that was not requested")),
        }
        self.bytes_left = span.length;
        self.state = State::Inside;
        Ok(self.layout.head(span).into())
    }

    /// A piece. The last piece of a part is returned once the part is confirmed, that of the last part together with
    /// the tail.
    async fn next_bytes(&mut self) -> Result<Bytes, ClientError> {
        let piece = next_piece(&mut self.transfer, &mut self.bytes_left).await?;
        if self.bytes_left > 0 {
            return Ok(piece);
        }
        end_item(&mut self.transfer).await?;
        self.state = State::Between;
        if self.spans.len() > 0 {
            return Ok(piece);
        }
        if self.transfer.next_item().await?.is_some() {
            return Err(protocol_error("an item that was not requested"));
        }
        self.state = State::Done;
        let tail = self.layout.tail();
        let mut bytes = BytesMut::with_capacity(piece.len() + tail.len());
        bytes.put(piece);
        bytes.put(tail.as_bytes());
        Ok(bytes.freeze())
    }
}

impl BodySource for Parts {
    async fn next(&mut self) -> Result<Option<Bytes>, ClientError> {
        match self.state {
            State::Done => Ok(None),
            State::Inside => self.next_bytes().await.map(Some),
            State::Between => match self.spans.next() {
                Some(span) => self.next_part(span).await.map(Some),
                None => Ok(None),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_announced_length_is_that_of_the_bytes() {
        let layout = Layout::new("0123", "text/plain", 1000);
        let spans = [Span { offset: 0, length: 2 }, Span { offset: 990, length: 10 }];
        let mut whole = String::new();
        for span in spans {
            whole += &layout.head(span);
            whole += &"x".repeat(span.length as usize);
        }
        whole += &layout.tail();
        assert_eq!(layout.length(&spans), whole.len() as u64);
        let expected = "\r\n--passerelle-0123\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-1/1000\r\n\r\nxx\
             \r\n--passerelle-0123\r\nContent-Type: text/plain\r\nContent-Range: bytes 990-999/1000\r\n\r\nxxxxxxxxxx\
             \r\n--passerelle-0123--\r\n";
        assert_eq!(whole, expected);
        assert_eq!(layout.content_type(), "multipart/byteranges; boundary=passerelle-0123");
    }
}
