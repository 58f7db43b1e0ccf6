//! The steps of the queue: how a file goes from one stage to the next, with the sums and the orders that belong to it.

use shared::ETag;

use super::super::conflict::{Decision, resolve};
use super::super::item::{Id, Item, Rule, Stage, Theirs};
use super::super::retry_policy::{Remedy, Trouble};
use super::super::totals::is_small;
use super::{Link, Order, Queue};
use crate::failure::{Reason, backoff_milliseconds};

/// How many large files may hold a connection each while small ones wait.
const LARGE_LANES: usize = 2;
/// Tries in vain before a file that alone fails is given up.
const TRIES_MAX: u32 = 6;

impl Queue {
    pub(super) fn insert(&mut self, item: Item) -> Id {
        let id = self.items.len();
        self.tally.add(&item);
        self.items.push(item);
        self.shown.push(id);
        self.version += 1;
        id
    }

    pub(super) fn stage(&self, id: Id) -> Option<&Stage> {
        self.items.get(id).map(|item| &item.stage)
    }

    pub(super) fn is_asking(&self, id: Id) -> bool {
        matches!(self.stage(id), Some(Stage::Asking(_)))
    }

    /// The only way an item changes, so that the sums stay right.
    pub(super) fn edit(&mut self, id: Id, change: impl FnOnce(&mut Item)) {
        let Some(item) = self.items.get_mut(id) else { return };
        self.tally.remove(item);
        change(item);
        self.tally.add(item);
        self.version += 1;
    }

    pub(super) fn each(&mut self, act: impl Fn(&mut Self, Id)) {
        let ids = self.shown.clone();
        ids.into_iter().for_each(|id| act(self, id));
    }

    pub(super) fn begin(&mut self, id: Id, stage: Stage) -> u32 {
        self.edit(id, |item| {
            item.stage = stage;
            item.busy = true;
            item.run += 1;
        });
        self.items[id].run
    }

    /// Puts a file into a stage in which no attempt of it is at work.
    pub(super) fn settle(&mut self, id: Id, stage: Stage) {
        if self.items[id].busy {
            self.orders.push(Order::Stop(id));
        }
        self.edit(id, |item| {
            item.stage = stage;
            item.busy = false;
            // What was on its way may not have arrived.
            item.sent = item.kept;
        });
    }

    pub(super) fn finish(&mut self, id: Id, stage: Stage) {
        let upload = self.items[id].upload;
        self.settle(id, stage);
        self.edit(id, |item| (item.upload, item.theirs) = (None, None));
        self.orders.extend(upload.map(Order::Forget));
        self.orders.push(Order::Release(id));
    }

    /// Waits for its turn, or first for the comparison that it still needs.
    pub(super) fn enqueue(&mut self, id: Id) {
        let item = &self.items[id];
        let compares = item.theirs.as_ref().is_some_and(|theirs| theirs.size == item.chosen.size && !theirs.folder);
        let compares = compares && item.rule == Rule::New && item.upload.is_none();
        let size = item.chosen.size;
        self.settle(id, if compares { Stage::Comparing } else { Stage::Waiting });
        match (compares, is_small(size)) {
            (true, _) => self.compare.push_back(id),
            // What has begun goes on before anything else begins.
            (false, true) => self.small.push_back(id),
            (false, false) if self.items[id].sent > 0 => self.large.push_front(id),
            (false, false) => self.large.push_back(id),
        }
    }

    pub(super) fn next_in_line(&mut self) -> Option<Id> {
        let waits = |items: &[Item], id: Option<&Id>| id.is_none_or(|&id| items[id].stage == Stage::Waiting);
        while !waits(&self.items, self.small.front()) {
            self.small.pop_front();
        }
        while !waits(&self.items, self.large.front()) {
            self.large.pop_front();
        }
        let large_first = match (self.small.front(), self.large.front()) {
            (Some(small), Some(large)) => self.tally.large_lanes < LARGE_LANES && large < small,
            (small, _) => small.is_none(),
        };
        if large_first { self.large.pop_front() } else { self.small.pop_front() }
    }

    pub(super) fn ask(&mut self, id: Id, theirs: Theirs) {
        self.edit(id, |item| item.theirs = Some(theirs.clone()));
        // Whoever said "replace all" has not seen the state that this one is in now.
        let late = self.items[id].rule != Rule::New;
        let batch = self.items[id].batch;
        self.settle(id, Stage::Asking(theirs));
        match self.decisions.iter().find(|(of, _)| *of == batch && !late) {
            Some(&(_, decision)) => self.apply(id, decision),
            None => self.asking.push_back(id),
        }
    }

