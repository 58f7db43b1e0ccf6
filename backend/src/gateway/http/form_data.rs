//! `multipart/form-data` (RFC 7578), as browsers and `curl -F` send it. [`FormData`] takes the bytes of a body in pieces
//! of any length and yields what they contain; it holds at most the headers of one part, or as many bytes as a boundary
//! has. Pure.

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use memchr::memmem;

/// The most bytes that the headers of a part may have.
const PART_HEADER_BYTES_MAX: usize = 16 << 10;
/// The longest boundary (RFC 2046 §5.1.1).
const BOUNDARY_BYTES_MAX: usize = 70;

/// What a form contains, in its order in the body.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum FormEvent {
    /// A part begins. `Some` for a file: its name, as the client sent it, without escapes.
    Part(Option<Vec<u8>>),
    /// Bytes of the part.
    Data(Bytes),
    /// The part is complete.
    PartEnd,
    /// The form is complete; what follows has no meaning (RFC 2046 §5.1.1).
    End,
}

/// The body is not a form.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum FormError {
    /// The media type has no boundary that RFC 2046 permits.
    #[error("The form's media type has no boundary.")]
    NoBoundary,
    /// The headers of a part are malformed, or exceed their limit.
    #[error("The headers of a part of the form cannot be read.")]
    BadHeaders,
    /// The body does not continue after a boundary.
    #[error("The form is malformed after a boundary.")]
    BadBoundary,
    /// The body ends before the boundary that ends the form.
    #[error("The form ends before its last boundary.")]
    EndsEarly,
}

/// A parser of one body.
pub(crate) struct FormData {
    /// A line break, two hyphens and the boundary.
    delimiter: Vec<u8>,
    buffer: BytesMut,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// In front of the first boundary.
    Preamble,
    /// After a boundary.
    Boundary,
    Headers,
    Content,
    Ended,
}

impl FormData {
    /// # Errors
    /// [`FormError::NoBoundary`].
    pub(crate) fn new(headers: &HeaderMap) -> Result<Self, FormError> {
        let boundary = boundary(headers).ok_or(FormError::NoBoundary)?;
        let delimiter = [b"\r\n--", boundary.as_slice()].concat();
        // A line break in front of the body makes the first boundary one like all others.
        Ok(Self { delimiter, buffer: BytesMut::from("\r\n"), state: State::Preamble })
    }

    /// Takes the next bytes of the body. Call [`FormData::next`] until it returns `None` in between.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// What follows; `None` if that takes more bytes.
    ///
    /// # Errors
    /// [`FormError::BadHeaders`] and [`FormError::BadBoundary`].
    pub(crate) fn next(&mut self) -> Result<Option<FormEvent>, FormError> {
        loop {
            match self.state {
                State::Preamble => {
                    let found = memmem::find(&self.buffer, &self.delimiter);
                    let skipped = found.unwrap_or_else(|| self.buffer.len().saturating_sub(self.delimiter.len() - 1));
                    let _ = self.buffer.split_to(skipped);
                    if found.is_none() {
                        return Ok(None);
                    }
                    self.pass_delimiter();
                }
                State::Boundary => match self.after_boundary()? {
                    None => return Ok(None),
                    Some(State::Ended) => return Ok(Some(FormEvent::End)),
                    Some(_) => {}
                },
                State::Headers => return self.headers(),
                State::Content => return Ok(self.content()),
                State::Ended => {
                    self.buffer.clear();
                    return Ok(None);
                }
            }
        }
    }

    fn pass_delimiter(&mut self) {
        let _ = self.buffer.split_to(self.delimiter.len());
        self.state = State::Boundary;
    }

    /// Two hyphens end the form; white space and a line break begin a part (RFC 2046 §5.1.1).
    fn after_boundary(&mut self) -> Result<Option<State>, FormError> {
        if self.buffer.starts_with(b"--") {
            self.state = State::Ended;
            return Ok(Some(State::Ended));
        }
        let blank = self.buffer.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        match &self.buffer[blank..] {
            [b'\r', b'\n', ..] => {
                // The line break stays: without headers it is half of the empty line that ends them.
                let _ = self.buffer.split_to(blank);
                self.state = State::Headers;
                Ok(Some(State::Headers))
            }
            [] | [b'\r'] | [b'-'] if blank < PART_HEADER_BYTES_MAX => Ok(None),
            _ => Err(FormError::BadBoundary),
        }
    }

    fn headers(&mut self) -> Result<Option<FormEvent>, FormError> {
        let end = memmem::find(&self.buffer, b"\r\n\r\n");
        if end.unwrap_or(self.buffer.len()) > PART_HEADER_BYTES_MAX {
            return Err(FormError::BadHeaders);
        }
        let Some(end) = end else { return Ok(None) };
        let lines = self.buffer.split_to(end + 4);
        self.state = State::Content;
        Ok(Some(FormEvent::Part(file_name(&lines[..end])?)))
    }

