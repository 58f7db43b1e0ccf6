//! Executes changes: each waits for its turn, is shown as predicted, requested, and reported.

#![cfg(target_arch = "wasm32")]

use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::api::changes::ListJobs;
use shared::{Change, Job, JobId, JobState, Outcome};

use super::model::scheduler::{PathAccess, WaitsFor};
use super::model::{ChangeResult, Command, History, Origin, Step, Verb, batch, undo};
use super::optimistic::ShownPrediction;
use super::queue::Ticket;
use super::state::Changes;
use super::submission::{BULK_ITEMS_MIN, Requests, Submission};
use super::task::Task;
use crate::env::random_id;
use crate::folder::model::Selection;
use crate::net::api::call;
use crate::net::jobs::{JobEvent, follow_job, run_change};
use crate::ui::toast::Tone;

/// A change that ends sooner gets no card, and an undo that starts sooner no message that it waits.
const CARD_AFTER: Duration = Duration::from_secs(1);

impl Changes {
    /// Executes a change.
    pub fn submit(self, change: Change) {
        let verb = Verb::of(&change);
        self.run(Submission::of(vec![change], verb));
    }

    /// Undoes the last change.
    pub fn undo(self) {
        self.undo_or_redo(Origin::Undo);
    }

    /// Redoes the change that was undone last.
    pub fn redo(self) {
        self.undo_or_redo(Origin::Redo);
    }

    /// Takes a step from the history once every earlier change has ended, because the user means the last of those.
    fn undo_or_redo(self, origin: Origin) {
        let take = move |history: &mut History| match origin {
            Origin::Undo => history.take_undo(),
            _ => history.take_redo(),
        };
        let Some(ticket) = self.join_queue(origin, WaitsFor::All) else { return };
        let is_waiting = ticket.is_waiting();
        let say_waiting = move || {
            if is_waiting() {
                self.show_notice(self.words().undo_waits.to_owned());
            }
        };
        set_timeout(say_waiting, CARD_AFTER);
        spawn_local(async move {
            ticket.turn().await;
            let Some(Step { verb, changes }) = self.history.try_update(take).flatten() else {
                return self.show_nothing_left(origin);
            };
            ticket.narrow(PathAccess::of_any(&changes));
            let count = changes.iter().map(Change::len).sum();
            // The card says what happens now: a step that undoes trashing restores.
            let task = self.start_task(changes.first().map(Verb::of), count);
            let results = match count > BULK_ITEMS_MIN {
                true => self.execute_many(&task, Requests::Made(changes), origin).await,
                false => self.execute_in_order(&task, changes, origin).await,
            };
            self.end_task(&task);
            self.report_results(&task, results, origin, verb).await;
        });
    }

    /// Executes what the user requested by one action.
    pub(super) fn run(self, submission: Submission) {
        self.run_then(submission, |_| ());
    }

    /// Executes what the user requested by one action, and passes the results to `on_result`: none if it is not begun.
    pub(super) fn run_then(self, submission: Submission, on_result: impl FnOnce(&[ChangeResult]) + 'static) {
        let Submission { requests, count, verb, access, needed } = submission;
        if !self.browser.may_request(needed) || count == 0 {
            return on_result(&[]);
        }
        let Some(ticket) = self.join_queue(Origin::New, WaitsFor::Paths(access)) else { return on_result(&[]) };
        let task = self.start_task(Some(verb), count);
        if let Requests::Of(entries, command) = &requests
            && !matches!(command, Command::Copy(_))
            && self.browser.folder.with_untracked(|folder| folder == entries.folder())
        {
            // The selected rows leave request by request, and those that remain are no selection that the user made.
            self.browser.selection.update(Selection::clear);
        }
        spawn_local(async move {
            let mut results = match count > BULK_ITEMS_MIN {
                true => {
                    ticket.turn().await;
                    self.execute_many(&task, requests, Origin::New).await
                }
                false => self.execute_predicted(&task, &ticket, requests.into_iter().collect()).await,
            };
            self.resolve_conflicts(&task, &mut results).await;
            self.end_task(&task);
            on_result(&results);
            self.report_results(&task, results, Origin::New, verb).await;
        });
    }

    /// Executes the requests of a step. They depend on one another: after a failure the next ones would fail as well, and
    /// are results without outcomes.
    async fn execute_in_order(self, task: &Task, changes: Vec<Change>, origin: Origin) -> Vec<ChangeResult> {
        let mut results = Vec::new();
        for change in changes {
            if any_failed(&results) || task.is_canceling() {
                results.push(ChangeResult { change, outcomes: Vec::new() });
            } else {
                results.extend(self.execute_now(task, change, origin).await);
            }
        }
        results
    }

