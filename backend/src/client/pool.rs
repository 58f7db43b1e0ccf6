//! Connections to one file server, leased for one request each. An idle connection is pinged before it is used again,
//! and a broken one is closed.

use std::sync::Arc;

use shared::ErrorCode;
use shared::limits::PING_AFTER;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;
use tracing::debug;

use super::address::Target;
use super::connection::Connection;
use super::error::ClientError;
use super::lease::Lease;
use super::pool_config::{ConnectionClass, PoolConfig, PoolStatus};
use super::slots::Slots;
use crate::transfer_budget::TransferBudget;

/// All connections to one file server.
pub(super) struct Pool {
    target: Target,
    config: PoolConfig,
    metadata: Arc<Slots>,
    bulk: Arc<Slots>,
    watching: Arc<Slots>,
    transfer_budget: TransferBudget,
}

impl Pool {
    pub(super) fn new(target: Target, config: PoolConfig) -> Self {
        let metadata = Slots::new(config.metadata_connections_max);
        let bulk = Slots::new(config.bulk_connections_max);
        let watching = Slots::new(config.watching_connections_max);
        let transfer_budget = TransferBudget::new(config.transfer_bytes_max);
        Self { target, config, metadata, bulk, watching, transfer_budget }
    }

    /// Leases a connection that is alive, as far as a client can tell.
    pub(super) async fn lease(&self, class: ConnectionClass) -> Result<Lease, ClientError> {
        let permit = self.permit(class).await?;
        let slots = self.slots(class);
        while let Some(mut connection) = slots.take() {
            let idle = connection.last_used.elapsed();
            // Near the end of the idle time the server's GOODBYE may be in transit.
            if idle * 4 >= connection.idle_time * 3 {
                continue;
            }
            if idle < PING_AFTER || connection.ping().await.is_ok() {
                return Ok(Lease::new(connection, slots, self.transfer_budget.clone(), true, permit));
            }
            debug!("an idle connection to the file server was dead");
            // The others idled for longer, and a ping of each could take its full timeout.
            slots.clear();
        }
        self.open(class, permit).await
    }

    /// Leases a new connection, after an idle one was found dead: the other idle ones are closed.
    pub(super) async fn lease_new(&self, class: ConnectionClass) -> Result<Lease, ClientError> {
        let permit = self.permit(class).await?;
        self.slots(class).clear();
        self.open(class, permit).await
    }

    pub(super) fn status(&self) -> PoolStatus {
        PoolStatus { metadata: self.metadata.status(), bulk: self.bulk.status(), watching: self.watching.status() }
    }

    async fn permit(&self, class: ConnectionClass) -> Result<OwnedSemaphorePermit, ClientError> {
        let permits = Arc::clone(&self.slots(class).permits);
        if let Ok(permit) = Arc::clone(&permits).try_acquire_owned() {
            return Ok(permit);
        }
        match timeout(self.config.lease_time, permits.acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            // The semaphore is never closed, so this is the timeout.
            _ => Err(ClientError {
                retry_after: Some(self.config.lease_time),
                ..ClientError::new(ErrorCode::TooManyConnections, "all connections to the file server are busy")
            }),
        }
    }

    async fn open(&self, class: ConnectionClass, permit: OwnedSemaphorePermit) -> Result<Lease, ClientError> {
        let connection = Connection::open(&self.target, self.config.connect_time).await?;
        Ok(Lease::new(connection, self.slots(class), self.transfer_budget.clone(), false, permit))
    }

    fn slots(&self, class: ConnectionClass) -> &Arc<Slots> {
        match class {
            ConnectionClass::Metadata => &self.metadata,
            ConnectionClass::Bulk => &self.bulk,
            ConnectionClass::Watching => &self.watching,
        }
    }
}
