//! The gateway: speaks HTTP, knows people, holds no file. All it knows of files it asks of the file server, through
//! [`crate::client`]; whether something is allowed is decided there.
//!
//! Every route is in [`routes`], on one screen. A request passes, in this order: [`mod@serve`] and [`connection`] (how many,
//! and how slow one may be), [`front`] (an id, the log, the counts; sizes, Host, CORS), then its handler.

mod config;

mod access;

mod serve;

mod connection;

mod http2;

mod tls;

mod pace;

mod front;

mod host;

mod origin;

mod cors;

mod error;

mod extract;

mod body;

mod negotiate;

mod files;

mod put;

mod upload;

mod tus;

mod idempotency;

mod digests;

mod conditional;

mod preconditions;

mod range;

mod multipart;

mod relay;

mod lent;

#[cfg_attr(not(target_os = "linux"), allow(dead_code))]
mod lane;

#[cfg(target_os = "linux")]
mod plain;

mod media;

mod disposition;

mod index;

mod text;

mod base64;

mod api;
mod list;
mod rows;

mod json;

mod changes;

mod digest;

mod events;

mod archive;

mod openapi;

mod spa;

mod health;

mod metrics;

use std::fmt::Write;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::extract::{Request, State};
use axum::routing::{MethodFilter, MethodRouter, on};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

pub use access::Anonymous;
pub use config::{GatewayConfig, PageFiles};
pub use openapi::document as openapi_document;
pub use serve::{serve, serve_tls};
pub use tls::{Tls, TlsError, TlsFiles};

use crate::client::{Caller, Client};
use error::Refusal;

/// Everything a handler works with. Cheap to clone.
#[derive(Clone)]
pub struct Gateway {
    shared: Arc<Shared>,
}

/// What all clones of a [`Gateway`] share.
#[doc(hidden)]
pub struct Shared {
    client: Client,
    config: GatewayConfig,
    metrics: metrics::Metrics,
    page: spa::Page,
    /// Under what policy a browser opens files.
    policies: media::Policies,
    /// The memory that archives may take.
    archives: Arc<Semaphore>,
    /// The folders that browsers look at, and how many browsers may.
    hub: events::Hub,
    event_streams: Arc<Semaphore>,
    /// Random, so that neither request ids nor boundaries can be foretold or met again after a restart.
    seed: [u8; 16],
    requests: AtomicU64,
    /// Cancelled when the gateway is told to stop: what would go on for ever ends then.
    closing: CancellationToken,
}

impl Deref for Gateway {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.shared
    }
}

impl Gateway {
    /// A gateway to the file server that `client` calls.
    pub fn new(client: Client, config: GatewayConfig) -> Self {
        let mut seed = [0; 16];
        // Without randomness ids repeat after a restart, and no more than that is lost.
        let _ = getrandom::fill(&mut seed);
        let framers = if cors::any(&config.cors_origins) { "*".into() } else { config.cors_origins.join(" ") };
        let shared = Shared {
            client,
            metrics: metrics::Metrics::new(),
            page: spa::Page::new(config.page),
            policies: media::Policies::new(&framers),
            archives: Arc::new(Semaphore::new(archive::memory_permits(config.archives_max))),
            hub: events::Hub::default(),
            event_streams: Arc::new(Semaphore::new(config.event_streams_max)),
            seed,
            requests: AtomicU64::new(0),
            closing: CancellationToken::new(),
            config,
        };
        Self { shared: Arc::new(shared) }
    }

    /// Who asks. Until there are accounts: nobody in particular.
    fn caller(&self, request_id: &RequestId) -> Caller {
        access::caller(self.config.anonymous, request_id.as_str(), self.config.answer_time)
    }

    /// A name for the next request, 16 hexadecimal digits.
    fn next_request_id(&self) -> RequestId {
        let count = self.requests.fetch_add(1, Ordering::Relaxed);
        let [start, ..] = self.seed_words();
        RequestId::from(start.wrapping_add(count))
    }

