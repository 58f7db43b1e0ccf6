//! `GET` and `HEAD` of `/files/<path>`: a file's bytes, or a folder as a page of links.

use std::time::SystemTime;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, ETAG, LAST_MODIFIED,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use http_body_util::BodyExt;
use serde_json::json;
use shared::limits::RANGES_MAX;
use shared::path::encode_segment;
use shared::{Algorithm, Entry, ErrorCode, Kind, Link, Span, VPath};

use super::folder_page;
use crate::client::{Caller, ClientError, GetItem, Item};
use crate::gateway::auth::Auth;
use crate::gateway::connection_info::ConnectionInfo;
use crate::gateway::http::body_stream::{TransferBody, finish, next_piece, stream_body};
use crate::gateway::http::byteranges::{Layout, Parts};
use crate::gateway::http::conditional::{Conditions, Plan};
use crate::gateway::http::content_type::SAMPLE_BYTES;
use crate::gateway::http::date::last_modified;
use crate::gateway::http::headers::{set, set_text};
use crate::gateway::http::problem::ErrorResponse;
use crate::gateway::http::request_path::RequestPath;
use crate::gateway::http::{content_disposition, content_type, digest_fields, redirect};
use crate::gateway::openapi::operation::Operation;
use crate::gateway::request_id::RequestId;
use crate::gateway::sendfile::body::FileBody;
use crate::gateway::sendfile::queue::SendfileQueue;
use crate::gateway::state::Gateway;

/// How often a request is attempted while the file keeps changing.
const ATTEMPTS: usize = 3;

/// What a request asks for.
struct GetRequest {
    path: VPath,
    /// The media type that the name stands for.
    named_type: &'static str,
    conditions: Conditions,
    head: bool,
    download: bool,
    caller: Caller,
    request_id: RequestId,
    uri: Uri,
    /// Where the connection supports `sendfile(2)`.
    queue: Option<SendfileQueue>,
}

/// A file, a folder's page, or a redirect to either.
pub(crate) async fn read(
    State(gateway): State<Gateway>,
    Auth(caller): Auth,
    request: Request,
) -> Result<Response, ErrorResponse> {
    let target = RequestPath::of(&request)?;
    let request_id = RequestId::of(request.extensions());
    let wanted = digest_fields::wanted_algorithms(request.headers());
    let request = GetRequest {
        named_type: content_type::content_type(&target.path),
        path: target.path,
        conditions: Conditions::read(request.method(), request.headers()),
        head: request.method() == Method::HEAD,
        download: request.uri().query().is_some_and(content_disposition::is_download),
        caller,
        request_id,
        uri: request.uri().clone(),
        queue: request.extensions().get().and_then(|info: &ConnectionInfo| info.queue.clone()),
    };
    if target.slash {
        return match folder_page::folder(&gateway, &request.caller, &request.path, &request.conditions).await {
            // The address of a file does not end in a slash, but people type one.
            Err(error) if error.code == ErrorCode::NotFolder => to_file(&gateway, &request).await,
            answer => answer,
        };
    }
    if request.path.is_root() {
        return Ok(redirect::permanent("files/", request.uri.query()));
    }
    let mut answer = attempt(&gateway, &request).await;
    for _ in 1..ATTEMPTS {
        match answer {
            Err(error) if error.code == ErrorCode::Changed => answer = attempt(&gateway, &request).await,
            _ => break,
        }
    }
    let mut response = answer?;
    if !wanted.is_empty() && response.headers().contains_key(ETAG) {
        add_digests(&gateway, &request, wanted, response.headers_mut()).await;
    }
    Ok(response)
}

pub(crate) fn describe() -> Operation {
    let any = || json!({});
    let download = json!({"name": "download", "in": "query", "description": "Answer as an attachment.", "allowEmptyValue": true, "schema": {"type": "string"}});
    Operation::new("readFile", "A file's bytes; a folder as a page of links if the path ends in a slash")
        .description(format!("Conditions and ranges as in RFC 9110, at most {RANGES_MAX} ranges. A folder without the slash at the end, and a file with one, answer 308."))
        .path()
        .parameter(download)
        .headers(["Range", "If-Range", "If-Match", "If-None-Match"])
        .headers(["If-Modified-Since", "If-Unmodified-Since", "Want-Repr-Digest"])
        .content("200", "The whole file.", "*/*", any())
        .content("206", "The requested part, or several as multipart/byteranges.", "*/*", any())
        .says("304", "The client's copy is current.")
        .says("308", "Redirect to the address with the slash, or without it.")
        .problems(["412", "416"])
}

