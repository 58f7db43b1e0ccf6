//! The private directories that are open, by their volumes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::private_dir::PrivateDir;
use crate::storage::local::platform::{Dir, VolumeId};

/// The open private directories.
pub(super) struct Volumes<D: Dir> {
    open: Mutex<BTreeMap<VolumeId, Arc<PrivateDir<D>>>>,
    /// Whether those that earlier processes have left are open, too.
    found: AtomicBool,
}

impl<D: Dir> Default for Volumes<D> {
    fn default() -> Self {
        Self { open: Mutex::default(), found: AtomicBool::new(false) }
    }
}

impl<D: Dir> Volumes<D> {
    /// The map of them, for opening one more.
    pub(super) fn lock(&self) -> MutexGuard<'_, BTreeMap<VolumeId, Arc<PrivateDir<D>>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
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
        self.lock().clear();
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
