//! The watched folders.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use shared::VPath;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::folder_watch::FolderWatch;
use super::worker::Worker;
use crate::admission::{Admission, Permit, Refusal, Who};
use crate::server::admissions::Admissions;
use crate::server::entries::on_the_way_to_a_grant;
use crate::server::error::RequestError;
use crate::storage::{LinkScope, Storage, StorageError};

/// A folder as the callers of one scope of links see it: its events tell where links lead.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Watched {
    /// The folder's path in the storage.
    pub(super) folder: VPath,
    pub(super) links: LinkScope,
}

/// A watched folder.
struct Known {
    watch: Arc<FolderWatch>,
    who: Who,
    /// Cancelled once another folder takes the place.
    ended: CancellationToken,
    _place: Permit,
}

/// The watched folders.
pub(in crate::server) struct Watches {
    storage: Arc<dyn Storage>,
    folders: Mutex<HashMap<Watched, Known>>,
    places: Admission,
    /// Turns at listing folders.
    readings: Admission,
    tasks: TaskTracker,
    stopping: CancellationToken,
}

impl Watches {
    /// No watched folders yet.
    pub(in crate::server) fn new(storage: Arc<dyn Storage>, admissions: &Admissions) -> Self {
        let (tasks, stopping) = (TaskTracker::new(), CancellationToken::new());
        let (places, readings) = (admissions.watches.clone(), admissions.folders_read.clone());
        Self { storage, folders: Mutex::default(), places, readings, tasks, stopping }
    }

    /// Ends all watches.
    pub(in crate::server) async fn stop(&self) {
        self.stopping.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Waits until the watches end.
    pub(super) async fn stopping(&self) {
        self.stopping.cancelled().await;
    }

    /// The watch of a folder, which begins for `who` if there is none yet. Blocks.
    ///
    /// # Errors
    /// [`shared::ErrorCode::TooManyRequests`], and as [`Storage::watch`].
    pub(super) fn open(self: &Arc<Self>, watched: Watched, who: Who) -> Result<Arc<FolderWatch>, RequestError> {
        if let Some(known) = self.folders().get(&watched) {
            return Ok(Arc::clone(&known.watch));
        }
        let place = self.place(who).map_err(|refusal| RequestError::refused(refusal, "watched folders"))?;
        let storage = Arc::clone(&self.storage).within(watched.links.clone());
        let worker = Worker::begin(storage, watched.folder.clone())?;
        let watch = Arc::new(FolderWatch::new()?);
        let mut folders = self.folders();
        // Another request may have been faster; this worker then ends as it is dropped.
        if let Some(first) = folders.get(&watched) {
            return Ok(Arc::clone(&first.watch));
        }
        let ended = CancellationToken::new();
        let known = Known { watch: Arc::clone(&watch), who, ended: ended.clone(), _place: place };
        folders.insert(watched.clone(), known);
        drop(folders);
        let (watches, events) = (Arc::clone(self), Arc::clone(&watch));
        self.tasks.spawn(async move {
            tokio::select! {
                () = watches.stopping.cancelled() => {}
                () = worker.run(&events, &ended, (&watches.readings, who), || watches.forget(&watched, &events)) => {}
            }
        });
        Ok(watch)
    }

    /// Requires a folder on the way to a grant. Blocks.
    ///
    /// # Errors
    /// As [`Storage::stat`] and [`on_the_way_to_a_grant`].
    pub(super) fn expect_on_the_way(&self, watched: &Watched) -> Result<(), StorageError> {
        let storage = Arc::clone(&self.storage).within(watched.links.clone());
        on_the_way_to_a_grant(storage.stat(&watched.folder)?).map(drop)
    }

    /// A place for one more folder. Where there is none, a folder without subscribers gives up its own: they may come back,
    /// but keep no place from those who are there.
    fn place(&self, who: Who) -> Result<Permit, Refusal> {
        if let Err(refusal) = self.places.fits(who, 1) {
            self.forget_unused(|owner| refusal == Refusal::AllTaken || owner == who);
        }
        self.places.try_take(who, 1)
    }

    /// Forgets the folder of these owners that has had no subscriber for longest.
    fn forget_unused(&self, of: impl Fn(Who) -> bool) {
        let mut folders = self.folders();
        let unused = folders.iter().filter(|(_, known)| of(known.who) && is_unused(&known.watch));
        let longest = unused.min_by_key(|(_, known)| known.watch.used()).map(|(watched, _)| watched.clone());
        if let Some(known) = longest.and_then(|watched| folders.remove(&watched)) {
            known.ended.cancel();
        }
    }

    /// Forgets a watch without subscribers; false if it has some.
    fn forget(&self, watched: &Watched, watch: &Arc<FolderWatch>) -> bool {
        let mut folders = self.folders();
        let unused = is_unused(watch) || watch.is_gone();
        if unused && folders.get(watched).is_some_and(|known| Arc::ptr_eq(&known.watch, watch)) {
            folders.remove(watched);
        }
        unused
    }

    fn folders(&self) -> MutexGuard<'_, HashMap<Watched, Known>> {
        self.folders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a watch has no subscriber: two references are the map's and the worker's. A new subscriber gets its own only
/// while the map is locked.
fn is_unused(watch: &Arc<FolderWatch>) -> bool {
    Arc::strong_count(watch) <= 2
}
