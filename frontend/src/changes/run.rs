//! Asking for changes and seeing them through: the list shows at once what will be, the server says what became of it,
//! and where that differs, the list follows the server.

use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::api::changes::{ListJobs, ReadJob, RequestChange};
use shared::limits::JOB_WAIT_MAX;
use shared::{Change, Job, JobState, Outcome, VPath};

use super::model::guess::{Guess, guess, settled};
use super::model::{Origin, Step, Verb, batch, undo};
use super::state::Changes;
use super::tasks::Task;
use crate::api::{call, insist};
use crate::browse::model::Edit;
use crate::env::{clock, focused};
use crate::failure::Failure;

/// What is done once it is known what became of each item.
type Then = Box<dyn FnOnce(&[Done])>;

/// What runs no longer than this needs no sign of running.
const CARD_AFTER: Duration = Duration::from_secs(1);

/// A request, and what became of its items.
pub(super) type Done = (Change, Vec<Outcome>);

impl Changes {
    /// Makes a change.
    pub fn make(self, change: Change) {
        let verb = Verb::of(&change);
        self.start(vec![change], Origin::New, verb);
    }

    /// Takes the last change back.
    pub fn undo(self) {
        self.step(Origin::Undo);
    }

    /// Does again what was taken back last.
    pub fn redo(self) {
        self.step(Origin::Redo);
    }

    fn step(self, origin: Origin) {
        let take = |history: &mut super::model::History| match origin {
            Origin::Undo => history.take_undo(),
            _ => history.take_redo(),
        };
        match self.history.try_update(take).flatten() {
            Some(Step { verb, changes }) => self.start(changes, origin, verb),
            None => self.say_nothing_left(origin),
        }
    }

    pub(super) fn start(self, changes: Vec<Change>, origin: Origin, verb: Verb) {
        self.start_then(changes, origin, verb, Box::new(|_| ()));
    }

    /// The same; `then` is told what became of it.
    pub(super) fn start_then(self, changes: Vec<Change>, origin: Origin, verb: Verb, then: Then) {
        if !self.may() || changes.iter().all(Change::is_empty) {
            return;
        }
        let task = self.task(Some(verb), changes.iter().map(Change::len).sum());
        spawn_local(async move {
            let mut done = Vec::new();
            for change in changes {
                let part = self.carry_out(&task, change, origin).await;
                // The way back has an order: what comes after a step that failed would go wrong as well.
                let failed = origin != Origin::New && part.iter().any(|(_, outcomes)| outcomes.iter().any(is_failure));
                done.extend(part);
                if failed {
                    break;
                }
            }
            if origin == Origin::New {
                self.settle_conflicts(&task, &mut done).await;
            }
            self.end(&task);
            then(&done);
            self.conclude(&task, done, origin, verb);
        });
    }

    /// Asks for one change, in as many requests as it needs.
    pub(super) async fn carry_out(self, task: &Task, change: Change, origin: Origin) -> Vec<Done> {
        let folder = self.browser.folder.get_untracked();
        let mut guesses = self.browser.listing.with_untracked(|listing| match listing.folder == folder {
            true => guess(&change, listing, clock()),
            false => vec![Guess::default(); change.len()],
        });
        let forth: Vec<_> = guesses.iter().flat_map(|guess| guess.forth.iter().cloned()).collect();
        let shown = self.show(&folder, &forth, &[]);
        let mut done = Vec::new();
        for batch in batch::split(change) {
            let guesses: Vec<_> = guesses.drain(..batch.len().min(guesses.len())).collect();
            let outcomes = if task.is_stopping() { Vec::new() } else { self.ask(task, &batch).await };
            self.settle(&folder, &batch, &outcomes, &guesses, &shown);
            done.push((batch, outcomes));
        }
        if origin != Origin::New {
            let entries: Vec<_> = done.iter().flat_map(|(_, outcomes)| undo::entries(outcomes)).cloned().collect();
            self.history.update(|history| history.renew(&entries));
        }
        done
    }

    /// One request, to its end. Items without an outcome were not touched.
    async fn ask(self, task: &Task, change: &Change) -> Vec<Outcome> {
        let request = RequestChange { key: Some(Self::mint()), change: change.clone() };
        task.begin(request.key);
        let job = match insist(&request, None, |_| task.wait(true)).await {
            Ok(job) => self.follow(task, job).await,
            Err(failure) => Err(failure),
        };
        task.wait(false);
        match job {
            Ok(job) => {
                task.finish(job.progress);
                job.outcomes
            }
            Err(failure) => {
                let failed = |_| Outcome::Failed { code: failure.code(), path: None, message: String::new() };
                (0..change.len()).map(failed).collect()
            }
        }
    }

