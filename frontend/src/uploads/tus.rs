//! The only code that sends a file's bytes: tus 1.0.0 over XMLHttpRequest, which alone says how much was really sent. A
//! `fetch` with a stream for a body is refused on HTTP/1.1.

use serde_json::from_str;
use shared::api::{PROBLEM_TYPE, Problem};
use shared::{ETag, JobId, UploadId};
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortSignal, Blob, Event, ProgressEvent, XmlHttpRequest};

use super::model::metadata::{blake3_of, digest_field, upload_metadata};
use super::model::{Chosen, Rule};
use crate::api::uploads_url;
use crate::failure::Failure;

const OFFSET_STREAM: &str = "application/offset+octet-stream";

/// Where an upload stands after a request.
#[derive(Debug)]
pub(super) struct Standing {
    /// Its address, where the answer told it.
    pub(super) upload: Option<UploadId>,
    /// How many bytes are durable.
    pub(super) offset: u64,
    /// What is told of the file that it became, once it did.
    pub(super) file: Filed,
}

/// What is told of a file that an upload became.
#[derive(Debug, Default)]
pub(super) struct Filed {
    /// BLAKE3 of what the server has, in hexadecimal digits.
    pub(super) digest: Option<String>,
    /// The state that it is in.
    pub(super) etag: Option<ETag>,
}

