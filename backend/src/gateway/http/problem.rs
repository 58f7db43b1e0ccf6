//! [`ErrorResponse`]: the status of every [`ErrorCode`], and the one place where a failure becomes an HTTP response: a
//! problem document (RFC 9457) for programs, a page for people. Its title and detail are those of the code, in
//! `shared/src/error_text.rs`. A handler names the code and, where it knows more, a detail; the middleware adds the
//! request's id and logs the failure once.

use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{
    ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_RANGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, RETRY_AFTER, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use shared::api::{PROBLEM_TYPE, Problem};
use shared::{ErrorClass, ErrorCode, PathError, VPath};

use super::error_page::{self, Button, ErrorPage};
use super::french;
use super::headers::set;
use super::language::Language;
use super::negotiate::preferred;
use crate::client::{ClientError, Failure};

/// The media type that browsers ask for when a person opens an address.
const HTML: &str = "text/html";

/// A failure, on its way to becoming a problem document.
#[derive(Clone, Debug)]
pub(crate) struct ErrorResponse {
    pub code: ErrorCode,
    status: StatusCode,
    /// For people; part of the response.
    detail: String,
    /// The detail in French; `None` where that of the code says as much.
    french: Option<Box<str>>,
    /// For the log; not part of the response.
    pub cause: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// Where the page's one button leads; `None` for the button that leads to all files.
    offer: Option<Box<str>>,
}

impl ErrorResponse {
    /// With the status and detail of the code.
    pub(crate) fn new(code: ErrorCode) -> Self {
        Self {
            code,
            status: status(code),
            detail: code.sentence().into(),
            french: None,
            cause: String::new(),
            headers: Vec::new(),
            offer: None,
        }
    }

    /// With a detail that says more than that of the code.
    pub(crate) fn because(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), ..Self::new(code) }
    }

    /// With another detail.
    pub(crate) fn with_detail(self, detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), ..self }
    }

    /// With the detail in French, for failures that people meet in a browser.
    pub(crate) fn in_french(self, detail: impl Into<Box<str>>) -> Self {
        Self { french: Some(detail.into()), ..self }
    }

    /// With a button on the page that leads to `address`, relative to that of the request.
    pub(crate) fn offering(self, address: String) -> Self {
        Self { offer: Some(address.into()), ..self }
    }

    /// True if the page has a button to continue.
    #[cfg(test)]
    pub(crate) fn offers(&self) -> bool {
        self.offer.is_some()
    }

    /// With a message for the log.
    pub(crate) fn caused_by(self, cause: String) -> Self {
        Self { cause, ..self }
    }

    /// Names the entry that failed, where it is not the one that the request names.
    pub(crate) fn about(self, path: &VPath) -> Self {
        self.also(&format!("This is about {path}."), &format!("Il s’agit de {path}."))
    }

    /// With one more sentence in the detail.
    pub(crate) fn also(self, english: &str, french: &str) -> Self {
        let detail = format!("{} {english}", self.detail);
        let french = format!("{} {french}", self.french.as_deref().unwrap_or(french::detail(self.code)));
        Self { detail, french: Some(french.into()), ..self }
    }

    /// Says that a part of what was asked for is done.
    pub(crate) fn incomplete(self) -> Self {
        self.also("A part of it is done and stays.", "Une partie est faite et reste en place.")
    }

    /// What happened, and how to proceed.
    #[cfg(test)]
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// With another status than that of the code.
    pub(crate) fn status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// 405 with the methods that the resource has (RFC 9110 §15.5.6).
    pub(crate) fn method_not_allowed(allowed: impl Into<String>) -> Self {
        let error = Self::new(ErrorCode::MethodNotAllowed);
        match HeaderValue::try_from(allowed.into()) {
            Ok(allowed) => error.header(ALLOW, allowed),
            Err(_) => error,
        }
    }

    /// 416 with the size of the file (RFC 9110 §15.5.17).
    pub(crate) fn unsatisfiable(size: u64) -> Self {
        let error = Self::new(ErrorCode::RangeNotSatisfiable);
        match HeaderValue::try_from(format!("bytes */{size}")) {
            Ok(value) => error.header(CONTENT_RANGE, value),
            Err(_) => error,
        }
    }

    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Says by how many bytes unfinished uploads would exceed their limit.
    fn over_unfinished_bytes(self, bytes: u64) -> Self {
        self.with_detail(format!(
            "Unfinished uploads would hold {bytes} bytes more than they may. Finish or cancel some, or send a smaller file."
        ))
        .in_french(format!(
            "Les téléversements inachevés occuperaient {bytes} octets de plus que permis. Terminez-en ou annulez-en, ou \
             envoyez un fichier plus petit."
        ))
    }

    fn retry_after(self, time: Option<Duration>) -> Self {
        match time {
            // Rounded up, so that a client does not come back too early.
            Some(time) => {
                self.header(RETRY_AFTER, HeaderValue::from(time.as_secs() + u64::from(time.subsec_nanos() > 0)))
            }
            None => self,
        }
    }

    /// The response in the form that the reader prefers, with the id under which the request is logged.
    pub(crate) fn render(self, request_id: &str, reader: &Reader) -> Response {
        let (status, code) = (self.status, self.code);
        let mut headers = HeaderMap::new();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(VARY, HeaderValue::from_static("Accept, Accept-Language"));
        add_wait(&mut headers, status);
        for (name, value) in &self.headers {
            headers.insert(name, value.clone());
        }
        let body = match reader {
            Reader::Program => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_TYPE));
                self.problem(request_id)
            }
            Reader::Person { language, home } => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
                set(&mut headers, CONTENT_SECURITY_POLICY, &*error_page::POLICY);
                let button = match &self.offer {
                    Some(address) => Some(Button::Continue(address)),
                    // A host that is not served has no working link.
                    None => (code != ErrorCode::UnknownHost).then_some(Button::AllFiles(home)),
                };
                self.page(request_id, *language, button).into()
            }
        };
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        response
    }

    fn page(&self, request_id: &str, language: Language, button: Option<Button<'_>>) -> String {
        let (status, code) = (self.status.as_u16(), self.code);
        let (title, detail) = match language {
            Language::English => (code.title(), self.detail.as_str()),
            Language::French => (french::title(code), self.french.as_deref().unwrap_or(french::detail(code))),
        };
        let untranslated = language == Language::French && self.french.is_none() && self.detail != code.sentence();
        let more = untranslated.then_some(self.detail.as_str());
        ErrorPage { language, status, code, title, detail, more, request_id, button }.html()
    }

    /// The problem document.
    pub(crate) fn problem(self, request_id: &str) -> Vec<u8> {
        let problem = Problem {
            kind: "about:blank".into(),
            status: self.status.as_u16(),
            code: self.code.name().into(),
            title: self.code.title().into(),
            detail: self.detail,
            request_id: request_id.into(),
        };
        // A `Problem` consists of strings and a number, so serializing cannot fail.
        serde_json::to_vec(&problem).unwrap_or_default()
    }
}

