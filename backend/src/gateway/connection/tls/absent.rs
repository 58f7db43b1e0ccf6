//! [`Tls`] of a program that was built without TLS: it has no value, so nothing but [`Tls::open`] can be called.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::files::{TlsError, TlsFiles};
use crate::gateway::connection::http1::ConnectionContext;

/// Has no value.
#[derive(Clone)]
pub struct Tls(Infallible);

impl Tls {
    /// # Errors
    /// Always [`TlsError::NotCompiled`].
    pub fn open(_: TlsFiles) -> Result<Self, TlsError> {
        Err(TlsError::NotCompiled)
    }

    pub(crate) async fn serve(&self, _: TcpStream, _: &ConnectionContext<'_>) -> io::Result<()> {
        match self.0 {}
    }
}

pub(crate) async fn follow(tls: Tls, _: Duration, _: CancellationToken) {
    match tls.0 {}
}
