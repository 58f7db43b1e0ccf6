//! One connection: accepted, authenticated, served one request at a time, closed.

mod close;
mod handshake;
mod inbound;
pub(super) mod listener;
pub(super) mod session;
