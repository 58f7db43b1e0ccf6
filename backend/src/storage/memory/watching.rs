//! Who watches which folder of a tree in memory. Whoever changes the tree notes here what happened; it is told once the
//! tree is unlocked.

use std::fmt;
use std::sync::Arc;

use shared::VPath;

use super::{MemoryStorage, NodeId, Place, Trail};
use crate::storage::{StorageError, WatchEvent, WatchHandle, is_state_folder_name};

type Tell = Arc<dyn Fn(WatchEvent) + Send + Sync>;

/// Those who watch, and what they were not yet told.
#[derive(Default)]
pub(super) struct Watchers {
    watched: Vec<Watched>,
    untold: Vec<(WatchEvent, Tell)>,
    /// The number that the next watcher gets.
    next: u64,
}

struct Watched {
    number: u64,
    folder: NodeId,
    tell: Tell,
}

impl Watchers {
    /// Something happened under that name.
    pub(super) fn tell(&mut self, folder: NodeId, name: &[u8]) {
        if !is_state_folder_name(name) {
            self.note(folder, || WatchEvent::Name(name.into()));
        }
    }

    /// That node has left its place.
    pub(super) fn tell_gone(&mut self, node: NodeId) {
        self.note(node, || WatchEvent::Gone);
    }

    /// What is to be told, and to whom.
    pub(super) fn take_untold(&mut self) -> Vec<(WatchEvent, Tell)> {
        std::mem::take(&mut self.untold)
    }

    fn note(&mut self, folder: NodeId, notice: impl Fn() -> WatchEvent) {
        let concerned = self.watched.iter().filter(|watched| watched.folder == folder);
        self.untold.extend(concerned.map(|watched| (notice(), Arc::clone(&watched.tell))));
    }
}

impl fmt::Debug for Watchers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Watchers({})", self.watched.len())
    }
}

struct MemoryWatching {
    storage: MemoryStorage,
    number: u64,
}

impl WatchHandle for MemoryWatching {}

impl Drop for MemoryWatching {
    fn drop(&mut self) {
        self.storage.with_tree(|tree| tree.watchers.watched.retain(|watched| watched.number != self.number));
    }
}

impl MemoryStorage {
    pub(super) fn watch_folder(
        &self,
        folder: &VPath,
        notice: Box<dyn Fn(WatchEvent) + Send + Sync>,
    ) -> Result<Box<dyn WatchHandle>, StorageError> {
        let number = self.with_tree(|tree| {
            let folder = tree.walk(Place::root(), Trail::along(folder))?.node();
            tree.children(folder)?;
            let number = tree.watchers.next;
            tree.watchers.next += 1;
            tree.watchers.watched.push(Watched { number, folder, tell: Arc::from(notice) });
            Ok::<_, StorageError>(number)
        })?;
        Ok(Box::new(MemoryWatching { storage: self.clone(), number }))
    }
}
