//! Turns reports of the storage into events. Reports are gathered for a moment, so that a file that is written to a
//! hundred times gives one event; the entry of each name is then looked up, and reported as it is. Once in a while, and
//! where the storage reports nothing, a listing shows whether something was missed.

use std::collections::HashSet;
use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use shared::limits::EVENTS_KEPT_MAX;
use shared::{ErrorCode, EventKind, VPath};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::fingerprint::{Fingerprint, Hashing};
use super::folder_watch::FolderWatch;
use super::pending::PendingEvents;
use crate::admission::{Admission, Who};
use crate::server::blocking::{blocking, blocking_in_turn};
use crate::storage::{Storage, StorageError, Visit, WatchHandle};

/// How long reports are gathered.
const GATHER_TIME: Duration = Duration::from_millis(50);
/// Time between two listings of a folder whose changes the storage reports.
const CHECK_TIME: Duration = Duration::from_secs(30);
/// Time between two listings of a folder whose changes the storage cannot report.
const POLL_TIME: Duration = Duration::from_secs(10);
/// A folder rests for so many times as long as its listing took.
const CHECK_PAUSES: u32 = 10;
/// How long a folder is watched without subscribers: most of them come back.
const UNUSED_TIME: Duration = Duration::from_secs(60);

/// The work of one watched folder.
pub(super) struct Worker {
    storage: Arc<dyn Storage>,
    folder: VPath,
    pending: Arc<PendingEvents>,
    /// `None` if the storage cannot report changes.
    watch: Option<Box<dyn WatchHandle>>,
    hashing: Hashing,
    /// Of the last listing; `None` before the first.
    fingerprint: Option<Fingerprint>,
    /// The names with an event since the last listing.
    reported: HashSet<Box<[u8]>>,
}

/// What one step of the work gives.
struct Step {
    worker: Worker,
    kinds: Vec<EventKind>,
    /// The folder has to be listed before more events are gathered.
    needs_listing: bool,
    /// How long listing the folder took, if that was the step.
    listed_in: Option<Duration>,
}

impl Worker {
    /// Begins to watch. Blocks.
    ///
    /// # Errors
    /// As [`Storage::watch`] and [`Storage::list`].
    pub(super) fn begin(storage: Arc<dyn Storage>, folder: VPath) -> Result<Self, StorageError> {
        let pending = Arc::new(PendingEvents::default());
        let sender = Arc::clone(&pending);
        let watch = match storage.watch(&folder, Box::new(move |notice| sender.add(notice))) {
            Ok(watch) => Some(watch),
            Err(error) if matches!(error.code, ErrorCode::Unsupported | ErrorCode::TooLarge) => {
                warn!(%error, "a folder cannot be watched; it is listed once in a while instead");
                None
            }
            Err(error) => return Err(error),
        };
        let hashing = Hashing::default();
        // With a watch, the first listing, which takes seconds for a million entries, can wait. Without one, only a
        // listing from before a change shows the change.
        let fingerprint = match &watch {
            Some(_) => None,
            None => Some(fingerprint(&*storage, &folder, &hashing)?),
        };
        Ok(Self { storage, folder, pending, watch, hashing, fingerprint, reported: HashSet::new() })
    }