    /// Waits until a job ends.
    async fn follow(self, task: &Task, mut job: Job) -> Result<Job, Failure> {
        while job.state == JobState::Running {
            task.show(job.progress);
            let wait = u32::try_from(JOB_WAIT_MAX.as_millis()).unwrap_or(u32::MAX);
            let request = ReadJob { id: job.id, seen: job.version, wait };
            job = insist(&request, None, |_| task.wait(true)).await?;
            task.wait(false);
        }
        Ok(job)
    }

    /// Puts the list right after what the server said.
    fn settle(self, folder: &VPath, change: &Change, outcomes: &[Outcome], guesses: &[Guess], shown: &[Vec<u8>]) {
        let done = |index: usize| matches!(outcomes.get(index), Some(Outcome::Done { .. }));
        let back = guesses.iter().enumerate().filter(|(index, _)| !done(*index)).flat_map(|(_, guess)| &guess.back);
        let mut edits: Vec<_> = back.cloned().collect();
        // A name that was guessed wrong goes away again.
        let said = settled(change, outcomes, folder);
        let right = |name: &[u8]| said.iter().any(|edit| edit.name() == name);
        let wrong = guesses.iter().enumerate().filter(|(index, _)| done(*index)).flat_map(|(_, guess)| &guess.forth);
        if said.len() <= guesses.len().max(8) {
            edits.extend(wrong.filter(|edit| !right(edit.name())).map(|edit| Edit::absent(edit.name())));
        }
        edits.extend(said);
        self.show(folder, &edits, shown);
    }

    /// Merges edits into the list, and goes to what they bring, unless it was gone to before; answers what they bring.
    fn show(self, folder: &VPath, edits: &[Edit], before: &[Vec<u8>]) -> Vec<Vec<u8>> {
        let free = self.browser.has_focus();
        self.browser.merge(folder, edits);
        let brought: Vec<_> =
            edits.iter().filter(|edit| matches!(edit, Edit::Present(_))).map(|edit| edit.name().to_vec()).collect();
        let news: Vec<_> = brought.iter().filter(|name| !before.contains(name)).map(Vec::as_slice).collect();
        let here = self.browser.folder.with_untracked(|here| here == folder);
        if here && !news.is_empty() {
            self.browser.reveal(&news, free);
        }
        // What had the focus may have gone with the selection that it belonged to.
        request_animation_frame(move || {
            if focused().is_none() {
                self.browser.focus_cursor();
            }
        });
        brought
    }

    /// Gives a running change its card, once it takes longer than a moment.
    pub(super) fn task(self, verb: Option<Verb>, count: usize) -> Task {
        let id = self.next_task.get_value();
        self.next_task.set_value(id + 1);
        let task = Task::new(id, verb, count);
        let later = task.clone();
        let card = move || {
            if later.is_running() {
                self.tasks.update(|tasks| tasks.push(later));
            }
        };
        set_timeout(card, CARD_AFTER);
        task
    }

    pub(super) fn end(self, task: &Task) {
        task.end();
        self.tasks.update(|tasks| tasks.retain(|other| other.id != task.id));
    }

    /// Takes up the changes that still run since before the page was loaded.
    pub(super) fn take_up_again(self) {
        Effect::new(move |before: Option<bool>| {
            let writable = self.writable();
            if writable && before != Some(true) {
                spawn_local(async move {
                    let Ok(jobs) = call(&ListJobs {}, None).await else { return };
                    let running = jobs.jobs.into_iter().filter(|job| job.state == JobState::Running);
                    running.for_each(|job| self.take_up(job));
                });
            }
            writable
        });
    }

    fn take_up(self, job: Job) {
        let task = self.task(None, 0);
        task.begin(Some(job.id));
        spawn_local(async move {
            let outcome = self.follow(&task, job).await;
            self.end(&task);
            self.ended.notify();
            if let Ok(job) = outcome {
                self.say_taken_up(&job);
            }
        });
    }
}

pub(super) fn is_failure(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Failed { .. })
}
