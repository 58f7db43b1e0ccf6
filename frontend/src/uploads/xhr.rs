//! Requests with the bytes of a file, by XMLHttpRequest: only it reports the progress of sending. Browsers refuse a
//! `fetch` with a stream as its body over HTTP/1.1.

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
pub(super) type HeaderFields = Vec<(&'static str, String)>;

/// The body of a request.
#[derive(Clone, Copy)]
pub(super) enum Body<'a> {
    /// No body.
    Empty,
    /// A blob that the browser reads, and a listener of the progress.
    Blob(&'a Blob, &'a ProgressListener),
    /// Bytes in memory, too few to report progress.
    Bytes(&'a ArrayBuffer),
}

/// Listener of `progress` events.
pub(super) type ProgressListener = Closure<dyn FnMut(ProgressEvent)>;

/// A listener that passes the number of bytes sent to `on_progress`.
pub(super) fn progress_listener(on_progress: impl Fn(u64) + 'static) -> ProgressListener {
    Closure::new(move |event: ProgressEvent| on_progress(event.loaded() as u64))
}

/// Sends a request and waits for a successful response.
///
/// # Errors
/// If there is no response, or its status is not 2xx.
pub(super) async fn send(
    method: &str,
    url: &str,
    fields: &[(&str, String)],
    body: Body<'_>,
    signal: &AbortSignal,
) -> Result<XmlHttpRequest, Failure> {
    let request = exchange(method, url, fields, body, signal).await?;
    check_status(&request).map(|()| request)
}

/// Sends a request and waits for a response of any status.
///
/// # Errors
/// If there is no response, or `signal` aborts.
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
        // After `abort`, the request fires `loadend` as after any other end.
        Closure::<dyn FnMut()>::new(move || _ = request.abort())
    };
    let signal_target = AsRef::<web_sys::EventTarget>::as_ref(signal);
    let _ = signal_target.add_event_listener_with_callback("abort", abort.as_ref().unchecked_ref());
    let ended = js_sys::Promise::new(&mut |resolve, _| {
        let end = Closure::once_into_js(move |_: Event| _ = resolve.call0(&JsValue::UNDEFINED));
        request.set_onloadend(Some(end.unchecked_ref()));
    });
    let sent = match body {
        Body::Empty => request.send(),
        Body::Blob(blob, _) => request.send_with_opt_blob(Some(blob)),
        Body::Bytes(bytes) => request.send_with_opt_buffer_source(Some(bytes)),
    };
    if sent.is_ok() {
        // The promise never rejects.
        let _ = JsFuture::from(ended).await;
    }
    let _ = signal_target.remove_event_listener_with_callback("abort", abort.as_ref().unchecked_ref());
    match request.status() {
        _ if signal.aborted() => Err(Failure::Aborted),
        Ok(1..) => Ok(request),
        _ => Err(Failure::Unreachable),
    }
}

/// Checks that the status of a response is 2xx.
///
/// # Errors
/// Else, with the reason that the response gives.
pub(super) fn check_status(request: &XmlHttpRequest) -> Result<(), Failure> {
    match request.status() {
        Ok(200..=299) => Ok(()),
        status => Err(failure_of(request, status.unwrap_or(0))),
    }
}

fn prepare(request: &XmlHttpRequest, method: &str, url: &str, fields: &[(&str, String)]) -> Result<(), JsValue> {
    request.open_with_async(method, url, true)?;
    fields.iter().try_for_each(|(name, value)| request.set_request_header(name, value))
}

fn failure_of(request: &XmlHttpRequest, status: u16) -> Failure {
    let foreign = Failure::Foreign { status };
    if !header(request, "content-type").is_some_and(|kind| kind.starts_with(PROBLEM_TYPE)) {
        return foreign;
    }
    let problem = request.response_text().ok().flatten().and_then(|body| from_str::<Problem>(&body).ok());
    problem.map_or(foreign, Failure::from_problem)
}

/// The value of a header field of the response.
pub(super) fn header(request: &XmlHttpRequest, name: &str) -> Option<String> {
    request.get_response_header(name).ok().flatten()
}
