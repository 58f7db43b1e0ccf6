//! Connections to one file server, leased for one request each. An idle connection is pinged before it is used again,
//! and a broken one is closed.

use std::sync::Arc;

use shared::ErrorCode;
use shared::limits::PING_AFTER;
use tracing::debug;

use super::address::Target;
use super::connection::Connection;
use super::error::ClientError;
use super::lease::Lease;
use super::pool_config::{ConnectionClass, PoolConfig, PoolStatus};
use super::slots::Slots;
use crate::admission::{Permit, Refusal, Who};
use crate::transfer_budget::TransferBudget;

/// All connections to one file server.
pub(super) struct Pool {
    target: Target,
    config: PoolConfig,
    metadata: Arc<Slots>,
    reading: Arc<Slots>,
    changing: Arc<Slots>,
    waiting: Arc<Slots>,
    watching: Arc<Slots>,
    transfer_budget: TransferBudget,
}

impl Pool {
    pub(super) fn new(target: Target, config: PoolConfig) -> Self {
        let slots = |max| Slots::new(max, config.owner_percent);
        Self {
            target,
            metadata: slots(config.metadata_connections_max),
            reading: slots(config.reading_connections_max),
            changing: slots(config.changing_connections_max),
            waiting: slots(config.waiting_connections_max),
            watching: slots(config.watching_connections_max),
            transfer_budget: TransferBudget::new(config.transfer_bytes_max),
            config,
        }
    }

    /// Leases a connection that is alive, as far as a client can tell.
    pub(super) async fn lease(&self, class: ConnectionClass, who: Who) -> Result<Lease, ClientError> {
        let permit = self.permit(class, who).await?;
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
    pub(super) async fn lease_new(&self, class: ConnectionClass, who: Who) -> Result<Lease, ClientError> {
        let permit = self.permit(class, who).await?;
        self.slots(class).clear();
        self.open(class, permit).await
    }

    pub(super) fn status(&self) -> PoolStatus {
        PoolStatus {
            metadata: self.metadata.status(),
            reading: self.reading.status(),
            changing: self.changing.status(),
            waiting: self.waiting.status(),
            watching: self.watching.status(),
        }
    }

    pub(super) fn is_scarce(&self) -> bool {
        self.reading.places.is_scarce() || self.changing.places.is_scarce()
    }

    async fn permit(&self, class: ConnectionClass, who: Who) -> Result<Permit, ClientError> {
        let (code, message) = match self.slots(class).places.take_within(who, 1, self.config.lease_time).await {
            Ok(permit) => return Ok(permit),
            Err(Refusal::OwnShare) => (
                ErrorCode::TooManyRequests,
                "one client uses or awaits as many connections to the file server as one may",
            ),
            Err(Refusal::AllTaken | Refusal::TooLarge) => {
                (ErrorCode::TooManyConnections, "all connections to the file server are busy")
            }
        };
        Err(ClientError { retry_after: Some(self.config.lease_time), ..ClientError::new(code, message) })
    }

    async fn open(&self, class: ConnectionClass, permit: Permit) -> Result<Lease, ClientError> {
        let connection = Connection::open(&self.target, self.config.connect_time).await?;
        Ok(Lease::new(connection, self.slots(class), self.transfer_budget.clone(), false, permit))
    }

    fn slots(&self, class: ConnectionClass) -> &Arc<Slots> {
        match class {
            ConnectionClass::Metadata => &self.metadata,
            ConnectionClass::Reading => &self.reading,
            ConnectionClass::Changing => &self.changing,
            ConnectionClass::Waiting => &self.waiting,
            ConnectionClass::Watching => &self.watching,
        }
    }
}
