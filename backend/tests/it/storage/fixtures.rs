//! The backends without a real disk.

use backend::storage::local::LocalStorage;
use backend::storage::memory::{MEMORY_ROOT, MemoryStorage};
use backend::storage::testing::faulty::{Faults, FaultyStorage};
use backend::storage::testing::simulated::{SIMULATED_ROOT, SimulatedDisk};
use backend::storage::{Expected, Storage};
use shared::Timestamp;

use super::Fixture;

pub(super) struct MemoryFixture {
    storage: MemoryStorage,
}

impl MemoryFixture {
    pub(super) fn new() -> Self {
        Self { storage: MemoryStorage::new() }
    }
}

impl Fixture for MemoryFixture {
    fn storage(&self) -> &dyn Storage {
        &self.storage
    }

    fn root(&self) -> Vec<u8> {
        MEMORY_ROOT.to_vec()
    }

    fn file(&self, path: &[u8], content: &[u8]) {
        self.storage.add_file(path, content).unwrap();
    }

    fn folder(&self, path: &[u8]) {
        self.storage.add_folder(path).unwrap();
    }

    fn link(&self, path: &[u8], target: &[u8]) {
        self.storage.add_link(path, target).unwrap();
    }

    fn special(&self, path: &[u8]) -> bool {
        self.storage.add_other(path).unwrap();
        true
    }

    fn write(&self, path: &[u8], content: &[u8]) {
        self.storage.write(path, content).unwrap();
    }

    fn truncate(&self, path: &[u8], length: usize) {
        self.storage.truncate(path, length).unwrap();
    }

    fn replace(&self, path: &[u8], content: &[u8]) {
        self.storage.add_file(path, content).unwrap();
    }

    fn remove(&self, path: &[u8]) {
        self.storage.remove(path).unwrap();
    }

    fn set_modified(&self, path: &[u8], modified: Timestamp) {
        self.storage.set_modified(path, modified).unwrap();
    }

    fn set_executable(&self, path: &[u8]) {
        self.storage.set_executable(path, true).unwrap();
    }

    fn deny(&self, path: &[u8]) -> bool {
        self.storage.set_denied(path, true).unwrap();
        true
    }

    fn takes(&self, _: &[u8]) -> bool {
        true
    }
}

/// A [`MemoryFixture`] behind a [`FaultyStorage`] without faults.
pub(super) struct FaultyFixture {
    inner: MemoryFixture,
    storage: FaultyStorage,
}

impl FaultyFixture {
    pub(super) fn new() -> Self {
        let inner = MemoryFixture::new();
        let storage = FaultyStorage::new(inner.storage.clone(), Faults::seeded(0));
        Self { inner, storage }
    }
}

impl Fixture for FaultyFixture {
    fn storage(&self) -> &dyn Storage {
        &self.storage
    }

    fn root(&self) -> Vec<u8> {
        self.inner.root()
    }

    fn file(&self, path: &[u8], content: &[u8]) {
        self.inner.file(path, content);
    }

    fn folder(&self, path: &[u8]) {
        self.inner.folder(path);
    }

    fn link(&self, path: &[u8], target: &[u8]) {
        self.inner.link(path, target);
    }

    fn special(&self, path: &[u8]) -> bool {
        self.inner.special(path)
    }

    fn write(&self, path: &[u8], content: &[u8]) {
        self.inner.write(path, content);
    }

    fn truncate(&self, path: &[u8], length: usize) {
        self.inner.truncate(path, length);
    }

    fn replace(&self, path: &[u8], content: &[u8]) {
        self.inner.replace(path, content);
    }

    fn remove(&self, path: &[u8]) {
        self.inner.remove(path);
    }

    fn set_modified(&self, path: &[u8], modified: Timestamp) {
        self.inner.set_modified(path, modified);
    }

    fn set_executable(&self, path: &[u8]) {
        self.inner.set_executable(path);
    }

    fn deny(&self, path: &[u8]) -> bool {
        self.inner.deny(path)
    }

    fn takes(&self, name: &[u8]) -> bool {
        self.inner.takes(name)
    }
}

/// A served directory on a simulated disk.
pub(super) struct SimulatedFixture {
    disk: SimulatedDisk,
    storage: LocalStorage,
}

impl SimulatedFixture {
    pub(super) fn new() -> Self {
        let disk = SimulatedDisk::new(0);
        let storage = disk.storage();
        Self { disk, storage }
    }
}

impl Fixture for SimulatedFixture {
    fn storage(&self) -> &dyn Storage {
        &*self.storage
    }

    fn root(&self) -> Vec<u8> {
        SIMULATED_ROOT.to_vec()
    }

    fn file(&self, path: &[u8], content: &[u8]) {
        self.disk.add_file(path, content).unwrap();
    }

    fn folder(&self, path: &[u8]) {
        self.disk.add_folder(path).unwrap();
    }

    fn link(&self, path: &[u8], target: &[u8]) {
        self.disk.add_link(path, target).unwrap();
    }

    fn special(&self, path: &[u8]) -> bool {
        self.disk.add_special(path).unwrap();
        true
    }

    fn write(&self, path: &[u8], content: &[u8]) {
        self.disk.add_file(path, content).unwrap();
    }

    fn truncate(&self, path: &[u8], length: usize) {
        let file = self.storage.open(&super::path(path)).unwrap();
        let mut content = super::read(&*file).unwrap();
        content.truncate(length);
        self.disk.add_file(path, content).unwrap();
    }

    fn replace(&self, path: &[u8], content: &[u8]) {
        self.disk.add_file(b"replacement", content).unwrap();
        self.storage.rename(&super::path(b"replacement"), None, &super::path(path), &Expected::Anything).unwrap();
    }

    fn remove(&self, path: &[u8]) {
        self.disk.remove(path).unwrap();
    }

    fn set_modified(&self, path: &[u8], modified: Timestamp) {
        let executable = self.storage.stat(&super::path(path)).unwrap().executable;
        self.disk.set_attributes(path, modified, executable).unwrap();
    }

    fn set_executable(&self, path: &[u8]) {
        let modified = self.storage.stat(&super::path(path)).unwrap().modified;
        self.disk.set_attributes(path, modified, true).unwrap();
    }

    fn deny(&self, _: &[u8]) -> bool {
        false
    }

    fn takes(&self, _: &[u8]) -> bool {
        true
    }
}
