//! The uploads of this page and what each of them does next. Decides only: it is told what happened, and gives orders
//! that the engine carries out.

mod commands;
mod steps;

use std::collections::VecDeque;

use shared::{ETag, UploadId};

use super::conflict::Decision;
use super::item::{Batch, Chosen, Id, Item, Rule, Stage, Theirs};
use super::retry_policy::{Remedy, Trouble};
use super::totals::Tally;

/// Files sent at a time. A browser opens six connections to a server at most (HTTP/1.1), and what happens and the
/// lists need one each.
pub const LANES: usize = 4;
/// Small files that are read before their turn comes: as many again as are sent.
const AHEAD: usize = LANES;
/// Files compared at a time.
const COMPARISONS: usize = 2;

/// What is to be done outside.
#[derive(Clone, Debug, PartialEq)]
pub enum Order {
    /// End the attempt of that file.
    Stop(Id),
    /// Tell the server to drop those bytes, and forget them here.
    Discard(UploadId),
    /// Remember the upload, so that it can go on after the page was loaded again.
    Remember(Id),
    /// It is over, or of no more use: forget it.
    Forget(UploadId),
    /// The browser's file is no longer needed.
    Release(Id),
}

/// What an attempt says.
#[derive(Clone, Debug, PartialEq)]
pub enum Report {
    /// The server gave it an address.
    Created(UploadId),
    /// So many bytes were handed over in all.
    Sent(u64),
    /// So many bytes are durable at the server.
    Kept(u64),
    /// So many bytes were hashed.
    Hashed(u64),
    /// The hash is waited for, until more is sent or the end.
    Verifying,
    /// The file there is the same, or is not.
    Compared(bool),
    /// It is a file of the server; true if that was proved to be the same.
    Done(bool),
    /// Something stands at the target, as somebody has to hear.
    Conflict(Theirs),
    /// What stood at the target, and was to be replaced, is gone.
    Cleared,
    /// It is a file of the server, but not the same as the one here; with the state that it is in.
    Damaged(Option<ETag>),
    /// The attempt failed.
    Failed(Remedy),
}

/// Whether the server is within reach.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Link {
    /// It answers.
    Up,
    /// It does not; it is asked again at that time, in milliseconds.
    Lost {
        /// Tries in vain.
        tries: u32,
        /// When.
        again: f64,
    },
    /// It is being asked.
    Probing {
        /// Tries in vain before.
        tries: u32,
    },
}

/// The uploads.
#[derive(Debug)]
pub struct Queue {
    items: Vec<Item>,
    shown: Vec<Id>,
    /// Which may be started, in the order of their coming; some may no longer be waiting.
    small: VecDeque<Id>,
    large: VecDeque<Id>,
    compare: VecDeque<Id>,
    resting: Vec<Id>,
    asking: VecDeque<Id>,
    decisions: Vec<(Batch, Decision)>,
    orders: Vec<Order>,
    tally: Tally,
    link: Link,
    /// Counts what changed, so that those who show it know whether to look.
    version: u64,
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            shown: Vec::new(),
            small: VecDeque::new(),
            large: VecDeque::new(),
            compare: VecDeque::new(),
            resting: Vec::new(),
            asking: VecDeque::new(),
            decisions: Vec::new(),
            orders: Vec::new(),
            tally: Tally::default(),
            link: Link::Up,
            version: 0,
        }
    }
}

impl Queue {
    /// The file with that id.
    pub fn get(&self, id: Id) -> Option<&Item> {
        self.items.get(id)
    }

    /// What is shown, in the order of coming.
    pub fn shown(&self) -> &[Id] {
        &self.shown
    }

    /// What it comes to in all.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Whether the server is within reach.
    pub fn link(&self) -> Link {
        self.link
    }

    /// Counts up with each change.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// What is to be done outside since this was asked last.
    pub fn take_orders(&mut self) -> Vec<Order> {
        std::mem::take(&mut self.orders)
    }

    /// Takes a file in. What was finished leaves the list when something new comes to an idle queue.
    pub fn add(&mut self, chosen: Chosen, batch: Batch) -> Id {
        if !self.tally.is_busy() && self.tally.over() > 0 {
            self.clear_finished();
        }
        self.insert(Item::new(chosen, batch))
    }

    /// Takes in an upload of an earlier page, of whose file only the name is left.
    pub fn recall(&mut self, chosen: Chosen, batch: Batch, upload: UploadId, sent: u64) -> Id {
        let sent = sent.min(chosen.size);
        let item = Item { stage: Stage::Absent, upload: Some(upload), sent, kept: sent, ..Item::new(chosen, batch) };
        self.insert(item)
    }

    /// The recalled upload that a chosen file continues. With a target, only one that goes there.
    pub fn continued_by(&self, chosen: &Chosen, anywhere: bool) -> Option<Id> {
        // Most of the time there is none, and ten thousand files that are chosen at once need not look for it.
        if self.tally.absent == 0 {
            return None;
        }
        let same = |item: &Item| {
            let (one, other) = (&item.chosen, chosen);
            let target = if anywhere { one.target.name() == other.target.name() } else { one.target == other.target };
            item.stage == Stage::Absent && target && one.size == other.size && one.modified == other.modified
        };
        self.shown.iter().copied().find(|&id| same(&self.items[id]))
    }

