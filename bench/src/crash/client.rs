//! An HTTP client with one request a connection, which distinguishes complete responses from cut ones.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::http::{Decoder, HEADERS_MAX};

/// Longer than any response takes on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(60);

#[derive(Clone)]
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    pub(crate) target: String,
    pub(crate) headers: Vec<(&'a str, String)>,
    pub(crate) body: &'a [u8],
    /// After so many bytes of the body the client closes the connection; `None` sends the whole request.
    pub(crate) cut_after: Option<usize>,
}

#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl<'a> Request<'a> {
    pub(crate) fn new(method: &'a str, target: impl Into<String>) -> Self {
        Self { method, target: target.into(), headers: Vec::new(), body: b"", cut_after: None }
    }

    pub(crate) fn header(mut self, name: &'a str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn body(self, body: &'a [u8]) -> Self {
        Self { body, ..self }
    }

    /// # Errors
    /// The connection failed or ended before the response was complete.
    pub(crate) fn send(&self, server: SocketAddr) -> io::Result<Response> {
        let mut stream = TcpStream::connect_timeout(&server, TIMEOUT)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        let mut head = format!("{} {} HTTP/1.1\r\nhost: {server}\r\nconnection: close\r\n", self.method, self.target);
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        if !self.body.is_empty() || matches!(self.method, "POST" | "PUT" | "PATCH") {
            head += &format!("content-length: {}\r\n", self.body.len());
        }
        stream.write_all(format!("{head}\r\n").as_bytes())?;
        if let Some(bytes) = self.cut_after {
            stream.write_all(&self.body[..bytes])?;
            return Err(io::Error::new(io::ErrorKind::Interrupted, "the client closed the connection"));
        }
        // A server may refuse before it has read the whole body: then its response counts, not the failed write.
        let sent = stream.write_all(self.body);
        let mut received = Vec::new();
        let read = stream.read_to_end(&mut received);
        match parse(&received, self.method == "HEAD") {
            Some(response) => Ok(response),
            None => {
                sent?;
                read?;
                Err(io::Error::new(io::ErrorKind::UnexpectedEof, "an incomplete response"))
            }
        }
    }
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The value of the first JSON member with the name, if it is a string without escapes.
    pub(crate) fn member(&self, name: &str) -> Option<String> {
        let text = self.text();
        let start = text.find(&format!("\"{name}\":\""))? + name.len() + 4;
        let end = start + text[start..].find('"')?;
        Some(text[start..end].to_owned())
    }
}

/// `None` unless the response is complete.
fn parse(bytes: &[u8], is_head: bool) -> Option<Response> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut head = httparse::Response::new(&mut headers);
    head.parse(bytes).ok()?.is_complete().then_some(())?;
    let text = |value: &[u8]| String::from_utf8_lossy(value).trim().to_owned();
    let status = head.code?;
    let headers = head.headers.iter().map(|header| (header.name.to_lowercase(), text(header.value))).collect();
    let mut body = Vec::new();
    if !is_head {
        let mut decoder = Decoder::default();
        decoder.feed(bytes, &mut |bytes| body.extend_from_slice(bytes)).ok()?;
        decoder.is_done().then_some(())?;
    }
    Some(Response { status, headers, body })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_refuses_an_incomplete_response() {
        let whole = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
        assert_eq!(parse(whole, false).unwrap().body, b"ok");
        assert!(parse(&whole[..whole.len() - 1], false).is_none());
        let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
        assert_eq!(parse(chunked, false).unwrap().body, b"ok");
        assert!(parse(&chunked[..chunked.len() - 6], false).is_none());
        let json = Response { status: 200, headers: Vec::new(), body: br#"{"state":"done","x":1}"#.to_vec() };
        assert_eq!((json.member("state").as_deref(), json.member("x")), (Some("done"), None));
    }
}
