//! The gateway: speaks HTTP and stores no files. It asks the file server for them through [`crate::client`], and the
//! file server decides what a caller may do.
//!
//! Every route is in the table of [`routes`]. A request passes, in this order: [`connection`] (number of connections,
//! timeouts, TLS), [`middleware`] (id, access log, metrics, size limits, Host, CORS, CSRF), then its handler in
//! [`routes`].

mod archive;
mod auth;
mod client_address;
mod config;
mod connection;
mod connection_info;
mod connection_place;
mod events;
mod gate_metrics;
mod http;
mod long_answer;
mod metrics;
mod middleware;
mod openapi;
mod owner;
mod page;
mod peer_pace;
mod phase;
mod places;
mod proxy_range;
mod proxy_warnings;
mod request_id;
mod route;
mod router;
mod routes;
mod sendfile;
mod state;
mod whole_answer;

pub use config::{Anonymous, GatewayConfig, PageFiles, least_pace};
pub use connection::listener::{serve, serve_tls};
pub use connection::tls::{Tls, TlsError, TlsFiles};
pub use proxy_range::{ProxyRange, ProxyRangeError};
pub use router::openapi_document;
pub use state::Gateway;