    /// What stands at a planned file's target is known.
    pub fn judge(&mut self, id: Id, theirs: Option<Theirs>) {
        match (self.stage(id), theirs) {
            (Some(Stage::Planned), None) => self.enqueue(id),
            (Some(Stage::Planned), Some(theirs)) => {
                let same_size = !theirs.folder && theirs.size == self.items[id].chosen.size;
                self.edit(id, |item| item.theirs = Some(theirs.clone()));
                match same_size {
                    true => self.enqueue(id),
                    false => self.ask(id, theirs),
                }
            }
            _ => {}
        }
    }

    /// The next file to send, with the number of the attempt.
    pub fn start(&mut self, now: f64) -> Option<(Id, u32)> {
        self.wake(now);
        let lanes = match self.link {
            Link::Up => LANES,
            Link::Probing { .. } => 1,
            Link::Lost { .. } => 0,
        };
        if self.tally.small_lanes + self.tally.large_lanes >= lanes {
            return None;
        }
        let id = self.next_in_line()?;
        Some((id, self.begin(id, Stage::Sending)))
    }

    /// The small files whose turn comes next, as far as they can be told: what is read ahead of its turn waits less.
    pub fn upcoming(&self) -> impl Iterator<Item = Id> + '_ {
        let wait = |id: &Id| self.stage(*id) == Some(&Stage::Waiting);
        self.small.iter().copied().filter(wait).take(if self.link == Link::Up { AHEAD } else { 0 })
    }

    /// The next file to compare, with the number of the attempt.
    pub fn start_comparison(&mut self) -> Option<(Id, u32)> {
        if self.link != Link::Up || self.tally.comparing >= COMPARISONS {
            return None;
        }
        loop {
            let id = self.compare.pop_front()?;
            if self.stage(id) == Some(&Stage::Comparing) && !self.items[id].busy {
                return Some((id, self.begin(id, Stage::Comparing)));
            }
        }
    }

    /// When to look again although nothing happened, in milliseconds.
    pub fn next_wake(&self) -> Option<f64> {
        let link = match self.link {
            Link::Lost { again, .. } if again.is_finite() => Some(again),
            _ => None,
        };
        let rests = self.resting.iter().filter_map(|&id| match self.items[id].stage {
            Stage::Resting(until) => Some(until),
            _ => None,
        });
        rests.chain(link).reduce(f64::min)
    }

    /// Takes in what an attempt says, unless it is an attempt of the past.
    pub fn report(&mut self, id: Id, run: u32, report: Report, now: f64) {
        if self.items.get(id).is_none_or(|item| item.run != run || !item.busy) {
            return;
        }
        if !matches!(report, Report::Failed(Remedy::Reconnect) | Report::Hashed(_)) {
            self.link = Link::Up;
        }
        match report {
            Report::Created(upload) => {
                self.edit(id, |item| (item.upload, item.sent, item.kept) = (Some(upload), 0, 0));
                self.orders.push(Order::Remember(id));
            }
            Report::Sent(bytes) => self.edit(id, |item| {
                item.sent = bytes.min(item.chosen.size);
                if item.stage == Stage::Verifying {
                    item.stage = Stage::Sending;
                }
            }),
            Report::Kept(bytes) => self.edit(id, |item| {
                item.tries = if bytes > item.kept { 0 } else { item.tries };
                (item.sent, item.kept) = (bytes.min(item.chosen.size), bytes.min(item.chosen.size));
            }),
            Report::Hashed(bytes) => self.edit(id, |item| item.hashed = bytes),
            Report::Verifying => self.edit(id, |item| item.stage = Stage::Verifying),
            Report::Compared(true) => self.finish(id, Stage::Identical),
            Report::Compared(false) => match self.items[id].theirs.clone() {
                Some(theirs) => self.ask(id, theirs),
                None => self.enqueue(id),
            },
            Report::Done(verified) => self.finish(id, Stage::Done(verified)),
            Report::Conflict(theirs) => self.ask(id, theirs),
            Report::Cleared => {
                self.edit(id, |item| (item.rule, item.theirs) = (Rule::New, None));
                self.failed(id, Remedy::Retry, now);
            }
            Report::Damaged(etag) => self.damaged(id, etag),
            Report::Failed(remedy) => self.failed(id, remedy, now),
        }
    }

    /// A planned file cannot be sent at all.
    pub fn refuse(&mut self, id: Id, trouble: Trouble) {
        if self.stage(id) == Some(&Stage::Planned) {
            self.settle(id, Stage::Failed(trouble));
        }
    }

    /// The browser says whether there is a network at all.
    pub fn set_online(&mut self, online: bool, now: f64) {
        match (online, self.link) {
            (false, _) => self.lose_link(0, f64::INFINITY),
            (true, Link::Lost { tries, .. }) => self.link = Link::Lost { tries, again: now },
            (true, _) => {}
        }
        self.version += 1;
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests;
