//! Strict message framing of HTTP/1.1 (RFC 9112 §2.2, §6 and §7.1). Pure.
//!
//! hyper accepts what the RFC lets a recipient accept, and a proxy in front may read the same bytes otherwise: a line that
//! ends in a bare LF, white space behind the size of a chunk, a length beside a transfer coding. Each of them can hide a
//! second request in the body of a first one. [`Framing`] follows the bytes of a connection before hyper sees them, and
//! overwrites everything from the first such byte on by CR: hyper refuses a CR behind a CR wherever it reads a line.

/// How many bytes of a line are kept: more than any of the fields that decide about framing needs.
const LINE_BYTES_KEPT: usize = 64;
/// What replaces bytes that can be understood in more than one way.
const REFUSED_BYTE: u8 = b'\r';
/// Most digits of the size of a chunk.
const SIZE_DIGITS_MAX: usize = 16;

/// Follows the messages of one connection.
pub(crate) struct Framing {
    state: State,
    line: Line,
    /// `Content-Length` of the present message.
    length: Option<u64>,
    coding: Coding,
}

/// What the next bytes are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    RequestLine,
    Field,
    ChunkSize,
    /// The line end behind the bytes of a chunk.
    ChunkEnd,
    Trailer,
    /// So many bytes of a body with `Content-Length`.
    Body(u64),
    /// So many bytes of a chunk.
    Chunk(u64),
    /// The bytes are ambiguous; all that follow are overwritten.
    Refused,
}

/// `Transfer-Encoding` of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Coding {
    None,
    Chunked,
    /// Another one, which the gateway answers with 501: what follows is not read.
    Unknown,
}

/// The beginning of a line, and its length.
struct Line {
    kept: [u8; LINE_BYTES_KEPT],
    bytes: usize,
    last: u8,
}

/// The bytes can be understood in more than one way.
#[derive(Debug)]
struct Ambiguous;

impl Default for Framing {
    fn default() -> Self {
        let line = Line { kept: [0; LINE_BYTES_KEPT], bytes: 0, last: 0 };
        Self { state: State::RequestLine, line, length: None, coding: Coding::None }
    }
}

impl Framing {
    /// Follows the next bytes of the connection, and overwrites them from the first ambiguity on.
    pub(crate) fn check(&mut self, bytes: &mut [u8]) {
        let mut at = 0;
        while at < bytes.len() {
            let rest = &mut bytes[at..];
            match self.state {
                State::Refused => return rest.fill(REFUSED_BYTE),
                State::Body(left) => {
                    let taken = taken(left, rest.len());
                    let left = left - taken as u64;
                    self.state = if left == 0 { State::RequestLine } else { State::Body(left) };
                    at += taken;
                }
                State::Chunk(left) => {
                    let taken = taken(left, rest.len());
                    let left = left - taken as u64;
                    self.state = if left == 0 { State::ChunkEnd } else { State::Chunk(left) };
                    at += taken;
                }
                _ => match rest.iter().position(|byte| *byte == b'\n') {
                    None => {
                        self.line.push(rest);
                        return;
                    }
                    Some(end) => {
                        self.line.push(&rest[..end]);
                        at += end;
                        match self.end_of_line() {
                            Ok(next) => {
                                self.state = next;
                                at += 1;
                            }
                            Err(Ambiguous) => self.state = State::Refused,
                        }
                        self.line.bytes = 0;
                    }
                },
            }
        }
    }

    /// The state behind the present line.
    fn end_of_line(&mut self) -> Result<State, Ambiguous> {
        let line = self.line.content().ok_or(Ambiguous)?;
        match self.state {
            // A recipient ignores empty lines before a request (RFC 9112 §2.2).
            State::RequestLine if line.is_empty() => Ok(State::RequestLine),
            State::RequestLine => {
                (self.length, self.coding) = (None, Coding::None);
                Ok(State::Field)
            }
            State::Field if line.is_empty() => self.end_of_head(),
            State::Field => {
                let (length, coding) = field(line, self.line.is_whole(), self.length, self.coding)?;
                (self.length, self.coding) = (length, coding);
                Ok(State::Field)
            }
            State::ChunkSize => match chunk_size(line)? {
                0 => Ok(State::Trailer),
                size => Ok(State::Chunk(size)),
            },
            State::ChunkEnd if line.is_empty() => Ok(State::ChunkSize),
            State::Trailer if line.is_empty() => Ok(State::RequestLine),
            State::Trailer => Ok(State::Trailer),
            State::ChunkEnd | State::Body(_) | State::Chunk(_) | State::Refused => Err(Ambiguous),
        }
    }

