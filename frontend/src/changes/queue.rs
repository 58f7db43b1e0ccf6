//! `ChangeQueue`: an async queue over [`Scheduler`]. A change that is requested before the server answered an earlier
//! one waits for its turn.

#![cfg(target_arch = "wasm32")]

use js_sys::{Function, Promise};
use leptos::prelude::*;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;

use super::model::Origin;
use super::model::scheduler::{PathAccess, Scheduler, WaitsFor};

/// The queue. A copy is the same queue.
#[derive(Clone, Copy)]
pub(super) struct ChangeQueue(RwSignal<Scheduler<Function>, LocalStorage>);

/// A change's place in the queue. Dropping the ticket removes the change.
pub(super) struct Ticket {
    id: u32,
    queue: ChangeQueue,
    started: Promise,
}

impl ChangeQueue {
    pub(super) fn new() -> Self {
        Self(RwSignal::new_local(Scheduler::default()))
    }

    /// Joins the queue without waiting. `None` if the queue is full.
    pub(super) fn join(self, origin: Origin, waits_for: WaitsFor) -> Option<Ticket> {
        let mut wake = None;
        let started = Promise::new(&mut |resolve, _| wake = Some(resolve));
        let id = self.0.try_update(|scheduler| scheduler.add(origin, waits_for, wake?)).flatten()?;
        self.start_unblocked();
        Some(Ticket { id, queue: self, started })
    }

    /// [`Scheduler::will_add_step`], reactive.
    pub(super) fn will_add_step(self, to: Origin) -> bool {
        self.0.with(|scheduler| scheduler.will_add_step(to))
    }

    fn start_unblocked(self) {
        while let Some(wake) = self.0.try_update(Scheduler::start_next).flatten() {
            // Resolving a promise runs its continuations in a later microtask, so none re-enters this loop.
            let _ = wake.call0(&JsValue::UNDEFINED);
        }
    }
}

impl Ticket {
    /// The change's id in the scheduler.
    pub(super) fn id(&self) -> u32 {
        self.id
    }

    /// Waits until no earlier change blocks this one.
    pub(super) async fn turn(&self) {
        // The promise never rejects.
        let _ = JsFuture::from(self.started.clone()).await;
    }

    /// [`Scheduler::narrow`], which may start changes that wait.
    pub(super) fn narrow(&self, access: PathAccess) {
        self.queue.0.update(|scheduler| scheduler.narrow(self.id, access));
        self.queue.start_unblocked();
    }

    /// A check, usable after the ticket is gone, whether the change still waits.
    pub(super) fn is_waiting(&self) -> impl Fn() -> bool + use<> {
        let (id, queue) = (self.id, self.queue);
        move || queue.0.try_with_untracked(|scheduler| scheduler.is_waiting(id)).unwrap_or(false)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.queue.0.try_update(|scheduler| scheduler.remove(self.id)).is_some() {
            self.queue.start_unblocked();
        }
    }
}
