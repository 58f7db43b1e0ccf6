//! One connection: accepted, authenticated, served one request at a time, closed.

mod close;
mod handshake;
mod inbound;
pub(super) mod listener;
mod newcomers;
mod places;
pub(super) mod session;
