//! [`ConnectionInfo`]: what a handler may know of the connection that carries its request.

use std::net::SocketAddr;
use std::sync::Arc;

use super::client_address::ClientAddress;
use super::connection_place::ConnectionPlace;
use super::sendfile::queue::SendfileQueue;

/// Stored among the extensions of every request.
#[derive(Clone)]
pub(crate) struct ConnectionInfo {
    /// The address of the peer.
    pub(crate) peer: SocketAddr,
    /// The client that the request comes from: the peer, unless a proxy forwards for others.
    pub(crate) client: ClientAddress,
    pub(crate) place: Arc<ConnectionPlace>,
    pub(crate) transport: Transport,
    /// The queue of file ranges for `sendfile(2)`; `None` where the connection cannot send files that way.
    pub(crate) queue: Option<SendfileQueue>,
}

/// What carries the bytes of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Transport {
    /// HTTP/1.1 over TCP without encryption, so that the system can send files by itself.
    Plain,
    /// TLS: each byte is encrypted, and over HTTP/2 also framed, before it is sent.
    Tls,
}