/// Adds `Repr-Digest` if a digest of exactly this state of the file is known. The file is not read for it;
/// `/api/v1/digest` reads.
async fn add_digests(gateway: &Gateway, request: &GetRequest, wanted: Vec<Algorithm>, headers: &mut HeaderMap) {
    // The answer is complete without it.
    let Ok(known) = gateway.client.digest(&request.caller, &request.path, wanted, true).await else { return };
    let same = known.entry.etag.is_some_and(|etag| headers.get(ETAG).is_some_and(|value| *value == etag.quoted()));
    if let Some(digest) = digest_fields::field(&known.digests).filter(|_| same) {
        set(headers, digest_fields::REPR_DIGEST, digest);
    }
}

async fn attempt(gateway: &Gateway, request: &GetRequest) -> Result<Response, ErrorResponse> {
    let answer = if request.head { answer_head(gateway, request).await } else { send(gateway, request).await };
    match answer {
        Err(error) if error.code == ErrorCode::IsFolder => Ok(to_folder(request)),
        answer => answer,
    }
}

/// HEAD: the headers of GET, without fetching bytes.
async fn answer_head(gateway: &Gateway, request: &GetRequest) -> Result<Response, ErrorResponse> {
    let entry = regular(gateway.client.stat_for_reading(&request.caller, &request.path).await?)?;
    match request.conditions.decide(&entry) {
        Plan::Whole | Plan::Parts(_) => {
            let content_type = gateway.content_type(request, &entry, None).await;
            Ok(gateway.whole(request, &entry, content_type, Body::empty()))
        }
        plan => without_body(gateway, request, &entry, plan),
    }
}

/// GET. Without conditions one round trip to the file server is enough: it clips the range and returns the metadata.
async fn send(gateway: &Gateway, request: &GetRequest) -> Result<Response, ErrorResponse> {
    match request.conditions.direct() {
        Ok(range) => {
            let item = GetItem { path: request.path.clone(), range, if_etag: None, if_prefix: None };
            send_one(gateway, request, item).await
        }
        Err(()) => {
            let entry = regular(gateway.client.stat_for_reading(&request.caller, &request.path).await?)?;
            let if_etag = entry.etag;
            let path = request.path.clone();
            match request.conditions.decide(&entry) {
                Plan::Whole => {
                    send_one(gateway, request, GetItem { path, range: None, if_etag, if_prefix: None }).await
                }
                Plan::Parts(spans) => match spans[..] {
                    [span] => {
                        send_one(gateway, request, GetItem { path, range: range_of(span), if_etag, if_prefix: None })
                            .await
                    }
                    _ => send_parts(gateway, request, &entry, spans).await,
                },
                plan => without_body(gateway, request, &entry, plan),
            }
        }
    }
}

async fn send_one(gateway: &Gateway, request: &GetRequest, item: GetItem) -> Result<Response, ErrorResponse> {
    let ranged = item.range.is_some();
    let mut transfer = gateway.client.get_fd(&request.caller, item).await?;
    match transfer.next_item().await? {
        Some(Item::Sending(meta)) => {
            let span = Span { offset: meta.offset, length: meta.length };
            let body = match transfer.take_fd() {
                Some(file) => FileBody::new(transfer, file, span, request.queue.clone()).start().await?,
                None => TransferBody::new(transfer, meta.length).start().await?,
            };
            if ranged {
                let content_type = gateway.content_type(request, &meta.entry, None).await;
                return Ok(gateway.part(request, &meta.entry, content_type, span, body));
            }
            let (body, content) = complete(body, request.named_type).await;
            let content_type = gateway.content_type(request, &meta.entry, content.as_deref()).await;
            Ok(gateway.whole(request, &meta.entry, content_type, body))
        }
        Some(Item::Unsatisfiable(meta, _)) => {
            // Reading the end of the answer frees the connection.
            let _ = transfer.next_item().await;
            if meta.entry.size == 0 {
                let content_type = gateway.content_type(request, &meta.entry, Some(b"")).await;
                return Ok(gateway.whole(request, &meta.entry, content_type, Body::empty()));
            }
            Err(ErrorResponse::unsatisfiable(meta.entry.size))
        }
        Some(Item::Refused(failure)) => {
            let _ = transfer.next_item().await;
            Err(failure.into())
        }
        None => Err(ClientError::new(ErrorCode::Protocol, "an answer without the item").into()),
    }
}

