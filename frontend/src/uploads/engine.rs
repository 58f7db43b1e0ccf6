//! `Uploads`: the queue, and what carries out its orders. Whatever changed is shown once a frame.

use std::collections::HashMap;
use std::time::Duration;

use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::{JobId, UploadId, VPath};
use wasm_bindgen::JsValue;
use web_sys::{AbortController, File};

use super::attempt::Attempt;
use super::hasher::Hasher;
use super::model::announce::{Milestone, Milestones};
use super::model::layout::Layout;
use super::model::pace::Pace;
use super::model::record::{Record, SIGN_MILLISECONDS};
use super::model::trouble::remedy;
use super::model::{Batch, Chosen, Id, Order, Queue, Remedy, Report, Trouble};
use super::sources::{Found, Gathered};
use super::survey::survey;
use super::tus::Fields;
use super::{handles, memory, tus};
use crate::app::Server;
use crate::browse::{Browser, Phase};
use crate::env::prefs::Prefs;
use crate::env::{clock, now, random_id};
use crate::failure::Reason;
use crate::i18n::fill;
use crate::ui::toast::{Toasts, Tone};

/// How often what is shown is brought up to date while nobody sees the page.
const HIDDEN_FRAME: Duration = Duration::from_millis(1_000);

/// The uploads of this page.
#[derive(Clone, Copy)]
pub struct Uploads {
    /// Told when something changed, once a frame at most.
    pub(super) frame: Trigger,
    /// Files seen so far of a folder that is being read; none while there is none.
    pub(super) reading: RwSignal<Option<usize>>,
    /// What a screen reader is to say.
    pub(super) said: RwSignal<Option<Milestone>>,
    /// Whether the panel shows its rows.
    pub(super) open: RwSignal<bool>,
    /// Whether the question about a file that is there already is put off.
    pub(super) put_off: RwSignal<bool>,
    pub(super) prefs: Prefs,
    pub(super) browser: Browser,
    pub(super) server: Server,
    toasts: Toasts,
    state: StoredValue<State, LocalStorage>,
}

#[derive(Default)]
struct State {
    queue: Queue,
    files: HashMap<Id, File>,
    handles: HashMap<Id, JsValue>,
    attempts: HashMap<Id, AbortController>,
    /// What each upload was begun with, and the key that it was asked for with.
    keys: HashMap<Id, (Fields, JobId)>,
    hasher: Hasher,
    pace: Pace,
    milestones: Milestones,
    batches: Batch,
    frame_asked: bool,
    timer: Option<TimeoutHandle>,
    signed: f64,
    /// The version of the queue that was shown last.
    shown: u64,
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
            prefs,
            browser,
            server: expect_context(),
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

    /// Takes in what an attempt says.
    pub(super) fn report(self, id: Id, run: u32, report: Report) {
        if matches!(report, Report::Failed(Remedy::StartOver | Remedy::Tell(_)) | Report::Damaged(_)) {
            self.state.try_update_value(|state| state.keys.remove(&id));
        }
        self.act(|queue| queue.report(id, run, report, now()));
    }

    /// The browser says whether there is a network.
    pub(super) fn set_online(self, online: bool) {
        self.act(|queue| queue.set_online(online, now()));
    }

    /// Sends files into a folder. `anywhere`: they may continue an upload of an earlier page whatever folder that is for.
    pub(super) fn send(self, folder: VPath, gathered: Gathered, anywhere: bool) {
        let mut layout = Layout::new(folder);
        let (mut refused, mut ids) = (gathered.unreadable, Vec::new());
        let batch = self.state.try_update_value(|state| {
            state.batches += 1;
            state.batches
        });
        for names in &gathered.folders {
            refused += usize::from(layout.folder(names).is_err());
        }
        for Found { names, file, handle } in gathered.files {
            let Ok(target) = layout.file(&names, ids.len()) else {
                refused += 1;
                continue;
            };
            let chosen = Chosen { target, size: file.size() as u64, modified: file.last_modified() as i64 };
            let id = self.state.try_update_value(|state| {
                let known = state.queue.continued_by(&chosen, anywhere && names.len() == 1);
                let id = known.unwrap_or_else(|| state.queue.add(chosen, batch.unwrap_or_default()));
                state.files.insert(id, file);
                handle.map(|handle| state.handles.insert(id, handle));
                (id, known.is_some())
            });
            let Some((id, known)) = id else { return };
            if known {
                self.act(|queue| queue.found(id));
            }
            ids.push(id);
        }
        if refused > 0 {
            let text = self.prefs.lang.get_untracked();
            let text = crate::env::format::counted(text, &text.words().upload_unreadable, refused);
            self.toasts.show(Tone::Bad, text, None);
        }
        self.put_off.set(false);
        self.drive();
        spawn_local(self.prepare(layout, ids));
    }

