//! `/api/v1/uploads`: uploads that go on after whatever ended them, by tus 1.0.0 and its extensions creation (with-upload,
//! defer-length), expiration, termination, checksum and concatenation; and what tus has no words for, as JSON.
//!
//! - [`headers`] and [`metadata`] are the protocol's fields, read and written;
//! - [`mod@create`] begins an upload, [`append`] adds to it, [`state`] tells of it, gives it up, makes it a file.
//!
//! The request that brings the last byte makes the file. Where that fails the bytes stay, and every later request that
//! finds the upload whole tries again: a tus client takes a whole upload for a finished one and never comes back.

mod append;

mod create;

mod headers;

mod metadata;

mod state;

use std::time::{Duration, UNIX_EPOCH};

use axum::extract::{Request, State};
use axum::response::Response;
use http::header::CONTENT_LOCATION;
use http::{HeaderMap, Method};
use shared::{ErrorCode, Timestamp, UploadId};

use super::upload;
use crate::client::{Caller, Upload};
use crate::gateway::auth::Auth;
use crate::gateway::http::digest_fields;
use crate::gateway::http::headers::{allow, set};
use crate::gateway::http::problem::Refusal;
use crate::gateway::http::request_body::Incoming;
use crate::gateway::state::Gateway;
use headers::{EXPIRES, OFFSET, RESUMABLE, VERSIONS};

pub(crate) use create::create;
pub(crate) use state::{commit, list, read};

/// Where uploads live.
const BASE: &str = "/api/v1/uploads";

/// A request about one upload, or about one to be, without its body.
struct Asked {
    gateway: Gateway,
    caller: Caller,
    headers: HeaderMap,
}

impl Asked {
    fn of(gateway: Gateway, caller: Caller, mut request: Request) -> (Self, Incoming) {
        let body = Incoming::of(&gateway, &mut request);
        (Self { gateway, caller, headers: std::mem::take(request.headers_mut()) }, body)
    }

    /// What the whole file must come to, if the request says so (`Repr-Digest`).
    fn digest(&self) -> Result<Option<Vec<u8>>, Refusal> {
        digest_fields::of_whole(&self.headers)
    }

    /// Makes a file of an upload that is whole and is to be one, if its content has the digest that the request names.
    async fn finish(&self, upload: Upload) -> Result<Upload, Refusal> {
        if !is_due(&upload) {
            return Ok(upload);
        }
        let offset = upload.offset;
        match self.gateway.commit(&self.caller, upload.id, self.digest()?).await {
            Ok(upload) => {
                self.gateway.metrics.uploaded("tus");
                Ok(upload)
            }
            Err(error) => Err(at(error.into(), Some(offset))),
        }
    }
}

/// HEAD, PATCH and DELETE of an upload; also as POST with `X-HTTP-Method-Override`, for clients that have no others.
pub(crate) async fn resource(
    State(gateway): State<Gateway>,
    Auth(caller): Auth,
    request: Request,
) -> Result<Response, Refusal> {
    let named = request.headers().get(headers::METHOD_OVERRIDE).map(|value| value.as_bytes().to_ascii_uppercase());
    let method = match (request.method(), named.as_deref()) {
        (&Method::POST, Some(b"PATCH")) => Method::PATCH,
        (&Method::POST, Some(b"DELETE")) => Method::DELETE,
        (&Method::POST, Some(b"HEAD")) => Method::HEAD,
        (method, _) => method.clone(),
    };
    let id = id(request.uri().path());
    let (asked, mut body) = Asked::of(gateway, caller, request);
    speak(match (id, method) {
        (Err(refusal), _) => Err(refusal),
        (Ok(id), Method::HEAD) => asked.examine(id).await,
        (Ok(id), Method::PATCH) => asked.append(id, &mut body).await,
        (Ok(id), Method::DELETE) => asked.give_up(id).await,
        (Ok(_), _) => Err(Refusal::method_not_allowed(UPLOAD_METHODS)),
    })
}

