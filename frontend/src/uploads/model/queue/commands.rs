//! The user's commands: pause, resume, cancel, resolve conflicts.

use super::super::item::{Id, Stage};
use super::events::Effect;
use super::state::Queue;
use crate::ui::resolution::Resolution;

impl Queue {
    /// Pauses an upload.
    pub fn pause(&mut self, id: Id) {
        if self.stage(id).is_some_and(Stage::can_pause) {
            self.stop_at(id, Stage::Paused);
        }
    }

    /// Resumes an upload that is paused or waits after a failure, and retries a failed one.
    pub fn resume(&mut self, id: Id) {
        if matches!(self.stage(id), Some(Stage::Paused | Stage::Failed(_) | Stage::Backoff(_))) {
            self.edit(id, |item| item.failures = 0);
            self.enqueue(id);
        }
    }

    /// Cancels an upload and deletes its bytes at the server; a finished upload only leaves the list.
    pub fn cancel(&mut self, id: Id) {
        let Some(item) = self.items.get(id).filter(|item| item.stage != Stage::Canceled) else { return };
        let upload = item.upload.filter(|_| !item.stage.is_final());
        self.stop_at(id, Stage::Canceled);
        if let Some(upload) = upload {
            self.edit(id, |item| item.upload = None);
            self.effects.push(Effect::Delete(upload));
        }
        self.effects.push(Effect::Release(id));
        self.shown.retain(|&shown| shown != id);
    }

    /// Pauses every upload that can be paused.
    pub fn pause_all(&mut self) {
        self.for_each_shown(|queue, id| queue.pause(id));
    }

    /// Resumes every paused upload.
    pub fn resume_all(&mut self) {
        self.for_each_shown(|queue, id| {
            if queue.stage(id) == Some(&Stage::Paused) {
                queue.resume(id);
            }
        });
    }

    /// Retries every failed upload for which a retry may succeed.
    pub fn retry_all(&mut self) {
        self.for_each_shown(|queue, id| match queue.stage(id) {
            Some(Stage::Failed(error)) if error.can_retry() => queue.resume(id),
            _ => {}
        });
    }

    /// Bytes that cancelling all unfinished uploads would waste.
    pub fn unfinished_bytes(&self) -> u64 {
        let items = self.shown.iter().map(|&id| &self.items[id]);
        items.filter(|item| !item.stage.is_final()).map(|item| item.sent).sum()
    }

    /// Cancels every unfinished upload.
    pub fn cancel_all(&mut self) {
        self.cancel_shown(|stage| !stage.is_final());
    }

    /// Removes the finished uploads from the list.
    pub fn clear_finished(&mut self) {
        self.cancel_shown(Stage::is_final);
    }

    fn cancel_shown(&mut self, is_removed: impl Fn(&Stage) -> bool) {
        let (removed, kept) =
            self.shown.iter().copied().partition::<Vec<_>, _>(|&id| is_removed(&self.items[id].stage));
        // An empty list keeps `cancel` from searching it for each upload, which would take quadratic time.
        self.shown.clear();
        removed.into_iter().for_each(|id| self.cancel(id));
        self.shown = kept;
    }

    /// The upload whose conflict the user is asked about, and the number of further conflicts in its batch.
    pub fn current_conflict(&self) -> Option<(Id, usize)> {
        let first = self.conflicts.iter().copied().find(|&id| self.has_conflict(id))?;
        let batch = self.items[first].batch;
        let same_batch = |&&id: &&Id| self.has_conflict(id) && self.items[id].batch == batch;
        Some((first, self.conflicts.iter().filter(same_batch).count() - 1))
    }

    /// Makes the conflict of an upload the current one.
    pub fn show_conflict(&mut self, id: Id) {
        if self.has_conflict(id) {
            self.conflicts.retain(|&other| other != id);
            self.conflicts.push_front(id);
            self.version += 1;
        }
    }

    /// Resolves the conflict of an upload, or with `all` every conflict of its batch, including later ones.
    pub fn resolve(&mut self, id: Id, resolution: Resolution, all: bool) {
        let Some(batch) = self.items.get(id).map(|item| item.batch) else { return };
        if all {
            self.resolutions.push((batch, resolution));
            let of_batch = self.conflicts.iter().copied().filter(|&id| self.items[id].batch == batch);
            of_batch.collect::<Vec<_>>().into_iter().for_each(|id| self.apply_resolution(id, resolution));
        } else {
            self.apply_resolution(id, resolution);
        }
        self.conflicts.retain(|&id| matches!(self.items[id].stage, Stage::Conflict(_)));
    }
}
