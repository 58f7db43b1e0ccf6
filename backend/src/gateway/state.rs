//! [`Gateway`]: the client of the file server, the configuration and the counters that all requests share.

use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use axum::extract::Request;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::client_address::{ClientAddress, Forwarded};
use super::config::GatewayConfig;
use super::connection_info::ConnectionInfo;
use super::events::hub::Hub;
use super::http::content_type::Policies;
use super::http::content_type_cache::ContentTypeCache;
use super::http::request_body::BodyLimits;
use super::metrics::Metrics;
use super::page::assets::Page;
use super::peer_pace::PaceRule;
use super::places::Places;
use super::proxy_warnings::ProxyWarnings;
use super::request_id::{RequestId, RequestIds};
use crate::admission::{Figures, Who};
use crate::client::Client;

/// What every handler works with. Cheap to clone.
#[derive(Clone)]
pub struct Gateway {
    shared: Arc<Shared>,
}

/// What a file server in this process shares among clients, by the names in the metrics.
type OtherFigures = Box<dyn Fn() -> Vec<(&'static str, Figures)> + Send + Sync>;

/// Shared by all clones of a [`Gateway`].
#[doc(hidden)]
pub struct Shared {
    pub(super) client: Client,
    pub(super) config: GatewayConfig,
    pub(super) metrics: Metrics,
    /// The limits of request bodies.
    pub(super) bodies: BodyLimits,
    pub(super) page: Page,
    /// The policies (CSP) of files that a browser opens.
    pub(super) policies: Policies,
    /// The media types that depend on the content of files.
    pub(super) content_types: ContentTypeCache,
    /// What clients share.
    pub(super) places: Arc<Places>,
    /// When a transfer that hardly moves is to end.
    pub(super) pace: PaceRule,
    /// The folders that event streams watch.
    pub(super) hub: Hub,
    pub(super) request_ids: RequestIds,
    /// What else `/metrics` reports.
    other_figures: OnceLock<OtherFigures>,
    proxy_warnings: ProxyWarnings,
    /// Cancelled on shutdown; ends event streams, which have no end of their own.
    pub(super) closing: CancellationToken,
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
        let framers = if config.allows_every_origin() { "*".into() } else { config.cors_origins.join(" ") };
        let metrics = Metrics::new();
        let places = Arc::new(Places::new(&config));
        let pace = PaceRule::new(config.least_pace, {
            let (places, client) = (Arc::clone(&places), client.clone());
            move || places.is_scarce() || client.is_scarce()
        });
        let bodies = BodyLimits {
            pace: pace.clone(),
            stall_time: config.stall_time,
            read_time: config.body_read_time,
            bytes_max: config.request_body_bytes_max,
            memory: places.bodies.clone(),
            received: metrics.received.clone(),
        };
        let shared = Shared {
            client,
            bodies,
            metrics,
            page: Page::new(config.page),
            policies: Policies::new(&framers),
            content_types: ContentTypeCache::default(),
            places,
            pace,
            hub: Hub::default(),
            request_ids: RequestIds::new(),
            other_figures: OnceLock::new(),
            proxy_warnings: ProxyWarnings::default(),
            closing: CancellationToken::new(),
            config,
        };
        Self { shared: Arc::new(shared) }
    }

    /// Has `/metrics` report what a file server in this process shares among clients. The first call counts.
    pub fn report_also(&self, figures: impl Fn() -> Vec<(&'static str, Figures)> + Send + Sync + 'static) {
        let _ = self.other_figures.set(Box::new(figures));
    }

    /// What is held of each kind of place.
    pub(super) fn figures(&self) -> Vec<(&'static str, Figures)> {
        let others = self.other_figures.get().map(|figures| figures()).unwrap_or_default();
        self.places.figures().into_iter().chain(others).collect()
    }

    /// Notes the client of a request, where that is not the peer, and returns as whom the request takes places. The log
    /// says once if a proxy on this machine hides its clients, and once if those of another proxy count as one.
    pub(super) fn find_client(&self, request: &mut Request, id: RequestId) -> Option<Who> {
        let info = request.extensions().get::<ConnectionInfo>()?;
        let peer = info.peer;
        let how = Forwarded::of(peer, request.headers(), &self.config.trusted_proxies);
        if let Some(warning) = self.proxy_warnings.first(&how) {
            warn!(%peer, "{warning}");
        }
        let client = match how {
            Forwarded::Directly | Forwarded::Together => return Some(info.client.who),
            Forwarded::For(ip) => ClientAddress::at(ip),
            Forwarded::Hidden => ClientAddress::hidden(peer, id.as_str()),
        };
        let who = client.who;
        if let Some(info) = request.extensions_mut().get_mut::<ConnectionInfo>() {
            info.client = client;
        }
        Some(who)
    }
}