pub(crate) const UPLOAD_METHODS: &str = "GET, HEAD, PATCH, DELETE, POST, OPTIONS";

/// OPTIONS: what of tus the server speaks. Asked without a version, and answered without one.
pub(crate) async fn capabilities(gateway: Gateway, allowed: &'static str) -> Response {
    let mut response = allow(allowed);
    let fields = response.headers_mut();
    fields.insert(headers::VERSION, VERSIONS);
    fields.insert(headers::EXTENSION, headers::EXTENSIONS);
    set(fields, headers::CHECKSUM_ALGORITHM, headers::algorithms());
    if gateway.config.upload_bytes_max > 0 {
        set(fields, headers::MAX_SIZE, gateway.config.upload_bytes_max);
    }
    response
}

/// The id in `/api/v1/uploads/<id>[/…]`. What is none is nothing that there is.
fn id(path: &str) -> Result<UploadId, Refusal> {
    let rest = path.strip_prefix(BASE).and_then(|rest| rest.strip_prefix('/')).unwrap_or_default();
    let id = rest.split('/').next().and_then(UploadId::parse);
    id.ok_or_else(|| Refusal::because(ErrorCode::NotFound, "There is no such upload."))
}

/// Every answer says the version, be it a refusal.
fn speak(answer: Result<Response, Refusal>) -> Result<Response, Refusal> {
    match answer {
        Ok(mut response) => {
            response.headers_mut().insert(RESUMABLE, VERSIONS);
            Ok(response)
        }
        Err(refusal) => Err(refusal.header(RESUMABLE, VERSIONS)),
    }
}

/// A refusal that says where the upload stands, for the client to go on from there.
fn at(refusal: Refusal, offset: Option<u64>) -> Refusal {
    match offset {
        Some(offset) => refusal.header(OFFSET, offset.into()),
        None => refusal,
    }
}

fn is_whole(upload: &Upload) -> bool {
    upload.length == Some(upload.offset)
}

/// Whole, meant to be a file, and none yet.
fn is_due(upload: &Upload) -> bool {
    is_whole(upload) && upload.target.is_some() && upload.entry.is_none()
}

/// What every answer about an upload says of it, and of the file that it became.
fn standing(upload: &Upload) -> HeaderMap {
    let mut headers = upload::file_headers(upload);
    set(&mut headers, OFFSET, upload.offset);
    match &upload.entry {
        Some(entry) => set(&mut headers, CONTENT_LOCATION, format!("/files/{}", entry.path)),
        None => {
            if let Some(date) = http_date(upload.expires) {
                set(&mut headers, EXPIRES, date);
            }
        }
    }
    headers
}

/// None before 1970, which the format cannot say.
fn http_date(moment: Timestamp) -> Option<String> {
    let seconds = u64::try_from(moment.seconds()).ok()?;
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).map(httpdate::fmt_http_date)
}

/// A refusal to bytes that would not fit the upload.
fn beyond() -> Refusal {
    Refusal::because(ErrorCode::TooLarge, "These are more bytes than the upload lacks.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_one_segment() {
        let digits = "1f".repeat(16);
        for path in [format!("{BASE}/{digits}"), format!("{BASE}/{digits}/commit")] {
            assert_eq!(id(&path).ok(), Some(UploadId([0x1f; 16])), "{path}");
        }
        for path in [BASE.to_owned(), format!("{BASE}/"), format!("{BASE}/../{digits}"), format!("{BASE}x/{digits}")] {
            assert!(id(&path).is_err(), "{path}");
        }
    }

    #[test]
    fn dates_are_those_of_http() {
        let date = http_date(Timestamp::from_parts(1_700_000_000, 5));
        assert_eq!(date.as_deref(), Some("Tue, 14 Nov 2023 22:13:20 GMT"));
        assert_eq!(http_date(Timestamp(-1)), None);
    }
}
