//! One request with bytes of a file: XMLHttpRequest, which alone says how much was really sent. A `fetch` with a stream
//! for a body is refused on HTTP/1.1.

#![cfg(target_arch = "wasm32")]

use js_sys::ArrayBuffer;
use serde_json::from_str;
use shared::api::{PROBLEM_TYPE, Problem};
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortSignal, Blob, Event, ProgressEvent, XmlHttpRequest};

use crate::failure::Failure;

/// Header fields of a request.
pub(super) type Fields = Vec<(&'static str, String)>;

/// What is sent.
#[derive(Clone, Copy)]
pub(super) enum Body<'a> {
    /// Nothing.
    Nothing,
    /// What the browser reads by itself, and how much of it was handed over is told.
    Blob(&'a Blob, &'a Progress),
    /// Bytes that were read already, too few to tell how far they are.
    Bytes(&'a ArrayBuffer),
}

/// Hears how many bytes were handed over.
pub(super) type Progress = Closure<dyn FnMut(ProgressEvent)>;

/// What calls `heard` with the number of bytes.
pub(super) fn progress(heard: impl Fn(u64) + 'static) -> Progress {
    Closure::new(move |event: ProgressEvent| heard(event.loaded() as u64))
}

/// Asks, and waits for an answer that is no refusal.
pub(super) async fn send(
    method: &str,
    url: &str,
    fields: &[(&str, String)],
    body: Body<'_>,
    signal: &AbortSignal,
) -> Result<XmlHttpRequest, Failure> {
    let request = exchange(method, url, fields, body, signal).await?;
    judge(&request).map(|()| request)
}

/// Asks, and waits for whatever answer.
pub(super) async fn exchange(
    method: &str,
    url: &str,
    fields: &[(&str, String)],
    body: Body<'_>,
    signal: &AbortSignal,
) -> Result<XmlHttpRequest, Failure> {
    if signal.aborted() {
        return Err(Failure::Aborted);
    }
    let request = XmlHttpRequest::new().map_err(|_| Failure::Unreachable)?;
    prepare(&request, method, url, fields).map_err(|_| Failure::Unreachable)?;
    if let Body::Blob(_, progress) = body
        && let Ok(target) = request.upload()
    {
        target.set_onprogress(Some(progress.as_ref().unchecked_ref()));
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
        Body::Nothing => request.send(),
        Body::Blob(blob, _) => request.send_with_opt_blob(Some(blob)),
        Body::Bytes(bytes) => request.send_with_opt_buffer_source(Some(bytes)),
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

/// Whether an answer is a refusal.
pub(super) fn judge(request: &XmlHttpRequest) -> Result<(), Failure> {
    match request.status() {
        Ok(200..=299) => Ok(()),
        status => Err(refusal(request, status.unwrap_or(0))),
    }
}

fn prepare(request: &XmlHttpRequest, method: &str, url: &str, fields: &[(&str, String)]) -> Result<(), JsValue> {
    request.open_with_async(method, url, true)?;
    fields.iter().try_for_each(|(name, value)| request.set_request_header(name, value))
}

fn refusal(request: &XmlHttpRequest, status: u16) -> Failure {
    let foreign = Failure::Foreign { status };
    if !field(request, "content-type").is_some_and(|kind| kind.starts_with(PROBLEM_TYPE)) {
        return foreign;
    }
    let problem = request.response_text().ok().flatten().and_then(|body| from_str::<Problem>(&body).ok());
    problem.map_or(foreign, Failure::from_problem)
}

/// A header field of the answer.
pub(super) fn field(request: &XmlHttpRequest, name: &str) -> Option<String> {
    request.get_response_header(name).ok().flatten()
}
