//! The requests that a run sends: to which server, over how many connections, at which rate, and until when.

use std::{net::SocketAddr, sync::atomic::AtomicBool, time::Duration};

pub(crate) struct Workload<'a> {
    pub(crate) server: SocketAddr,
    pub(crate) connections: usize,
    pub(crate) threads: usize,
    pub(crate) end: End<'a>,
    /// Requests a second over all connections; `None` sends the next request as soon as a response is complete.
    pub(crate) rate: Option<f64>,
    /// Writes the request with the given serial number into the empty buffer. Serial numbers start at zero and are
    /// unique.
    pub(crate) request: &'a (dyn Fn(u64, &mut Vec<u8>) + Sync),
    /// The status that every response must have.
    pub(crate) status: u16,
    /// The length that every response body must have, where it is known.
    pub(crate) body_bytes: Option<u64>,
}

#[derive(Clone, Copy)]
pub(crate) enum End<'a> {
    After(Duration),
    Requests(u64),
    /// Once the flag is set; the flag is read whenever bytes arrive.
    When(&'a AtomicBool),
}
