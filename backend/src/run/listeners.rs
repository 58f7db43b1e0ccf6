//! The listening sockets of a process: HTTP or HTTPS for the gateway, TCP and a Unix socket for the framed protocol.

use std::io;
use std::net::{Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::error::RunError;
use crate::client::ServerAddress;
use crate::config::{HttpConfig, TcpConfig};
use crate::gateway::{self, Gateway, Tls};
use crate::server::Listeners;
use crate::sockets;
use crate::state::record_key;
use crate::wire::UnixListener;

/// The listeners of the gateway, with the certificate for HTTPS.
pub(super) struct HttpListeners {
    listeners: Vec<TcpListener>,
    addresses: Vec<SocketAddr>,
    tls: Option<Tls>,
}

impl HttpListeners {
    pub(super) async fn open(http: &HttpConfig) -> Result<Self, RunError> {
        let tls = http.tls.clone().map(Tls::open).transpose()?;
        let (mut listeners, mut addresses) = (Vec::new(), Vec::new());
        for binding in &http.listen {
            let (first, address) = listen(binding.first(), "--http")?;
            let second = binding.second().map(|ip| listen_besides(ip, address.port(), binding.first().port() == 0));
            let second = second.transpose()?.flatten();
            for (listener, address) in [Some((first, address)), second].into_iter().flatten() {
                listeners.push(listener);
                addresses.push(address);
            }
        }
        Ok(Self { listeners, addresses, tls })
    }

    /// The addresses, with the ports that the system chose.
    pub(super) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    pub(super) fn encrypted(&self) -> bool {
        self.tls.is_some()
    }

    /// Serves until `shutdown` is cancelled and the connections are closed.
    pub(super) async fn serve(self, gateway: Gateway, shutdown: CancellationToken) {
        match self.tls {
            Some(tls) => gateway::serve_tls(self.listeners, gateway, tls, shutdown).await,
            None => gateway::serve(self.listeners, gateway, shutdown).await,
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
        let tcp = config.listen.map(|address| listen(address, "--tcp")).transpose()?;
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

/// A listener, and the address with the port that the system chose. `option` is the option that names the address.
fn listen(address: SocketAddr, option: &'static str) -> Result<(TcpListener, SocketAddr), RunError> {
    let failed = |source| RunError::Listen { address, option, source };
    let listener = sockets::listen(address).map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

/// The IPv6 listener on the port of an IPv4 one. `None` on a system without IPv6, and if the port was chosen by the
/// system and is in use by another program.
fn listen_besides(ip: Ipv6Addr, port: u16, chosen: bool) -> Result<Option<(TcpListener, SocketAddr)>, RunError> {
    let address = SocketAddr::from((ip, port));
    match sockets::listen_v6_only(address).and_then(|listener| Ok((listener.local_addr()?, listener))) {
        Ok((bound, listener)) => Ok(Some((listener, bound))),
        Err(source) if source.kind() == io::ErrorKind::AddrInUse && !chosen => {
            Err(RunError::Listen { address, option: "--http", source })
        }
        Err(error) => {
            debug!(%address, %error, "serving IPv4 only");
            Ok(None)
        }
    }
}
