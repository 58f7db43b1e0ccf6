//! Work that reads and writes files of this machine, which blocks, beside the network's, which does not.

use tokio::task::{JoinHandle, spawn_blocking};
use tokio_util::sync::CancellationToken;

use super::exit::{Exit, Failure};

/// Runs what also reads and writes files. What fails here ends the others, too.
pub(super) fn on_a_thread<T, F>(stop: CancellationToken, work: F) -> JoinHandle<Result<T, Failure>>
where
    T: Send + 'static,
    F: Future<Output = Result<T, Failure>> + Send + 'static,
{
    let runtime = tokio::runtime::Handle::current();
    spawn_blocking(move || {
        let outcome = runtime.block_on(work);
        if outcome.is_err() {
            stop.cancel();
        }
        outcome
    })
}

/// How it ended.
pub(super) async fn joined<T>(handle: JoinHandle<Result<T, Failure>>) -> Result<T, Failure> {
    handle.await.unwrap_or_else(|error| Err(Failure::new(Exit::Failed, "internal", error.to_string())))
}