    pub(super) fn apply(&mut self, id: Id, decision: Decision) {
        let Some(Stage::Asking(theirs)) = self.stage(id) else { return };
        match resolve(decision, theirs) {
            Some(rule) => {
                self.edit(id, |item| (item.rule, item.theirs) = (rule, None));
                self.enqueue(id);
            }
            None => {
                let upload = self.items[id].upload;
                self.finish(id, Stage::Skipped);
                self.orders.extend(upload.map(Order::Discard));
            }
        }
    }

    /// What was published is not what was sent. Sending again replaces just that.
    pub(super) fn damaged(&mut self, id: Id, etag: Option<ETag>) {
        let upload = self.items[id].upload;
        self.settle(id, Stage::Failed(Trouble::Damaged));
        self.edit(id, |item| (item.upload, item.sent, item.kept, item.rule) = (None, 0, 0, Rule::Replace(etag)));
        self.orders.extend(upload.map(Order::Forget));
    }

    pub(super) fn failed(&mut self, id: Id, remedy: Remedy, now: f64) {
        let tries = self.items[id].tries;
        match remedy {
            Remedy::Reconnect if self.link == Link::Up && tries >= TRIES_MAX => {
                self.settle(id, Stage::Failed(Trouble::Other(Reason::Unreachable)));
            }
            Remedy::Reconnect => {
                let vain = match self.link {
                    Link::Up => 0,
                    Link::Lost { tries, .. } | Link::Probing { tries } => tries + 1,
                };
                self.edit(id, |item| item.tries += u32::from(vain == 0));
                self.lose_link(vain, now + f64::from(backoff_milliseconds(vain)));
            }
            Remedy::Retry | Remedy::StartOver if tries >= TRIES_MAX => {
                self.settle(id, Stage::Failed(Trouble::Other(Reason::Busy)));
            }
            Remedy::Retry | Remedy::StartOver => {
                let upload = self.items[id].upload.filter(|_| remedy == Remedy::StartOver);
                self.orders.extend(upload.map(Order::Forget));
                self.settle(id, Stage::Resting(now + f64::from(backoff_milliseconds(tries))));
                self.edit(id, |item| {
                    item.tries += 1;
                    if upload.is_some() {
                        (item.upload, item.sent, item.kept) = (None, 0, 0);
                    }
                });
                self.resting.push(id);
            }
            // The attempt looks at what stands there itself; where it could not, the whole is tried again.
            Remedy::Ask => self.failed(id, Remedy::Retry, now),
            Remedy::Tell(trouble) => {
                let upload = self.items[id].upload.filter(|_| trouble == Trouble::Damaged);
                self.settle(id, Stage::Failed(trouble));
                if let Some(upload) = upload {
                    self.edit(id, |item| (item.upload, item.sent, item.kept) = (None, 0, 0));
                    self.orders.push(Order::Discard(upload));
                }
            }
        }
    }

    /// Nothing can go on: all that was at work waits for its turn again.
    pub(super) fn lose_link(&mut self, tries: u32, again: f64) {
        self.link = Link::Lost { tries, again };
        let busy = self.shown.iter().copied().filter(|&id| self.items[id].busy).collect::<Vec<_>>();
        for id in busy.into_iter().rev() {
            self.settle(id, if self.items[id].stage == Stage::Comparing { Stage::Comparing } else { Stage::Waiting });
            match (&self.items[id].stage, is_small(self.items[id].chosen.size)) {
                (Stage::Comparing, _) => self.compare.push_front(id),
                (_, true) => self.small.push_front(id),
                (_, false) => self.large.push_front(id),
            }
        }
    }

    pub(super) fn wake(&mut self, now: f64) {
        if let Link::Lost { tries, again } = self.link
            && again <= now
        {
            self.link = Link::Probing { tries };
            self.version += 1;
        }
        let due = |item: &Item| matches!(item.stage, Stage::Resting(until) if until <= now);
        let rested = self.resting.iter().copied().filter(|&id| due(&self.items[id])).collect::<Vec<_>>();
        self.resting.retain(|&id| matches!(self.items[id].stage, Stage::Resting(_)) && !due(&self.items[id]));
        rested.into_iter().for_each(|id| self.enqueue(id));
    }
}
