//! Two waits for one disk at the same time.

use std::panic::resume_unwind;
use std::thread;

use crate::storage::StorageError;

/// Runs both functions, `beside` on a thread of its own, and returns once both have ended: two syncs at the same time take
/// about as long as one. Where no thread can be had, one follows the other.
///
/// # Errors
/// That of `here`, or else that of `beside`.
pub(super) fn both(
    here: impl FnOnce() -> Result<(), StorageError>,
    beside: impl Fn() -> Result<(), StorageError> + Sync,
) -> Result<(), StorageError> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().spawn_scoped(scope, &beside);
        let done = here();
        let done_beside = match thread {
            Ok(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
            Err(_) => beside(),
        };
        done.and(done_beside)
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use shared::ErrorCode;

    use super::*;

    #[test]
    fn both_run_at_the_same_time_and_either_may_fail() {
        let failed = |code| Err(StorageError::new(code, "test"));
        let code = |result: Result<(), StorageError>| result.err().map(|error| error.code);
        let met = Barrier::new(2);
        let meet = |result| {
            met.wait();
            result
        };
        assert_eq!(code(both(|| meet(Ok(())), || meet(Ok(())))), None);
        assert_eq!(code(both(|| failed(ErrorCode::Io), || failed(ErrorCode::NoSpace))), Some(ErrorCode::Io));
        assert_eq!(code(both(|| Ok(()), || failed(ErrorCode::NoSpace))), Some(ErrorCode::NoSpace));
    }
}
