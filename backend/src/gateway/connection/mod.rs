//! Connections: accepting them, HTTP/1.1 and HTTP/2 on them, TLS, and timeouts for slow clients.

mod framing;
pub(super) mod http1;
#[cfg(feature = "tls")]
pub(super) mod http2;
pub(super) mod listener;
mod timeouts;
pub(super) mod tls;