/// What a creation says of the upload.
pub(super) type Fields = Vec<(&'static str, String)>;

/// The header fields that begin an upload.
pub(super) fn creation(chosen: &Chosen, rule: &Rule, digest: Option<&str>) -> Fields {
    let metadata = upload_metadata(chosen, rule, digest);
    let mut fields = vec![("upload-length", chosen.size.to_string()), ("upload-metadata", metadata)];
    match rule {
        Rule::Replace(Some(etag)) => fields.push(("if-match", etag.quoted())),
        Rule::New => fields.push(("if-none-match", "*".to_owned())),
        Rule::Replace(None) | Rule::KeepBoth => {}
    }
    fields
}

/// Begins an upload, with all of its bytes where `body` has them. Asked again with the same `key`, the server answers with
/// the same upload. Its address is told even where its bytes did not become a file.
pub(super) async fn create(
    mut fields: Fields,
    key: JobId,
    body: Option<&Blob>,
    signal: &AbortSignal,
    progress: impl Fn(u64) + 'static,
) -> Result<(Result<Standing, Failure>, Option<UploadId>), Failure> {
    fields.push(("idempotency-key", key.to_string()));
    fields.extend(body.map(|_| ("content-type", OFFSET_STREAM.to_owned())));
    let request = exchange("POST", &uploads_url(None), &fields, body, signal, progress).await?;
    let standing = standing(&request);
    let upload = standing.upload;
    Ok((judge(&request).map(|()| standing), upload))
}

/// Sends bytes that belong at `offset`; with the last of them the digest of the whole, without which they make no file.
pub(super) async fn append(
    upload: UploadId,
    offset: u64,
    body: &Blob,
    digest: Option<&str>,
    signal: &AbortSignal,
    progress: impl Fn(u64) + 'static,
) -> Result<Standing, Failure> {
    let mut fields = vec![("upload-offset", offset.to_string()), ("content-type", OFFSET_STREAM.to_owned())];
    fields.extend(digest.map(|digest| ("repr-digest", digest_field(digest))));
    send("PATCH", &uploads_url(Some(upload)), &fields, Some(body), signal, progress)
        .await
        .map(|request| standing(&request))
}

/// Gives the upload up. Where that does not arrive, the server gives it up by itself after a while.
pub(super) async fn discard(upload: UploadId) {
    let Ok(controller) = web_sys::AbortController::new() else { return };
    let _ = send("DELETE", &uploads_url(Some(upload)), &[], None, &controller.signal(), |_| {}).await;
}

async fn send(
    method: &str,
    url: &str,
    fields: &[(&str, String)],
    body: Option<&Blob>,
    signal: &AbortSignal,
    progress: impl Fn(u64) + 'static,
) -> Result<XmlHttpRequest, Failure> {
    let request = exchange(method, url, fields, body, signal, progress).await?;
    judge(&request).map(|()| request)
}

/// Asks, and waits for whatever answer.
async fn exchange(
    method: &str,
    url: &str,
    fields: &[(&str, String)],
    body: Option<&Blob>,
    signal: &AbortSignal,
    progress: impl Fn(u64) + 'static,
) -> Result<XmlHttpRequest, Failure> {
    if signal.aborted() {
        return Err(Failure::Aborted);
    }
    let request = XmlHttpRequest::new().map_err(|_| Failure::Unreachable)?;
    prepare(&request, method, url, fields).map_err(|_| Failure::Unreachable)?;
    let watched = Closure::<dyn FnMut(ProgressEvent)>::new(move |event: ProgressEvent| progress(event.loaded() as u64));
    if body.is_some()
        && let Ok(target) = request.upload()
    {
        target.set_onprogress(Some(watched.as_ref().unchecked_ref()));
    }
    let abort = {
        let request = request.clone();
        // Whoever is aborted ends as whoever failed: `loadend` comes in any case.
        Closure::<dyn FnMut()>::new(move || _ = request.abort())
    };
    let listen = AsRef::<web_sys::EventTarget>::as_ref(signal);
    let _ = listen.add_event_listener_with_callback("abort", abort.as_ref().unchecked_ref());
    let ended = js_sys::Promise::new(&mut |resolve, _| {
        let end = Closure::once_into_js(move |_: Event| _ = resolve.call0(&JsValue::UNDEFINED));
        request.set_onloadend(Some(end.unchecked_ref()));
    });
    let sent = match body {
        Some(body) => request.send_with_opt_blob(Some(body)),
        None => request.send(),
    };
    if sent.is_ok() {
        // The promise is only ever resolved.
        let _ = JsFuture::from(ended).await;
    }
    let _ = listen.remove_event_listener_with_callback("abort", abort.as_ref().unchecked_ref());
    match request.status() {
        _ if signal.aborted() => Err(Failure::Aborted),
        Ok(1..) => Ok(request),
        _ => Err(Failure::Unreachable),
    }
}

fn judge(request: &XmlHttpRequest) -> Result<(), Failure> {
    match request.status() {
        Ok(200..=299) => Ok(()),
        status => Err(refusal(request, status.unwrap_or(0))),
    }
}

fn prepare(request: &XmlHttpRequest, method: &str, url: &str, fields: &[(&str, String)]) -> Result<(), JsValue> {
    request.open_with_async(method, url, true)?;
    request.set_request_header("tus-resumable", "1.0.0")?;
    fields.iter().try_for_each(|(name, value)| request.set_request_header(name, value))
}

fn standing(request: &XmlHttpRequest) -> Standing {
    let upload = field(request, "location");
    let upload = upload.and_then(|address| UploadId::parse(address.trim_end_matches('/').rsplit('/').next()?));
    let digest = field(request, "repr-digest").and_then(|digests| blake3_of(&digests));
    let etag = field(request, "etag").and_then(|etag| ETag::parse(etag.trim_matches('"')));
    Standing { upload, offset: number(request, "upload-offset").unwrap_or(0), file: Filed { digest, etag } }
}

fn refusal(request: &XmlHttpRequest, status: u16) -> Failure {
    let foreign = Failure::Foreign { status };
    if !field(request, "content-type").is_some_and(|kind| kind.starts_with(PROBLEM_TYPE)) {
        return foreign;
    }
    let problem = request.response_text().ok().flatten().and_then(|body| from_str::<Problem>(&body).ok());
    problem.map_or(foreign, Failure::from_problem)
}

fn field(request: &XmlHttpRequest, name: &str) -> Option<String> {
    request.get_response_header(name).ok().flatten()
}

fn number(request: &XmlHttpRequest, name: &str) -> Option<u64> {
    field(request, name)?.parse().ok()
}