    fn content(&mut self) -> Option<FormEvent> {
        match memmem::find(&self.buffer, &self.delimiter) {
            Some(0) => {
                self.pass_delimiter();
                Some(FormEvent::PartEnd)
            }
            Some(end) => Some(FormEvent::Data(self.buffer.split_to(end).freeze())),
            None => {
                // The last bytes may be the beginning of a boundary.
                let length = self.buffer.len().checked_sub(self.delimiter.len() - 1).filter(|length| *length > 0)?;
                Some(FormEvent::Data(self.buffer.split_to(length).freeze()))
            }
        }
    }
}

/// The boundary of a media type `multipart/form-data`.
fn boundary(headers: &HeaderMap) -> Option<Vec<u8>> {
    let boundary = parameter(headers.get(CONTENT_TYPE)?.as_bytes(), "boundary")?;
    let legal = (1..=BOUNDARY_BYTES_MAX).contains(&boundary.len()) && boundary.is_ascii();
    legal.then_some(boundary)
}

/// The name of the file in the part with these headers; `None` for a part that is no file.
fn file_name(lines: &[u8]) -> Result<Option<Vec<u8>>, FormError> {
    let mut disposition = None;
    for line in lines.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty()) {
        let colon = line.iter().position(|byte| *byte == b':').ok_or(FormError::BadHeaders)?;
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if name.eq_ignore_ascii_case(b"content-disposition") {
            disposition = Some(value);
        }
        let plain = [b"binary".as_slice(), b"8bit", b"7bit"].iter().any(|plain| value.eq_ignore_ascii_case(plain));
        // Content in another encoding would be stored in encoded form (RFC 7578 §4.7).
        if name.eq_ignore_ascii_case(b"content-transfer-encoding") && !plain {
            return Err(FormError::BadHeaders);
        }
    }
    let disposition = disposition.ok_or(FormError::BadHeaders)?;
    Ok(parameter(disposition, "filename").map(|name| without_escapes(&name)))
}

/// The value of a parameter, without its quotes.
fn parameter(header: &[u8], wanted: &str) -> Option<Vec<u8>> {
    let mut rest = &header[header.iter().position(|byte| *byte == b';')?..];
    while let Some(after) = rest.strip_prefix(b";") {
        let equals = after.iter().position(|byte| *byte == b'=')?;
        let name = after[..equals].trim_ascii();
        let (value, end) = value(after[equals + 1..].trim_ascii_start());
        if name.eq_ignore_ascii_case(wanted.as_bytes()) {
            return Some(value);
        }
        rest = end.trim_ascii_start();
    }
    None
}

/// A value and what follows it. In a quoted one, a backslash escapes a quote alone: in names of files it stands for
/// itself.
fn value(text: &[u8]) -> (Vec<u8>, &[u8]) {
    let Some(mut rest) = text.strip_prefix(b"\"") else {
        let end = text.iter().position(|byte| *byte == b';').unwrap_or(text.len());
        return (text[..end].trim_ascii().to_vec(), &text[end..]);
    };
    let mut value = Vec::new();
    loop {
        match rest {
            [b'\\', b'"', after @ ..] => {
                value.push(b'"');
                rest = after;
            }
            [b'"', after @ ..] => return (value, after),
            [byte, after @ ..] => {
                value.push(*byte);
                rest = after;
            }
            [] => return (value, rest),
        }
    }
}

