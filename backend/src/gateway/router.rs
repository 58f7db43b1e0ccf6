//! The router: every route of the gateway.

use axum::Router;
use axum::extract::State;
use axum::routing::{MethodFilter, MethodRouter, on};

use super::http::headers::allow;
use super::http::problem::Refusal;
use super::openapi;
use super::routes::{archive, changes, digest, events, files, health, list, put_file, spa, stat, tus};
use super::state::Gateway;

/// Every route.
pub(super) fn routes(gateway: Gateway) -> Router {
    Router::new()
        .route("/files", files())
        .route("/files/", files())
        .route("/files/{*path}", files())
        .route("/api/v1/list", read(list::list))
        .route("/api/v1/list/", read(list::list))
        .route("/api/v1/list/{*path}", read(list::list))
        .route("/api/v1/stat", read(stat::stat))
        .route("/api/v1/stat/", read(stat::stat))
        .route("/api/v1/stat/{*path}", read(stat::stat))
        .route("/api/v1/uploads", uploads())
        .route("/api/v1/uploads/", uploads())
        .route("/api/v1/uploads/{id}", upload())
        .route("/api/v1/uploads/{id}/commit", post(tus::commit))
        .route("/api/v1/changes", post(changes::change))
        .route("/api/v1/jobs", read(changes::jobs))
        .route("/api/v1/jobs/{id}", job())
        .route("/api/v1/trash", read(changes::list_trash))
        .route("/api/v1/digest/{*path}", read(digest::read))
        .route("/api/v1/events", read(events::read))
        .route("/api/v1/about", read(stat::about))
        .route("/api/v1/archive", read_or_post(archive::read))
        .route("/api/v1/openapi.json", read(openapi::read))
        .route("/healthz", read(health::alive))
        .route("/readyz", read(health::ready))
        .route("/metrics", read(health::metrics))
        .fallback(spa::read)
        .with_state(gateway)
}

/// What a resource takes of those who may only read, and of those who may change.
#[derive(Clone, Copy)]
struct Methods {
    reading: &'static str,
    changing: &'static str,
}

/// Files: read by all, changed by some.
fn files() -> MethodRouter<Gateway> {
    let methods = Methods { reading: READ, changing: "GET, HEAD, PUT, DELETE, OPTIONS" };
    let handlers = on(MethodFilter::GET.or(MethodFilter::HEAD), files::read);
    telling(handlers.put(put_file::write).delete(changes::trash), methods)
}

const CREATE_METHODS: &str = "GET, HEAD, POST, OPTIONS";
const JOB_METHODS: &str = "GET, HEAD, DELETE, OPTIONS";
const POST_METHODS: &str = "POST, OPTIONS";

/// All uploads: tus creates here.
fn uploads() -> MethodRouter<Gateway> {
    on(MethodFilter::GET.or(MethodFilter::HEAD), tus::list)
        .post(tus::create)
        .options(|State(gateway): State<Gateway>| tus::capabilities(gateway, CREATE_METHODS))
        .fallback(|| async { Refusal::method_not_allowed(CREATE_METHODS) })
}

/// One upload.
fn upload() -> MethodRouter<Gateway> {
    let resource = MethodFilter::HEAD.or(MethodFilter::PATCH).or(MethodFilter::DELETE).or(MethodFilter::POST);
    on(MethodFilter::GET, tus::read)
        .on(resource, tus::resource)
        .options(|State(gateway): State<Gateway>| tus::capabilities(gateway, tus::UPLOAD_METHODS))
        .fallback(|| async { Refusal::method_not_allowed(tus::UPLOAD_METHODS) })
}

/// One change, which can be stopped.
fn job() -> MethodRouter<Gateway> {
    on(MethodFilter::GET.or(MethodFilter::HEAD).or(MethodFilter::DELETE), changes::job)
        .options(|| async { allow(JOB_METHODS) })
        .fallback(|| async { Refusal::method_not_allowed(JOB_METHODS) })
}

/// POST alone.
fn post<H, T>(handler: H) -> MethodRouter<Gateway>
where
    H: axum::handler::Handler<T, Gateway>,
    T: 'static,
{
    on(MethodFilter::POST, handler)
        .options(|| async { allow(POST_METHODS) })
        .fallback(|| async { Refusal::method_not_allowed(POST_METHODS) })
}

/// OPTIONS and 405 with what the caller may do here (RFC 9110 §10.2.1).
fn telling(handlers: MethodRouter<Gateway>, methods: Methods) -> MethodRouter<Gateway> {
    let allowed = move |gateway: &Gateway| {
        if gateway.config.anonymous.writable() { methods.changing } else { methods.reading }
    };
    handlers
        .options(move |State(gateway): State<Gateway>| async move { allow(allowed(&gateway)) })
        .fallback(move |State(gateway): State<Gateway>| async move { Refusal::method_not_allowed(allowed(&gateway)) })
}

pub(super) const READ: &str = "GET, HEAD, OPTIONS";
const READ_OR_POST: &str = "GET, HEAD, POST, OPTIONS";

/// GET and HEAD by `handler`, which tells them apart where it matters; OPTIONS says so; nothing else.
fn read<H, T>(handler: H) -> MethodRouter<Gateway>
where
    H: axum::handler::Handler<T, Gateway>,
    T: 'static,
{
    on(MethodFilter::GET.or(MethodFilter::HEAD), handler)
        .options(|| async { allow(READ) })
        .fallback(|| async { Refusal::method_not_allowed(READ) })
}

/// The same with POST, for requests that do not fit an address.
fn read_or_post<H, T>(handler: H) -> MethodRouter<Gateway>
where
    H: axum::handler::Handler<T, Gateway>,
    T: 'static,
{
    on(MethodFilter::GET.or(MethodFilter::HEAD).or(MethodFilter::POST), handler)
        .options(|| async { allow(READ_OR_POST) })
        .fallback(|| async { Refusal::method_not_allowed(READ_OR_POST) })
}