    fn end_of_head(&self) -> Result<State, Ambiguous> {
        match (self.coding, self.length) {
            (Coding::None, None | Some(0)) => Ok(State::RequestLine),
            (Coding::None, Some(length)) => Ok(State::Body(length)),
            (Coding::Chunked, None) => Ok(State::ChunkSize),
            (Coding::Unknown, None) => Ok(State::Refused),
            // RFC 9112 §6.3: "might indicate an attempt to perform request smuggling".
            (_, Some(_)) => Err(Ambiguous),
        }
    }
}

impl Line {
    fn push(&mut self, bytes: &[u8]) {
        let Some(last) = bytes.last() else { return };
        let from = self.bytes.min(LINE_BYTES_KEPT);
        let count = bytes.len().min(LINE_BYTES_KEPT - from);
        self.kept[from..from + count].copy_from_slice(&bytes[..count]);
        self.bytes = self.bytes.saturating_add(bytes.len());
        self.last = *last;
    }

    /// The kept part of the line without its CR; `None` if a bare LF has ended it.
    fn content(&self) -> Option<&[u8]> {
        let ends_in_cr = self.bytes > 0 && self.last == b'\r';
        ends_in_cr.then(|| &self.kept[..(self.bytes - 1).min(LINE_BYTES_KEPT)])
    }

    /// True if all of it is kept.
    fn is_whole(&self) -> bool {
        self.bytes <= LINE_BYTES_KEPT
    }
}

fn taken(left: u64, available: usize) -> usize {
    usize::try_from(left).unwrap_or(usize::MAX).min(available)
}

/// `Content-Length` and `Transfer-Encoding` after the field in `line`, which is `whole` or the beginning of a longer one.
fn field(line: &[u8], whole: bool, length: Option<u64>, coding: Coding) -> Result<(Option<u64>, Coding), Ambiguous> {
    let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
    let (name, value) = line.split_at(colon);
    if name.eq_ignore_ascii_case(b"content-length") {
        let stated = decimal(value).filter(|_| whole).ok_or(Ambiguous)?;
        return if length.is_none_or(|known| known == stated) { Ok((Some(stated), coding)) } else { Err(Ambiguous) };
    }
    if name.eq_ignore_ascii_case(b"transfer-encoding") {
        let is_chunked = whole && value_of(value).eq_ignore_ascii_case(b"chunked");
        let alone = coding == Coding::None;
        return Ok((length, if is_chunked && alone { Coding::Chunked } else { Coding::Unknown }));
    }
    Ok((length, coding))
}

/// The value behind the colon, without the white space around it.
fn value_of(after_name: &[u8]) -> &[u8] {
    after_name.strip_prefix(b":").unwrap_or(after_name).trim_ascii()
}

fn decimal(after_name: &[u8]) -> Option<u64> {
    let digits = value_of(after_name);
    let all = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    all.then(|| std::str::from_utf8(digits).ok()?.parse().ok()).flatten()
}