/// The name without the escapes of browsers and curl, which write a quote and line breaks as `%22`, `%0D` and `%0A`, and
/// every other character as it is (WHATWG HTML, multipart/form-data encoding algorithm).
fn without_escapes(name: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some((first, after)) = rest.split_first() {
        let (byte, after) = match rest {
            [b'%', b'2', b'2', after @ ..] => (b'"', after),
            [b'%', b'0', b'D', after @ ..] => (b'\r', after),
            [b'%', b'0', b'A', after @ ..] => (b'\n', after),
            _ => (*first, after),
        };
        plain.push(byte);
        rest = after;
    }
    plain
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn parser(content_type: &str) -> Result<FormData, FormError> {
        FormData::new(&HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_str(content_type).unwrap())]))
    }

    /// Name and content of each part, and whether the form is complete.
    type Form = (Vec<(Option<Vec<u8>>, Vec<u8>)>, bool);

    /// The parts of a form that arrives in pieces of `length` bytes, each with its content, and whether it is complete.
    fn read(body: &[u8], length: usize) -> Result<Form, FormError> {
        let mut form = parser("multipart/form-data; boundary=xyz").unwrap();
        let (mut parts, mut ended) = (Vec::new(), false);
        for piece in body.chunks(length) {
            form.push(piece);
            while let Some(event) = form.next()? {
                match event {
                    FormEvent::Part(name) => parts.push((name, Vec::new())),
                    FormEvent::Data(bytes) => parts.last_mut().unwrap().1.extend_from_slice(&bytes),
                    FormEvent::PartEnd => {}
                    FormEvent::End => ended = true,
                }
            }
            assert!(form.buffer.len() <= PART_HEADER_BYTES_MAX + length);
        }
        Ok((parts, ended))
    }

    #[track_caller]
    fn check(body: &[u8], expected: &[(Option<&[u8]>, &[u8])]) {
        let expected: Vec<_> =
            expected.iter().map(|(name, content)| (name.map(<[u8]>::to_vec), content.to_vec())).collect();
        for length in [1, 2, 3, 7, 1000] {
            assert_eq!(read(body, length).unwrap(), (expected.clone(), true), "pieces of {length}");
        }
    }

    #[test]
    fn parts_are_read_in_pieces_of_any_length() {
        let head = "Content-Disposition: form-data; name=\"f\"";
        let form = format!(
            "preamble\r\n--xyz\r\n{head}; filename=\"a.txt\"\r\nContent-Type: text/plain\r\n\r\na\r\n--xy\r\nb\r\n\
             --xyz \t\r\n{head}\r\n\r\nvalue\r\n--xyz\r\n{head}; filename=\"\"\r\n\r\n\r\n--xyz--\r\nepilogue\r\n--xyz\r\n"
        );
        check(form.as_bytes(), &[(Some(b"a.txt"), b"a\r\n--xy\r\nb"), (None, b"value"), (Some(b""), b"")]);
        check(b"--xyz--", &[]);
    }

    #[test]
    fn a_cut_form_has_no_end() {
        let form = b"--xyz\r\nContent-Disposition: form-data; filename=a\r\n\r\ncontent\r\n--xyz--\r\n";
        for cut in 0..form.len() - 2 {
            assert!(!read(&form[..cut], 1000).unwrap().1, "{cut}");
        }
    }

    #[test]
    fn malformed_forms_are_refused() {
        let long = [b"--xyz\r\nX: ".as_slice(), &[b'x'; PART_HEADER_BYTES_MAX]].concat();
        for (body, error) in [
            (b"--xyzz\r\n".as_slice(), FormError::BadBoundary),
            (b"--xyz-x", FormError::BadBoundary),
            (b"--xyz\r\n\r\n", FormError::BadHeaders),
            (b"--xyz\r\nno colon\r\n\r\n", FormError::BadHeaders),
            (
                b"--xyz\r\nContent-Disposition: form-data\r\nContent-Transfer-Encoding: base64\r\n\r\n",
                FormError::BadHeaders,
            ),
            (&long, FormError::BadHeaders),
        ] {
            assert_eq!(read(body, 1000), Err(error), "{}", String::from_utf8_lossy(&body[..body.len().min(80)]));
        }
        for content_type in
            ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=\"\""]
        {
            assert_eq!(parser(content_type).err(), Some(FormError::NoBoundary), "{content_type}");
        }
        assert!(parser(&format!("multipart/form-data; boundary={}", "x".repeat(71))).is_err());
        assert!(parser("Multipart/Form-Data; charset=utf-8; Boundary=\"a b\"").is_ok());
    }

    #[test]
    fn names_are_those_of_the_client() {
        let check = |header: &str, expected: Option<&str>| {
            let lines = format!("\r\nContent-Disposition: form-data; {header}");
            assert_eq!(file_name(lines.as_bytes()).unwrap().as_deref(), expected.map(str::as_bytes), "{header}");
        };
        check("name=f; filename=a.txt", Some("a.txt"));
        check("filename=\"a; b.txt\"; name=\"f\"", Some("a; b.txt"));
        check("name=\"filename=x\"", None);
        check("filename=\"a%22b%0Ac%20d%41\"", Some("a\"b\nc%20d%41"));
        check("filename=\"a\\\"b\\c\"", Some("a\"b\\c"));
        check("filename=\"café\"", Some("café"));
        check("filename*=UTF-8''x", None);
        check("FileName = \"a\"", Some("a"));
    }

    proptest! {
        #[test]
        fn no_body_panics(body in prop::collection::vec(prop::sample::select(b"-xyz\r\n:;=\"ab".to_vec()), 0..200), length in 1usize..20) {
            let mut form = parser("multipart/form-data; boundary=xyz").unwrap();
            for piece in body.chunks(length) {
                form.push(piece);
                while let Ok(Some(_)) = form.next() {}
            }
        }

        #[test]
        fn any_content_is_read_back(content: Vec<u8>, length in 1usize..50) {
            prop_assume!(memmem::find(&content, b"\r\n--xyz").is_none());
            let head = b"--xyz\r\nContent-Disposition: form-data; filename=a\r\n\r\n";
            let body = [head.as_slice(), &content, b"\r\n--xyz--\r\n"].concat();
            prop_assert_eq!(read(&body, length).unwrap(), (vec![(Some(b"a".to_vec()), content)], true));
        }
    }
}
