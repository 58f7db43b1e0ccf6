//! Decodes an HTTP/1.1 response as it arrives (RFC 9112), so that the end of every body is known. Knows no socket.

const HEAD_BYTES_MAX: usize = 64 << 10;
pub(crate) const HEADERS_MAX: usize = 64;

/// Why the bytes are not a response.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) &'static str);

/// One response; `reset` prepares for the next one on the same connection.
#[derive(Default)]
pub(crate) struct Decoder {
    head: Vec<u8>,
    state: State,
    pub(crate) status: u16,
    /// Length of the body so far, without its framing.
    pub(crate) body_bytes: u64,
    /// The server closes the connection after this response.
    pub(crate) closes: bool,
}

#[derive(Default, Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    #[default]
    Head,
    Length(u64),
    Chunked(Chunk),
    UntilClose,
    Done,
}

/// The position within a chunked body (RFC 9112 §7.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Chunk {
    Size(u64),
    /// After the digits, up to the end of the line: chunk extensions, which are ignored.
    SizeRest(u64),
    Data(u64),
    DataEnd,
    /// The length of the trailer line so far.
    Trailer(u32),
}

impl Decoder {
    pub(crate) fn reset(&mut self) {
        self.head.clear();
        self.state = State::Head;
        self.status = 0;
        self.body_bytes = 0;
        self.closes = false;
    }

    pub(crate) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Whether the response is complete if the connection ends here.
    pub(crate) fn ends_with_connection(&self) -> bool {
        matches!(self.state, State::UntilClose | State::Done)
    }

    /// # Errors
    /// The bytes are not an HTTP/1.1 response, or continue after its end although one request was sent.
    pub(crate) fn feed(&mut self, mut bytes: &[u8], sink: &mut dyn FnMut(&[u8])) -> Result<(), Malformed> {
        if self.state == State::Head {
            bytes = self.feed_head(bytes)?;
        }
        while !bytes.is_empty() {
            let taken = self.feed_body(bytes, sink)?;
            bytes = &bytes[taken..];
        }
        Ok(())
    }

    /// The bytes after the head; empty while the head is incomplete.
    fn feed_head<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], Malformed> {
        // The common case is a head in one piece, which needs no copy.
        if self.head.is_empty()
            && let Some(end) = self.begin(bytes)?
        {
            return Ok(&bytes[end..]);
        }
        let before = self.head.len();
        self.head.extend_from_slice(&bytes[..bytes.len().min(HEAD_BYTES_MAX)]);
        let head = std::mem::take(&mut self.head);
        match self.begin(&head)? {
            Some(end) => Ok(&bytes[end - before..]),
            None if head.len() >= HEAD_BYTES_MAX => Err(Malformed("a head without an end")),
            None => {
                self.head = head;
                Ok(&[])
            }
        }
    }

    /// Reads the status and the framing from a head, and returns its length; `None` while it is incomplete.
    fn begin(&mut self, bytes: &[u8]) -> Result<Option<usize>, Malformed> {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut response = httparse::Response::new(&mut headers);
        let parsed = response.parse(bytes).map_err(|_| Malformed("not the head of an HTTP/1.1 response"))?;
        let httparse::Status::Complete(end) = parsed else { return Ok(None) };
        self.status = response.code.unwrap_or_default();
        self.closes = response.version == Some(0);
        let mut length = None;
        let mut chunked = false;
        for header in response.headers {
            let value = header.value.trim_ascii();
            if header.name.eq_ignore_ascii_case("content-length") {
                let number = std::str::from_utf8(value).ok().and_then(|value| value.parse().ok());
                length = Some(number.ok_or(Malformed("a Content-Length that is not a number"))?);
            } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
                chunked = value.eq_ignore_ascii_case(b"chunked");
            } else if header.name.eq_ignore_ascii_case("connection") {
                self.closes = value.eq_ignore_ascii_case(b"close");
            }
        }
        self.state = match (self.status, length) {
            (204 | 304, _) | (_, Some(0)) => State::Done,
            _ if chunked => State::Chunked(Chunk::Size(0)),
            (_, Some(length)) => State::Length(length),
            (_, None) => State::UntilClose,
        };
        Ok(Some(end))
    }

    /// Consumes at least one byte, and returns how many.
    fn feed_body(&mut self, bytes: &[u8], sink: &mut dyn FnMut(&[u8])) -> Result<usize, Malformed> {
        match self.state {
            State::Head | State::Done => Err(Malformed("bytes after the end of the response")),
            State::UntilClose => Ok(self.take(bytes, u64::MAX, sink)),
            State::Length(left) => {
                let taken = self.take(bytes, left, sink);
                let left = left - taken as u64;
                self.state = if left == 0 { State::Done } else { State::Length(left) };
                Ok(taken)
            }
            State::Chunked(Chunk::Data(left)) => {
                let taken = self.take(bytes, left, sink);
                let left = left - taken as u64;
                self.state = State::Chunked(if left == 0 { Chunk::DataEnd } else { Chunk::Data(left) });
                Ok(taken)
            }
            State::Chunked(chunk) => {
                self.state = framing(chunk, bytes[0])?;
                Ok(1)
            }
        }
    }

    fn take(&mut self, bytes: &[u8], most: u64, sink: &mut dyn FnMut(&[u8])) -> usize {
        let taken = usize::try_from(most).unwrap_or(usize::MAX).min(bytes.len());
        sink(&bytes[..taken]);
        self.body_bytes += taken as u64;
        taken
    }
}

