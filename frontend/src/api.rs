//! The gateway, as the page reaches it: [`call`] is the only code that fetches JSON, [`probe`] asks whether a download
//! would succeed. Where the gateway is, one line of `index.html` says, read when the page runs.

use gloo_net::http::{Method, Request, RequestBuilder, Response};
use js_sys::Reflect;
use leptos::prelude::{document, window};
use serde_json::{from_slice, to_string};
use shared::api::{self, BASE, Endpoint, PROBLEM_TYPE, Problem};
use shared::{UploadId, VPath};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortSignal, Url};

use crate::env::{now, sleep};
use crate::failure::{Failure, backoff_milliseconds};

/// An answer, and how long the page was busy reading it.
pub struct Answered<T> {
    /// The answer.
    pub answer: T,
    /// The time it took to decode, in milliseconds.
    pub decoding_milliseconds: f64,
}

/// What a download will be.
pub struct Probed {
    /// How many bytes, if the server says.
    pub size: Option<u64>,
}

/// Asks the gateway.
pub async fn call<E: Endpoint>(request: &E, signal: Option<&AbortSignal>) -> Result<E::Answer, Failure> {
    call_timed(request, signal).await.map(|answered| answered.answer)
}

/// Asks the gateway, and measures the decoding.
pub async fn call_timed<E: Endpoint>(
    request: &E,
    signal: Option<&AbortSignal>,
) -> Result<Answered<E::Answer>, Failure> {
    let url = format!("{}{BASE}{}", base(), request.target());
    let failed = || if signal.is_some_and(AbortSignal::aborted) { Failure::Aborted } else { Failure::Unreachable };
    let response = match started_early(&url) {
        Some(promise) => {
            JsFuture::from(promise).await.map(|value| Response::from(value.unchecked_into::<web_sys::Response>())).ok()
        }
        None => send(request, &url, signal).await,
    };
    let response = response.ok_or_else(failed)?;
    if !response.ok() {
        return Err(refusal(&response).await);
    }
    let body = response.binary().await.map_err(|_| failed())?;
    if signal.is_some_and(AbortSignal::aborted) {
        return Err(Failure::Aborted);
    }
    let start = now();
    let answer = from_slice(&body).map_err(|_| Failure::Foreign { status: response.status() })?;
    Ok(Answered { answer, decoding_milliseconds: now() - start })
}

/// Asks again, as long as the connection is lost or the server busy: for a request with a key of its own, which the
/// server answers the same however often it is asked. `waiting` hears how often it was asked in vain; it is given up after
/// [`TRIES_MAX`] times.
pub async fn insist<E: Endpoint>(
    request: &E,
    signal: Option<&AbortSignal>,
    waiting: impl Fn(u32),
) -> Result<E::Answer, Failure> {
    for tries in 0.. {
        match call(request, signal).await {
            Err(failure) if failure.passes() && tries + 1 < TRIES_MAX && failure != Failure::Aborted => {
                waiting(tries + 1);
                // The promise is only ever resolved.
                let _ = sleep(backoff_milliseconds(tries)).0.await;
            }
            outcome => return outcome,
        }
    }
    Err(Failure::Unreachable)
}

/// How often [`insist`] asks: for some two minutes.
const TRIES_MAX: u32 = 8;

async fn send<E: Endpoint>(request: &E, url: &str, signal: Option<&AbortSignal>) -> Option<Response> {
    let builder = match E::METHOD {
        api::Method::Get => Request::get(url),
        api::Method::Post => Request::post(url),
        api::Method::Delete => Request::delete(url),
    };
    let builder = builder.header("accept", "application/json").abort_signal(signal);
    let builder = match request.idempotency_key() {
        Some(key) => builder.header("idempotency-key", &key.to_string()),
        None => builder,
    };
    let builder = match request.repr_digest() {
        Some(digest) => builder.header("repr-digest", digest),
        None => builder,
    };
    match E::METHOD {
        api::Method::Post => {
            let body = to_string(request).ok()?;
            builder.header("content-type", "application/json").body(body).ok()?.send().await.ok()
        }
        api::Method::Get | api::Method::Delete => builder.send().await.ok(),
    }
}

