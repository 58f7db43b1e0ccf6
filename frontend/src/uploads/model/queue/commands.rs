//! What a person does to the queue: pause, resume, cancel, answer.

use super::super::conflict::Decision;
use super::super::item::{Id, Stage};
use super::{Order, Queue};

impl Queue {
    /// Pauses one.
    pub fn pause(&mut self, id: Id) {
        if self.stage(id).is_some_and(Stage::can_pause) {
            self.settle(id, Stage::Paused);
        }
    }

    /// Lets one go on: paused, resting, or failed.
    pub fn resume(&mut self, id: Id) {
        if matches!(self.stage(id), Some(Stage::Paused | Stage::Failed(_) | Stage::Resting(_))) {
            self.edit(id, |item| item.tries = 0);
            self.enqueue(id);
        }
    }

    /// The file of a recalled upload was chosen again.
    pub fn found(&mut self, id: Id) {
        if self.stage(id) == Some(&Stage::Absent) {
            self.enqueue(id);
        }
    }

    /// Gives one up, with what the server has of it; what is finished only leaves the list.
    pub fn cancel(&mut self, id: Id) {
        let Some(item) = self.items.get(id).filter(|item| item.stage != Stage::Canceled) else { return };
        let upload = item.upload.filter(|_| !item.stage.is_over());
        self.settle(id, Stage::Canceled);
        if let Some(upload) = upload {
            self.edit(id, |item| item.upload = None);
            self.orders.push(Order::Discard(upload));
        }
        self.orders.push(Order::Release(id));
        self.shown.retain(|&shown| shown != id);
    }

    /// Pauses all that can be.
    pub fn pause_all(&mut self) {
        self.each(|queue, id| queue.pause(id));
    }

    /// Lets all that is paused go on.
    pub fn resume_all(&mut self) {
        self.each(|queue, id| {
            if queue.stage(id) == Some(&Stage::Paused) {
                queue.resume(id);
            }
        });
    }

    /// Tries all that failed again.
    pub fn retry_all(&mut self) {
        self.each(|queue, id| match queue.stage(id) {
            Some(Stage::Failed(trouble)) if trouble.sends_again() => queue.resume(id),
            _ => {}
        });
    }

    /// How many bytes would have to be sent again after giving up all that is not finished.
    pub fn loses(&self) -> u64 {
        let items = self.shown.iter().map(|&id| &self.items[id]);
        items.filter(|item| !item.stage.is_over()).map(|item| item.sent).sum()
    }

    /// Gives up all that is not finished.
    pub fn cancel_all(&mut self) {
        let unfinished = |queue: &Self, id: Id| !queue.items[id].stage.is_over();
        let (gone, kept) = self.shown.iter().copied().partition::<Vec<_>, _>(|&id| unfinished(self, id));
        // Not one by one: each would look for itself in the list.
        self.shown.clear();
        gone.into_iter().for_each(|id| self.cancel(id));
        self.shown = kept;
    }

    /// Takes what is finished off the list.
    pub fn clear_finished(&mut self) {
        let (gone, kept) = self.shown.iter().copied().partition::<Vec<_>, _>(|&id| self.items[id].stage.is_over());
        self.shown.clear();
        gone.into_iter().for_each(|id| self.cancel(id));
        self.shown = kept;
    }

    /// The file that somebody should be asked about, and how many more of its batch.
    pub fn question(&self) -> Option<(Id, usize)> {
        let first = self.asking.iter().copied().find(|&id| self.is_asking(id))?;
        let batch = self.items[first].batch;
        let same = |&&id: &&Id| self.is_asking(id) && self.items[id].batch == batch;
        Some((first, self.asking.iter().filter(same).count() - 1))
    }

    /// Puts the question about a file first.
    pub fn ask_about(&mut self, id: Id) {
        if self.is_asking(id) {
            self.asking.retain(|&other| other != id);
            self.asking.push_front(id);
            self.version += 1;
        }
    }

    /// Takes an answer, for one file or for all of its batch, those that are asked about later too.
    pub fn decide(&mut self, id: Id, decision: Decision, all: bool) {
        let Some(batch) = self.items.get(id).map(|item| item.batch) else { return };
        if all {
            self.decisions.push((batch, decision));
            let same = self.asking.iter().copied().filter(|&id| self.items[id].batch == batch).collect::<Vec<_>>();
            same.into_iter().for_each(|id| self.apply(id, decision));
        } else {
            self.apply(id, decision);
        }
        self.asking.retain(|&id| matches!(self.items[id].stage, Stage::Asking(_)));
    }
}
