//! A storage whose listings hang until the test lets them continue.

use std::sync::{Arc, Condvar, Mutex};

use backend::storage::memory::MemoryStorage;
use backend::storage::{OpenFile, Storage, StorageError, Visit};
use shared::{Entry, VPath};
use tokio::sync::Notify;

/// A storage whose listings hang until the gate opens, like those of an unreachable network disk.
pub(super) struct GatedStorage {
    pub(super) inner: MemoryStorage,
    pub(super) is_open: Mutex<bool>,
    pub(super) opened: Condvar,
    pub(super) entered: Notify,
}

impl GatedStorage {
    pub(super) fn closed(inner: MemoryStorage) -> Arc<Self> {
        Arc::new(Self { inner, is_open: Mutex::new(false), opened: Condvar::new(), entered: Notify::new() })
    }

    pub(super) fn opened(inner: MemoryStorage) -> Arc<Self> {
        let gate = Self::closed(inner);
        gate.open();
        gate
    }

    pub(super) fn open(&self) {
        *self.is_open.lock().unwrap() = true;
        self.opened.notify_all();
    }
}

impl Storage for GatedStorage {
    fn stat(&self, path: &VPath) -> Result<Entry, StorageError> {
        self.inner.stat(path)
    }

    fn list(&self, path: &VPath, visit: &mut dyn FnMut(Entry) -> Visit) -> Result<(), StorageError> {
        self.entered.notify_one();
        let is_open = self.is_open.lock().unwrap();
        drop(self.opened.wait_while(is_open, |is_open| !*is_open).unwrap());
        self.inner.list(path, visit)
    }

    fn open(&self, path: &VPath) -> Result<Box<dyn OpenFile>, StorageError> {
        self.inner.open(path)
    }

    backend::read_only_methods!();
}
