//! Locks for single names, for replacements that wait for the disk between their look and their rename. Without them
//! each attempt of one caller changes the old file for the others, and none of many may succeed.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::storage::local::platform::Identity;

/// A folder and a name in it.
type Place = (Identity, Box<[u8]>);

/// The names that are locked or waited for. A name that a file system spells in several ways has several locks.
#[derive(Default)]
pub(super) struct NameLocks(Mutex<HashMap<Place, Queue>>);

/// The callers of one name, in the order of their calls.
#[derive(Default)]
struct Queue {
    /// The number of the next caller.
    next: u64,
    /// The number of the caller that has the lock.
    serving: u64,
    released: Arc<Condvar>,
}

/// A lock of one name, until it is dropped.
pub(super) struct NameLock<'l> {
    locks: &'l NameLocks,
    place: Place,
    /// True if another caller had the lock: what was seen of the name before may have changed.
    pub(super) waited: bool,
}

impl NameLocks {
    /// Waits until no earlier caller has the lock of this name. It is taken before
    /// [`super::private_dir::PrivateDir::moving`] and the locks of folders. A caller that takes several takes them in
    /// the order of their names in one folder; each other caller has one at most. So no two callers block each other.
    pub(super) fn lock(&self, folder: Identity, name: &[u8]) -> NameLock<'_> {
        let place: Place = (folder, name.into());
        let mut queues = self.queues();
        let queue = queues.entry(place.clone()).or_default();
        let number = queue.next;
        queue.next += 1;
        let waited = queue.serving != number;
        if waited {
            let released = Arc::clone(&queue.released);
            let is_later = |queues: &mut HashMap<Place, Queue>| queues[&place].serving != number;
            drop(released.wait_while(queues, is_later).unwrap_or_else(PoisonError::into_inner));
        }
        NameLock { locks: self, place, waited }
    }

    fn queues(&self) -> MutexGuard<'_, HashMap<Place, Queue>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl NameLock<'_> {
    /// Whether this is the lock of that name.
    pub(super) fn is_of(&self, folder: Identity, name: &[u8]) -> bool {
        self.place.0 == folder && *self.place.1 == *name
    }
}

impl Drop for NameLock<'_> {
    fn drop(&mut self) {
        let mut queues = self.locks.queues();
        let Some(queue) = queues.get_mut(&self.place) else { return };
        queue.serving += 1;
        if queue.serving == queue.next {
            queues.remove(&self.place);
        } else {
            queue.released.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    const FOLDER: Identity = Identity { device: 1, inode: 2 };

    /// Waits until that many callers have the lock of `name` or wait for it.
    fn wait_for(locks: &NameLocks, name: &[u8], callers: u64) {
        let count = || locks.queues().get(&(FOLDER, name.into())).map_or(0, |queue| queue.next - queue.serving);
        while count() < callers {
            thread::yield_now();
        }
    }

    #[test]
    fn callers_of_one_name_have_the_lock_in_the_order_of_their_calls() {
        let locks = NameLocks::default();
        let (ended, order) = mpsc::channel();
        thread::scope(|scope| {
            let first = locks.lock(FOLDER, b"name");
            assert!(!first.waited && first.is_of(FOLDER, b"name") && !first.is_of(FOLDER, b"other"));
            for number in 0..4 {
                let (locks, ended) = (&locks, ended.clone());
                scope.spawn(move || {
                    let lock = locks.lock(FOLDER, b"name");
                    ended.send((number, lock.waited)).unwrap();
                });
                wait_for(locks, b"name", number + 2);
            }
            assert!(!locks.lock(FOLDER, b"other").waited, "a lock of another name waits");
            drop(first);
        });
        assert_eq!(order.try_iter().collect::<Vec<_>>(), [(0, true), (1, true), (2, true), (3, true)]);
        assert!(locks.queues().is_empty(), "names stay that no caller needs");
    }
}
