//! What the page holds for its uploads besides the queue, and how the queue's orders are carried out.

#![cfg(target_arch = "wasm32")]

use std::collections::HashMap;

use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::task::spawn_local;
use shared::JobId;
use wasm_bindgen::JsValue;
use web_sys::{AbortController, File};

use super::attempt::Attempt;
use super::controller::Uploads;
use super::hasher::{Hasher, Hashing};
use super::model::announcements::Milestones;
use super::model::saved_upload::{Record, SIGN_MILLISECONDS};
use super::model::speed::Pace;
use super::model::{Batch, Id, Order, Queue};
use super::xhr::Fields;
use super::{file_handles, persistence, single_request, tus};
use crate::env::{clock, now};

/// The queue, the files, and what is at work on them.
#[derive(Default)]
pub(super) struct State {
    pub(super) queue: Queue,
    pub(super) files: HashMap<Id, File>,
    pub(super) handles: HashMap<Id, JsValue>,
    pub(super) attempts: HashMap<Id, AbortController>,
    /// Small files that are being read before their turn.
    pub(super) ahead: HashMap<Id, Ahead>,
    /// What each upload was begun with, and the key that it was asked for with.
    pub(super) keys: HashMap<Id, (Fields, JobId)>,
    pub(super) hasher: Hasher,
    pub(super) pace: Pace,
    pub(super) milestones: Milestones,
    pub(super) batches: Batch,
    pub(super) frame_asked: bool,
    pub(super) timer: Option<TimeoutHandle>,
    pub(super) signed: f64,
    /// The version of the queue that was shown last, and when.
    pub(super) shown: u64,
    pub(super) shown_at: f64,
}

/// A small file that is being read before its turn.
pub(super) struct Ahead {
    controller: AbortController,
    hashing: Hashing,
}

impl State {
    /// Does outside what the queue ordered.
    pub(super) fn carry_out(&mut self) {
        for order in self.queue.take_orders() {
            match order {
                Order::Stop(id) => {
                    if let Some(attempt) = self.attempts.remove(&id) {
                        attempt.abort();
                    }
                }
                Order::Discard(upload) => {
                    persistence::forget(upload);
                    file_handles::forget(upload);
                    spawn_local(tus::discard(upload));
                }
                Order::Forget(upload) => {
                    persistence::forget(upload);
                    file_handles::forget(upload);
                }
                Order::Remember(id) => {
                    if let Some(record) = record(&self.queue, id) {
                        persistence::remember(&record);
                        if let Some(handle) = self.handles.remove(&id) {
                            file_handles::keep(record.upload, handle);
                        }
                    }
                }
                Order::Release(id) => {
                    self.attempts.remove(&id);
                    self.drop_ahead(id);
                    self.files.remove(&id);
                    self.handles.remove(&id);
                    self.keys.remove(&id);
                }
            }
        }
    }

    /// What the next attempt at a file takes along.
    pub(super) fn attempt(&mut self, uploads: Uploads, id: Id, run: u32) -> Option<Attempt> {
        let (item, file) = (self.queue.get(id)?.clone(), self.files.get(&id)?.clone());
        let (controller, read) = match self.ahead.remove(&id) {
            Some(ahead) => (ahead.controller, Some(ahead.hashing)),
            None => (AbortController::new().ok()?, None),
        };
        let signal = controller.signal();
        self.attempts.insert(id, controller);
        Some(Attempt { uploads, hasher: self.hasher.clone(), id, run, file, item, signal, read })
    }

    /// Reads what comes next, so that no connection waits for it, and drops what does no longer.
    pub(super) fn read_ahead(&mut self) {
        let upcoming: Vec<_> = self.queue.upcoming().collect();
        let gone: Vec<_> = self.ahead.keys().copied().filter(|id| !upcoming.contains(id)).collect();
        gone.into_iter().for_each(|id| self.drop_ahead(id));
        for id in upcoming {
            let fits = !self.ahead.contains_key(&id) && self.queue.get(id).is_some_and(single_request::fits);
            if let Some(file) = self.files.get(&id).filter(|_| fits)
                && let Ok(controller) = AbortController::new()
            {
                let hashing = self.hasher.read(file, &controller.signal());
                self.ahead.insert(id, Ahead { controller, hashing });
            }
        }
    }

    fn drop_ahead(&mut self, id: Id) {
        if let Some(ahead) = self.ahead.remove(&id) {
            ahead.controller.abort();
        }
    }

    /// Other tabs see from the time of the records that this one lives.
    pub(super) fn give_sign(&mut self) {
        if now() - self.signed < SIGN_MILLISECONDS {
            return;
        }
        self.signed = now();
        let living = self.queue.shown().iter().filter_map(|&id| record(&self.queue, id));
        living.for_each(|record| persistence::remember(&record));
    }
}

/// What a later page has to know of an upload.
pub(super) fn record(queue: &Queue, id: Id) -> Option<Record> {
    let item = queue.get(id)?;
    Some(Record {
        upload: item.upload?,
        chosen: item.chosen.clone(),
        sent: item.sent,
        tab: persistence::tab(),
        seen: clock() as f64,
    })
}