/// The next state after one byte of chunk framing.
fn framing(chunk: Chunk, byte: u8) -> Result<State, Malformed> {
    let next = match (chunk, byte) {
        (Chunk::Size(size), digit) if digit.is_ascii_hexdigit() => {
            let value = char::from(digit).to_digit(16).unwrap_or_default();
            Chunk::Size(size.checked_mul(16).ok_or(Malformed("a chunk size beyond 64 bits"))? + u64::from(value))
        }
        (Chunk::Size(0) | Chunk::SizeRest(0), b'\n') => Chunk::Trailer(0),
        (Chunk::Size(size) | Chunk::SizeRest(size), b'\n') => Chunk::Data(size),
        (Chunk::Size(size) | Chunk::SizeRest(size), _) => Chunk::SizeRest(size),
        (Chunk::DataEnd, b'\n') => Chunk::Size(0),
        (Chunk::DataEnd, b'\r') => Chunk::DataEnd,
        (Chunk::Trailer(0), b'\n') => return Ok(State::Done),
        (Chunk::Trailer(_), b'\n') => Chunk::Trailer(0),
        (Chunk::Trailer(seen), b'\r') => Chunk::Trailer(seen),
        (Chunk::Trailer(seen), _) => Chunk::Trailer(seen + 1),
        (Chunk::DataEnd | Chunk::Data(_), _) => return Err(Malformed("a chunk longer than its size")),
    };
    Ok(State::Chunked(next))
}

#[cfg(test)]
mod tests {
    use super::{Decoder, Malformed};

    /// Decodes in one piece and byte by byte, with equal results.
    fn check(response: &str, status: u16, body: &str) -> Decoder {
        for piece in [response.len(), 1] {
            let mut decoder = Decoder::default();
            let mut found = Vec::new();
            for bytes in response.as_bytes().chunks(piece) {
                decoder.feed(bytes, &mut |bytes| found.extend_from_slice(bytes)).unwrap();
            }
            assert!(decoder.is_done(), "{response:?} in pieces of {piece}");
            assert_eq!((decoder.status, std::str::from_utf8(&found).unwrap()), (status, body));
            assert_eq!(decoder.body_bytes, body.len() as u64);
        }
        let mut decoder = Decoder::default();
        decoder.feed(response.as_bytes(), &mut |_| ()).unwrap();
        decoder
    }

    #[test]
    fn decoder_finds_the_end_of_every_framing() {
        check("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, "ok");
        check("HTTP/1.1 204 No Content\r\n\r\n", 204, "");
        check("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", 200, "");
        let chunks = "b;x=y\r\nhello world\r\n1\r\n!\r\n0\r\nTrailer: x\r\n\r\n";
        check(&format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}"), 200, "hello world!");
        assert!(check("HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 1\r\n\r\nx", 200, "x").closes);
    }

    #[test]
    fn a_response_without_a_length_ends_with_the_connection() {
        let mut decoder = Decoder::default();
        decoder.feed(b"HTTP/1.1 200 OK\r\n\r\nabc", &mut |_| ()).unwrap();
        assert!(!decoder.is_done() && decoder.ends_with_connection());
        assert_eq!(decoder.body_bytes, 3);
    }

    #[test]
    fn decoder_refuses_malformed_and_excess_bytes() {
        let feed = |text: &str| Decoder::default().feed(text.as_bytes(), &mut |_| ());
        assert_eq!(feed("SSH-2.0\r\n\r\n"), Err(Malformed("not the head of an HTTP/1.1 response")));
        assert!(feed("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxy").is_err());
        assert!(feed("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxy").is_err());
        assert!(feed("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff").is_err());
    }
}
