//! Where the file server is reached from outside its process: opened, told to the client verbs of this user, and announced.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use tokio::net::TcpListener;
use tracing::warn;

use super::{RunError, address, listen};
use crate::client::ServerAddress;
use crate::config::TcpConfig;
use crate::server::Ways;
use crate::state::note_key;
use crate::wire::UnixListener;

/// What the file server listens on.
pub(super) struct Ports {
    tcp: Option<(TcpListener, SocketAddr)>,
    unix: Option<UnixListener>,
}

/// Where that is.
pub(super) struct Places {
    /// Over TCP.
    pub(super) tcp: Option<SocketAddr>,
    /// On this machine.
    pub(super) unix: Option<PathBuf>,
}

impl Ports {
    pub(super) async fn open(config: &TcpConfig) -> Result<Self, RunError> {
        let unix = config.unix.as_deref().map(UnixListener::open).transpose()?;
        let tcp = match config.listen {
            Some(wanted) => {
                let listener = listen(wanted)?;
                let address = address(&listener, wanted)?;
                Some((listener, address))
            }
            None => None,
        };
        Ok(Self { tcp, unix })
    }

    /// Leaves a note for each address where its key is, so that client verbs need not be told.
    pub(super) fn note(&self, key: &Path) {
        let Places { tcp, unix } = self.places();
        let tcp = tcp.map(|address| ServerAddress::Tcp(address.to_string()));
        for place in tcp.into_iter().chain(unix.map(ServerAddress::Unix)) {
            if let Err(error) = note_key(&place.to_string(), key) {
                warn!(%error, %place, "client verbs will need --key: no note could be left for them");
            }
        }
    }

    /// The same address wherever a client is started: a relative path is followed from here.
    pub(super) fn places(&self) -> Places {
        let unix = self.unix.as_ref().map(UnixListener::path);
        let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        Places { tcp: self.tcp.as_ref().map(|(_, address)| *address), unix: unix.map(absolute) }
    }

    /// As the file server takes them, without the in-process listener.
    pub(super) fn into_ways(self) -> Ways {
        Ways { tcp: self.tcp.map(|(listener, _)| listener), unix: self.unix, in_process: None }
    }
}
