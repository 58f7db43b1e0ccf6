//! TLS on an accepted connection, with a certificate that can be replaced while the server runs.
//!
//! Without the feature `tls`, [`Tls`] has no value and [`Tls::open`] fails: `cargo xtask run` then compiles neither rustls
//! nor AWS-LC nor HTTP/2.

#[cfg(not(feature = "tls"))]
mod absent;
#[cfg(feature = "tls")]
mod acceptor;
#[cfg(feature = "tls")]
mod certificate;
mod files;
#[cfg(feature = "tls")]
mod plaintext;
#[cfg(feature = "tls")]
mod reload;
#[cfg(feature = "tls")]
mod validity;

#[cfg(not(feature = "tls"))]
pub use absent::Tls;
#[cfg(not(feature = "tls"))]
pub(crate) use absent::follow;
#[cfg(feature = "tls")]
pub use acceptor::Tls;
pub use files::{TlsError, TlsFiles};
#[cfg(feature = "tls")]
pub(crate) use reload::follow;