async fn send_parts(
    gateway: &Gateway,
    request: &GetRequest,
    entry: &Entry,
    spans: Vec<Span>,
) -> Result<Response, ErrorResponse> {
    let item = |span: &Span| GetItem {
        path: request.path.clone(),
        range: range_of(*span),
        if_etag: entry.etag,
        if_prefix: None,
    };
    let mut transfer = gateway.client.get(&request.caller, spans.iter().map(item).collect()).await?;
    let first = match transfer.next_item().await? {
        Some(Item::Refused(failure)) => return Err(failure.into()),
        Some(item) => item,
        None => return Err(ClientError::new(ErrorCode::Protocol, "an answer without the items").into()),
    };
    let content_type = gateway.content_type(request, entry, None).await;
    let layout = Layout::new(&gateway.request_ids.boundary(request.request_id), content_type, entry.size);
    let mut headers = gateway.entity_headers(request, entry, content_type);
    set(&mut headers, CONTENT_TYPE, layout.content_type());
    headers.insert(CONTENT_LENGTH, layout.length(&spans).into());
    Ok(answer(StatusCode::PARTIAL_CONTENT, headers, stream_body(Parts::new(layout, spans, transfer, first))))
}

fn without_body(gateway: &Gateway, request: &GetRequest, entry: &Entry, plan: Plan) -> Result<Response, ErrorResponse> {
    match plan {
        Plan::NotModified => {
            // The headers that renew the client's copy (RFC 9110 §15.4.5), without those about the bytes.
            let mut headers = gateway.entity_headers(request, entry, request.named_type);
            headers.remove(CONTENT_TYPE);
            Ok(answer(StatusCode::NOT_MODIFIED, headers, Body::empty()))
        }
        Plan::Unsatisfiable => Err(ErrorResponse::unsatisfiable(entry.size)),
        _ => Err(ErrorCode::PreconditionFailed.into()),
    }
}

