//! A storage with folders that are read once the test lets them.

use std::sync::{Arc, Condvar, Mutex};

use backend::storage::memory::MemoryStorage;
use backend::storage::{OpenFile, Storage, StorageError, Visit};
use shared::{Entry, VPath};

/// A storage in which the names of folders that begin with `names`, and the entries in folders that begin with `rows`,
/// are read once the gate is open.
pub(super) struct GatedFolders {
    inner: MemoryStorage,
    gate: Mutex<Gate>,
    opened: Condvar,
}

#[derive(Default)]
struct Gate {
    is_open: bool,
    entered: usize,
}

/// Opens the gate when it is dropped, so that a test that fails leaves no thread waiting.
pub(super) struct OpenOnDrop(Arc<GatedFolders>);

impl Drop for OpenOnDrop {
    fn drop(&mut self) {
        self.0.open_gate();
    }
}

impl GatedFolders {
    pub(super) fn new(inner: MemoryStorage) -> (Arc<Self>, OpenOnDrop) {
        let this = Arc::new(Self { inner, gate: Mutex::default(), opened: Condvar::new() });
        (Arc::clone(&this), OpenOnDrop(this))
    }

    /// How many threads have come to the gate.
    pub(super) fn entered(&self) -> usize {
        self.gate.lock().unwrap().entered
    }

    pub(super) fn open_gate(&self) {
        self.gate.lock().unwrap().is_open = true;
        self.opened.notify_all();
    }

    fn enter(&self, folder: &VPath, gated: &str) {
        if folder.name().starts_with(gated.as_bytes()) {
            let mut gate = self.gate.lock().unwrap();
            gate.entered += 1;
            drop(self.opened.wait_while(gate, |gate| !gate.is_open).unwrap());
        }
    }
}

impl Storage for GatedFolders {
    fn stat(&self, path: &VPath) -> Result<Entry, StorageError> {
        self.enter(&path.parent().unwrap_or_default(), "rows");
        self.inner.stat(path)
    }

    fn list(&self, path: &VPath, visit: &mut dyn FnMut(Entry) -> Visit) -> Result<(), StorageError> {
        self.enter(path, "names");
        self.inner.list(path, visit)
    }

    fn open(&self, path: &VPath) -> Result<Box<dyn OpenFile>, StorageError> {
        self.inner.open(path)
    }

    backend::read_only_methods!();
}