    /// What cannot be foretold, for what a file must not hold.
    fn boundary(&self, request_id: &RequestId) -> String {
        let digest = Sha256::new_with_prefix(self.seed).chain_update(request_id.as_str()).finalize();
        digest[..16].iter().fold(String::with_capacity(32), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    fn seed_words(&self) -> [u64; 2] {
        let value = u128::from_be_bytes(self.seed);
        [value as u64, (value >> 64) as u64]
    }
}

/// What ties a response, the log and the file server's log together: 16 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct RequestId([u8; 16]);

impl RequestId {
    /// Of a request that came through [`front`], as every one does.
    fn of(request: &Request) -> Self {
        request.extensions().get().copied().unwrap_or(Self::from(0))
    }

    fn as_str(&self) -> &str {
        // They are digits.
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl From<u64> for RequestId {
    fn from(number: u64) -> Self {
        Self(std::array::from_fn(|index| b"0123456789abcdef"[((number >> (60 - 4 * index)) & 0xf) as usize]))
    }
}

/// Every route.
fn routes(gateway: Gateway) -> Router {
    Router::new()
        .route("/files", files())
        .route("/files/", files())
        .route("/files/{*path}", files())
        .route("/api/v1/list", read(list::list))
        .route("/api/v1/list/", read(list::list))
        .route("/api/v1/list/{*path}", read(list::list))
        .route("/api/v1/stat", read(api::stat))
        .route("/api/v1/stat/", read(api::stat))
        .route("/api/v1/stat/{*path}", read(api::stat))
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
        .route("/api/v1/about", read(api::about))
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
    telling(handlers.put(put::write).delete(changes::trash), methods)
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
        .options(|| async { front::allow(JOB_METHODS) })
        .fallback(|| async { Refusal::method_not_allowed(JOB_METHODS) })
}

/// POST alone.
fn post<H, T>(handler: H) -> MethodRouter<Gateway>
where
    H: axum::handler::Handler<T, Gateway>,
    T: 'static,
{
    on(MethodFilter::POST, handler)
        .options(|| async { front::allow(POST_METHODS) })
        .fallback(|| async { Refusal::method_not_allowed(POST_METHODS) })
}

/// OPTIONS and 405 with what the caller may do here (RFC 9110 §10.2.1).
fn telling(handlers: MethodRouter<Gateway>, methods: Methods) -> MethodRouter<Gateway> {
    let allowed = move |gateway: &Gateway| {
        if gateway.config.anonymous.writable() { methods.changing } else { methods.reading }
    };
    handlers
        .options(move |State(gateway): State<Gateway>| async move { front::allow(allowed(&gateway)) })
        .fallback(move |State(gateway): State<Gateway>| async move { Refusal::method_not_allowed(allowed(&gateway)) })
}

const READ: &str = "GET, HEAD, OPTIONS";
const READ_OR_POST: &str = "GET, HEAD, POST, OPTIONS";

/// GET and HEAD by `handler`, which tells them apart where it matters; OPTIONS says so; nothing else.
fn read<H, T>(handler: H) -> MethodRouter<Gateway>
where
    H: axum::handler::Handler<T, Gateway>,
    T: 'static,
{
    on(MethodFilter::GET.or(MethodFilter::HEAD), handler)
        .options(|| async { front::allow(READ) })
        .fallback(|| async { Refusal::method_not_allowed(READ) })
}

/// The same with POST, for requests that do not fit an address.
fn read_or_post<H, T>(handler: H) -> MethodRouter<Gateway>
where
    H: axum::handler::Handler<T, Gateway>,
    T: 'static,
{
    on(MethodFilter::GET.or(MethodFilter::HEAD).or(MethodFilter::POST), handler)
        .options(|| async { front::allow(READ_OR_POST) })
        .fallback(|| async { Refusal::method_not_allowed(READ_OR_POST) })
}
