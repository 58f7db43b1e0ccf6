//! Blocking calls (storage, database) from async code.

use shared::ErrorCode;
use tokio::task::spawn_blocking;

use crate::storage::StorageError;

/// Runs `work` on a thread that may block. Dropping the future does not stop work that has begun.
///
/// # Errors
/// The error of `work`; [`ErrorCode::Internal`] if it panics.
pub(super) async fn blocking<T, E>(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, E>
where
    T: Send + 'static,
    E: From<StorageError> + Send + 'static,
{
    spawn_blocking(work).await.unwrap_or_else(|error| {
        tracing::error!(%error, "a blocking call panicked");
        Err(StorageError::new(ErrorCode::Internal, "a blocking call panicked").into())
    })
}
