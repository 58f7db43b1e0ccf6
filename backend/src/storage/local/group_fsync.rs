//! Directory syncs shared among concurrent writers. A caller that changed a name while another sync of the directory
//! was running waits for the next one, together with all other waiting callers. So a hundred files that are published
//! at the same time cost a few syncs, not a hundred.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::platform::{Identity, SyncDir};

/// The directories for which a caller waits.
#[derive(Default)]
pub(super) struct GroupFsync(Mutex<HashMap<Identity, Arc<Queue>>>);

/// The syncs of one directory, numbered from 1.
#[derive(Default)]
struct Queue {
    count: Mutex<Count>,
    ended: Condvar,
}

#[derive(Default)]
struct Count {
    /// Callers that wait for a sync or run one.
    waiting: usize,
    /// Number of the last sync that has begun.
    begun: u64,
    /// Number of the last sync that has ended.
    ended: u64,
    running: bool,
    /// The last sync that failed.
    failed: Option<(u64, Failure)>,
}

/// An [`io::Error`] that can be given to each waiting caller.
#[derive(Clone, Copy)]
struct Failure {
    kind: io::ErrorKind,
    errno: Option<i32>,
}

impl GroupFsync {
    /// Makes the changes in a directory before this call durable: by `sync`, or by another caller's sync that begins
    /// after this call.
    ///
    /// # Errors
    /// The error of the sync. If it was shared, changes of other callers may be the reason.
    pub(super) fn sync(&self, dir: Identity, sync: SyncDir) -> io::Result<()> {
        let (queue, wanted) = {
            let mut dirs = self.lock();
            let queue = Arc::clone(dirs.entry(dir).or_default());
            let mut count = queue.lock();
            count.waiting += 1;
            // A running sync may have read the directory before the change.
            let wanted = count.begun + 1;
            drop(count);
            (queue, wanted)
        };
        let synced = queue.wait_or_sync(wanted, sync);
        let mut dirs = self.lock();
        let mut count = queue.lock();
        count.waiting -= 1;
        if count.waiting == 0 {
            dirs.remove(&dir);
        }
        synced
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Identity, Arc<Queue>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    /// Waits for the sync with number `wanted` or a later one, and runs it if no other caller does.
    fn wait_or_sync(&self, wanted: u64, sync: SyncDir) -> io::Result<()> {
        let mut count = self.lock();
        while count.ended < wanted && count.running {
            count = self.ended.wait(count).unwrap_or_else(PoisonError::into_inner);
        }
        if count.ended >= wanted {
            return match count.failed {
                Some((number, failure)) if number >= wanted => Err(failure.into()),
                _ => Ok(()),
            };
        }
        count.begun += 1;
        count.running = true;
        let number = count.begun;
        drop(count);
        let synced = sync();
        let mut count = self.lock();
        (count.running, count.ended) = (false, number);
        if let Err(error) = &synced {
            count.failed = Some((number, Failure { kind: error.kind(), errno: error.raw_os_error() }));
        }
        drop(count);
        self.ended.notify_all();
        synced
    }

    fn lock(&self) -> MutexGuard<'_, Count> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<Failure> for io::Error {
    fn from(failure: Failure) -> Self {
        failure.errno.map_or_else(|| failure.kind.into(), Self::from_raw_os_error)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    const DIR: Identity = Identity { device: 1, inode: 2 };

    /// Waits until that many callers wait for a sync or run one.
    fn wait_for(group_fsync: &GroupFsync, callers: usize) {
        let waiting = || group_fsync.lock().get(&DIR).map_or(0, |queue| queue.lock().waiting);
        while waiting() < callers {
            thread::yield_now();
        }
    }

    #[test]
    fn callers_during_a_sync_share_the_next_one() {
        const LATE: usize = 8;
        let (group_fsync, calls) = (Arc::new(GroupFsync::default()), Arc::new(AtomicU64::new(0)));
        let (release, held) = mpsc::channel::<()>();
        let first = {
            let (group_fsync, calls) = (Arc::clone(&group_fsync), Arc::clone(&calls));
            thread::spawn(move || {
                group_fsync.sync(
                    DIR,
                    Box::new(move || {
                        calls.fetch_add(1, Ordering::SeqCst);
                        held.recv().map_err(io::Error::other)
                    }),
                )
            })
        };
        while calls.load(Ordering::SeqCst) == 0 {
            thread::yield_now();
        }
        let late: Vec<_> = (0..LATE)
            .map(|_| {
                let (group_fsync, calls) = (Arc::clone(&group_fsync), Arc::clone(&calls));
                thread::spawn(move || {
                    group_fsync.sync(
                        DIR,
                        Box::new(move || {
                            calls.fetch_add(1, Ordering::SeqCst);
                            Err(io::Error::from_raw_os_error(5))
                        }),
                    )
                })
            })
            .collect();
        wait_for(&group_fsync, LATE + 1);
        release.send(()).unwrap();
        assert!(first.join().unwrap().is_ok(), "a later failure does not reach the first caller");
        for thread in late {
            assert_eq!(thread.join().unwrap().unwrap_err().raw_os_error(), Some(5));
        }
        assert_eq!(calls.load(Ordering::SeqCst), 2);
        assert!(group_fsync.lock().is_empty(), "a directory without waiting callers is forgotten");
    }

    #[test]
    fn a_failure_is_forgotten_with_the_next_sync() {
        let group_fsync = GroupFsync::default();
        assert!(group_fsync.sync(DIR, Box::new(|| Err(io::ErrorKind::StorageFull.into()))).is_err());
        assert!(group_fsync.sync(DIR, Box::new(|| Ok(()))).is_ok());
    }
}