impl Gateway {
    /// The media type of a file. Of text it depends on the first bytes, which are those of `content` if that is all of the
    /// file; else they are read, once for each state of the file.
    async fn content_type(&self, request: &GetRequest, entry: &Entry, content: Option<&[u8]>) -> &'static str {
        let named = request.named_type;
        if !content_type::depends_on_content(named) {
            return named;
        }
        if let Some(content) = content {
            return content_type::refined(&request.path, named, &content[..content.len().min(SAMPLE_BYTES)]);
        }
        if let Some(known) = entry.etag.and_then(|etag| self.content_types.get(etag, named)) {
            return known;
        }
        // A file that cannot be read now has no answer with a body, so its type is of no effect.
        let Ok(sample) = self.sample(request, entry).await else { return named };
        let refined = content_type::refined(&request.path, named, &sample);
        if let Some(etag) = entry.etag {
            self.content_types.insert(etag, named, refined);
        }
        refined
    }

    /// The first bytes of a file, in the state of `entry`.
    async fn sample(&self, request: &GetRequest, entry: &Entry) -> Result<Vec<u8>, ClientError> {
        if entry.size == 0 {
            return Ok(Vec::new());
        }
        let range = Some(shared::ByteRange::Between(0, SAMPLE_BYTES as u64 - 1));
        let item = GetItem { path: request.path.clone(), range, if_etag: entry.etag, if_prefix: None };
        let mut transfer = self.client.get(&request.caller, vec![item]).await?;
        let mut left = match transfer.next_item().await? {
            Some(Item::Sending(meta)) => meta.length,
            _ => return Err(ClientError::new(ErrorCode::Changed, "the first bytes of a file cannot be read")),
        };
        let mut sample = Vec::with_capacity(SAMPLE_BYTES);
        while left > 0 {
            sample.extend_from_slice(&next_piece(&mut transfer, &mut left).await?);
        }
        finish(&mut transfer).await?;
        Ok(sample)
    }

    fn whole(&self, request: &GetRequest, entry: &Entry, content_type: &'static str, body: Body) -> Response {
        let mut headers = self.entity_headers(request, entry, content_type);
        headers.insert(CONTENT_LENGTH, entry.size.into());
        answer(StatusCode::OK, headers, body)
    }

    fn part(
        &self,
        request: &GetRequest,
        entry: &Entry,
        content_type: &'static str,
        span: Span,
        body: Body,
    ) -> Response {
        let mut headers = self.entity_headers(request, entry, content_type);
        headers.insert(CONTENT_LENGTH, span.length.into());
        let (first, last, size) = (span.offset, span.end().saturating_sub(1), entry.size);
        set(&mut headers, CONTENT_RANGE, format!("bytes {first}-{last}/{size}"));
        answer(StatusCode::PARTIAL_CONTENT, headers, body)
    }

    /// The headers of every answer about a file.
    fn entity_headers(&self, request: &GetRequest, entry: &Entry, content_type: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::with_capacity(16);
        headers.insert(CONTENT_SECURITY_POLICY, self.policies.for_type(content_type));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        if let Some(etag) = entry.etag {
            set_text(&mut headers, ETAG, etag.quoted());
        }
        set_text(&mut headers, LAST_MODIFIED, last_modified(entry.modified, SystemTime::now()));
        if request.download {
            headers.insert(CONTENT_DISPOSITION, content_disposition::attachment(&request.path.display_name()));
        }
        headers
    }
}

/// The content of a body that is complete already, as that of a small file is; `None` where no type depends on it.
async fn complete(body: Body, named_type: &str) -> (Body, Option<Bytes>) {
    // Of the bodies of files, only those that are sent in one piece know their length.
    let complete = http_body::Body::size_hint(&body).exact().is_some();
    if !complete || !content_type::depends_on_content(named_type) {
        return (body, None);
    }
    match body.collect().await {
        Ok(collected) => {
            let content = collected.to_bytes();
            (Body::from(content.clone()), Some(content))
        }
        // A complete body holds its bytes, so reading it cannot fail.
        Err(_) => (Body::empty(), None),
    }
}

/// Assigns the parts of a response directly; inserting headers one by one would look each of them up again.
fn answer(status: StatusCode, headers: HeaderMap, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// The error of GET for an entry that is no regular file.
fn regular(entry: Entry) -> Result<Entry, ErrorResponse> {
    match (entry.kind, &entry.link) {
        (Kind::File, _) => Ok(entry),
        (Kind::Folder, _) => Err(ErrorCode::IsFolder.into()),
        (Kind::Other, Some(Link::Escapes)) => Err(ErrorCode::LinkEscapes.into()),
        (Kind::Other, Some(Link::Broken)) => Err(ErrorCode::LinkBroken.into()),
        (Kind::Other, _) => Err(ErrorCode::NotRegular.into()),
    }
}

fn range_of(span: Span) -> Option<shared::ByteRange> {
    Some(shared::ByteRange::Between(span.offset, span.end().saturating_sub(1)))
}

/// The address of a folder ends in a slash, so that the links in its page are relative to it.
fn to_folder(request: &GetRequest) -> Response {
    redirect::permanent(&format!("{}/", encode_segment(request.path.name())), request.uri.query())
}

async fn to_file(gateway: &Gateway, request: &GetRequest) -> Result<Response, ErrorResponse> {
    regular(gateway.client.stat_for_reading(&request.caller, &request.path).await?)?;
    Ok(redirect::permanent(&format!("../{}", encode_segment(request.path.name())), request.uri.query()))
}