/// Who reads the answer to a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Reader {
    /// A program, which reads problem documents.
    Program,
    /// A person in front of a browser, which asks for `text/html` first.
    Person {
        language: Language,
        /// The address of all files, relative to that of the request.
        home: String,
    },
}

impl Reader {
    pub(crate) fn of(uri: &Uri, headers: &HeaderMap) -> Self {
        // Most requests are those of programs and of the page's scripts, so theirs is not parsed.
        if !headers.get_all(ACCEPT).iter().any(|value| value.to_str().is_ok_and(|text| text.contains(HTML))) {
            return Self::Program;
        }
        // A client without a preference gets the first of the types.
        match preferred(headers, &[PROBLEM_TYPE, HTML]) {
            Some(1) => Self::Person { language: Language::of(headers), home: error_page::home(uri.path()) },
            _ => Self::Program,
        }
    }
}

/// Asks for a short wait where the time is unknown, so that clients do not retry at once.
fn add_wait(headers: &mut HeaderMap, status: StatusCode) {
    if matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS | StatusCode::BAD_GATEWAY) {
        headers.insert(RETRY_AFTER, HeaderValue::from_static("2"));
    }
}

impl IntoResponse for ErrorResponse {
    /// The status only; [`ErrorResponse::render`] makes the body once the request's id is known.
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<ErrorCode> for ErrorResponse {
    fn from(code: ErrorCode) -> Self {
        Self::new(code)
    }
}

impl From<ClientError> for ErrorResponse {
    fn from(error: ClientError) -> Self {
        let response = Self { cause: error.message, ..Self::new(error.code).retry_after(error.retry_after) };
        match error.missing_bytes {
            Some(bytes) if error.code == ErrorCode::QuotaExceeded => response.over_unfinished_bytes(bytes),
            Some(bytes) => response.also(&format!("{bytes} bytes are missing."), &format!("Il manque {bytes} octets.")),
            None => response,
        }
    }
}

impl From<Failure> for ErrorResponse {
    fn from(failure: Failure) -> Self {
        Self::from(ClientError::from(failure))
    }
}

impl From<PathError> for ErrorResponse {
    fn from(error: PathError) -> Self {
        Self::because(ErrorCode::BadPath, format!("The address cannot be used: {error}."))
    }
}

/// The status of a code; for an unknown code, that of its class.
fn status(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::Forbidden
        | ErrorCode::AccessDenied
        | ErrorCode::LinkEscapes
        | ErrorCode::NotRegular
        | ErrorCode::CrossSite
        | ErrorCode::ReadOnly => StatusCode::FORBIDDEN,
        ErrorCode::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorCode::UnknownHost => StatusCode::MISDIRECTED_REQUEST,
        ErrorCode::NotFound | ErrorCode::NotFolder | ErrorCode::LinkBroken => StatusCode::NOT_FOUND,
        ErrorCode::IsFolder
        | ErrorCode::Changed
        | ErrorCode::AlreadyExists
        | ErrorCode::ParentMissing
        | ErrorCode::IntoItself
        | ErrorCode::OffsetMismatch
        | ErrorCode::Incomplete
        | ErrorCode::CrossDevice
        | ErrorCode::Mounted
        | ErrorCode::DiskAbsent
        | ErrorCode::NotEmpty => StatusCode::CONFLICT,
        ErrorCode::Gone => StatusCode::GONE,
        ErrorCode::PreconditionFailed | ErrorCode::UnsupportedVersion => StatusCode::PRECONDITION_FAILED,
        ErrorCode::Locked => StatusCode::LOCKED,
        // As in draft-ietf-httpapi-idempotency-key-header.
        ErrorCode::KeyReused => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorCode::ChecksumMismatch => checksum_mismatch(),
        ErrorCode::NoSpace | ErrorCode::QuotaExceeded => StatusCode::INSUFFICIENT_STORAGE,
        ErrorCode::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ErrorCode::LengthRequired => StatusCode::LENGTH_REQUIRED,
        ErrorCode::RangeNotSatisfiable => StatusCode::RANGE_NOT_SATISFIABLE,
        ErrorCode::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
        ErrorCode::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorCode::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::TooManyConnections | ErrorCode::ShuttingDown | ErrorCode::Canceled => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        ErrorCode::Unsupported => StatusCode::NOT_IMPLEMENTED,
        ErrorCode::BadRequest
        | ErrorCode::BadPath
        | ErrorCode::BadCursor
        | ErrorCode::LengthMismatch
        | ErrorCode::NameRefused
        | ErrorCode::NameTooLong
        | ErrorCode::NameReserved => StatusCode::BAD_REQUEST,
        ErrorCode::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        ErrorCode::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        code if code.is_between_servers() => StatusCode::BAD_GATEWAY,
        ErrorCode::Io | ErrorCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        other => match other.class() {
            ErrorClass::Auth => StatusCode::FORBIDDEN,
            ErrorClass::State => StatusCode::CONFLICT,
            ErrorClass::Limit => StatusCode::PAYLOAD_TOO_LARGE,
            ErrorClass::Request => StatusCode::BAD_REQUEST,
            ErrorClass::Server => StatusCode::INTERNAL_SERVER_ERROR,
        },
    }
}

/// 460 is defined by tus (extension `checksum`).
fn checksum_mismatch() -> StatusCode {
    StatusCode::from_u16(460).unwrap_or(StatusCode::BAD_REQUEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_an_error_status() {
        for &code in ErrorCode::ALL {
            let status = status(code);
            assert!(status.is_client_error() || status.is_server_error(), "{code}");
        }
        assert_eq!(status(ErrorCode::Unknown(299)), StatusCode::CONFLICT);
        assert_eq!(status(ErrorCode::Unknown(999)), StatusCode::INTERNAL_SERVER_ERROR);
    }

    #[test]
    fn retry_after_is_rounded_up() {
        let error = ClientError {
            retry_after: Some(Duration::from_millis(1500)),
            ..ClientError::new(ErrorCode::Unreachable, "x")
        };
        let response = ErrorResponse::from(error).render("id", &Reader::Program);
        assert_eq!(response.headers()[RETRY_AFTER], "2");
        assert_eq!(response.status(), StatusCode::BAD_GATEWAY);
    }
}
