//! The watchers of a tree in memory. A change queues its events; they are delivered after the tree is unlocked.

use std::fmt;
use std::sync::Arc;

use super::node::NodeId;
use crate::storage::{WatchEvent, is_state_folder_name};

pub(super) type OnEvent = Arc<dyn Fn(WatchEvent) + Send + Sync>;

/// The watchers, and the events that are not delivered yet.
#[derive(Default)]
pub(super) struct Watchers {
    watched: Vec<Watched>,
    queued: Vec<(WatchEvent, OnEvent)>,
    /// The number of the next watcher.
    next: u64,
}

struct Watched {
    number: u64,
    folder: NodeId,
    on_event: OnEvent,
}

impl Watchers {
    /// Adds a watcher and returns its number.
    pub(super) fn add(&mut self, folder: NodeId, on_event: OnEvent) -> u64 {
        let number = self.next;
        self.next += 1;
        self.watched.push(Watched { number, folder, on_event });
        number
    }

    pub(super) fn remove(&mut self, number: u64) {
        self.watched.retain(|watched| watched.number != number);
    }

    /// Queues the event that the entry of that name has changed.
    pub(super) fn queue_name(&mut self, folder: NodeId, name: &[u8]) {
        if !is_state_folder_name(name) {
            self.queue(folder, || WatchEvent::Name(name.into()));
        }
    }

    /// Queues the event that a node was moved or removed.
    pub(super) fn queue_gone(&mut self, node: NodeId) {
        self.queue(node, || WatchEvent::Gone);
    }

    /// Takes the queued events with their callbacks.
    pub(super) fn take_queued(&mut self) -> Vec<(WatchEvent, OnEvent)> {
        std::mem::take(&mut self.queued)
    }

    fn queue(&mut self, folder: NodeId, event: impl Fn() -> WatchEvent) {
        let watching = self.watched.iter().filter(|watched| watched.folder == folder);
        self.queued.extend(watching.map(|watched| (event(), Arc::clone(&watched.on_event))));
    }
}

impl fmt::Debug for Watchers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Watchers({})", self.watched.len())
    }
}
