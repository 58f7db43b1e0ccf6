//! The requests of the page: [`call`] for an endpoint that answers with JSON, [`list`] for a folder, [`probe`] before a
//! download.

#![cfg(target_arch = "wasm32")]

use js_sys::{Promise, Reflect};
use leptos::prelude::window;
use serde_json::{from_slice, to_string};
use shared::api::files::ListFolder;
use shared::api::{Endpoint, Method, RIGHTS_HEADER};
use shared::{Rights, columns};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{AbortController, AbortSignal};

use super::fetch::{Request, Response};
use super::listing_page::ListingPage;
use super::urls::api_url;
use crate::env::{now, sleep};
use crate::failure::{Failure, backoff_milliseconds};

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// How often [`call_retrying`] sends a request: over some two minutes.
const TRIES_MAX: u32 = 8;

/// A page of a folder's listing, and how long it took.
pub struct Listed {
    /// The page.
    pub page: ListingPage,
    /// What the caller may do in the folder; `None` where the server does not say.
    pub rights: Option<Rights>,
    /// The time until the whole response was there, in milliseconds.
    pub waiting_milliseconds: f64,
    /// The time that parsing took, in milliseconds.
    pub busy_milliseconds: f64,
}

/// What is known of a download before it begins.
pub struct Probed {
    /// Its size in bytes, if the server says.
    pub size: Option<u64>,
}

/// Sends a request and reads the answer.
pub async fn call<E: Endpoint>(request: &E, signal: Option<&AbortSignal>) -> Result<E::Answer, Failure> {
    parse::<E>(&exchange(&json_request(request), signal).await?)
}

/// [`call`] for an answer about a folder: with what the caller may do there, `None` where the server does not say.
pub async fn call_with_rights<E: Endpoint>(request: &E) -> Result<(E::Answer, Option<Rights>), Failure> {
    let received = exchange(&json_request(request), None).await?;
    Ok((parse::<E>(&received)?, received.rights))
}

/// [`call`], sent again while the connection is lost or the server is busy, at most [`TRIES_MAX`] times: for a request
/// that is idempotent. `on_retry` gets the number of failures so far.
pub async fn call_retrying<E: Endpoint>(
    request: &E,
    signal: Option<&AbortSignal>,
    on_retry: impl Fn(u32),
) -> Result<E::Answer, Failure> {
    parse::<E>(&exchange_retrying(&json_request(request), signal, &on_retry).await?)
}

/// Reads a page of a folder's listing.
pub async fn list(request: &ListFolder, signal: Option<&AbortSignal>) -> Result<Listed, Failure> {
    let start = now();
    let request = list_request(request);
    let received = match take_early_response(&request.url) {
        Some(promise) => Received::of(&Response::of_promise(promise, signal).await?, signal).await?,
        None => exchange(&request, signal).await?,
    };
    let arrived = now();
    let page = parse_page(&received)?;
    let waiting_milliseconds = arrived - start;
    Ok(Listed { page, rights: received.rights, waiting_milliseconds, busy_milliseconds: now() - arrived })
}

/// Reads a page of a folder's listing, with the retries of [`call_retrying`].
pub async fn list_retrying(request: &ListFolder) -> Result<ListingPage, Failure> {
    parse_page(&exchange_retrying(&list_request(request), None, &|_| {}).await?)
}

/// Checks that `url` can be downloaded, without downloading it.
pub async fn probe(url: &str, signal: Option<&AbortSignal>) -> Result<Probed, Failure> {
    match Request::new("HEAD", url).send(signal).await {
        Ok(response) => Ok(Probed { size: content_length(&response) }),
        // A response to HEAD has no body, and the reason is in the body.
        Err(Failure::Refused { .. } | Failure::Foreign { .. }) => {
            let response = Request::new("GET", url).send(signal).await?;
            Ok(Probed { size: content_length(&response) })
        }
        Err(failure) => Err(failure),
    }
}

/// Checks that a form would be answered, and drops the body of the answer.
pub async fn probe_form(url: &str, form: &str) -> Result<Probed, Failure> {
    let controller = AbortController::new().map_err(|_| Failure::Unreachable)?;
    let response = Request::new("POST", url).body(FORM, form.to_owned()).send(Some(&controller.signal())).await?;
    let size = content_length(&response);
    controller.abort();
    Ok(Probed { size })
}

/// A response with its whole body.
struct Received {
    status: u16,
    rights: Option<Rights>,
    body: Vec<u8>,
}

impl Received {
    async fn of(response: &Response, signal: Option<&AbortSignal>) -> Result<Self, Failure> {
        let rights = response.header(RIGHTS_HEADER).map(|names| Rights::parse(&names));
        Ok(Self { status: response.status(), rights, body: response.bytes(signal).await? })
    }
}

async fn exchange(request: &Request, signal: Option<&AbortSignal>) -> Result<Received, Failure> {
    Received::of(&request.send(signal).await?, signal).await
}

async fn exchange_retrying(
    request: &Request,
    signal: Option<&AbortSignal>,
    on_retry: &dyn Fn(u32),
) -> Result<Received, Failure> {
    for failures in 0..TRIES_MAX - 1 {
        match exchange(request, signal).await {
            Err(failure) if failure.is_transient() && failure != Failure::Aborted => {
                on_retry(failures + 1);
                // The promise is never rejected.
                let _ = sleep(backoff_milliseconds(failures)).0.await;
            }
            outcome => return outcome,
        }
    }
    exchange(request, signal).await
}

fn json_request<E: Endpoint>(request: &E) -> Request {
    let method = match E::METHOD {
        Method::Get => "GET",
        Method::Post => "POST",
        Method::Delete => "DELETE",
    };
    let mut prepared = Request::new(method, api_url(&request.target())).header("accept", JSON);
    if let Some(key) = request.idempotency_key() {
        prepared = prepared.header("idempotency-key", key.to_string());
    }
    if let Some(digest) = request.repr_digest() {
        prepared = prepared.header("repr-digest", digest);
    }
    match E::METHOD {
        // Numbers and strings always become JSON.
        Method::Post => prepared.body(JSON, to_string(request).unwrap_or_default()),
        Method::Get | Method::Delete => prepared,
    }
}

fn list_request(request: &ListFolder) -> Request {
    Request::new("GET", api_url(&request.target())).header("accept", columns::MEDIA_TYPE)
}

fn parse<E: Endpoint>(received: &Received) -> Result<E::Answer, Failure> {
    from_slice(&received.body).map_err(|_| Failure::Foreign { status: received.status })
}

/// A body that was cut short has failed before, so one that is no listing is not of this API.
fn parse_page(received: &Received) -> Result<ListingPage, Failure> {
    ListingPage::parse(&received.body).ok_or(Failure::Foreign { status: received.status })
}

/// The response to the listing that the start script in `index.html` requested while this program was still loading:
/// once, and only for the same URL.
fn take_early_response(url: &str) -> Option<Promise> {
    let key = JsValue::from_str("passerelleFirst");
    let early = Reflect::get(&window(), &key).ok().filter(JsValue::is_object)?;
    let _ = Reflect::set(&window(), &key, &JsValue::UNDEFINED);
    let requested = Reflect::get(&early, &"url".into()).ok()?.as_string()?;
    (requested == url).then(|| Reflect::get(&early, &"answer".into()).ok()?.dyn_into().ok()).flatten()
}

fn content_length(response: &Response) -> Option<u64> {
    response.header("content-length").and_then(|length| length.parse().ok())
}
