//! What the uploads come to in all. Kept up to date item by item, so that ten thousand of them cost no more than one.

use super::item::{Group, Item, Stage};
use super::slices::SLICE_BYTES_MIN;

/// Sums over the queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Files that are shown.
    pub files: usize,
    /// Bytes of all that had, or have, to be sent.
    pub bytes: u64,
    /// Of these, bytes that were sent.
    pub sent: u64,
    /// Bytes still to be sent by what goes on by itself.
    pub left: u64,
    /// Files that go on by themselves.
    pub moving: usize,
    /// Files that somebody paused.
    pub paused: usize,
    /// Files that failed.
    pub failed: usize,
    /// Files that wait for somebody's decision.
    pub asking: usize,
    /// Files that must be chosen again.
    pub absent: usize,
    /// Files that are on the server now.
    pub done: usize,
    /// Of these, those that were proved to be the same.
    pub verified: usize,
    /// Files that were there already, the very same.
    pub identical: usize,
    /// Files that somebody chose not to send.
    pub skipped: usize,
    /// Connections in use for files of one request.
    pub small_lanes: usize,
    /// Connections in use for larger ones.
    pub large_lanes: usize,
    /// Comparisons at work.
    pub comparing: usize,
}

impl Tally {
    /// Files that nothing more will happen to.
    pub fn over(&self) -> usize {
        self.done + self.identical + self.skipped
    }

    /// True while bytes could be lost by leaving the page: something is under way, or would be.
    pub fn is_busy(&self) -> bool {
        self.moving + self.paused + self.asking > 0
    }

    /// Files that need a person.
    pub fn stuck(&self) -> usize {
        self.failed + self.asking + self.absent
    }

    /// How much is done, in whole per cent. It says 100 only when nothing is left.
    pub fn percent(&self) -> u8 {
        let over = self.moving + self.paused + self.stuck() == 0;
        if over {
            return 100;
        }
        let ratio = if self.bytes == 0 {
            self.over() as f64 / self.files.max(1) as f64
        } else {
            self.sent as f64 / self.bytes as f64
        };
        ((ratio * 100.0) as u8).min(99)
    }

    pub(super) fn add(&mut self, item: &Item) {
        self.change(item, |figure, by| *figure += by, |figure, by| *figure += by);
    }

    pub(super) fn remove(&mut self, item: &Item) {
        self.change(item, |figure, by| *figure -= by, |figure, by| *figure -= by);
    }

    fn change(&mut self, item: &Item, count: impl Fn(&mut usize, usize), bytes: impl Fn(&mut u64, u64)) {
        let group = item.stage.group();
        if group == Group::Gone {
            return;
        }
        let size = item.chosen.size;
        let sent = if group == Group::Done { size } else { item.sent.min(size) };
        count(&mut self.files, 1);
        if group != Group::Spared {
            bytes(&mut self.bytes, size);
            bytes(&mut self.sent, sent);
        }
        if group == Group::Moving {
            count(&mut self.moving, 1);
            bytes(&mut self.left, size - sent);
        }
        match &item.stage {
            Stage::Paused => count(&mut self.paused, 1),
            Stage::Failed(_) => count(&mut self.failed, 1),
            Stage::Asking(_) => count(&mut self.asking, 1),
            Stage::Absent => count(&mut self.absent, 1),
            Stage::Identical => count(&mut self.identical, 1),
            Stage::Skipped => count(&mut self.skipped, 1),
            Stage::Done(verified) => {
                count(&mut self.done, 1);
                count(&mut self.verified, usize::from(*verified));
            }
            _ => {}
        }
        if item.stage.holds_lane() {
            count(if is_small(size) { &mut self.small_lanes } else { &mut self.large_lanes }, 1);
        }
        count(&mut self.comparing, usize::from(item.stage == Stage::Comparing && item.busy));
    }
}

/// True for a file that one request carries.
pub fn is_small(size: u64) -> bool {
    size <= SLICE_BYTES_MIN
}
