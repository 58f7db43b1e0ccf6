//! An HTTP client of a hundred lines: one request a connection, and it says whether the answer came whole.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Longer than anything here takes, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Clone)]
pub(super) struct Request<'a> {
    pub(super) method: &'a str,
    pub(super) target: String,
    pub(super) headers: Vec<(&'a str, String)>,
    pub(super) body: &'a [u8],
    /// How much of the body to send before this client dies; none for a client that lives.
    pub(super) dies_after: Option<usize>,
}

#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl<'a> Request<'a> {
    pub(super) fn new(method: &'a str, target: impl Into<String>) -> Self {
        Self { method, target: target.into(), headers: Vec::new(), body: b"", dies_after: None }
    }

    pub(super) fn header(mut self, name: &'a str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn body(self, body: &'a [u8]) -> Self {
        Self { body, ..self }
    }

    /// # Errors
    /// Whatever keeps the answer from coming whole.
    pub(super) fn send(&self, server: SocketAddr) -> io::Result<Answer> {
        let mut stream = TcpStream::connect_timeout(&server, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut head = format!("{} {} HTTP/1.1\r\nhost: {server}\r\nconnection: close\r\n", self.method, self.target);
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        if !self.body.is_empty() || matches!(self.method, "POST" | "PUT" | "PATCH") {
            head += &format!("content-length: {}\r\n", self.body.len());
        }
        stream.write_all(format!("{head}\r\n").as_bytes())?;
        if let Some(bytes) = self.dies_after {
            stream.write_all(&self.body[..bytes])?;
            return Err(io::Error::new(io::ErrorKind::Interrupted, "the client died"));
        }
        // A server may refuse before it has read everything: what it says counts, not that it stopped reading.
        let sent = stream.write_all(self.body);
        let mut answer = Vec::new();
        let read = stream.read_to_end(&mut answer);
        match parse(&answer, self.method == "HEAD") {
            Some(answer) => Ok(answer),
            None => {
                sent?;
                read?;
                Err(io::Error::new(io::ErrorKind::UnexpectedEof, "half an answer"))
            }
        }
    }
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The value of the first member of that name in a JSON text, where it is a string without escapes.
    pub(super) fn member(&self, name: &str) -> Option<String> {
        let text = self.text();
        let start = text.find(&format!("\"{name}\":\""))? + name.len() + 4;
        let end = start + text[start..].find('"')?;
        Some(text[start..end].to_owned())
    }
}

/// None unless all of it is there.
fn parse(bytes: &[u8], head: bool) -> Option<Answer> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let text = std::str::from_utf8(&bytes[..end]).ok()?;
    let mut lines = text.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers = lines
        .map(|line| line.split_once(':').map(|(name, value)| (name.to_lowercase(), value.trim().to_owned())))
        .collect::<Option<Vec<_>>>()?;
    let answer = Answer { status, headers, body: bytes[end + 4..].to_vec() };
    if head || status == 204 || status == 304 {
        return Some(answer);
    }
    if answer.header("transfer-encoding") == Some("chunked") {
        let body = dechunk(&answer.body)?;
        return Some(Answer { body, ..answer });
    }
    let length = answer.header("content-length")?.parse::<usize>().ok()?;
    (answer.body.len() == length).then_some(answer)
}

fn dechunk(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|window| window == b"\r\n")?;
        let length = usize::from_str_radix(std::str::from_utf8(&rest[..end]).ok()?, 16).ok()?;
        if length == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(end + 2..end + 2 + length)?);
        rest = rest.get(end + 4 + length..)?;
    }
}

/// RFC 4648 §4, which tus's metadata is written in.
pub(super) fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for digit in 0..4 {
            let value = word >> (18 - 6 * digit) & 63;
            text.push(if digit <= chunk.len() { char::from(DIGITS[value as usize]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn half_an_answer_is_none() {
        let whole = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
        assert_eq!(parse(whole, false).unwrap().body, b"ok");
        assert!(parse(&whole[..whole.len() - 1], false).is_none());
        let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
        assert_eq!(parse(chunked, false).unwrap().body, b"ok");
        assert!(parse(&chunked[..chunked.len() - 6], false).is_none());
        let json = Answer { status: 200, headers: Vec::new(), body: br#"{"state":"done","x":1}"#.to_vec() };
        assert_eq!((json.member("state").as_deref(), json.member("x")), (Some("done"), None));
    }
}
