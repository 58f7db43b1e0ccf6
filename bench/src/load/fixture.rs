//! What every scenario works with: the test data, the server's program, and how many connections there may be.

use std::time::Duration;

use xtask::repo::Outcome;

use crate::measure::{
    data::Data,
    peers::{Peer, Peers, ServerOptions},
    server::Server,
};

/// Files that this process keeps open besides connections.
const OTHER_FILES_MAX: u64 = 500;

pub(crate) struct Fixture {
    pub(crate) data: Data,
    pub(crate) peers: Peers,
    pub(crate) quick: bool,
    /// The limit of open files of this process, which bounds its connections.
    pub(crate) open_files: u64,
}

impl Fixture {
    /// Starts the server with the test data as its folder.
    pub(crate) fn start(&self, flags: &[&str]) -> Outcome<Server> {
        let options = ServerOptions { flags, ..ServerOptions::default() };
        self.peers.start(Peer::Ours, &self.data.served, &self.data.scratch, options)
    }

    /// The wanted number of connections, or as many as the limit of open files allows.
    pub(crate) fn connections(&self, full: u64, quick: u64) -> usize {
        let wanted = if self.quick { quick } else { full };
        let most = self.open_files.saturating_sub(OTHER_FILES_MAX);
        if wanted > most {
            println!("    {wanted} connections are more than this system allows: {most} (`ulimit -Hn`)");
        }
        usize::try_from(wanted.min(most)).unwrap_or(usize::MAX)
    }

    pub(crate) fn time(&self, full_seconds: f64) -> Duration {
        Duration::from_secs_f64(if self.quick { full_seconds / 4.0 } else { full_seconds })
    }
}
