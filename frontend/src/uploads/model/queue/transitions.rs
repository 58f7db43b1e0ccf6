//! Transitions between stages, with the effects that belong to them.

use shared::ETag;

use super::super::conflict::resolve;
use super::super::item::{ExistingEntry, Id, Item, OnExisting, Stage};
use super::super::retry_policy::{Remedy, UploadError};
use super::super::totals::is_small;
use super::events::{Connectivity, Effect};
use super::state::Queue;
use crate::failure::{Reason, backoff_milliseconds};
use crate::ui::resolution::Resolution;

/// Failed attempts without progress after which a file is given up, if only that file fails.
const FAILURES_MAX: u32 = 6;

impl Queue {
    /// Starts an attempt and returns its number.
    pub(super) fn begin_attempt(&mut self, id: Id, stage: Stage) -> u32 {
        self.edit(id, |item| {
            item.stage = stage;
            item.running = true;
            item.attempt += 1;
        });
        self.items[id].attempt
    }

    /// Enters a stage without a running attempt; aborts one that runs.
    pub(super) fn stop_at(&mut self, id: Id, stage: Stage) {
        if self.items[id].running {
            self.effects.push(Effect::Abort(id));
        }
        self.edit(id, |item| {
            item.stage = stage;
            item.running = false;
            // Bytes in transit may be lost.
            item.sent = item.stored;
        });
    }

    /// Enters a final stage.
    pub(super) fn finish(&mut self, id: Id, stage: Stage) {
        let upload = self.items[id].upload;
        self.stop_at(id, stage);
        self.edit(id, |item| (item.upload, item.existing) = (None, None));
        self.effects.extend(upload.map(Effect::Forget));
        self.effects.push(Effect::Release(id));
    }

    /// Waits for a connection, or for the comparison that comes before.
    pub(super) fn enqueue(&mut self, id: Id) {
        let item = &self.items[id];
        let same_size =
            item.existing.as_ref().is_some_and(|existing| existing.size == item.file.size && !existing.folder);
        let compares = same_size && item.on_existing == OnExisting::Fail && item.upload.is_none();
        let size = item.file.size;
        self.stop_at(id, if compares { Stage::Comparing } else { Stage::Waiting });
        match (compares, is_small(size)) {
            (true, _) => self.to_compare.push_back(id),
            (false, true) => self.small.push_back(id),
            // A large file that was begun continues before another one begins.
            (false, false) if self.items[id].sent > 0 => self.large.push_front(id),
            (false, false) => self.large.push_back(id),
        }
    }

    /// Applies the user's answer for the batch, or waits for one.
    pub(super) fn raise_conflict(&mut self, id: Id, existing: ExistingEntry) {
        self.edit(id, |item| item.existing = Some(existing.clone()));
        // An entry that changed after the user chose to replace it needs a new answer.
        let changed_since = self.items[id].on_existing != OnExisting::Fail;
        let batch = self.items[id].batch;
        self.stop_at(id, Stage::Conflict(existing));
        match self.resolutions.iter().find(|(of, _)| *of == batch && !changed_since) {
            Some(&(_, resolution)) => self.apply_resolution(id, resolution),
            None => self.conflicts.push_back(id),
        }
    }

    /// Continues an upload with the user's answer to its conflict.
    pub(super) fn apply_resolution(&mut self, id: Id, resolution: Resolution) {
        let Some(Stage::Conflict(existing)) = self.stage(id) else { return };
        match resolve(resolution, existing) {
            Some(on_existing) => {
                self.edit(id, |item| (item.on_existing, item.existing) = (on_existing, None));
                self.enqueue(id);
            }
            None => {
                let upload = self.items[id].upload;
                self.finish(id, Stage::Skipped);
                self.effects.extend(upload.map(Effect::Delete));
            }
        }
    }

    /// Fails an upload that the server published damaged. A retry replaces just that state of the entry.
    pub(super) fn handle_damage(&mut self, id: Id, etag: Option<ETag>) {
        let upload = self.items[id].upload;
        self.stop_at(id, Stage::Failed(UploadError(Reason::Damaged)));
        self.edit(id, |item| {
            (item.upload, item.sent, item.stored) = (None, 0, 0);
            item.on_existing = OnExisting::Replace(etag);
        });
        self.effects.extend(upload.map(Effect::Forget));
    }

