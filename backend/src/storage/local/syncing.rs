//! Syncs of folders, shared: whoever has changed a name in a folder while another sync of it was under way waits for one
//! more, together with everybody else who has. So a hundred files that take their names at the same time cost a few syncs
//! and not a hundred.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::disk::SyncFolder;
use super::metadata::Identity;

/// The folders of which somebody waits for a sync, by device and number.
#[derive(Default)]
pub(super) struct Syncs(Mutex<HashMap<(u64, u64), Arc<Shared>>>);

/// The syncs of one folder, counted from 1.
#[derive(Default)]
struct Shared {
    count: Mutex<Count>,
    ended: Condvar,
}

#[derive(Default)]
struct Count {
    /// How many wait for one, or make it.
    waiting: usize,
    begun: u64,
    ended: u64,
    under_way: bool,
    /// The last one that failed, and how.
    failed: Option<(u64, Failure)>,
}

/// What each of those who waited is told: the kernel says it once.
#[derive(Clone, Copy)]
struct Failure {
    kind: io::ErrorKind,
    number: Option<i32>,
}

impl Syncs {
    /// Makes durable what was done in a folder before this call, by `sync` or by somebody else's that begins later than
    /// now.
    ///
    /// # Errors
    /// What the sync answered; where it was shared, also one that covered nothing of the caller's.
    pub(super) fn sync(&self, folder: Identity, sync: SyncFolder) -> io::Result<()> {
        let folder = (folder.device, folder.inode);
        let (shared, wanted) = {
            let mut folders = self.lock();
            let shared = Arc::clone(folders.entry(folder).or_default());
            let mut count = shared.lock();
            count.waiting += 1;
            // One that is under way may have looked at the folder before the change.
            let wanted = count.begun + 1;
            drop(count);
            (shared, wanted)
        };
        let synced = shared.sync(wanted, sync);
        let mut folders = self.lock();
        let mut count = shared.lock();
        count.waiting -= 1;
        if count.waiting == 0 {
            folders.remove(&folder);
        }
        synced
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(u64, u64), Arc<Shared>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// Waits for that one or a later one, or makes it.
    fn sync(&self, wanted: u64, sync: SyncFolder) -> io::Result<()> {
        let mut count = self.lock();
        while count.ended < wanted && count.under_way {
            count = self.ended.wait(count).unwrap_or_else(PoisonError::into_inner);
        }
        if count.ended >= wanted {
            return match count.failed {
                Some((number, failure)) if number >= wanted => Err(failure.into()),
                _ => Ok(()),
            };
        }
        count.begun += 1;
        count.under_way = true;
        let number = count.begun;
        drop(count);
        let synced = sync();
        let mut count = self.lock();
        (count.under_way, count.ended) = (false, number);
        if let Err(error) = &synced {
            count.failed = Some((number, Failure { kind: error.kind(), number: error.raw_os_error() }));
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
        failure.number.map_or_else(|| failure.kind.into(), Self::from_raw_os_error)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    const FOLDER: Identity = Identity { device: 1, inode: 2 };

    /// Waits until so many callers wait for a sync of the folder or make one.
    fn wait_for(syncs: &Syncs, callers: usize) {
        let waiting = || syncs.lock().get(&(FOLDER.device, FOLDER.inode)).map_or(0, |shared| shared.lock().waiting);
        while waiting() < callers {
            thread::yield_now();
        }
    }

    #[test]
    fn who_comes_while_one_is_under_way_shares_the_next() {
        const LATE: usize = 8;
        let (syncs, calls) = (Arc::new(Syncs::default()), Arc::new(AtomicU64::new(0)));
        let (release, held) = mpsc::channel::<()>();
        let first = {
            let (syncs, calls) = (Arc::clone(&syncs), Arc::clone(&calls));
            thread::spawn(move || {
                syncs.sync(
                    FOLDER,
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
                let (syncs, calls) = (Arc::clone(&syncs), Arc::clone(&calls));
                thread::spawn(move || {
                    syncs.sync(
                        FOLDER,
                        Box::new(move || {
                            calls.fetch_add(1, Ordering::SeqCst);
                            Err(io::Error::from_raw_os_error(5))
                        }),
                    )
                })
            })
            .collect();
        wait_for(&syncs, LATE + 1);
        release.send(()).unwrap();
        assert!(first.join().unwrap().is_ok(), "the first one does not fail with those after it");
        for thread in late {
            assert_eq!(thread.join().unwrap().unwrap_err().raw_os_error(), Some(5));
        }
        assert_eq!(calls.load(Ordering::SeqCst), 2);
        assert!(syncs.lock().is_empty(), "nothing is kept of a folder that nobody waits for");
    }

    #[test]
    fn a_failure_is_forgotten_with_the_next_sync() {
        let syncs = Syncs::default();
        assert!(syncs.sync(FOLDER, Box::new(|| Err(io::ErrorKind::StorageFull.into()))).is_err());
        assert!(syncs.sync(FOLDER, Box::new(|| Ok(()))).is_ok());
    }
}
