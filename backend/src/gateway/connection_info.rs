//! [`ConnectionInfo`]: what a connection stores among the extensions of each of its requests.

use std::net::SocketAddr;

use super::sendfile::queue::SendfileQueue;

/// Where a request comes from, and over what. Every request carries it in its extensions.
#[derive(Clone, Debug)]
pub(crate) struct ConnectionInfo {
    /// The other end.
    pub(crate) peer: SocketAddr,
    /// What carries the bytes.
    pub(crate) transport: Transport,
    /// Where the connection sends files by itself, what it is told of them by.
    pub(crate) queue: Option<SendfileQueue>,
}

/// What carries the bytes of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Transport {
    /// HTTP/1.1 over TCP: what is written arrives as it is, so that the system may send a file by itself.
    Plain,
    /// Each byte is encrypted, and perhaps framed, before it is sent.
    Tls,
}
