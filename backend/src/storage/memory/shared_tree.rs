//! A tree behind a lock, shared by the views of a storage and the files and uploads that they opened.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::tree::Tree;
use crate::storage::LinkScope;

#[derive(Clone, Debug, Default)]
pub(super) struct SharedTree {
    tree: Arc<Mutex<Tree>>,
    /// How far links lead in this view.
    pub(super) links: LinkScope,
}

impl SharedTree {
    /// The same tree for requests whose links lead no further than `links`.
    pub(super) fn narrowed(&self, links: LinkScope) -> Self {
        Self { tree: Arc::clone(&self.tree), links }
    }

    // A panic while the lock is held has failed the test already, and the tree is consistent after every statement.
    pub(super) fn read(&self) -> MutexGuard<'_, Tree> {
        let mut tree = self.tree.lock().unwrap_or_else(PoisonError::into_inner);
        tree.links = self.links.clone();
        tree
    }

    /// Changes the tree, and then delivers the events: without the lock, because a callback may read the tree.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut Tree) -> T) -> T {
        let mut tree = self.read();
        let result = change(&mut tree);
        let events = tree.watchers.take_queued();
        drop(tree);
        events.into_iter().for_each(|(event, on_event)| on_event(event));
        result
    }
}
