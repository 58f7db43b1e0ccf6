//! `Uploads`: the queue, and what carries out its orders. Whatever changed is shown several times a second.

#![cfg(target_arch = "wasm32")]

use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::{JobId, UploadId, VPath};

use super::model::announcements::Milestone;
use super::model::saved_upload::Record;
use super::model::speed::Pace;
use super::model::{Id, Queue, Remedy, Report};
use super::persistence;
use super::state::{State, record};
use super::xhr::Fields;
use crate::env::prefs::Prefs;
use crate::env::{now, random_id};
use crate::folder::{Browser, Phase};
use crate::ui::toast::Toasts;

/// How often what is shown is brought up to date at most: drawing it more often takes the time that sending needs.
const SHOWN_MILLISECONDS: f64 = 100.0;
/// The same while nobody sees the page.
const HIDDEN_FRAME: Duration = Duration::from_millis(1_000);

/// To give up more than that, in bytes, the person must be sure.
const LOSS_ASKED: u64 = 4 << 20;

/// The uploads of this page.
#[derive(Clone, Copy)]
pub struct Uploads {
    /// Told when something changed, several times a second at most.
    pub(super) frame: Trigger,
    /// Files seen so far of a folder that is being read; none while there is none.
    pub(super) reading: RwSignal<Option<usize>>,
    /// What a screen reader is to say.
    pub(super) said: RwSignal<Option<Milestone>>,
    /// Whether the panel shows its rows.
    pub(super) open: RwSignal<bool>,
    /// Whether the question about a file that is there already is put off.
    pub(super) put_off: RwSignal<bool>,
    /// Whether somebody is being asked if all is to be given up.
    pub(super) sure: RwSignal<bool>,
    pub(super) prefs: Prefs,
    pub(super) browser: Browser,
    pub(super) toasts: Toasts,
    pub(super) state: StoredValue<State, LocalStorage>,
}

impl Uploads {
    /// Provides the uploads to the components, those of the page before this one too.
    pub fn provide(prefs: Prefs, toasts: Toasts, browser: Browser) -> Self {
        let uploads = Self {
            frame: Trigger::new(),
            reading: RwSignal::new(None),
            said: RwSignal::new(None),
            open: RwSignal::new(true),
            put_off: RwSignal::new(false),
            sure: RwSignal::new(false),
            prefs,
            browser,
            toasts,
            state: StoredValue::new_local(State::default()),
        };
        provide_context(uploads);
        uploads.recall();
        uploads
    }

    /// The uploads that were provided.
    pub fn get() -> Self {
        expect_context()
    }

    /// Reads the queue, again with each frame in which it changed.
    pub(super) fn read<T>(self, read: impl FnOnce(&Queue) -> T) -> T {
        self.frame.track();
        self.state.with_value(|state| read(&state.queue))
    }

    /// Reads the queue and the speed.
    pub(super) fn read_pace<T>(self, read: impl FnOnce(&Queue, &Pace) -> T) -> T {
        self.frame.track();
        self.state.with_value(|state| read(&state.queue, &state.pace))
    }

    /// Does something to the queue, and what follows from it.
    pub(super) fn act(self, act: impl FnOnce(&mut Queue)) {
        // The page may be going down.
        if self.state.try_update_value(|state| act(&mut state.queue)).is_some() {
            self.drive();
        }
    }

    /// The key to begin an upload with: the same for the same, so that a repeated request makes no second upload.
    pub(super) fn key_for(self, id: Id, fields: &Fields) -> JobId {
        let key = self.state.try_update_value(|state| match state.keys.get(&id) {
            Some((same, key)) if same == fields => *key,
            _ => {
                let key = JobId(random_id());
                state.keys.insert(id, (fields.clone(), key));
                key
            }
        });
        key.unwrap_or_default()
    }

    /// Gives up all that is not finished, once the person is sure if much was sent. Nothing under way: all leaves the list.
    pub(super) fn cancel_all(self, sure: bool) {
        if !sure && self.state.with_value(|state| state.queue.loses()) > LOSS_ASKED {
            self.sure.set(true);
            return;
        }
        self.act(|queue| {
            let over = !queue.tally().is_busy();
            queue.cancel_all();
            if over {
                queue.clear_finished();
            }
        });
    }

