//! The gateway, as the page reaches it: [`call`] asks what is answered with JSON, [`list`] reads folders, [`probe`] asks
//! whether a download would succeed. Where the gateway is, one line of `index.html` says, read when the page runs.

#![cfg(target_arch = "wasm32")]

use js_sys::Reflect;
use leptos::prelude::{document, window};
use serde_json::{from_slice, to_string};
use shared::api::files::ListFolder;
use shared::api::{self, BASE, Endpoint, Method};
use shared::{UploadId, VPath, columns};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{AbortSignal, Response, Url};

use crate::env::{now, sleep};
use crate::failure::{Failure, backoff_milliseconds};
use crate::net::fetch::{Request, answer, body, field};
use crate::net::page::Page;

/// A page of a folder, and how long it took.
pub struct Listed {
    /// The page.
    pub page: Page,
    /// The time until all of it was here, in milliseconds.
    pub waiting_milliseconds: f64,
    /// The time that the program was busy reading it, in milliseconds.
    pub busy_milliseconds: f64,
}

/// What a download will be.
pub struct Probed {
    /// How many bytes, if the server says.
    pub size: Option<u64>,
}

/// Asks the gateway.
pub async fn call<E: Endpoint>(request: &E, signal: Option<&AbortSignal>) -> Result<E::Answer, Failure> {
    read::<E>(exchange(&prepared(request), signal).await?)
}

/// Asks again, as long as the connection is lost or the server busy: for a request with a key of its own, which the
/// server answers the same however often it is asked. `waiting` hears how often it was asked in vain; it is given up after
/// [`TRIES_MAX`] times.
pub async fn insist<E: Endpoint>(
    request: &E,
    signal: Option<&AbortSignal>,
    waiting: impl Fn(u32),
) -> Result<E::Answer, Failure> {
    read::<E>(exchange_insisting(&prepared(request), signal, &waiting).await?)
}

/// Reads a page of a folder.
pub async fn list(request: &ListFolder, signal: Option<&AbortSignal>) -> Result<Listed, Failure> {
    let start = now();
    let request = listing(request);
    let answered = match started_early(&request.url) {
        Some(promised) => Answered::of(&answer(promised, signal).await?, signal).await?,
        None => exchange(&request, signal).await?,
    };
    let here = now();
    let page = page(answered)?;
    Ok(Listed { page, waiting_milliseconds: here - start, busy_milliseconds: now() - here })
}

/// Reads a page of a folder, and asks again as [`insist`] does.
pub async fn list_insisting(request: &ListFolder) -> Result<Page, Failure> {
    page(exchange_insisting(&listing(request), None, &|_| {}).await?)
}

/// How often [`insist`] asks: for some two minutes.
const TRIES_MAX: u32 = 8;

/// What a request brought.
struct Answered {
    status: u16,
    body: Vec<u8>,
}

impl Answered {
    async fn of(response: &Response, signal: Option<&AbortSignal>) -> Result<Self, Failure> {
        Ok(Self { status: response.status(), body: body(response, signal).await? })
    }
}

async fn exchange(request: &Request, signal: Option<&AbortSignal>) -> Result<Answered, Failure> {
    Answered::of(&request.send(signal).await?, signal).await
}

async fn exchange_insisting(
    request: &Request,
    signal: Option<&AbortSignal>,
    waiting: &dyn Fn(u32),
) -> Result<Answered, Failure> {
    for tries in 0.. {
        match exchange(request, signal).await {
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

fn prepared<E: Endpoint>(request: &E) -> Request {
    let key = request.idempotency_key().map(|key| key.to_string());
    let digest = request.repr_digest().map(ToOwned::to_owned);
    // Numbers and texts become JSON without fail.
    let body = (E::METHOD == Method::Post).then(|| to_string(request).unwrap_or_default());
    prepare(E::METHOD, &request.target(), key, digest, body)
}

fn prepare(
    method: api::Method,
    target: &str,
    key: Option<String>,
    digest: Option<String>,
    body: Option<String>,
) -> Request {
    const JSON: &str = "application/json";
    let method = match method {
        Method::Get => "GET",
        Method::Post => "POST",
        Method::Delete => "DELETE",
    };
    let mut request = Request::new(method, api_url(target)).with("accept", JSON);
    request.fields.extend(key.map(|key| ("idempotency-key", key)));
    request.fields.extend(digest.map(|digest| ("repr-digest", digest)));
    request.fields.extend(body.as_ref().map(|_| ("content-type", JSON.to_owned())));
    request.body = body;
    request
}

fn listing(request: &ListFolder) -> Request {
    Request::new("GET", api_url(&request.target())).with("accept", columns::MEDIA_TYPE)
}

fn read<E: Endpoint>(answered: Answered) -> Result<E::Answer, Failure> {
    from_slice(&answered.body).map_err(|_| Failure::Foreign { status: answered.status })
}

/// One that was cut short does not come this far; what is no listing is not of this API.
fn page(answered: Answered) -> Result<Page, Failure> {
    Page::read(&answered.body).ok_or(Failure::Foreign { status: answered.status })
}

fn api_url(target: &str) -> String {
    format!("{}{BASE}{target}", base())
}

/// The address of what happens in a folder, as server-sent events.
pub fn events_url(folder: &VPath) -> String {
    api_url(&api::events::target(folder))
}

/// Asks whether `url` can be downloaded, without downloading it.
pub async fn probe(url: &str, signal: Option<&AbortSignal>) -> Result<Probed, Failure> {
    match Request::new("HEAD", url).send(signal).await {
        Ok(response) => Ok(Probed { size: content_length(&response) }),
        // An answer to HEAD has no body, and the body has the reason.
        Err(Failure::Refused { .. } | Failure::Foreign { .. }) => {
            let response = Request::new("GET", url).send(signal).await?;
            Ok(Probed { size: content_length(&response) })
        }
        Err(failure) => Err(failure),
    }
}

/// Asks whether a form would be answered, and leaves the answer.
pub async fn probe_form(url: &str, form: &str) -> Result<Probed, Failure> {
    let controller = web_sys::AbortController::new().map_err(|_| Failure::Unreachable)?;
    let mut request = Request::new("POST", url).with("content-type", "application/x-www-form-urlencoded");
    request.body = Some(form.to_owned());
    let response = request.send(Some(&controller.signal())).await?;
    let size = content_length(&response);
    controller.abort();
    Ok(Probed { size })
}

/// Where uploads are begun, or where one of them is.
pub fn uploads_url(upload: Option<UploadId>) -> String {
    match upload {
        Some(upload) => api_url(&format!("/uploads/{upload}")),
        None => api_url("/uploads"),
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
    api_url("/archive")
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
    field(response, "content-length").and_then(|length| length.parse().ok())
}
