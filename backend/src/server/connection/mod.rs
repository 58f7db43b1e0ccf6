//! One connection of the file server: accepted, authenticated, served request by request, and closed.

pub(in crate::server) mod handshake;
pub(in crate::server) mod listener;
pub(in crate::server) mod response;
pub(in crate::server) mod session;
