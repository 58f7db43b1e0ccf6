//! The keys of the state directory, which open the file server while their files are there.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::hangup::Hangup;
use crate::server::{Server, ServerKey};
use crate::state::{KeyEntry, KeyFolder};

/// How often the folder is read. The connections of a key whose file is removed end after that time at the latest.
const INTERVAL: Duration = Duration::from_secs(5);

/// The keys of a folder, and a file server that they open.
pub(super) struct WatchedKeys {
    folder: KeyFolder,
    server: Arc<Server>,
    /// The ids of the keys that open it.
    opening: BTreeSet<String>,
    /// What has been logged of files that are no keys.
    refused: BTreeSet<String>,
}

impl WatchedKeys {
    /// The keys that are there now open the server.
    pub(super) fn open(folder: KeyFolder, server: Arc<Server>) -> Self {
        let mut watched = Self { folder, server, opening: BTreeSet::new(), refused: BTreeSet::new() };
        watched.read();
        watched
    }

    /// Reads the folder every few seconds and at each SIGHUP, until `shutdown`.
    pub(super) async fn follow(mut self, shutdown: CancellationToken) {
        let mut ticks = interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut hangup = Hangup::receiver();
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = hangup.next() => {}
                _ = ticks.tick() => {}
            }
            let read = tokio::task::spawn_blocking(move || {
                self.read();
                self
            });
            match read.await {
                Ok(watched) => self = watched,
                // The runtime is shutting down.
                Err(_) => return,
            }
        }
    }

    fn read(&mut self) {
        let (keys, refused) = match self.folder.read() {
            Ok(read) => read,
            // Whether a file was removed is unknown: a disk that fails for a moment ends no connection.
            Err(error) => {
                self.report(vec![error.to_string()]);
                return;
            }
        };
        self.report(refused.iter().map(ToString::to_string).collect());
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
        let now = i64::try_from(now).unwrap_or(i64::MAX);
        let valid: Vec<_> = keys.into_iter().filter(|entry| entry.is_valid(now)).collect();
        let opening: BTreeSet<_> = valid.iter().map(|entry| entry.key.id().to_owned()).collect();
        opening.difference(&self.opening).for_each(|key| info!(key, "a key opens the file server"));
        self.opening.difference(&opening).for_each(|key| info!(key, "a key has been removed, or has ended"));
        self.opening = opening;
        self.server.replace_keys(valid.into_iter().map(server_key).collect());
    }

    /// Logs each failure once, and again after it has been away.
    fn report(&mut self, failures: Vec<String>) {
        let failures: BTreeSet<_> = failures.into_iter().collect();
        failures.difference(&self.refused).for_each(|failure| error!("{failure}"));
        self.refused = failures;
    }
}

fn server_key(entry: KeyEntry) -> ServerKey {
    ServerKey::removable(entry.key, entry.rights, entry.folder, entry.is_gateway)
}
