//! One request and its answer: the only code that fetches. It knows no endpoint, so that there is one copy of it in the
//! program.

#![cfg(target_arch = "wasm32")]

use js_sys::{Promise, Uint8Array};
use leptos::prelude::window;
use serde_json::from_slice;
use shared::api::{PROBLEM_TYPE, Problem};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortSignal, Headers, RequestInit, Response};

use crate::failure::Failure;

/// A request.
#[derive(Default)]
pub(crate) struct Request {
    /// `GET`, `POST` and so on.
    pub(crate) method: &'static str,
    /// Where to.
    pub(crate) url: String,
    /// Header fields.
    pub(crate) fields: Vec<(&'static str, String)>,
    /// What is sent.
    pub(crate) body: Option<String>,
}

impl Request {
    /// One without a body.
    pub(crate) fn new(method: &'static str, url: impl Into<String>) -> Self {
        Self { method, url: url.into(), ..Self::default() }
    }

    /// With a header field more.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.fields.push((name, value.into()));
        self
    }

    /// Asks, and waits for an answer without a refusal.
    pub(crate) async fn send(&self, signal: Option<&AbortSignal>) -> Result<Response, Failure> {
        answer(self.start(signal).map_err(|_| failed(signal))?, signal).await
    }

    fn start(&self, signal: Option<&AbortSignal>) -> Result<Promise, JsValue> {
        let headers = Headers::new()?;
        self.fields.iter().try_for_each(|(name, value)| headers.set(name, value))?;
        let init = RequestInit::new();
        init.set_method(self.method);
        init.set_headers(&headers);
        init.set_signal(signal);
        if let Some(body) = &self.body {
            init.set_body(&body.into());
        }
        Ok(window().fetch_with_str_and_init(&self.url, &init))
    }
}

/// The answer that was promised, unless it is a refusal.
pub(crate) async fn answer(promised: Promise, signal: Option<&AbortSignal>) -> Result<Response, Failure> {
    let response: Response = JsFuture::from(promised).await.map_err(|_| failed(signal))?.unchecked_into();
    if response.ok() { Ok(response) } else { Err(refusal(&response).await) }
}

/// All bytes of an answer.
pub(crate) async fn body(response: &Response, signal: Option<&AbortSignal>) -> Result<Vec<u8>, Failure> {
    let body = bytes(response).await.ok_or_else(|| failed(signal))?;
    if signal.is_some_and(AbortSignal::aborted) { Err(Failure::Aborted) } else { Ok(body) }
}

/// A header field of an answer.
pub(crate) fn field(response: &Response, name: &str) -> Option<String> {
    response.headers().get(name).ok().flatten()
}

async fn bytes(response: &Response) -> Option<Vec<u8>> {
    let buffer = JsFuture::from(response.array_buffer().ok()?).await.ok()?;
    Some(Uint8Array::new(&buffer).to_vec())
}

/// Why there is no answer.
fn failed(signal: Option<&AbortSignal>) -> Failure {
    if signal.is_some_and(AbortSignal::aborted) { Failure::Aborted } else { Failure::Unreachable }
}

async fn refusal(response: &Response) -> Failure {
    let foreign = Failure::Foreign { status: response.status() };
    if !field(response, "content-type").is_some_and(|kind| kind.starts_with(PROBLEM_TYPE)) {
        return foreign;
    }
    let problem = bytes(response).await.and_then(|body| from_slice::<Problem>(&body).ok());
    problem.map_or(foreign, Failure::from_problem)
}
