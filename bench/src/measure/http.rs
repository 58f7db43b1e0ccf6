//! Takes an HTTP/1.1 answer apart as it arrives, so that every body is counted to its end. Pure: knows no socket.

/// Longer heads are nobody's that we measure.
const HEAD_BYTES_MAX: usize = 64 << 10;

/// Why the bytes are no answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) &'static str);

/// One answer on its way in; `reset` makes it ready for the next one on the same connection.
#[derive(Default)]
pub(crate) struct Decoder {
    head: Vec<u8>,
    state: State,
    /// Of the last answer.
    pub(crate) status: u16,
    /// Of the body so far, without its framing.
    pub(crate) body_bytes: u64,
    /// The server closes the connection after this answer.
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

/// Where in RFC 9112 §7.1 the reader is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Chunk {
    Size(u64),
    /// After the digits, up to the end of the line; extensions are nobody's business.
    SizeRest(u64),
    Data(u64),
    DataEnd,
    /// How many bytes of the line there were so far.
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

    /// Whether an end of the connection is a whole answer.
    pub(crate) fn ends_with_connection(&self) -> bool {
        matches!(self.state, State::UntilClose | State::Done)
    }

    /// # Errors
    /// The bytes are no HTTP/1.1 answer, or go on after its end: nobody asked for a second one.
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

    /// Answers with what follows the head; nothing while it is not whole.
    fn feed_head<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], Malformed> {
        // The common case: all of the head in one piece, which need not be kept.
        if self.head.is_empty()
            && let Some(end) = find_end(bytes, 0)
        {
            self.begin(&bytes[..end])?;
            return Ok(&bytes[end..]);
        }
        let searched = self.head.len().saturating_sub(3);
        let before = self.head.len();
        self.head.extend_from_slice(&bytes[..bytes.len().min(HEAD_BYTES_MAX)]);
        match find_end(&self.head, searched) {
            Some(end) => {
                let head = std::mem::take(&mut self.head);
                self.begin(&head[..end])?;
                Ok(&bytes[end - before..])
            }
            None if self.head.len() >= HEAD_BYTES_MAX => Err(Malformed("a head without an end")),
            None => Ok(&[]),
        }
    }

    fn begin(&mut self, head: &[u8]) -> Result<(), Malformed> {
        let text = std::str::from_utf8(head).map_err(|_| Malformed("a head that is no text"))?;
        let mut lines = text.split("\r\n");
        let first = lines.next().unwrap_or_default();
        let status = first.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)).and_then(|code| code.parse().ok());
        self.status = status.ok_or(Malformed("no status line"))?;
        self.closes = first.starts_with("HTTP/1.0");
        let mut length = None;
        let mut chunked = false;
        for line in lines {
            let Some((name, value)) = line.split_once(':') else { continue };
            if name.eq_ignore_ascii_case("content-length") {
                length = Some(value.trim().parse().map_err(|_| Malformed("a length that is no number"))?);
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                chunked = value.trim().eq_ignore_ascii_case("chunked");
            } else if name.eq_ignore_ascii_case("connection") {
                self.closes = value.trim().eq_ignore_ascii_case("close");
            }
        }
        self.state = match (self.status, length) {
            (204 | 304, _) | (_, Some(0)) => State::Done,
            _ if chunked => State::Chunked(Chunk::Size(0)),
            (_, Some(length)) => State::Length(length),
            (_, None) => State::UntilClose,
        };
        Ok(())
    }

    /// Takes at least one byte, and says how many.
    fn feed_body(&mut self, bytes: &[u8], sink: &mut dyn FnMut(&[u8])) -> Result<usize, Malformed> {
        match self.state {
            State::Head | State::Done => Err(Malformed("bytes after the end of the answer")),
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

/// One byte of what stands around the data of a chunk.
fn framing(chunk: Chunk, byte: u8) -> Result<State, Malformed> {
    let next = match (chunk, byte) {
        (Chunk::Size(size), digit) if digit.is_ascii_hexdigit() => {
            let value = char::from(digit).to_digit(16).unwrap_or_default();
            Chunk::Size(size.checked_mul(16).ok_or(Malformed("a chunk too large to be true"))? + u64::from(value))
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
        (Chunk::DataEnd | Chunk::Data(_), _) => return Err(Malformed("a chunk longer than it said")),
    };
    Ok(State::Chunked(next))
}

/// Just after the empty line, looking from `from` on.
fn find_end(bytes: &[u8], from: usize) -> Option<usize> {
    let place = bytes.get(from..)?.windows(4).position(|window| window == b"\r\n\r\n")?;
    Some(from + place + 4)
}

#[cfg(test)]
mod tests {
    use super::{Decoder, Malformed};

    /// In one piece, and byte by byte: the answer is the same.
    fn check(answer: &str, status: u16, body: &str) -> Decoder {
        for piece in [answer.len(), 1] {
            let mut decoder = Decoder::default();
            let mut found = Vec::new();
            for bytes in answer.as_bytes().chunks(piece) {
                decoder.feed(bytes, &mut |bytes| found.extend_from_slice(bytes)).unwrap();
            }
            assert!(decoder.is_done(), "{answer:?} in pieces of {piece}");
            assert_eq!((decoder.status, std::str::from_utf8(&found).unwrap()), (status, body));
            assert_eq!(decoder.body_bytes, body.len() as u64);
        }
        let mut decoder = Decoder::default();
        decoder.feed(answer.as_bytes(), &mut |_| ()).unwrap();
        decoder
    }

    #[test]
    fn every_framing_ends_where_it_says() {
        check("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, "ok");
        check("HTTP/1.1 204 No Content\r\n\r\n", 204, "");
        check("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", 200, "");
        let chunks = "b;x=y\r\nhello world\r\n1\r\n!\r\n0\r\nTrailer: x\r\n\r\n";
        check(&format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}"), 200, "hello world!");
        assert!(check("HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 1\r\n\r\nx", 200, "x").closes);
    }

    #[test]
    fn an_answer_without_a_length_ends_with_the_connection() {
        let mut decoder = Decoder::default();
        decoder.feed(b"HTTP/1.1 200 OK\r\n\r\nabc", &mut |_| ()).unwrap();
        assert!(!decoder.is_done() && decoder.ends_with_connection());
        assert_eq!(decoder.body_bytes, 3);
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        let feed = |text: &str| Decoder::default().feed(text.as_bytes(), &mut |_| ());
        assert_eq!(feed("SSH-2.0\r\n\r\n"), Err(Malformed("no status line")));
        assert!(feed("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxy").is_err());
        assert!(feed("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxy").is_err());
        assert!(feed("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff").is_err());
    }
}
