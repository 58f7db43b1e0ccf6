//! The listening sockets of a process: HTTP or HTTPS for the gateway, TCP and a Unix socket for the framed protocol.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::error::RunError;
use crate::client::ServerAddress;
use crate::config::{HttpConfig, TcpConfig};
use crate::gateway::{self, Gateway, Tls};
use crate::server::Listeners;
use crate::sockets;
use crate::state::record_key;
use crate::wire::UnixListener;

/// A listener of the gateway, with the certificate for HTTPS.
pub(super) struct HttpListener {
    listener: TcpListener,
    address: SocketAddr,
    tls: Option<Tls>,
}

impl HttpListener {
    pub(super) async fn open(http: &HttpConfig) -> Result<Self, RunError> {
        let tls = http.tls.clone().map(Tls::open).transpose()?;
        let (listener, address) = listen(http.listen)?;
        Ok(Self { listener, address, tls })
    }

    /// Scheme, host and port, without a slash at the end.
    pub(super) fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Serves until `shutdown` is cancelled and the connections are closed.
    pub(super) async fn serve(self, gateway: Gateway, shutdown: CancellationToken) {
        match self.tls {
            Some(tls) => gateway::serve_tls(self.listener, gateway, tls, shutdown).await,
            None => gateway::serve(self.listener, gateway, shutdown).await,
        }
    }
}

/// The listeners of the framed protocol.
pub(super) struct FramedListeners {
    tcp: Option<(TcpListener, SocketAddr)>,
    unix: Option<UnixListener>,
}

/// The addresses of [`FramedListeners`].
pub(super) struct FramedAddresses {
    /// The TCP address, with the port that the system chose.
    pub(super) tcp: Option<SocketAddr>,
    /// The absolute path of the Unix socket.
    pub(super) unix: Option<PathBuf>,
}

impl FramedListeners {
    pub(super) async fn open(config: &TcpConfig) -> Result<Self, RunError> {
        let unix = config.unix.as_deref().map(UnixListener::open).transpose()?;
        let tcp = config.listen.map(listen).transpose()?;
        Ok(Self { tcp, unix })
    }

    /// Records for each address where its key is, so that client verbs of this user find it. Without the record they
    /// need `--key`.
    pub(super) fn record_key(&self, key: &Path) {
        let FramedAddresses { tcp, unix } = self.addresses();
        let tcp = tcp.map(|address| ServerAddress::Tcp(address.to_string()));
        for address in tcp.into_iter().chain(unix.map(ServerAddress::Unix)) {
            if let Err(error) = record_key(&address.to_string(), key) {
                warn!(%error, %address, "client verbs will need --key: the key's location could not be recorded");
            }
        }
    }

    pub(super) fn addresses(&self) -> FramedAddresses {
        // Absolute, because a client may be started in another directory.
        let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        FramedAddresses {
            tcp: self.tcp.as_ref().map(|(_, address)| *address),
            unix: self.unix.as_ref().map(UnixListener::path).map(absolute),
        }
    }

    /// The listeners in the form that the file server takes, without one inside the process.
    pub(super) fn into_listeners(self) -> Listeners {
        Listeners { tcp: self.tcp.map(|(listener, _)| listener), unix: self.unix, in_process: None }
    }
}

/// A listener, and the address with the port that the system chose.
fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), RunError> {
    let failed = |source| RunError::Listen { address, source };
    let listener = sockets::listen(address).map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}
