//! Blocking calls (storage, database) from async code.

use shared::ErrorCode;
use tokio::task::spawn_blocking;

use crate::admission::{Admission, Permit, Who};
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

/// As [`blocking`], for work that takes a processor for long: it waits until it is the turn of `who`.
///
/// # Errors
/// As [`blocking`].
pub(super) fn blocking_in_turn<T, E>(
    places: &Admission,
    who: Who,
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> impl Future<Output = Result<T, E>>
where
    T: Send + 'static,
    E: From<StorageError> + Send + 'static,
{
    // On the heap: each connection has the memory of the largest request.
    let work = Box::new(work);
    async move {
        let place = places.take_accepted(who, 1).await;
        blocking_with(place, work).await
    }
}

/// As [`blocking`]. The place is held until `work` ends, which may be after the future is dropped.
///
/// # Errors
/// As [`blocking`].
pub(super) fn blocking_with<T, E>(
    place: Permit,
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> impl Future<Output = Result<T, E>>
where
    T: Send + 'static,
    E: From<StorageError> + Send + 'static,
{
    let work = Box::new(work);
    blocking(move || {
        let _place = place;
        work()
    })
}