    /// Looks at the targets and makes the folders; then the files wait for their turn.
    async fn prepare(self, layout: Layout, ids: Vec<Id>) {
        match survey(&layout, ids.len()).await {
            Ok(found) => self.act(|queue| {
                for file in found.homeless {
                    queue.refuse(ids[file], Trouble::FolderMissing);
                }
                for (id, theirs) in ids.into_iter().zip(found.theirs) {
                    queue.judge(id, theirs);
                }
            }),
            Err(failure) => {
                let trouble = match remedy(&failure) {
                    Remedy::Tell(trouble) => trouble,
                    _ => Trouble::Other(failure.reason()),
                };
                if ids.is_empty() {
                    self.tell(failure.reason());
                }
                self.act(|queue| ids.into_iter().for_each(|id| queue.refuse(id, trouble)));
            }
        }
        // Folders alone are nothing that the queue would tell of.
        if layout.places.len() > 1 {
            self.refresh();
        }
    }

    /// What came is shown, unless another screen is.
    fn refresh(self) {
        if self.browser.phase.get_untracked() == Phase::Ready {
            self.browser.refresh();
        }
    }

    fn tell(self, reason: Reason) {
        let words = self.prefs.lang.get_untracked().words().explain(reason);
        self.toasts.show(
            Tone::Bad,
            fill("{title}. {advice}", &[("title", words.title), ("advice", words.advice)]),
            None,
        );
    }

    /// Takes in what an earlier page left unfinished.
    fn recall(self) {
        let records = memory::recall();
        if records.is_empty() {
            return;
        }
        self.state.update_value(|state| {
            for record in records {
                let id = state.queue.recall(record.chosen.clone(), 0, record.upload, record.sent);
                handles::look_up(self, id, record.upload);
                memory::remember(&Record { tab: memory::tab(), seen: clock() as f64, ..record });
            }
        });
        self.drive();
    }

    /// The file of a recalled upload is here again.
    pub(super) fn found(self, id: Id, file: File) {
        let fits = self.state.with_value(|state| {
            let chosen = state.queue.get(id).map(|item| &item.chosen);
            chosen.is_some_and(|chosen| {
                chosen.size == file.size() as u64 && chosen.modified == file.last_modified() as i64
            })
        });
        if fits {
            self.state.update_value(|state| _ = state.files.insert(id, file));
            self.act(|queue| queue.found(id));
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
                    memory::remember(&Record { tab: String::new(), ..record });
                }
            }
        });
    }

    /// Carries out the queue's orders, starts what may start, and has it shown.
    fn drive(self) {
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
            if let Some(before) = state.timer.take() {
                before.clear();
            }
            if let Some(wake) = state.queue.next_wake() {
                let wait = Duration::from_millis((wake - now).max(0.0) as u64 + 1);
                state.timer = set_timeout_with_handle(move || self.drive(), wait).ok();
            }
            if !state.frame_asked && state.queue.version() != state.shown {
                state.frame_asked = true;
                // A page that nobody sees gets no frames.
                match document().hidden() {
                    true => set_timeout(move || self.show(), HIDDEN_FRAME),
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
            state.shown = state.queue.version();
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

impl State {
    fn carry_out(&mut self) {
        for order in self.queue.take_orders() {
            match order {
                Order::Stop(id) => {
                    if let Some(attempt) = self.attempts.remove(&id) {
                        attempt.abort();
                    }
                }
                Order::Discard(upload) => {
                    memory::forget(upload);
                    handles::forget(upload);
                    spawn_local(tus::discard(upload));
                }
                Order::Forget(upload) => {
                    memory::forget(upload);
                    handles::forget(upload);
                }
                Order::Remember(id) => {
                    if let Some(record) = record(&self.queue, id) {
                        memory::remember(&record);
                        if let Some(handle) = self.handles.remove(&id) {
                            handles::keep(record.upload, handle);
                        }
                    }
                }
                Order::Release(id) => {
                    self.files.remove(&id);
                    self.handles.remove(&id);
                    self.keys.remove(&id);
                }
            }
        }
    }

    fn attempt(&mut self, uploads: Uploads, id: Id, run: u32) -> Option<Attempt> {
        let (item, file) = (self.queue.get(id)?.clone(), self.files.get(&id)?.clone());
        let controller = AbortController::new().ok()?;
        let signal = controller.signal();
        self.attempts.insert(id, controller);
        Some(Attempt { uploads, hasher: self.hasher.clone(), id, run, file, item, signal })
    }

    /// Other tabs see from the time of the records that this one lives.
    fn give_sign(&mut self) {
        if now() - self.signed < SIGN_MILLISECONDS {
            return;
        }
        self.signed = now();
        let living = self.queue.shown().iter().filter_map(|&id| record(&self.queue, id));
        living.for_each(|record| memory::remember(&record));
    }
}

fn record(queue: &Queue, id: Id) -> Option<Record> {
    let item = queue.get(id)?;
    Some(Record {
        upload: item.upload?,
        chosen: item.chosen.clone(),
        sent: item.sent,
        tab: memory::tab(),
        seen: clock() as f64,
    })
}
