//! Calls to the storage, which may block on a disk, on the threads that are there to block.

use shared::ErrorCode;
use tokio::task::spawn_blocking;

use crate::server::connection::response::Stop;
use crate::storage::StorageError;

/// Runs `work` on a blocking thread. Dropping the future does not stop work that has begun.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StorageError> + Send + 'static,
) -> Result<T, StorageError> {
    match spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => {
            tracing::error!(%error, "a call to the storage panicked");
            Err(StorageError::new(ErrorCode::Internal, "a call to the storage panicked"))
        }
    }
}

/// The same for work that can be refused for reasons that are not the storage's.
pub(super) async fn attempt<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Stop> + Send + 'static,
) -> Result<T, Stop> {
    blocking(move || Ok(work())).await?
}
