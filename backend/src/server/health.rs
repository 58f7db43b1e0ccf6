//! HEALTH: whether the storage and the records can be used at present. A check reads the served folder, and for changes
//! also begins an upload and writes to the records, as requests do.

use std::sync::Arc;
use std::time::{Duration, Instant};

use shared::wire::{Failure, Health as HealthRequest};
use shared::{ErrorCode, UploadId, VPath};
use tokio::sync::Mutex;
use tracing::{info, warn};

use super::blocking::blocking;
use super::error::RequestError;
use super::exchange::response::ResponseWriter;
use super::exchange::sink::Sink;
use super::records::database::Database;
use crate::random::random_bytes;
use crate::storage::{Storage, StorageError, Visit};

/// Answers END, with the failure that requests would meet.
pub(super) async fn health<W: Sink>(
    health: &Health,
    response: &mut ResponseWriter<'_, W>,
    request: HealthRequest,
) -> Result<(), RequestError> {
    response.set_deadline(request.caller.deadline_ms);
    let state = match request.for_changes {
        Some(true) => health.changing.state(),
        _ => health.reading.state(),
    };
    // A check that a slow disk holds up goes on without the request.
    response.until_cancelled(async { state.await.map_err(RequestError::from) }).await
}

/// The checks of one server.
pub(super) struct Health {
    reading: Check,
    changing: Check,
}

impl Health {
    /// `time` is how long a result is repeated.
    pub(super) fn new(storage: Arc<dyn Storage>, records: Option<Arc<Database>>, time: Duration) -> Self {
        let for_changes = Arc::clone(&storage);
        Self {
            reading: Check::new(time, move || check_reading(&*storage)),
            changing: Check::new(time, move || {
                check_reading(&*for_changes)?;
                check_changing(&*for_changes, records.as_deref())
            }),
        }
    }
}

type State = Result<(), Failure>;

/// A check and its last result.
struct Check {
    run: Arc<dyn Fn() -> Result<(), StorageError> + Send + Sync>,
    /// Locked while the check runs: a disk that does not answer occupies one thread, however many ask.
    last: Arc<Mutex<Option<(Instant, State)>>>,
    time: Duration,
}

impl Check {
    fn new(time: Duration, run: impl Fn() -> Result<(), StorageError> + Send + Sync + 'static) -> Self {
        Self { run: Arc::new(run), last: Arc::default(), time }
    }

    /// The result of a check that is at most `time` old. Dropping the future does not stop the check.
    async fn state(&self) -> State {
        let mut last = Arc::clone(&self.last).lock_owned().await;
        if let Some((moment, state)) = &*last
            && moment.elapsed() < self.time
        {
            return state.clone();
        }
        let run = Arc::clone(&self.run);
        let running = tokio::spawn(async move {
            let checked = blocking(move || run()).await;
            log_change(last.as_ref().map(|(_, state)| state), &checked);
            let state = checked.map_err(|error| failure(&error));
            *last = Some((Instant::now(), state.clone()));
            state
        });
        running.await.unwrap_or_else(|_| Err(Failure::new(ErrorCode::Internal, "the check of the storage panicked")))
    }
}

fn log_change(before: Option<&State>, now: &Result<(), StorageError>) {
    match (before, now) {
        (None | Some(Ok(())), Err(error)) => warn!(%error, "the files cannot be served as they should be"),
        (Some(Err(_)), Ok(())) => info!("the files can be served again"),
        _ => {}
    }
}

/// The peer gets the code and the context; the error of the operating system may name paths of this machine.
fn failure(error: &StorageError) -> Failure {
    // "Not found" and "not a folder" would be about a path of the request, and HEALTH names none.
    let code = match error.code {
        ErrorCode::NotFound | ErrorCode::NotFolder => ErrorCode::Io,
        code => code,
    };
    Failure::new(code, error.context)
}

fn check_reading(storage: &dyn Storage) -> Result<(), StorageError> {
    storage.check_root()?;
    storage.list(&VPath::root(), &mut |_| Visit::Stop)
}

fn check_changing(storage: &dyn Storage, records: Option<&Database>) -> Result<(), StorageError> {
    let read_only = || StorageError::new(ErrorCode::ReadOnly, "the server's own directory cannot be written to");
    unless_full(records.ok_or_else(read_only)?.check_writing())?;
    let id = UploadId(random_bytes()?);
    unless_full(storage.stage(id).map(drop))?;
    storage.unstage(id)
}

/// Accepts a full disk: files on it can still be read and deleted, and a restart would not free space.
fn unless_full(result: Result<(), StorageError>) -> Result<(), StorageError> {
    match result {
        Err(error) if matches!(error.code, ErrorCode::NoSpace | ErrorCode::QuotaExceeded) => Ok(()),
        result => result,
    }
}