    /// Takes in what an attempt says.
    pub(super) fn report(self, id: Id, run: u32, report: Report) {
        if matches!(report, Report::Failed(Remedy::StartOver) | Report::Damaged(_)) {
            self.state.try_update_value(|state| state.keys.remove(&id));
        }
        self.act(|queue| queue.report(id, run, report, now()));
    }

    /// The browser says whether there is a network.
    pub(super) fn set_online(self, online: bool) {
        self.act(|queue| queue.set_online(online, now()));
    }

    /// What came is shown, unless another screen is.
    pub(super) fn refresh(self) {
        if self.browser.phase.get_untracked() == Phase::Ready {
            self.browser.refresh();
        }
    }

    /// Where a file goes.
    pub(super) fn target(self, id: Id) -> Option<VPath> {
        self.state.with_value(|state| state.queue.get(id).map(|item| item.chosen.target.clone()))
    }

    /// Where a file's upload is at the server.
    pub(super) fn upload_of(self, id: Id) -> Option<UploadId> {
        self.state.with_value(|state| state.queue.get(id)?.upload)
    }

    /// How far the uploads are, in whole per cent; none while nothing is under way.
    pub fn percent(self) -> Option<u8> {
        self.read(|queue| (queue.tally().moving > 0).then(|| queue.tally().percent()))
    }

    /// True if leaving the page would end something.
    pub(super) fn would_lose(self) -> bool {
        self.state.with_value(|state| state.queue.tally().is_busy())
    }

    /// Leaves to other tabs what is not finished: this one is being closed, or loaded again.
    pub(super) fn release(self) {
        self.state.with_value(|state| {
            for &id in state.queue.shown() {
                if let Some(record) = record(&state.queue, id) {
                    persistence::remember(&Record { tab: String::new(), ..record });
                }
            }
        });
    }

    /// Carries out the queue's orders, starts what may start, and has it shown.
    pub(super) fn drive(self) {
        let mut starts = Vec::new();
        self.state.update_value(|state| {
            let now = now();
            state.carry_out();
            while let Some((id, run)) = state.queue.start(now) {
                starts.extend(state.attempt(self, id, run).map(|attempt| (attempt, true)));
            }
            while let Some((id, run)) = state.queue.start_comparison() {
                starts.extend(state.attempt(self, id, run).map(|attempt| (attempt, false)));
            }
            state.read_ahead();
            if let Some(before) = state.timer.take() {
                before.clear();
            }
            if let Some(wake) = state.queue.next_wake() {
                let wait = Duration::from_millis((wake - now).max(0.0) as u64 + 1);
                state.timer = set_timeout_with_handle(move || self.drive(), wait).ok();
            }
            if !state.frame_asked && state.queue.version() != state.shown {
                state.frame_asked = true;
                let rest = state.shown_at + SHOWN_MILLISECONDS - now;
                // A page that nobody sees gets no frames.
                match document().hidden() {
                    true => set_timeout(move || self.show(), HIDDEN_FRAME),
                    false if rest > 0.0 => set_timeout(move || self.show(), Duration::from_millis(rest as u64)),
                    false => request_animation_frame(move || self.show()),
                }
            }
        });
        for (attempt, sends) in starts {
            match sends {
                true => spawn_local(attempt.send()),
                false => spawn_local(attempt.compare()),
            }
        }
    }

    fn show(self) {
        let shown = self.state.try_update_value(|state| {
            let tally = *state.queue.tally();
            state.frame_asked = false;
            (state.shown, state.shown_at) = (state.queue.version(), now());
            match tally.small_lanes + tally.large_lanes {
                0 => state.pace.rest(),
                _ => state.pace.sample(now(), tally.sent),
            }
            state.give_sign();
            state.milestones.next(&tally)
        });
        let Some(milestone) = shown else { return };
        if milestone == Some(Milestone::Finished) {
            self.refresh();
        }
        if milestone.is_some() {
            self.said.set(milestone);
        }
        self.frame.notify();
    }
}
