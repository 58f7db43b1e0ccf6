//! Asking for changes and seeing them through, each in its turn: the server says what became of them.

use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::api::changes::{ListJobs, ReadJob, RequestChange};
use shared::limits::JOB_WAIT_MAX;
use shared::{Change, Job, JobState, Outcome, Rights};

use super::model::scheduler::{Needs, Touched};
use super::model::{Origin, Step, Verb, batch, undo};
use super::optimistic::Shown;
use super::queue::Turn;
use super::state::Changes;
use super::tasks::Task;
use crate::failure::Failure;
use crate::folder::model::permission::needed;
use crate::net::api::{call, call_retrying};
use crate::ui::toast::Tone;

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
        self.start(vec![change], verb);
    }

    /// Takes the last change back.
    pub fn undo(self) {
        self.step(Origin::Undo);
    }

    /// Does again what was taken back last.
    pub fn redo(self) {
        self.step(Origin::Redo);
    }

    /// A press while a change is under way is about that change: it waits for it.
    fn step(self, origin: Origin) {
        let take = move |history: &mut super::model::History| match origin {
            Origin::Undo => history.take_undo(),
            _ => history.take_redo(),
        };
        let Some(turn) = self.join(origin, Needs::All) else { return };
        let waits = turn.still_waits();
        set_timeout(
            move || {
                if waits() {
                    self.say(self.words().waits_for_turn.to_owned(), None)
                }
            },
            CARD_AFTER,
        );
        spawn_local(async move {
            turn.come().await;
            let Some(Step { verb, changes }) = self.history.try_update(take).flatten() else {
                return self.say_nothing_left(origin);
            };
            turn.narrow(Touched::by(&changes));
            let task = self.task(Some(verb), changes.iter().map(Change::len).sum());
            let mut done = Vec::new();
            for change in changes {
                done.extend(self.carry_out_now(&task, change, origin).await);
                // The way has an order: what comes after a step that failed would go wrong as well.
                if any_failed(&done) {
                    break;
                }
            }
            self.end(&task);
            self.conclude(&task, done, origin, verb);
        });
    }

    /// Makes changes that are one deed of the person's.
    pub(super) fn start(self, changes: Vec<Change>, verb: Verb) {
        self.start_then(changes, verb, Box::new(|_| ()));
    }

    /// The same; `then` is told what became of it.
    pub(super) fn start_then(self, changes: Vec<Change>, verb: Verb, then: Then) {
        let needed = changes.iter().map(needed).fold(Rights::NONE, Rights::union);
        if !self.browser.allows_untracked(needed) || changes.iter().all(Change::is_empty) {
            return;
        }
        let Some(turn) = self.join(Origin::New, Needs::Same(Touched::by(&changes))) else { return then(&[]) };
        let task = self.task(Some(verb), changes.iter().map(Change::len).sum());
        let waits = turn.still_waits()();
        spawn_local(async move {
            // Shown at once, even where it has to wait: what the person does next is about what they see.
            let shown: Vec<_> = changes.iter().map(|change| self.foresee(change, turn.id())).collect();
            turn.come().await;
            self.foreseen.update_value(|foreseen| foreseen.retain(|(id, ..)| *id != turn.id()));
            let mut done = Vec::new();
            for (change, shown) in changes.into_iter().zip(shown) {
                done.extend(self.carry_out(&task, change, shown, Origin::New).await);
            }
            if waits && any_failed(&done) {
                // What it was foreseen from did not come about, or is another by now: only the server knows.
                self.browser.refresh();
            }
            self.settle_conflicts(&task, &mut done).await;
            self.end(&task);
            then(&done);
            self.conclude(&task, done, Origin::New, verb);
        });
    }

    /// Stands in line; says so where that is not possible.
    pub(super) fn join(self, origin: Origin, needs: Needs) -> Option<Turn> {
        let turn = self.line.join(origin, needs);
        if turn.is_none() {
            self.toasts.show(Tone::Bad, self.words().too_many_wait.to_owned(), None);
        }
        turn
    }

    /// Shows one change, and asks for it.
    pub(super) async fn carry_out_now(self, task: &Task, change: Change, origin: Origin) -> Vec<Done> {
        let shown = self.show(&change);
        self.carry_out(task, change, shown, origin).await
    }

    /// Asks for one change, in as many requests as it needs.
    async fn carry_out(self, task: &Task, change: Change, mut shown: Shown, origin: Origin) -> Vec<Done> {
        let mut done = Vec::new();
        for batch in batch::split(change) {
            let outcomes = if task.is_stopping() { Vec::new() } else { self.ask(task, &batch).await };
            self.settle(&mut shown, &batch, &outcomes);
            done.push((batch, outcomes));
        }
        if origin != Origin::New {
            let entries: Vec<_> = done.iter().flat_map(|(_, outcomes)| undo::entries(outcomes)).cloned().collect();
            self.history.update(|history| history.renew(&entries));
        }
        done
    }

    /// One request, to its end. Items without an outcome were not touched.
    pub(super) async fn ask(self, task: &Task, change: &Change) -> Vec<Outcome> {
        let request = RequestChange { key: Some(Self::mint()), change: change.clone() };
        task.begin(request.key);
        let job = match call_retrying(&request, None, |_| task.wait(true)).await {
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
            job = call_retrying(&request, None, |_| task.wait(true)).await?;
            task.wait(false);
        }
        Ok(job)
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
            let allowed = self.browser.allows_changes();
            if allowed && before != Some(true) {
                spawn_local(async move {
                    let Ok(jobs) = call(&ListJobs {}, None).await else { return };
                    let running = jobs.jobs.into_iter().filter(|job| job.state == JobState::Running);
                    running.for_each(|job| self.take_up(job));
                });
            }
            allowed
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

fn any_failed(done: &[Done]) -> bool {
    done.iter().any(|(_, outcomes)| outcomes.iter().any(is_failure))
}

pub(super) fn is_failure(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Failed { .. })
}
