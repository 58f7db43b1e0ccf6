//! Totals over the queue, updated item by item, so that a change costs the same with ten thousand uploads as with one.

use super::item::{Item, Stage, StageGroup};
use super::slices::SLICE_BYTES_MIN;

/// Totals over the uploads that are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Files.
    pub files: usize,
    /// Bytes of all files but those that need no upload.
    pub bytes: u64,
    /// Bytes of `bytes` that were sent.
    pub sent: u64,
    /// Bytes that the active files still have to send.
    pub remaining: u64,
    /// Files that continue without the user.
    pub active: usize,
    /// Files of `active` that can be paused.
    pub pausable: usize,
    /// Files that the user paused.
    pub paused: usize,
    /// Files that failed.
    pub failed: usize,
    /// Files with a conflict that the user has to resolve.
    pub conflicts: usize,
    /// Files that the user has to select again.
    pub missing: usize,
    /// Files that were uploaded.
    pub done: usize,
    /// Files of `done` whose digest was verified.
    pub verified: usize,
    /// Files that existed already, identical.
    pub identical: usize,
    /// Files that the user chose not to upload.
    pub skipped: usize,
    /// Connections in use for small files.
    pub small_connections: usize,
    /// Connections in use for large files.
    pub large_connections: usize,
    /// Comparisons that run.
    pub comparing: usize,
}

impl Totals {
    /// Files in a final stage.
    pub fn finished(&self) -> usize {
        self.done + self.identical + self.skipped
    }

    /// True if leaving the page would interrupt an upload.
    pub fn is_busy(&self) -> bool {
        self.active + self.paused + self.conflicts > 0
    }

    /// Files that need the user.
    pub fn needs_user(&self) -> usize {
        self.failed + self.conflicts + self.missing
    }

    /// Progress in whole per cent; 100 only when all files are finished.
    pub fn percent(&self) -> u8 {
        if self.active + self.paused + self.needs_user() == 0 {
            return 100;
        }
        let ratio = if self.bytes == 0 {
            self.finished() as f64 / self.files.max(1) as f64
        } else {
            self.sent as f64 / self.bytes as f64
        };
        ((ratio * 100.0) as u8).min(99)
    }

    pub(super) fn add(&mut self, item: &Item) {
        self.change(item, |total, by| *total += by, |total, by| *total += by);
    }

    pub(super) fn remove(&mut self, item: &Item) {
        self.change(item, |total, by| *total -= by, |total, by| *total -= by);
    }

    fn change(&mut self, item: &Item, count: impl Fn(&mut usize, usize), bytes: impl Fn(&mut u64, u64)) {
        let group = item.stage.group();
        if group == StageGroup::Removed {
            return;
        }
        let size = item.file.size;
        let sent = if group == StageGroup::Done { size } else { item.sent.min(size) };
        count(&mut self.files, 1);
        if group != StageGroup::NotNeeded {
            bytes(&mut self.bytes, size);
            bytes(&mut self.sent, sent);
        }
        if group == StageGroup::Active {
            count(&mut self.active, 1);
            count(&mut self.pausable, usize::from(item.stage.can_pause()));
            bytes(&mut self.remaining, size - sent);
        }
        match &item.stage {
            Stage::Paused => count(&mut self.paused, 1),
            Stage::Failed(_) => count(&mut self.failed, 1),
            Stage::Conflict(_) => count(&mut self.conflicts, 1),
            Stage::FileMissing => count(&mut self.missing, 1),
            Stage::Identical => count(&mut self.identical, 1),
            Stage::Skipped => count(&mut self.skipped, 1),
            Stage::Done(verified) => {
                count(&mut self.done, 1);
                count(&mut self.verified, usize::from(*verified));
            }
            _ => {}
        }
        if item.stage.uses_connection() {
            count(if is_small(size) { &mut self.small_connections } else { &mut self.large_connections }, 1);
        }
        count(&mut self.comparing, usize::from(item.stage == Stage::Comparing && item.running));
    }
}

/// True for a file that is sent in one request.
pub fn is_small(size: u64) -> bool {
    size <= SLICE_BYTES_MIN
}