    /// Shows the prediction of changes, also while they wait: the user's next action refers to the list as it looks then.
    /// Executes them when their turn has come.
    async fn execute_predicted(self, task: &Task, ticket: &Ticket, changes: Vec<Change>) -> Vec<ChangeResult> {
        let had_to_wait = ticket.is_waiting()();
        let shown: Vec<_> = changes.iter().map(|change| self.show_queued_prediction(change, ticket.id())).collect();
        ticket.turn().await;
        self.queued_edits.update_value(|queued| queued.retain(|edits| edits.ticket != ticket.id()));
        let mut results = Vec::new();
        for (change, shown) in changes.into_iter().zip(shown) {
            results.extend(self.execute(task, change, shown, Origin::New).await);
        }
        if had_to_wait && any_failed(&results) {
            // The prediction was made before earlier changes ended, so reverting it may be wrong.
            self.browser.refresh();
        }
        results
    }

    /// Joins the queue of changes. If the queue is full, says so and returns `None`.
    pub(super) fn join_queue(self, origin: Origin, waits_for: WaitsFor) -> Option<Ticket> {
        let ticket = self.queue.join(origin, waits_for);
        if ticket.is_none() {
            self.toasts.show(Tone::Bad, self.words().queue_full.to_owned(), None);
        }
        ticket
    }

    /// Shows the prediction of a change whose turn has come, and executes the change.
    pub(super) async fn execute_now(self, task: &Task, change: Change, origin: Origin) -> Vec<ChangeResult> {
        let shown = self.show_prediction(&change);
        self.execute(task, change, shown, origin).await
    }

    /// Sends a change in as many requests as the server's limits need.
    async fn execute(
        self,
        task: &Task,
        change: Change,
        mut shown: ShownPrediction,
        origin: Origin,
    ) -> Vec<ChangeResult> {
        let mut results = Vec::new();
        for change in batch::split(change) {
            let outcomes = if task.is_canceling() { Vec::new() } else { self.request(task, &change).await };
            self.reconcile(&mut shown, &change, &outcomes);
            results.push(ChangeResult { change, outcomes });
        }
        results.iter().for_each(|result| self.update_etags(origin, &result.outcomes));
        results
    }

    /// Takes the entity tags that undo or redo gave to entries into the steps that follow.
    pub(super) fn update_etags(self, origin: Origin, outcomes: &[Outcome]) {
        if origin != Origin::New {
            self.history.update(|history| history.update_etags(undo::entries(outcomes)));
        }
    }

    /// Sends one request and waits for its outcomes. If the request itself fails, every item has that failure.
    pub(super) async fn request(self, task: &Task, change: &Change) -> Vec<Outcome> {
        let key = JobId(random_id());
        task.begin_job(key);
        let job = run_change(key, change.clone(), |event| show_event(task, key, event)).await;
        task.end_job(key, job.as_ref().ok().map(|job| job.progress));
        match job {
            Ok(job) => job.outcomes,
            Err(failure) => {
                let failed = |_| Outcome::failed(failure.code());
                (0..change.len()).map(failed).collect()
            }
        }
    }

    /// Starts a task, which gets a card: at once for many entries, else if it still runs after `CARD_AFTER`.
    pub(super) fn start_task(self, verb: Option<Verb>, count: usize) -> Task {
        let task = Task::new(self.new_task_id(), verb, count);
        let later = task.clone();
        if count > BULK_ITEMS_MIN {
            self.tasks.update(|tasks| tasks.push(later));
            return task;
        }
        let show_card = move || {
            if later.is_running() {
                self.tasks.update(|tasks| tasks.push(later));
            }
        };
        set_timeout(show_card, CARD_AFTER);
        task
    }

    /// Ends a task and removes its card.
    pub(super) fn end_task(self, task: &Task) {
        task.end();
        self.tasks.update(|tasks| tasks.retain(|other| other.id != task.id));
    }

    /// Follows the jobs that an earlier page requested and that still run, once the user may change files.
    pub(super) fn follow_running_jobs(self) {
        // Once for the page: a job that this page requests has its card already.
        Effect::new(move |before: Option<bool>| {
            let allowed = before == Some(true) || self.browser.allows_changes();
            if allowed && before != Some(true) {
                spawn_local(async move {
                    let Ok(jobs) = call(&ListJobs {}, None).await else { return };
                    let running = jobs.jobs.into_iter().filter(|job| job.state == JobState::Running);
                    running.for_each(|job| self.follow_running_job(job));
                });
            }
            allowed
        });
    }

    fn follow_running_job(self, job: Job) {
        let task = self.start_task(None, 0);
        let id = job.id;
        task.begin_job(id);
        spawn_local(async move {
            let job = follow_job(job, |event| show_event(&task, id, event)).await;
            self.end_task(&task);
            self.change_ended.notify();
            if let Ok(job) = job {
                self.show_job_finished(&job);
            }
        });
    }
}

fn show_event(task: &Task, job: JobId, event: JobEvent) {
    match event {
        JobEvent::Retrying => task.set_retrying(job),
        JobEvent::Progress(progress) => task.set_progress(job, progress),
    }
}

fn any_failed(results: &[ChangeResult]) -> bool {
    results.iter().any(ChangeResult::has_failures)
}
