//! A tree behind a lock, shared by the storage and the files and uploads that it opened.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use super::tree::Tree;

#[derive(Clone, Debug, Default)]
pub(super) struct SharedTree(Arc<RwLock<Tree>>);

impl SharedTree {
    // A panic while the lock is held has failed the test already, and the tree is consistent after every statement.
    pub(super) fn read(&self) -> RwLockReadGuard<'_, Tree> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the tree, and then delivers the events: without the lock, because a callback may read the tree.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut Tree) -> T) -> T {
        let mut tree = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let result = change(&mut tree);
        let events = tree.watchers.take_queued();
        drop(tree);
        events.into_iter().for_each(|(event, on_event)| on_event(event));
        result
    }
}
