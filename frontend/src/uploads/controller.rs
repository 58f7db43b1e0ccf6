//! `Uploads`: runs the queue. It starts attempts, performs the queue's effects, and updates the view a few times a
//! second.

#![cfg(target_arch = "wasm32")]

use std::rc::Rc;
use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::{UploadId, VPath};

use super::model::announcements::Milestone;
use super::model::saved_upload::SavedUpload;
use super::model::speed::SpeedMeter;
use super::model::{AttemptEvent, Id, Queue, Remedy};
use super::persistence;
use super::published::Published;
use super::state::{UploadState, saved_upload};
use crate::env::now;
use crate::env::prefs::Prefs;
use crate::folder::{FileBrowser, Phase};
use crate::ui::toast::Toasts;

/// Least time between updates of the view, in milliseconds: more of them would take time from sending.
const VIEW_INTERVAL_MILLISECONDS: f64 = 100.0;
/// Time until an update of the view while the page is hidden and gets no animation frames.
const HIDDEN_VIEW_INTERVAL: Duration = Duration::from_millis(1_000);

/// Cancelling all uploads asks for confirmation if it wastes more than so many bytes.
const CONFIRM_BYTES: u64 = 4 << 20;

/// The uploads of the page. A copy is the same state.
#[derive(Clone, Copy)]
pub struct Uploads {
    /// Notified when the queue changed, at most once in `VIEW_INTERVAL_MILLISECONDS`.
    changed: Trigger,
    /// Number of files found so far in a dropped folder, while it is read.
    pub(super) reading: RwSignal<Option<usize>>,
    /// The last milestone, for a screen reader.
    pub(super) milestone: RwSignal<Option<Milestone>>,
    /// True if the panel shows its rows.
    pub(super) open: RwSignal<bool>,
    /// True if the user closed the dialog about a conflict without an answer.
    pub(super) conflict_postponed: RwSignal<bool>,
    /// True while the dialog that confirms cancelling all uploads is open.
    pub(super) confirm_cancel: RwSignal<bool>,
    published: StoredValue<Vec<Published>>,
    pub(super) prefs: Prefs,
    pub(super) browser: FileBrowser,
    pub(super) toasts: Toasts,
    pub(super) state: StoredValue<UploadState, LocalStorage>,
}

impl Uploads {
    /// An empty queue; [`Uploads::provide`] is for components.
    pub(super) fn new(prefs: Prefs, toasts: Toasts, browser: FileBrowser) -> Self {
        Self {
            changed: Trigger::new(),
            reading: RwSignal::new(None),
            milestone: RwSignal::new(None),
            open: RwSignal::new(true),
            conflict_postponed: RwSignal::new(false),
            confirm_cancel: RwSignal::new(false),
            published: StoredValue::new(Vec::new()),
            prefs,
            browser,
            toasts,
            state: StoredValue::new_local(UploadState::default()),
        }
    }

    /// The uploads that were provided to the components.
    pub fn get() -> Self {
        expect_context()
    }

    /// Reads the queue; reactive.
    pub(super) fn read<T>(self, read: impl FnOnce(&Queue) -> T) -> T {
        self.changed.track();
        self.state.with_value(|state| read(&state.queue))
    }

    /// Reads the queue and the speed; reactive.
    pub(super) fn read_with_speed<T>(self, read: impl FnOnce(&Queue, &SpeedMeter) -> T) -> T {
        self.changed.track();
        self.state.with_value(|state| read(&state.queue, &state.speed))
    }

    /// Changes the queue, and runs it.
    pub(super) fn update(self, change: impl FnOnce(&mut Queue)) {
        // The state is gone while the page is unloaded.
        if self.state.try_update_value(|state| change(&mut state.queue)).is_some() {
            self.run();
        }
    }

    /// Changes the queue as the user asks, and shows it at once, because the next key press refers to the new state.
    pub(super) fn command(self, change: impl FnOnce(&mut Queue)) {
        self.update(change);
        self.update_view();
    }

    /// Cancels all unfinished uploads, unless that wastes many bytes and is not `confirmed`: then asks for
    /// confirmation. If every upload is finished, clears the list.
    pub(super) fn cancel_all(self, confirmed: bool) {
        if !confirmed && self.state.with_value(|state| state.queue.unfinished_bytes()) > CONFIRM_BYTES {
            self.confirm_cancel.set(true);
            return;
        }
        self.command(|queue| {
            let idle = !queue.totals().is_busy();
            queue.cancel_all();
            if idle {
                queue.clear_finished();
            }
        });
    }

    /// Handles an event of an attempt.
    fn handle(self, id: Id, attempt: u32, event: AttemptEvent) {
        if matches!(event, AttemptEvent::Failed(Remedy::StartOver) | AttemptEvent::Damaged(_)) {
            self.state.try_update_value(|state| state.keys.forget(id));
        }
        self.update(|queue| queue.handle(id, attempt, event, now()));
    }

