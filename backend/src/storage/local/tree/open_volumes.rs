//! The private directories that are open, by their volumes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::private_dir::PrivateDir;
use crate::storage::local::platform::{Dir, VolumeId};

/// The open private directories.
pub(super) struct Volumes<D: Dir> {
    open: Mutex<BTreeMap<VolumeId, Arc<PrivateDir<D>>>>,
    /// Those that were closed, which an upload may use still: one that is opened again shares its lock.
    closed: Mutex<Vec<Weak<PrivateDir<D>>>>,
    /// Held while one is opened, which may take as long as a slow disk.
    opening: Mutex<()>,
    /// Whether those that earlier processes have left are open, too.
    found: AtomicBool,
}

impl<D: Dir> Default for Volumes<D> {
    fn default() -> Self {
        let (open, closed, opening) = (Mutex::default(), Mutex::default(), Mutex::default());
        Self { open, closed, opening, found: AtomicBool::new(false) }
    }
}

impl<D: Dir> Volumes<D> {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<VolumeId, Arc<PrivateDir<D>>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn closed(&self) -> MutexGuard<'_, Vec<Weak<PrivateDir<D>>>> {
        self.closed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Excludes other calls that open one. Those that are open can be used meanwhile.
    pub(super) fn opening(&self) -> MutexGuard<'_, ()> {
        self.opening.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds one that was opened, in place of an earlier one of its volume.
    pub(super) fn insert(&self, volume: VolumeId, opened: &Arc<PrivateDir<D>>) {
        let replaced = self.lock().insert(volume, Arc::clone(opened));
        self.closed().extend(replaced.as_ref().map(Arc::downgrade));
    }

    /// Those that are open or still in use.
    pub(super) fn in_use(&self) -> Vec<Arc<PrivateDir<D>>> {
        let mut in_use = self.opened();
        self.closed().retain(|closed| closed.upgrade().inspect(|closed| in_use.push(Arc::clone(closed))).is_some());
        in_use
    }

    /// The one of a volume, if it is open.
    pub(super) fn get(&self, volume: VolumeId) -> Option<Arc<PrivateDir<D>>> {
        self.lock().get(&volume).cloned()
    }

    /// The private directories that are open.
    pub(super) fn opened(&self) -> Vec<Arc<PrivateDir<D>>> {
        self.lock().values().cloned().collect()
    }

    /// Closes all of them: another directory has become the root, or they are gone.
    pub(super) fn close(&self) {
        let closed = std::mem::take(&mut *self.lock());
        self.closed().extend(closed.values().map(Arc::downgrade));
        self.found.store(false, Ordering::Release);
    }

    /// Notes that those of earlier processes are open.
    pub(super) fn all_found(&self) {
        self.found.store(true, Ordering::Release);
    }

    /// Whether those of earlier processes are open.
    pub(super) fn are_found(&self) -> bool {
        self.found.load(Ordering::Acquire)
    }
}
