//! How many bytes of replaced files the trash keeps, and which files it removes beyond that.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use shared::limits::TRASH_REPLACED_MAX;
use shared::{Timestamp, TrashId};
use tokio::sync::Notify;

use super::authority::Owner;
use crate::storage::{Keep, Kept, TrashItem};

/// A sweep leaves this part of each bound free, so that the next replacements need no sweep.
const FREED: u64 = 8;

/// The bound of the replaced files in the trash of each disk, and their number since the last sweep counted them.
#[derive(Debug)]
pub(super) struct KeptFiles {
    bytes_max: u64,
    /// By the number of the disk's file system.
    sums: Mutex<HashMap<u64, Sum>>,
    exceeded: Notify,
}

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

    fn exceeds(&self, max: Self) -> bool {
        self.bytes > max.bytes || self.files > max.files
    }
}

impl KeptFiles {
    /// Keeps up to `bytes_max` bytes; none if that is 0.
    pub(super) fn new(bytes_max: u64) -> Self {
        Self { bytes_max, sums: Mutex::default(), exceeded: Notify::new() }
    }

    /// Where the trash keeps a file that `client`, a caller without an account, or `owner` replaces at `now`.
    pub(super) fn keep(&self, owner: &Owner, client: Option<&str>, id: TrashId, now: Timestamp) -> Keep {
        Keep { id, now, bytes_max: self.bytes_max, owner: owner.returning_who(client).number() }
    }

    /// Counts what the trash keeps since a replacement, and returns the id of its item.
    pub(super) fn count(&self, kept: Option<Kept>) -> Option<TrashId> {
        let Kept { id, bytes, disk } = kept?;
        let mut sums = self.sums();
        let sum = sums.entry(disk).or_default();
        sum.add(bytes);
        if sum.exceeds(self.max()) {
            self.exceeded.notify_one();
        }
        Some(id)
    }

    /// Returns once too much is kept.
    pub(super) async fn exceeded(&self) {
        self.exceeded.notified().await;
    }

    /// Begins to count all kept files. Files that are kept meanwhile are counted twice, until the next sweep.
    pub(super) fn survey(&self) -> Survey {
        self.sums().clear();
        Survey { max: self.max(), files: Vec::new() }
    }

    /// Ends the counting of all kept files, of which these stay.
    pub(super) fn surveyed(&self, stay: &[KeptFile]) {
        let mut sums = self.sums();
        stay.iter().for_each(|file| sums.entry(file.disk).or_default().add(file.bytes));
    }

    fn max(&self) -> Sum {
        Sum { files: TRASH_REPLACED_MAX, bytes: self.bytes_max }
    }

    fn sums(&self) -> MutexGuard<'_, HashMap<u64, Sum>> {
        self.sums.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A kept file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct KeptFile {
    pub(super) id: TrashId,
    pub(super) bytes: u64,
    owner: u64,
    disk: u64,
}

/// All kept files, the newest first.
pub(super) struct Survey {
    max: Sum,
    files: Vec<KeptFile>,
}

impl Survey {
    /// Adds the next item of the trash, the newest first.
    pub(super) fn add(&mut self, item: &TrashItem) {
        // What is on a disk that is not connected stays.
        if item.replaced && item.connected {
            let (bytes, owner) = (item.entry.size, item.owner.unwrap_or_default());
            self.files.push(KeptFile { id: item.id, bytes, owner, disk: item.disk });
        }
    }

    /// Divides the files into those that stay and those that have to go, on each disk for itself.
    pub(super) fn divide(self) -> (Vec<KeptFile>, Vec<KeptFile>) {
        let mut disks = HashMap::<u64, Vec<KeptFile>>::new();
        self.files.into_iter().for_each(|file| disks.entry(file.disk).or_default().push(file));
        let (mut stay, mut go) = (Vec::new(), Vec::new());
        for files in disks.into_values() {
            let (stays, goes) = Self { max: self.max, files }.divide_disk();
            stay.extend(stays);
            go.extend(goes);
        }
        (stay, go)
    }

    /// Nothing goes unless a bound is exceeded; then a part of the bound is freed. Each owner has an equal share, and
    /// the others share what one does not need. So an owner that replaces much loses its own oldest files first. The
    /// newest file stays in any case.
    fn divide_disk(self) -> (Vec<KeptFile>, Vec<KeptFile>) {
        let mut owners = HashMap::<u64, Sum>::new();
        let mut total = Sum::default();
        for file in &self.files {
            owners.entry(file.owner).or_default().add(file.bytes);
            total.add(file.bytes);
        }
        if !total.exceeds(self.max) {
            return (self.files, Vec::new());
        }
        let share = Sum {
            files: fair_share(owners.values().map(|sum| sum.files).collect(), self.max.files - self.max.files / FREED),
            bytes: fair_share(owners.values().map(|sum| sum.bytes).collect(), self.max.bytes - self.max.bytes / FREED),
        };
        let (mut counted, mut is_newest) = (HashMap::<u64, Sum>::new(), true);
        self.files.into_iter().partition(|file| {
            let sum = counted.entry(file.owner).or_default();
            sum.add(file.bytes);
            let stays = std::mem::take(&mut is_newest) || !sum.exceeds(share);
            if !stays {
                // What comes after is older, and goes as well.
                sum.bytes = u64::MAX;
            }
            stays
        })
    }
}

/// The largest bound for each owner with which all of them together fit into `available`.
fn fair_share(mut sums: Vec<u64>, available: u64) -> u64 {
    sums.sort_unstable();
    let (mut left, mut owners) = (available, sums.len() as u64);
    for sum in sums {
        let share = left / owners;
        if sum > share {
            return share;
        }
        (left, owners) = (left - sum, owners - 1);
    }
    u64::MAX
}

#[cfg(test)]
mod tests {
    use shared::{Entry, Kind, VPath};

