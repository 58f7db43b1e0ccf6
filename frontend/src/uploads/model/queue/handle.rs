//! Handles events: those of attempts, and the browser's of the network.

use super::super::item::{Id, OnExisting, Stage};
use super::super::retry_policy::Remedy;
use super::events::{AttemptEvent, Connectivity, Effect};
use super::state::Queue;
use crate::failure::Reason;

impl Queue {
    /// Handles an event of an attempt, unless the attempt is no longer the current one. `now` is in milliseconds.
    pub fn handle(&mut self, id: Id, attempt: u32, event: AttemptEvent, now: f64) {
        if self.items.get(id).is_none_or(|item| item.attempt != attempt || !item.running) {
            return;
        }
        if !matches!(event, AttemptEvent::Failed(Remedy::Reconnect) | AttemptEvent::Hashed(_)) {
            self.connectivity = Connectivity::Online;
        }
        match event {
            AttemptEvent::Created(upload) => {
                self.edit(id, |item| (item.upload, item.sent, item.stored) = (Some(upload), 0, 0));
                self.effects.push(Effect::Save(id));
            }
            AttemptEvent::Sent(bytes) => self.edit(id, |item| {
                item.sent = bytes.min(item.file.size);
                if item.stage == Stage::Verifying {
                    item.stage = Stage::Sending;
                }
            }),
            AttemptEvent::Stored(bytes) => self.edit(id, |item| {
                item.failures = if bytes > item.stored { 0 } else { item.failures };
                (item.sent, item.stored) = (bytes.min(item.file.size), bytes.min(item.file.size));
            }),
            AttemptEvent::Hashed(bytes) => self.edit(id, |item| item.hashed = bytes),
            AttemptEvent::Verifying => self.edit(id, |item| item.stage = Stage::Verifying),
            AttemptEvent::Compared(true) => self.finish(id, Stage::Identical),
            AttemptEvent::Compared(false) => match self.items[id].existing.clone() {
                Some(existing) => self.raise_conflict(id, existing),
                None => self.enqueue(id),
            },
            AttemptEvent::Done(verified) => self.finish(id, Stage::Done(verified)),
            AttemptEvent::Conflict(existing) => self.raise_conflict(id, existing),
            AttemptEvent::TargetFree => {
                self.edit(id, |item| (item.on_existing, item.existing) = (OnExisting::Fail, None));
                self.handle_failure(id, Remedy::Retry(Reason::Changed), now);
            }
            AttemptEvent::Damaged(etag) => self.handle_damage(id, etag),
            AttemptEvent::Failed(remedy) => self.handle_failure(id, remedy, now),
        }
    }

    /// Handles the browser's `online` and `offline` events. `now` is in milliseconds.
    pub fn set_online(&mut self, online: bool, now: f64) {
        match (online, self.connectivity) {
            (false, _) => self.lose_connection(0, f64::INFINITY),
            (true, Connectivity::Lost { failures, .. }) => {
                self.connectivity = Connectivity::Lost { failures, retry_at: now };
            }
            (true, _) => {}
        }
        self.version += 1;
    }
}