/// The address of what happens in a folder, as server-sent events.
pub fn events_url(folder: &VPath) -> String {
    format!("{}{BASE}{}", base(), api::events::target(folder))
}

/// Asks whether `url` can be downloaded, without downloading it.
pub async fn probe(url: &str, signal: Option<&AbortSignal>) -> Result<Probed, Failure> {
    let failed = || if signal.is_some_and(AbortSignal::aborted) { Failure::Aborted } else { Failure::Unreachable };
    let head = RequestBuilder::new(url).method(Method::HEAD).abort_signal(signal);
    let response = head.send().await.map_err(|_| failed())?;
    if response.ok() {
        return Ok(Probed { size: content_length(&response) });
    }
    // An answer to HEAD has no body, and the body has the reason.
    let response = Request::get(url).abort_signal(signal).send().await.map_err(|_| failed())?;
    Err(refusal(&response).await)
}

/// Asks whether a form would be answered, and leaves the answer.
pub async fn probe_form(url: &str, form: &str) -> Result<Probed, Failure> {
    let controller = web_sys::AbortController::new().map_err(|_| Failure::Unreachable)?;
    let request = Request::post(url)
        .header("content-type", "application/x-www-form-urlencoded")
        .abort_signal(Some(&controller.signal()))
        .body(form)
        .map_err(|_| Failure::Unreachable)?;
    let response = request.send().await.map_err(|_| Failure::Unreachable)?;
    if !response.ok() {
        return Err(refusal(&response).await);
    }
    let size = content_length(&response);
    controller.abort();
    Ok(Probed { size })
}

/// Where uploads are begun, or where one of them is.
pub fn uploads_url(upload: Option<UploadId>) -> String {
    match upload {
        Some(upload) => format!("{}{BASE}/uploads/{upload}", base()),
        None => format!("{}{BASE}/uploads", base()),
    }
}

/// Where a file's bytes are, to be opened.
pub fn file_url(path: &VPath) -> String {
    format!("{}/files/{path}", base())
}

/// Where a file's bytes are, to be saved.
pub fn download_url(path: &VPath) -> String {
    format!("{}?download", file_url(path))
}

/// Where several files and folders are one archive.
pub fn archive_url() -> String {
    format!("{}{BASE}/archive", base())
}

/// The gateway's address, without a slash at the end.
fn base() -> String {
    thread_local! { static ADDRESS: String = configured_base(); }
    ADDRESS.with(Clone::clone)
}

fn configured_base() -> String {
    let meta = document().query_selector("meta[name=passerelle-api]").ok().flatten();
    let content = meta.and_then(|meta| meta.get_attribute("content")).unwrap_or_default();
    let page = document().base_uri().ok().flatten().unwrap_or_default();
    let wanted = if content.is_empty() { "./" } else { content.as_str() };
    let address = Url::new_with_base(wanted, &page).map(|url| url.href()).unwrap_or(content);
    address.trim_end_matches('/').to_owned()
}

/// The first listing's answer, which the start script in `index.html` asked for while this program was still on its
/// way. It is taken once, and only for the same address.
fn started_early(url: &str) -> Option<js_sys::Promise> {
    let key = JsValue::from_str("passerelleFirst");
    let first = Reflect::get(&window(), &key).ok().filter(JsValue::is_object)?;
    let _ = Reflect::set(&window(), &key, &JsValue::UNDEFINED);
    let asked = Reflect::get(&first, &"url".into()).ok()?.as_string()?;
    (asked == url).then(|| Reflect::get(&first, &"answer".into()).ok()?.dyn_into().ok()).flatten()
}

fn content_length(response: &Response) -> Option<u64> {
    response.headers().get("content-length").and_then(|length| length.parse().ok())
}

async fn refusal(response: &Response) -> Failure {
    let status = response.status();
    let media_type = response.headers().get("content-type").unwrap_or_default();
    if !media_type.starts_with(PROBLEM_TYPE) {
        return Failure::Foreign { status };
    }
    let problem = response.binary().await.ok().and_then(|body| from_slice::<Problem>(&body).ok());
    problem.map_or(Failure::Foreign { status }, Failure::from_problem)
}
