//! `UploadState`: the queue with the browser's objects that belong to its items, and the effects that the queue orders.

#![cfg(target_arch = "wasm32")]

use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;

use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::task::spawn_local;
use wasm_bindgen::JsValue;
use web_sys::{AbortController, File};

use super::attempt::Attempt;
use super::hasher::{Hasher, PendingHash};
use super::idempotency_keys::IdempotencyKeys;
use super::model::announcements::MilestoneTracker;
use super::model::saved_upload::{HEARTBEAT_MILLISECONDS, SavedUpload};
use super::model::slices::BodyLimit;
use super::model::speed::SpeedMeter;
use super::model::{AttemptEvent, Batch, Effect, Id, Queue};
use super::published::Published;
use super::{file_handles, persistence, single_request, tus};
use crate::env::{clock, now};

/// The queue, the files, and the running attempts.
#[derive(Default)]
pub(super) struct UploadState {
    pub(super) queue: Queue,
    pub(super) files: HashMap<Id, File>,
    /// The handles of dropped files (`FileSystemFileHandle`) until their uploads are saved.
    pub(super) handles: HashMap<Id, JsValue>,
    pub(super) attempts: HashMap<Id, AbortController>,
    read_ahead: HashMap<Id, ReadAhead>,
    pub(super) keys: IdempotencyKeys,
    hasher: Hasher,
    /// What a proxy in front of the server takes.
    body_limit: Rc<Cell<BodyLimit>>,
    pub(super) speed: SpeedMeter,
    pub(super) milestones: MilestoneTracker,
    /// Number of the last batch.
    pub(super) batches: Batch,
    /// True if a frame is due to show the queue.
    pub(super) frame_due: bool,
    /// Runs the queue when the next waiting time is over.
    pub(super) timer: Option<TimeoutHandle>,
    last_heartbeat: f64,
    /// The version of the queue that was shown last.
    pub(super) shown_version: u64,
    /// When it was shown, in milliseconds.
    pub(super) shown_at: f64,
}

/// A small file that is read while it waits for a connection.
struct ReadAhead {
    controller: AbortController,
    hash: PendingHash,
}

impl UploadState {
    /// Performs the effects that the queue ordered.
    pub(super) fn perform_effects(&mut self) {
        for effect in self.queue.take_effects() {
            match effect {
                Effect::Abort(id) => {
                    if let Some(attempt) = self.attempts.remove(&id) {
                        attempt.abort();
                    }
                }
                Effect::Delete(upload) => {
                    persistence::forget(upload);
                    file_handles::forget(upload);
                    spawn_local(tus::delete(upload));
                }
                Effect::Forget(upload) => {
                    persistence::forget(upload);
                    file_handles::forget(upload);
                }
                Effect::Save(id) => self.save(id),
                Effect::Release(id) => self.release(id),
            }
        }
    }

    fn save(&mut self, id: Id) {
        if let Some(saved) = saved_upload(&self.queue, id) {
            persistence::save(&saved);
            if let Some(handle) = self.handles.remove(&id) {
                file_handles::save(saved.upload, handle);
            }
        }
    }

    fn release(&mut self, id: Id) {
        self.attempts.remove(&id);
        self.stop_reading_ahead(id);
        self.files.remove(&id);
        self.handles.remove(&id);
        self.keys.forget(id);
    }

    /// Creates an attempt for an upload. `None` without the browser's file.
    pub(super) fn new_attempt(
        &mut self,
        id: Id,
        on_event: Rc<dyn Fn(AttemptEvent)>,
        on_published: Rc<dyn Fn(Published)>,
    ) -> Option<Attempt> {
        let (item, file) = (self.queue.get(id)?.clone(), self.files.get(&id)?.clone());
        let (controller, hash) = match self.read_ahead.remove(&id) {
            Some(ReadAhead { controller, hash }) => (controller, Some(hash)),
            None => (AbortController::new().ok()?, None),
        };
        let signal = controller.signal();
        self.attempts.insert(id, controller);
        let (keys, hasher) = (self.keys.clone(), self.hasher.clone());
        let (limit, body_bytes) = (self.body_limit.clone(), Cell::new(0));
        Some(Attempt { on_event, on_published, keys, hasher, id, file, item, signal, hash, limit, body_bytes })
    }

    /// Reads the files that are sent next, so that a free connection does not wait for a disk, and stops reading
    /// others.
    pub(super) fn read_upcoming(&mut self) {
        let upcoming: Vec<_> = self.queue.upcoming().collect();
        let others: Vec<_> = self.read_ahead.keys().copied().filter(|id| !upcoming.contains(id)).collect();
        others.into_iter().for_each(|id| self.stop_reading_ahead(id));
        for id in upcoming {
            let fits = !self.read_ahead.contains_key(&id) && self.queue.get(id).is_some_and(single_request::fits);
            if let Some(file) = self.files.get(&id).filter(|_| fits)
                && let Ok(controller) = AbortController::new()
            {
                let hash = self.hasher.hash_and_read(file, &controller.signal());
                self.read_ahead.insert(id, ReadAhead { controller, hash });
            }
        }
    }

    fn stop_reading_ahead(&mut self, id: Id) {
        if let Some(read_ahead) = self.read_ahead.remove(&id) {
            read_ahead.controller.abort();
        }
    }

    /// Renews the time in the saved uploads, by which other tabs see that this tab is open.
    pub(super) fn send_heartbeat(&mut self) {
        if now() - self.last_heartbeat < HEARTBEAT_MILLISECONDS {
            return;
        }
        self.last_heartbeat = now();
        let unfinished = self.queue.shown().iter().filter_map(|&id| saved_upload(&self.queue, id));
        unfinished.for_each(|saved| persistence::save(&saved));
    }
}

/// What a later page needs to continue an upload. `None` before the server created it.
pub(super) fn saved_upload(queue: &Queue, id: Id) -> Option<SavedUpload> {
    let item = queue.get(id)?;
    Some(SavedUpload {
        upload: item.upload?,
        file: item.file.clone(),
        sent: item.sent,
        tab: persistence::tab(),
        seen: clock() as f64,
    })
}