    /// Reacts to a failed attempt.
    pub(super) fn handle_failure(&mut self, id: Id, remedy: Remedy, now: f64) {
        let failures = self.items[id].failures;
        match remedy {
            Remedy::Reconnect if self.connectivity == Connectivity::Online && failures >= FAILURES_MAX => {
                self.stop_at(id, Stage::Failed(UploadError(Reason::Unreachable)));
            }
            Remedy::Reconnect => self.reconnect(id, now),
            Remedy::Retry(reason) if failures >= FAILURES_MAX => self.stop_at(id, Stage::Failed(UploadError(reason))),
            Remedy::StartOver if failures >= FAILURES_MAX => {
                self.stop_at(id, Stage::Failed(UploadError(Reason::Expired)));
            }
            Remedy::Retry(_) | Remedy::StartOver => self.back_off(id, remedy == Remedy::StartOver, now),
            // The attempt checks the target itself; if that failed, the whole attempt is retried.
            Remedy::CheckTarget => self.handle_failure(id, Remedy::Retry(Reason::Changed), now),
            Remedy::Fail(error) => self.fail(id, error),
        }
    }

    fn reconnect(&mut self, id: Id, now: f64) {
        let failures = match self.connectivity {
            Connectivity::Online => 0,
            Connectivity::Lost { failures, .. } | Connectivity::Probing { failures } => failures + 1,
        };
        self.edit(id, |item| item.failures += u32::from(failures == 0));
        self.lose_connection(failures, now + f64::from(backoff_milliseconds(failures)));
    }

    fn back_off(&mut self, id: Id, start_over: bool, now: f64) {
        let failures = self.items[id].failures;
        let upload = self.items[id].upload.filter(|_| start_over);
        self.effects.extend(upload.map(Effect::Forget));
        self.stop_at(id, Stage::Backoff(now + f64::from(backoff_milliseconds(failures))));
        self.edit(id, |item| {
            item.failures += 1;
            if upload.is_some() {
                (item.upload, item.sent, item.stored) = (None, 0, 0);
            }
        });
        self.in_backoff.push(id);
    }

    fn fail(&mut self, id: Id, error: UploadError) {
        let damaged = self.items[id].upload.filter(|_| error == UploadError(Reason::Damaged));
        self.stop_at(id, Stage::Failed(error));
        if let Some(upload) = damaged {
            self.edit(id, |item| (item.upload, item.sent, item.stored) = (None, 0, 0));
            self.effects.push(Effect::Delete(upload));
        }
    }

    /// Stops all attempts; their files are the first to continue.
    pub(super) fn lose_connection(&mut self, failures: u32, retry_at: f64) {
        self.connectivity = Connectivity::Lost { failures, retry_at };
        let running = self.shown.iter().copied().filter(|&id| self.items[id].running).collect::<Vec<_>>();
        for id in running.into_iter().rev() {
            self.stop_at(id, if self.items[id].stage == Stage::Comparing { Stage::Comparing } else { Stage::Waiting });
            match (&self.items[id].stage, is_small(self.items[id].file.size)) {
                (Stage::Comparing, _) => self.to_compare.push_front(id),
                (_, true) => self.small.push_front(id),
                (_, false) => self.large.push_front(id),
            }
        }
    }

    /// Ends the waiting times that are over at `now`.
    pub(super) fn wake_due(&mut self, now: f64) {
        if let Connectivity::Lost { failures, retry_at } = self.connectivity
            && retry_at <= now
        {
            self.connectivity = Connectivity::Probing { failures };
            self.version += 1;
        }
        let is_due = |item: &Item| matches!(item.stage, Stage::Backoff(until) if until <= now);
        let due = self.in_backoff.iter().copied().filter(|&id| is_due(&self.items[id])).collect::<Vec<_>>();
        self.in_backoff.retain(|&id| matches!(self.items[id].stage, Stage::Backoff(_)) && !is_due(&self.items[id]));
        due.into_iter().for_each(|id| self.enqueue(id));
    }
}