    /// Runs until the folder is gone, until it had no subscriber for a while and `forget` agrees, or until `ended`.
    /// Each listing of the folder waits for a turn of `who`.
    pub(super) async fn run(
        mut self,
        events: &FolderWatch,
        ended: &CancellationToken,
        (readings, who): (&Admission, Who),
        forget: impl Fn() -> bool,
    ) {
        let period = if self.watch.is_some() { CHECK_TIME } else { POLL_TIME };
        let mut next_check = Instant::now();
        if self.fingerprint.is_some() {
            next_check += period;
        }
        let (mut unused_since, mut listing_is_due) = (None, false);
        loop {
            let checks = tokio::select! {
                biased;
                () = ended.cancelled() => return self.end().await,
                () = ready(()), if listing_is_due => true,
                () = self.pending.arrived() => false,
                () = sleep_until(next_check) => true,
            };
            if !checks {
                sleep(GATHER_TIME).await;
            } else if events.has_subscribers() {
                unused_since = None;
            } else if unused_since.get_or_insert_with(Instant::now).elapsed() >= UNUSED_TIME && forget() {
                return self.end().await;
            }
            let step = async {
                if checks {
                    blocking_in_turn(readings, who, move || self.timed_check()).await
                } else {
                    blocking(move || self.gather()).await
                }
            };
            let kinds = match step.await {
                Ok(step) => {
                    self = step.worker;
                    listing_is_due = step.needs_listing;
                    if let Some(time) = step.listed_in {
                        next_check = Instant::now() + period.max(time * CHECK_PAUSES);
                    }
                    step.kinds
                }
                Err(error) => {
                    // Subscribers then ask again, and get the reason.
                    warn!(%error, "a folder is no longer watched");
                    events.push(vec![EventKind::Gone]);
                    forget();
                    return;
                }
            };
            let gone = kinds.contains(&EventKind::Gone);
            events.push(kinds);
            if gone {
                forget();
                return self.end().await;
            }
        }
    }

    /// Ends the watch, which may block.
    async fn end(self) {
        let ended = blocking(move || {
            drop(self);
            Ok::<_, StorageError>(())
        });
        let _ = ended.await;
    }

    /// Lists the folder, and says how long that took. Blocks.
    fn timed_check(mut self) -> Result<Step, StorageError> {
        let begun = Instant::now();
        let kinds = self.check()?;
        Ok(Step { worker: self, kinds, needs_listing: false, listed_in: Some(begun.elapsed()) })
    }

    /// The events of the pending reports. Blocks.
    fn gather(mut self) -> Result<Step, StorageError> {
        let changes = self.pending.take();
        if changes.gone || !self.folder_exists()? {
            return Ok(Step { worker: self, kinds: vec![EventKind::Gone], needs_listing: false, listed_in: None });
        }
        if changes.everything {
            self.fingerprint = None;
            return Ok(Step { worker: self, kinds: vec![EventKind::Resync], needs_listing: true, listed_in: None });
        }
        let mut kinds = Vec::new();
        for name in changes.names {
            let Ok(path) = self.folder.join(&name) else { continue };
            match self.storage.stat(&path) {
                Ok(entry) => kinds.push(EventKind::Present { entry }),
                Err(error) if error.code == ErrorCode::NotFound => kinds.push(EventKind::Absent { path }),
                Err(error) => {
                    warn!(%error, "an entry that changed cannot be looked up");
                    kinds.push(EventKind::Resync);
                }
            }
            self.reported.insert(name);
        }
        // The buckets of so many names would hide changes of other names.
        let needs_listing = self.reported.len() > EVENTS_KEPT_MAX;
        Ok(Step { worker: self, kinds, needs_listing, listed_in: None })
    }

    /// [`EventKind::Resync`] if a listing shows changes without an event. Blocks.
    fn check(&mut self) -> Result<Vec<EventKind>, StorageError> {
        if !self.folder_exists()? {
            return Ok(vec![EventKind::Gone]);
        }
        let now = fingerprint(&*self.storage, &self.folder, &self.hashing)?;
        let known = {
            // Names that are pending get their event next.
            let pending = self.pending.changes();
            self.hashing.buckets(self.reported.iter().chain(&pending.names).map(|name| &**name))
        };
        let missed = self.fingerprint.as_ref().is_some_and(|before| before.differs(&now, &known));
        self.fingerprint = Some(now);
        self.reported.clear();
        Ok(if missed { vec![EventKind::Resync] } else { Vec::new() })
    }

    fn folder_exists(&self) -> Result<bool, StorageError> {
        match self.storage.stat(&self.folder) {
            Ok(entry) => Ok(entry.is_folder()),
            Err(error) if matches!(error.code, ErrorCode::NotFound | ErrorCode::NotFolder) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn fingerprint(storage: &dyn Storage, folder: &VPath, hashing: &Hashing) -> Result<Fingerprint, StorageError> {
    let mut fingerprint = hashing.empty();
    storage.list(folder, &mut |entry| {
        hashing.add(&mut fingerprint, &entry);
        Visit::Continue
    })?;
    Ok(fingerprint)
}