/// The size in the line `chunk-size [ chunk-ext ]`.
fn chunk_size(line: &[u8]) -> Result<u64, Ambiguous> {
    let end = line.iter().position(|byte| *byte == b';').unwrap_or(line.len());
    let digits = &line[..end];
    let all = (1..=SIZE_DIGITS_MAX).contains(&digits.len()) && digits.iter().all(u8::is_ascii_hexdigit);
    let text = std::str::from_utf8(digits).ok().filter(|_| all).ok_or(Ambiguous)?;
    u64::from_str_radix(text, 16).map_err(|_| Ambiguous)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The bytes as hyper gets them, fed in pieces of `piece` bytes.
    fn checked(bytes: &[u8], piece: usize) -> Vec<u8> {
        let (mut framing, mut bytes) = (Framing::default(), bytes.to_vec());
        bytes.chunks_mut(piece).for_each(|piece| framing.check(piece));
        bytes
    }

    const SECOND: &str = "GET /second HTTP/1.1\r\nHost: a\r\n\r\n";

    #[track_caller]
    fn passes(first: &str) {
        let bytes = format!("{first}{SECOND}");
        for piece in [1, 2, 3, 7, usize::MAX] {
            assert_eq!(checked(bytes.as_bytes(), piece), bytes.as_bytes(), "{bytes:?} in pieces of {piece}");
        }
    }

    /// `clear` is the part that hyper gets.
    #[track_caller]
    fn refuses(clear: &str, rest: &str) {
        let bytes = format!("{clear}{rest}{SECOND}");
        let expected = [clear.as_bytes(), &vec![REFUSED_BYTE; bytes.len() - clear.len()]].concat();
        for piece in [1, 2, 3, 7, usize::MAX] {
            assert_eq!(checked(bytes.as_bytes(), piece), expected, "{bytes:?} in pieces of {piece}");
        }
    }

    #[test]
    fn unambiguous_messages_pass() {
        passes("");
        passes("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
        passes("PUT /a HTTP/1.1\r\nContent-Length: 5\r\n\r\na\nb\n\n");
        passes("PUT /a HTTP/1.1\r\ncontent-length:5 \r\ncontent-length: 5\r\n\r\n\n\n\n\n\n");
        passes(
            "PUT /a HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\n\n\n\r\n0A;x=\"1 2\"\r\n0123456789\r\n0\r\n\r\n",
        );
        passes("PUT /a HTTP/1.1\r\nTransfer-Encoding:chunked\r\n\r\n0\r\nDigest: x\r\nMore: y\r\n\r\n");
        passes(&format!("GET /{} HTTP/1.1\r\nX: {}\r\n\r\n", "a".repeat(900), "b".repeat(9_000)));
    }

    #[test]
    fn lines_end_in_cr_lf() {
        refuses("GET / HTTP/1.1", "\nHost: a\r\n\r\n");
        refuses("GET / HTTP/1.1\r\nHost: a", "\n\r\n");
        refuses("GET / HTTP/1.1\r\nX: 1", "\nContent-Length: 40\r\n\r\n");
        refuses("GET / HTTP/1.1\r\nHost: a\r\n", "\n");
        let chunked = "PUT /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
        refuses(&format!("{chunked}1"), "\na\r\n0\r\n\r\n");
        refuses(&format!("{chunked}1;"), "\nxx\r\n4c\r\n0\r\n\r\n");
        refuses(&format!("{chunked}1\r\na"), "\n0\r\n\r\n");
        refuses(&format!("{chunked}0\r\n"), "\n");
        refuses(&format!("{chunked}0\r\nX: y"), "\n\r\n");
    }

    #[test]
    fn the_size_of_a_chunk_is_digits_alone() {
        let chunked = "PUT /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
        for size in ["1 ", " 1", "1\t", "1 ;x", "0x1", "+1", "-1", "", ";x", "1g", "11111111111111111"] {
            refuses(&format!("{chunked}{size}\r"), "\na\r\n0\r\n\r\n");
        }
        refuses(&format!("{chunked}1\r\nab\r"), "\n0\r\n\r\n");
    }

    #[test]
    fn a_message_has_one_length() {
        let head = "PUT /a HTTP/1.1\r\n";
        refuses(&format!("{head}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r"), "\n0\r\n\r\n");
        refuses(&format!("{head}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r"), "\n0\r\n\r\n");
        refuses(&format!("{head}Content-Length: 5\r\nContent-Length: 6\r"), "\n\r\nabcde");
        for value in ["5, 5", "+5", "0x5", "", "-1", "99999999999999999999", "5 5"] {
            refuses(&format!("{head}Content-Length: {value}\r"), "\n\r\nabcde");
        }
        refuses(&format!("{head}Content-Length: {}5\r", " ".repeat(80)), "\n\r\nabcde");
    }

    /// The gateway answers 501, and nothing behind the head counts as a request.
    #[test]
    fn what_follows_another_coding_is_not_read() {
        for coding in ["gzip, chunked", "chunked, chunked", "xchunked", "identity", "chunked;q=1", "\u{b}chunked"] {
            refuses(&format!("PUT /a HTTP/1.1\r\nTransfer-Encoding: {coding}\r\n\r\n"), "0\r\n\r\n");
        }
        refuses("PUT /a HTTP/1.1\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n", "0\r\n\r\n");
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(text in "[GX:01 ;\r\nchunked-]{0,80}", piece in 1_usize..9) {
            for head in ["", "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", "PUT / HTTP/1.1\r\nContent-Length: 9\r\n\r\n"] {
                let bytes = format!("{head}{text}");
                prop_assert_eq!(checked(bytes.as_bytes(), piece), checked(bytes.as_bytes(), usize::MAX));
            }
        }
    }
}
