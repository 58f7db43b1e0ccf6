//! Signals from the client to the request that runs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use shared::limits::PINGS_WAITING_MAX;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Signals from the client to the request that runs.
#[derive(Default)]
pub(in crate::server) struct RequestControl {
    /// Set by CANCEL, and at the end of the connection.
    pub cancelled: CancellationToken,
    pings: Mutex<Vec<u32>>,
    ping_arrived: Notify,
    /// DATA is allowed, until `body_ended`.
    body_opened: AtomicBool,
    /// Set once there is memory for the body. Until then its bytes stay with the client.
    pub body_wanted: CancellationToken,
    /// PUT_END has arrived.
    body_ended: AtomicBool,
    /// The client has an open file of the server.
    fd_passed: AtomicBool,
    fd_released: Notify,
}

impl RequestControl {
    /// Queues the PONG to a PING; false if too many wait already.
    pub(in crate::server) fn push_ping(&self, request_id: u32) -> bool {
        let mut pings = self.pings.lock().unwrap_or_else(PoisonError::into_inner);
        pings.push(request_id);
        self.ping_arrived.notify_one();
        pings.len() <= PINGS_WAITING_MAX as usize
    }

    /// Waits for a PING.
    pub(in crate::server) async fn ping_arrived(&self) {
        self.ping_arrived.notified().await;
    }

    /// The PINGs without a PONG yet.
    pub(in crate::server) fn take_pings(&self) -> Vec<u32> {
        std::mem::take(&mut *self.pings.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Allows DATA from here on.
    pub(in crate::server) fn open_body(&self) {
        self.body_opened.store(true, Ordering::Release);
    }

    /// Allows no more DATA.
    pub(in crate::server) fn end_body(&self) {
        self.body_ended.store(true, Ordering::Release);
    }

    /// True between [`RequestControl::open_body`] and [`RequestControl::end_body`].
    pub(in crate::server) fn expects_data(&self) -> bool {
        self.has_body() && !self.body_ended.load(Ordering::Acquire)
    }

    /// True from [`RequestControl::open_body`] on.
    pub(in crate::server) fn has_body(&self) -> bool {
        self.body_opened.load(Ordering::Acquire)
    }

    /// Notes that the client has an open file until it releases it.
    pub(in crate::server) fn pass_fd(&self) {
        self.fd_passed.store(true, Ordering::Release);
    }

    /// Notes that the client has released its file; false if it has none.
    pub(in crate::server) fn release_fd(&self) -> bool {
        let had_one = self.fd_passed.swap(false, Ordering::AcqRel);
        if had_one {
            self.fd_released.notify_one();
        }
        had_one
    }

    /// Waits until the client releases its file.
    pub(in crate::server) async fn fd_released(&self) {
        self.fd_released.notified().await;
    }
}
