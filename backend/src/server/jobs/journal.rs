//! The journal of a job, and the progress that its clients see.

use std::time::{Duration, Instant};

use shared::{Outcome, VPath};
use tokio::runtime::Handle;
use tokio::time::timeout;
use tracing::warn;

use super::runner::JobRunner;
use crate::server::clock;
use crate::server::records::jobs::ItemRecord;

/// Time between two reports of progress within an item.
const REPORT_TIME: Duration = Duration::from_millis(100);
/// Pause after a failed write to the journal.
const JOURNAL_PAUSE: Duration = Duration::from_secs(1);

impl JobRunner {
    /// Journals that an item begins, with the path that it is about to give, or with several that it gives one after the
    /// other. The item's work has to follow.
    pub(super) fn begin<'p>(&mut self, index: usize, targets: impl IntoIterator<Item = &'p VPath>) {
        let targets = targets.into_iter().cloned().collect();
        self.unwritten.push(ItemRecord { item: index, targets, outcome: None });
        self.write_journal(false);
        self.begun = Some(index);
    }

    /// Notes the outcome of the present item.
    pub(super) fn end_item(&mut self, outcome: Outcome) {
        self.end_items(vec![outcome]);
    }

    /// Notes the outcomes of the present item and of those that follow it.
    pub(super) fn end_items(&mut self, outcomes: Vec<Outcome>) {
        if outcomes.is_empty() {
            return;
        }
        let records = (self.ended..).zip(&outcomes);
        self.unwritten.extend(records.map(|(item, outcome)| ItemRecord {
            item,
            targets: Vec::new(),
            outcome: Some(outcome.clone()),
        }));
        self.ended += outcomes.len();
        let progress = &mut self.record.progress;
        progress.entries = progress.entries.max(self.ended as u64);
        progress.entries_total = progress.entries_total.max(progress.entries);
        self.record.version += 1;
        if self.reported.elapsed() >= REPORT_TIME {
            self.reported = Instant::now();
            self.write_journal(false);
        }
        let (version, progress) = (self.record.version, self.record.progress);
        self.live.status.send_modify(|job| {
            job.outcomes.extend(outcomes);
            (job.version, job.progress) = (version, progress);
        });
    }

    /// Writes to the journal; after a failure it tries again until it succeeds, because work that is not journalled
    /// could be done twice.
    pub(super) fn write_journal(&mut self, ended: bool) {
        let items = std::mem::take(&mut self.unwritten);
        self.record.version += 1;
        let ended = ended.then(clock::now);
        while let Err(error) = self.records.advance_job(&self.record, &items, ended) {
            warn!(job = %self.record.id, %error, "a job waits: its journal cannot be written to");
            if self.stopping.is_cancelled() || self.live.cancelled.is_cancelled() {
                return;
            }
            // This thread may block; a server that stops wakes it.
            let pause = timeout(JOURNAL_PAUSE, self.stopping.cancelled());
            let _ = Handle::current().block_on(pause);
        }
    }

    /// Adds entries and bytes that are done.
    pub(super) fn count(&mut self, entries: u64, bytes: u64) {
        self.changed |= entries > 0;
        self.advance(entries, bytes);
    }

    /// Adds an entry that is dealt with, without a change of its own.
    pub(super) fn count_unchanged(&mut self) {
        self.advance(1, 0);
    }

    fn advance(&mut self, entries: u64, bytes: u64) {
        let progress = &mut self.record.progress;
        progress.entries += entries;
        progress.bytes += bytes;
        progress.entries_total = progress.entries_total.max(progress.entries);
        progress.bytes_total = progress.bytes_total.max(progress.bytes);
        if self.reported.elapsed() >= REPORT_TIME {
            self.record.version += 1;
            self.report();
        }
    }

    /// Adds entries and bytes that are still to be done.
    pub(super) fn expect(&mut self, entries: u64, bytes: u64) {
        self.record.progress.entries_total += entries;
        self.record.progress.bytes_total += bytes;
    }

    /// Shows the present progress to clients.
    pub(super) fn report(&mut self) {
        self.reported = Instant::now();
        let (version, state, progress) = (self.record.version, self.record.state, self.record.progress);
        self.live.status.send_modify(|job| (job.version, job.state, job.progress) = (version, state, progress));
    }
}
