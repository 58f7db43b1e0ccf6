//! The private directories that are open, by their volumes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};

use super::private_dir::PrivateDir;
use crate::storage::STATE_FOLDER_NAME;
use crate::storage::local::platform::{Dir, Identity, VolumeId};

/// The open private directories.
pub(super) struct Volumes<D: Dir> {
    open: Mutex<BTreeMap<VolumeId, Arc<PrivateDir<D>>>>,
    /// Those that were closed, which an upload may use still: one that is opened again shares its lock.
    closed: Mutex<Vec<Weak<PrivateDir<D>>>>,
    /// The identities of all folders that are the server's own, which are hidden under whatever name: those of the open
    /// private directories and of the root's.
    own: RwLock<Vec<Identity>>,
    /// One of them was met under another name.
    met: AtomicBool,
    /// The private directory of the root that was there before it is opened. While it is held, no other folder gets its
    /// identity.
    noticed: Mutex<Option<D>>,
    /// Held while one is opened, which may take as long as a slow disk.
    opening: Mutex<()>,
    /// Whether those that earlier processes have left are open, too.
    found: AtomicBool,
}

impl<D: Dir> Default for Volumes<D> {
    fn default() -> Self {
        let (open, closed, opening) = (Mutex::default(), Mutex::default(), Mutex::default());
        let (own, noticed) = (RwLock::default(), Mutex::default());
        Self { open, closed, own, met: AtomicBool::new(false), noticed, opening, found: AtomicBool::new(false) }
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
        let replaced = {
            let mut open = self.lock();
            let replaced = open.insert(volume, Arc::clone(opened));
            self.hide(&open);
            replaced
        };
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

    /// Hides the private directory that the root has, before it is opened.
    pub(super) fn notice(&self, root: &D) {
        *self.noticed.lock().unwrap_or_else(PoisonError::into_inner) = root.open_dir(STATE_FOLDER_NAME).ok();
        self.hide(&self.lock());
    }

    /// Hides the folders of these private directories, and the one that was noticed.
    fn hide(&self, open: &BTreeMap<VolumeId, Arc<PrivateDir<D>>>) {
        let noticed = self.noticed.lock().unwrap_or_else(PoisonError::into_inner);
        let noticed = noticed.iter().filter_map(|dir| dir.metadata().ok()).map(|metadata| metadata.identity);
        let own = open.values().flat_map(|private_dir| private_dir.identities()).chain(noticed).collect();
        *self.own.write().unwrap_or_else(PoisonError::into_inner) = own;
    }

    /// True for a folder of the server's own, which the caller has met under a name that does not tell.
    pub(super) fn owns(&self, folder: Identity) -> bool {
        let owns = self.own.read().unwrap_or_else(PoisonError::into_inner).contains(&folder);
        if owns {
            self.met.store(true, Ordering::Release);
        }
        owns
    }

    /// Whether a name alone tells that an entry is hidden: no other one was met so far.
    pub(super) fn names_tell(&self) -> bool {
        !self.met.load(Ordering::Acquire)
    }

    /// Closes all of them: another directory has become the root, or they are gone.
    pub(super) fn close(&self, root: &D) {
        let closed = std::mem::take(&mut *self.lock());
        self.closed().extend(closed.values().map(Arc::downgrade));
        self.notice(root);
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