    use super::*;

    fn item(number: u8, owner: u64, size: u64, replaced: bool) -> TrashItem {
        let entry = Entry {
            path: VPath::root(),
            kind: Kind::File,
            size,
            modified: Timestamp(0),
            executable: false,
            link: None,
            etag: None,
        };
        TrashItem {
            id: TrashId([number; 16]),
            entry,
            trashed: Timestamp(0),
            replaced,
            owner: Some(owner),
            disk: 1,
            connected: true,
        }
    }

    /// The sizes of the files that stay, of those with these owners and sizes, the newest first.
    fn staying(bytes_max: u64, items: &[(u64, u64)]) -> Vec<u64> {
        let files = KeptFiles::new(bytes_max);
        let mut survey = files.survey();
        items.iter().for_each(|(owner, size)| survey.add(&item(1, *owner, *size, true)));
        survey.divide().0.into_iter().map(|file| file.bytes).collect()
    }

    #[test]
    fn the_oldest_replaced_files_go_until_a_part_of_the_bound_is_free() {
        assert_eq!(staying(80, &[(1, 40), (1, 30), (1, 10)]), [40, 30, 10]);
        assert_eq!(staying(80, &[(1, 40), (1, 30), (1, 8), (1, 3)]), [40, 30]);
        assert_eq!(staying(80, &[(1, 10), (1, 60), (1, 1), (1, 10)]), [10, 60]);
        // What is older than a file that goes does not stay in its place.
        assert_eq!(staying(80, &[(1, 10), (1, 70), (1, 1)]), [10]);
        assert_eq!(staying(80, &[(1, 79), (1, 5)]), [79]);
        assert_eq!(staying(0, &[]), [0; 0]);
    }

    #[test]
    fn an_owner_loses_what_is_beyond_its_share_and_not_the_files_of_others() {
        let many = [(1, 10); 9];
        assert_eq!(staying(80, &[&many[..], &[(2, 5), (3, 20)]].concat()), [10, 10, 10, 10, 5, 20]);
        // Equal shares where each owner wants more.
        assert_eq!(staying(80, &[(1, 30), (2, 31), (1, 5), (2, 4), (1, 20)]), [30, 31, 5, 4]);
    }

    #[test]
    fn each_disk_has_a_bound_of_its_own_and_an_absent_one_keeps_all() {
        let files = KeptFiles::new(80);
        let mut survey = files.survey();
        for (disk, size, connected) in [(1, 70, true), (2, 70, true), (1, 20, true), (2, 10, true), (3, 900, false)] {
            survey.add(&TrashItem { disk, connected, ..item(1, 1, size, true) });
        }
        let (stay, go) = survey.divide();
        files.surveyed(&stay);
        assert_eq!(go.iter().map(|file| (file.disk, file.bytes)).collect::<Vec<_>>(), [(1, 20)]);
        let sums = files.sums();
        assert_eq!((sums[&1].bytes, sums[&2].bytes), (70, 80));
    }

    #[test]
    fn deleted_entries_do_not_count() {
        let files = KeptFiles::new(100);
        let mut survey = files.survey();
        for (number, size, replaced) in [(1, 60, true), (2, 500, false), (3, 30, true)] {
            survey.add(&item(number, 1, size, replaced));
        }
        let (stay, go) = survey.divide();
        assert_eq!((stay.len(), go.len()), (2, 0));
    }

    #[test]
    fn the_number_of_files_is_bounded_as_well() {
        let files = KeptFiles::new(u64::MAX);
        let mut survey = files.survey();
        (0..=TRASH_REPLACED_MAX).for_each(|_| survey.add(&item(1, 1, 0, true)));
        let (stay, go) = survey.divide();
        assert_eq!(stay.len() as u64, TRASH_REPLACED_MAX - TRASH_REPLACED_MAX / FREED);
        assert_eq!((stay.len() + go.len()) as u64, TRASH_REPLACED_MAX + 1);
    }

    #[tokio::test(start_paused = true)]
    async fn exceeding_the_bound_is_reported() {
        let files = KeptFiles::new(100);
        let is_exceeded =
            async || tokio::time::timeout(std::time::Duration::from_secs(1), files.exceeded()).await.is_ok();
        assert_eq!(files.count(None), None);
        let kept = |number, bytes| Some(Kept { id: TrashId([number; 16]), bytes, disk: 1 });
        assert_eq!(files.count(kept(1, 100)), Some(TrashId([1; 16])));
        assert!(!is_exceeded().await);
        files.count(kept(2, 1));
        assert!(is_exceeded().await);
    }
}
