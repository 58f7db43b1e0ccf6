//! How many bytes of replaced files the trash keeps, and when that is too much.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use shared::limits::TRASH_REPLACED_MAX;
use shared::{Timestamp, TrashId};
use tokio::sync::Notify;

use crate::storage::{Keep, Kept, TrashItem};

/// The bound of the replaced files in the trash of each disk, and their number since the last sweep counted them.
#[derive(Debug)]
pub(super) struct KeptFiles {
    bytes_max: u64,
    sums: Mutex<Sums>,
    exceeded: Notify,
}

/// The sum of each disk, by the number of its file system.
type Sums = HashMap<u64, Sum>;

/// Files and their bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Sum {
    files: u64,
    bytes: u64,
}

impl Sum {
    fn add(&mut self, bytes: u64) {
        self.files += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }

    fn exceeds(&self, bytes_max: u64) -> bool {
        self.bytes > bytes_max || self.files > TRASH_REPLACED_MAX
    }
}

impl KeptFiles {
    /// Keeps up to `bytes_max` bytes; none if that is 0.
    pub(super) fn new(bytes_max: u64) -> Self {
        Self { bytes_max, sums: Mutex::default(), exceeded: Notify::new() }
    }

    /// Where the trash keeps a file that is replaced at `now`.
    pub(super) fn keep(&self, id: TrashId, now: Timestamp) -> Keep {
        Keep { id, now, bytes_max: self.bytes_max }
    }

    /// Counts a file that was kept.
    pub(super) fn add(&self, kept: &Kept) {
        let mut sums = self.sums();
        let sum = sums.entry(kept.disk).or_default();
        sum.add(kept.bytes);
        if sum.exceeds(self.bytes_max) {
            self.exceeded.notify_one();
        }
    }

    /// Returns once too much is kept.
    pub(super) async fn exceeded(&self) {
        self.exceeded.notified().await;
    }

    /// Begins to count all kept files, the newest first. Files that are kept meanwhile are counted twice, until the
    /// next sweep.
    pub(super) fn count(&self) -> Count<'_> {
        self.sums().clear();
        Count { files: self, sums: Sums::new() }
    }

    fn sums(&self) -> MutexGuard<'_, Sums> {
        self.sums.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The counting of all kept files.
pub(super) struct Count<'a> {
    files: &'a KeptFiles,
    sums: Sums,
}

impl Count<'_> {
    /// Counts the next item, the newest first. False if it has to go.
    pub(super) fn has_room_for(&mut self, item: &TrashItem) -> bool {
        if !item.replaced {
            return true;
        }
        let sum = self.sums.entry(item.disk).or_default();
        sum.add(item.entry.size);
        let fits = !sum.exceeds(self.files.bytes_max);
        if fits {
            self.files.sums().entry(item.disk).or_default().add(item.entry.size);
        } else {
            // The files are in the order of their age: what comes after this one is older and goes, too.
            sum.bytes = u64::MAX;
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use shared::{Entry, Kind, VPath};

    use super::*;

    fn item(number: u8, size: u64, replaced: bool) -> TrashItem {
        let entry = Entry {
            path: VPath::root(),
            kind: Kind::File,
            size,
            modified: Timestamp(0),
            executable: false,
            link: None,
            etag: None,
        };
        TrashItem { id: TrashId([number; 16]), entry, trashed: Timestamp(0), replaced, disk: 1, connected: true }
    }

    #[test]
    fn the_oldest_replaced_files_go_first_and_deleted_entries_stay() {
        let files = KeptFiles::new(100);
        let mut count = files.count();
        let kept = [(60, true), (500, false), (30, true), (20, true), (1, true), (7, false)]
            .map(|(size, replaced)| count.has_room_for(&item(1, size, replaced)));
        assert_eq!(kept, [true, true, true, false, false, true]);
        assert_eq!(files.sums()[&1], Sum { files: 2, bytes: 90 });
    }

    #[test]
    fn each_disk_has_a_bound_of_its_own() {
        let files = KeptFiles::new(100);
        let mut count = files.count();
        let kept = [(1, 90), (2, 90), (1, 20), (2, 10)]
            .map(|(disk, size)| count.has_room_for(&TrashItem { disk, ..item(1, size, true) }));
        assert_eq!(kept, [true, true, false, true]);
        assert_eq!((files.sums()[&1].bytes, files.sums()[&2].bytes), (90, 100));
    }

    #[tokio::test(start_paused = true)]
    async fn exceeding_the_bound_is_reported() {
        let files = KeptFiles::new(100);
        let is_exceeded =
            async || tokio::time::timeout(std::time::Duration::from_secs(1), files.exceeded()).await.is_ok();
        files.add(&Kept { id: TrashId([1; 16]), bytes: 100, disk: 1 });
        assert!(!is_exceeded().await);
        files.add(&Kept { id: TrashId([2; 16]), bytes: 100, disk: 2 });
        assert!(!is_exceeded().await);
        files.add(&Kept { id: TrashId([3; 16]), bytes: 1, disk: 1 });
        assert!(is_exceeded().await);
    }
}
