//! Work beside the requests: recovery at the start, and the regular removal of what has expired.

use std::sync::Arc;
use std::time::Instant;

use shared::Timestamp;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::blocking::blocking;
use super::clock;
use super::clock_trust::{ClockTrust, Trust};
use super::state::Server;
use crate::storage::StorageError;

/// The trash is swept in one of so many rounds: its items have to be read one by one.
const TRASH_SWEEP_ROUNDS: u64 = 30;

/// Removes what has expired every [`ServerConfig::sweep_time`](super::ServerConfig::sweep_time) until `shutdown`.
pub(super) async fn run_maintenance(server: Arc<Server>, shutdown: CancellationToken) {
    let (started, mut trust) = (Instant::now(), ClockTrust::new(server.config.clock_steady_time));
    for round in 0_u64.. {
        let swept = Arc::clone(&server);
        let now = trusted_now(&mut trust, started);
        if let Err(error) = blocking(move || sweep(&swept, round, now)).await {
            warn!(%error, "the removal of what has expired ended early");
        }
        let next = sleep(server.config.sweep_time);
        tokio::pin!(next);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = &mut next => break,
                () = server.jobs.kept.exceeded() => remove_replaced(&server).await,
            }
        }
    }
}

/// The present moment, if it may decide that something has expired.
fn trusted_now(trust: &mut ClockTrust, started: Instant) -> Option<Timestamp> {
    let now = clock::now();
    match trust.read(started.elapsed(), now) {
        Trust::Trusted => Some(now),
        Trust::Waiting => None,
        Trust::Jumped => {
            warn!(
                "the system clock has jumped; uploads, changes and the trash expire once it has run evenly for a while"
            );
            None
        }
    }
}

/// Removes what has expired at `now`. Without `now`, removes only what needs no wall clock: what exceeds a bound, and
/// old digests, which can be computed again. Blocks.
fn sweep(server: &Server, round: u64, now: Option<Timestamp>) -> Result<(), StorageError> {
    // A failure of one does not keep the others from expiring.
    let mut swept = vec![server.uploads.sweep(now), server.digests.sweep(), server.jobs.sweep(now)];
    if round.is_multiple_of(TRASH_SWEEP_ROUNDS) {
        swept.push(server.jobs.sweep_trash(now.map(|now| clock::before(now, server.config.trash_expiry))));
        swept.push(server.jobs.sweep_replaced());
    }
    log_failures(swept, "expired uploads, jobs or trash could not be removed");
    // What was removed made room, and other programs may have.
    server.uploads.maintain_reserves();
    Ok(())
}

/// Logs the failures of steps of which none keeps the others from being done.
fn log_failures(results: impl IntoIterator<Item = Result<(), StorageError>>, what: &str) {
    results.into_iter().filter_map(Result::err).for_each(|error| warn!(%error, "{what}"));
}

/// Removes the oldest replaced files at once: the next round could be too late for the disk.
async fn remove_replaced(server: &Arc<Server>) {
    let swept = Arc::clone(server);
    if let Err(error) = blocking(move || swept.jobs.sweep_replaced()).await {
        warn!(%error, "replaced files could not be removed from the trash");
    }
}

/// Reconciles storage and records after a crash, and resumes unfinished jobs. Runs before the first connection.
pub(super) async fn recover(server: &Arc<Server>) {
    let server = Arc::clone(server);
    let recovery = blocking(move || {
        // A failure of one does not keep the others from being recovered.
        let recovered = [server.uploads.recover(), server.uploads.finish_interrupted(), server.jobs.resume()];
        log_failures(recovered, "uploads or jobs of the previous process could not be recovered");
        Ok::<_, StorageError>(())
    });
    if let Err(error) = recovery.await {
        warn!(%error, "the recovery of uploads and jobs ended early");
    }
}
