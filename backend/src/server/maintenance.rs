//! What is done beside the requests: recovery at the start, and the regular removal of what has expired.

use std::sync::Arc;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::blocking::blocking;
use super::operations::trash;
use super::state::Server;

/// In every how-many-th round of clearing away the trash is looked at.
const TRASH_SWEEP_ROUNDS: u64 = 30;

/// Clears away what has expired, now and then, until `shutdown`.
pub(super) async fn run_maintenance(server: Arc<Server>, shutdown: CancellationToken) {
    for round in 0_u64.. {
        let swept = Arc::clone(&server);
        let swept = blocking(move || {
            swept.uploads.sweep()?;
            swept.jobs.sweep()?;
            swept.digests.sweep()?;
            // To look at all that is in the trash takes longer than the rest.
            if round % TRASH_SWEEP_ROUNDS == 0 { trash::sweep(&swept) } else { Ok(()) }
        });
        if let Err(error) = swept.await {
            warn!(%error, "what has expired could not be cleared away");
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = sleep(server.config.sweep_time) => {}
        }
    }
}

/// Before the first connection: what a crash may have left is put in order.
pub(super) async fn recover(server: &Arc<Server>) {
    let server = Arc::clone(server);
    let recovered = blocking(move || {
        server.uploads.recover()?;
        server.jobs.resume()
    });
    if let Err(error) = recovered.await {
        warn!(%error, "what a crash may have left could not be looked at");
    }
}
