//! One HTTP request and its response, through gloo-net: the only file that names gloo-net. It knows no endpoint, so the
//! program holds one copy of this code.

#![cfg(target_arch = "wasm32")]

use gloo_net::http::{Headers, Request as HttpRequest, Response as HttpResponse};
use js_sys::Promise;
use serde_json::from_slice;
use shared::api::{PROBLEM_TYPE, Problem};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortSignal, RequestInit};

use crate::failure::Failure;

/// A request.
#[derive(Default)]
pub(super) struct Request {
    method: &'static str,
    pub(super) url: String,
    headers: Vec<(&'static str, String)>,
    body: Option<String>,
}

impl Request {
    pub(super) fn new(method: &'static str, url: impl Into<String>) -> Self {
        Self { method, url: url.into(), ..Self::default() }
    }

    pub(super) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn body(mut self, media_type: &'static str, body: String) -> Self {
        self.body = Some(body);
        self.header("content-type", media_type)
    }

    /// Sends the request and waits for the head of a response.
    ///
    /// # Errors
    /// What a response with an error status says, and [`Failure::Unreachable`] without a response.
    pub(super) async fn send(&self, signal: Option<&AbortSignal>) -> Result<Response, Failure> {
        let request = self.build(signal).map_err(|_| interruption(signal))?;
        let response = request.send().await.map_err(|_| interruption(signal))?;
        Response(response).or_failure().await
    }

    /// gloo-net's own `RequestBuilder` adds `&` to a URL that has a query, and the browser's cache would then know a
    /// listing under another address than the one that `index.html` asks for.
    fn build(&self, signal: Option<&AbortSignal>) -> Result<HttpRequest, JsValue> {
        let headers = Headers::new();
        self.headers.iter().for_each(|(name, value)| headers.set(name, value));
        let init = RequestInit::new();
        init.set_method(self.method);
        init.set_headers(&headers.into_raw());
        init.set_signal(signal);
        if let Some(body) = &self.body {
            init.set_body(&body.into());
        }
        Ok(web_sys::Request::new_with_str_and_init(&self.url, &init)?.into())
    }
}

/// A response whose status is no error.
pub(super) struct Response(HttpResponse);

impl Response {
    /// The response to a `fetch` that JavaScript began.
    pub(super) async fn of_promise(promise: Promise, signal: Option<&AbortSignal>) -> Result<Self, Failure> {
        let response = JsFuture::from(promise).await.map_err(|_| interruption(signal))?;
        Self(response.unchecked_into::<web_sys::Response>().into()).or_failure().await
    }

    pub(super) fn status(&self) -> u16 {
        self.0.status()
    }

    pub(super) fn header(&self, name: &str) -> Option<String> {
        self.0.headers().get(name)
    }

    /// All bytes of the body.
    ///
    /// # Errors
    /// [`Failure::Unreachable`] for a body that was cut short, [`Failure::Aborted`] once `signal` says so.
    pub(super) async fn bytes(&self, signal: Option<&AbortSignal>) -> Result<Vec<u8>, Failure> {
        let bytes = self.0.binary().await.map_err(|_| interruption(signal))?;
        if signal.is_some_and(AbortSignal::aborted) { Err(Failure::Aborted) } else { Ok(bytes) }
    }

    async fn or_failure(self) -> Result<Self, Failure> {
        if self.0.ok() { Ok(self) } else { Err(self.failure().await) }
    }

    async fn failure(&self) -> Failure {
        let foreign = Failure::Foreign { status: self.status() };
        if !self.header("content-type").is_some_and(|media_type| media_type.starts_with(PROBLEM_TYPE)) {
            return foreign;
        }
        let problem = self.0.binary().await.ok().and_then(|body| from_slice::<Problem>(&body).ok());
        problem.map_or(foreign, Failure::from_problem)
    }
}

fn interruption(signal: Option<&AbortSignal>) -> Failure {
    if signal.is_some_and(AbortSignal::aborted) { Failure::Aborted } else { Failure::Unreachable }
}