    /// Handles the browser's `online` and `offline` events.
    pub(super) fn set_online(self, online: bool) {
        self.update(|queue| queue.set_online(online, now()));
    }

    /// Refreshes the list, so that it shows uploaded files, if it shows a folder.
    pub(super) fn refresh_list(self) {
        if self.browser.phase.get_untracked() == Phase::Ready {
            self.browser.refresh();
        }
    }

    /// The target of an upload.
    pub(super) fn target(self, id: Id) -> Option<VPath> {
        self.state.with_value(|state| state.queue.get(id).map(|item| item.file.target.clone()))
    }

    /// The id of an upload at the server.
    pub(super) fn upload_id(self, id: Id) -> Option<UploadId> {
        self.state.with_value(|state| state.queue.get(id)?.upload)
    }

    /// Progress in whole per cent. `None` while no upload is active.
    pub fn percent(self) -> Option<u8> {
        self.read(|queue| (queue.totals().active > 0).then(|| queue.totals().percent()))
    }

    /// True if leaving the page would interrupt an upload.
    pub(super) fn is_busy(self) -> bool {
        self.state.with_value(|state| state.queue.totals().is_busy())
    }

    /// Lets other tabs continue the unfinished uploads, because this one is closed or reloaded.
    pub(super) fn leave_to_other_tabs(self) {
        self.state.with_value(|state| {
            for &id in state.queue.shown() {
                if let Some(saved) = saved_upload(&state.queue, id) {
                    persistence::save(&SavedUpload { tab: String::new(), ..saved });
                }
            }
        });
    }

    /// Performs effects, starts every attempt that may start, and schedules the next run and the next view.
    pub(super) fn run(self) {
        let (mut sends, mut comparisons) = (Vec::new(), Vec::new());
        self.state.update_value(|state| {
            let now = now();
            state.perform_effects();
            while let Some((id, attempt)) = state.queue.start_next(now) {
                sends.extend(state.new_attempt(id, self.handler(id, attempt), self.publisher()));
            }
            while let Some((id, attempt)) = state.queue.start_comparison() {
                comparisons.extend(state.new_attempt(id, self.handler(id, attempt), self.publisher()));
            }
            state.read_upcoming();
            self.schedule_run(state, now);
            self.schedule_view(state, now);
        });
        sends.into_iter().for_each(|attempt| spawn_local(attempt.send()));
        comparisons.into_iter().for_each(|attempt| spawn_local(attempt.compare()));
    }

    fn handler(self, id: Id, attempt: u32) -> Rc<dyn Fn(AttemptEvent)> {
        Rc::new(move |event| self.handle(id, attempt, event))
    }

    fn publisher(self) -> Rc<dyn Fn(Published)> {
        Rc::new(move |published| self.published.update_value(|all| all.push(published)))
    }

    /// Takes the news about the uploaded files, once no upload runs; empty until then. Reactive.
    pub fn take_published(self) -> Vec<Published> {
        match self.read(|queue| queue.totals().is_busy()) {
            true => Vec::new(),
            false => self.published.try_update_value(std::mem::take).unwrap_or_default(),
        }
    }

    /// Runs the queue when its next waiting time is over.
    fn schedule_run(self, state: &mut UploadState, now: f64) {
        if let Some(previous) = state.timer.take() {
            previous.clear();
        }
        if let Some(wake) = state.queue.next_wake() {
            let wait = Duration::from_millis((wake - now).max(0.0) as u64 + 1);
            state.timer = set_timeout_with_handle(move || self.run(), wait).ok();
        }
    }

    /// Updates the view in the next frame after the interval, if the queue changed.
    fn schedule_view(self, state: &mut UploadState, now: f64) {
        if state.frame_due || state.queue.version() == state.shown_version {
            return;
        }
        state.frame_due = true;
        let wait = state.shown_at + VIEW_INTERVAL_MILLISECONDS - now;
        // A hidden page gets no animation frames.
        match document().hidden() {
            true => set_timeout(move || self.update_view(), HIDDEN_VIEW_INTERVAL),
            false if wait > 0.0 => set_timeout(move || self.update_view(), Duration::from_millis(wait as u64)),
            false => request_animation_frame(move || self.update_view()),
        }
    }

    fn update_view(self) {
        let milestone = self.state.try_update_value(|state| {
            let totals = *state.queue.totals();
            state.frame_due = false;
            (state.shown_version, state.shown_at) = (state.queue.version(), now());
            match totals.small_connections + totals.large_connections {
                0 => state.speed.reset(),
                _ => state.speed.sample(now(), totals.sent),
            }
            state.send_heartbeat();
            state.milestones.next(&totals)
        });
        let Some(milestone) = milestone else { return };
        if milestone == Some(Milestone::Finished) {
            self.refresh_list();
        }
        if milestone.is_some() {
            self.milestone.set(milestone);
        }
        self.changed.notify();
    }
}
