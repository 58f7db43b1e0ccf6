//! [`Gateway`]: the client of the file server, the configuration and the counters that all requests share.

use std::ops::Deref;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::archive::memory::Memory;
use super::config::GatewayConfig;
use super::events::hub::Hub;
use super::http::content_type::Policies;
use super::http::content_type_cache::ContentTypeCache;
use super::http::request_body::BodyLimits;
use super::metrics::Metrics;
use super::page::assets::Page;
use super::request_id::RequestIds;
use crate::client::Client;

/// What every handler works with. Cheap to clone.
#[derive(Clone)]
pub struct Gateway {
    shared: Arc<Shared>,
}

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
    /// The memory that the manifests of all archives share.
    pub(super) archives: Arc<Semaphore>,
    /// The folders that event streams watch.
    pub(super) hub: Hub,
    /// One permit for each event stream.
    pub(super) event_streams: Arc<Semaphore>,
    pub(super) request_ids: RequestIds,
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
        let bodies = BodyLimits {
            stall_time: config.stall_time,
            read_time: config.body_read_time,
            bytes_max: config.request_body_bytes_max,
            received: metrics.received.clone(),
        };
        let shared = Shared {
            client,
            bodies,
            metrics,
            page: Page::new(config.page),
            policies: Policies::new(&framers),
            content_types: ContentTypeCache::default(),
            archives: Arc::new(Memory::budget(config.archives_max)),
            hub: Hub::default(),
            event_streams: Arc::new(Semaphore::new(config.event_streams_max)),
            request_ids: RequestIds::new(),
            closing: CancellationToken::new(),
            config,
        };
        Self { shared: Arc::new(shared) }
    }
}
