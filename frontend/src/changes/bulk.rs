//! Executes changes of many entries in several requests, so that the browser draws between two. The rows leave the list as
//! the server confirms, and the card shows the progress from the start.

#![cfg(target_arch = "wasm32")]

use std::cell::Cell;
use std::pin::pin;

use futures_util::{StreamExt, stream};
use leptos::prelude::*;
use shared::{Change, VPath};

use super::model::prediction::{affected_names, confirmed_edits};
use super::model::{ChangeResult, Origin, batch};
use super::state::Changes;
use super::submission::Requests;
use super::task::Task;
use crate::env::next_task;

impl Changes {
    /// Sends the requests until the user cancels. The list shows the outcomes of each, in the order of the requests. If
    /// the requests of a step may depend on one another, the first failure ends the step. A request of a step that is
    /// not sent becomes a result without outcomes.
    pub(super) async fn execute_many(self, task: &Task, requests: Requests, origin: Origin) -> Vec<ChangeResult> {
        let pace = requests.pace();
        let ends_at_failure = origin != Origin::New && pace.may_depend();
        let is_step_broken = Cell::new(false);
        let is_wanted = || !task.is_canceling() && !is_step_broken.get();
        let changes = requests.into_iter().flat_map(|change| batch::split_by(change, pace.items_max));
        let changes = changes.take_while(|_| origin != Origin::New || is_wanted());
        let sent = stream::iter(changes).map(|change| self.request_of_many(task, change, is_wanted));
        let mut answers = pin!(sent.buffered(pace.in_flight_max));
        let mut results = Vec::new();
        while let Some((folder, result)) = answers.next().await {
            if let Some(folder) = folder {
                next_task().await;
                self.show_outcomes(&folder, &result);
                self.update_etags(origin, &result.outcomes);
            }
            is_step_broken.set(is_step_broken.get() || ends_at_failure && result.has_failures());
            results.push(result);
        }
        results
    }

    /// Sends one request if it is wanted, and waits for its outcomes. Returns the folder that was on the screen then.
    async fn request_of_many(
        self,
        task: &Task,
        change: Change,
        is_wanted: impl Fn() -> bool,
    ) -> (Option<VPath>, ChangeResult) {
        if is_wanted() {
            next_task().await;
        }
        // The user may have cancelled meanwhile.
        if !is_wanted() {
            return (None, ChangeResult { change, outcomes: Vec::new() });
        }
        let folder = self.browser.folder.get_untracked();
        self.browser.expect_change(&folder, affected_names(&change, &folder));
        let outcomes = self.request(task, &change).await;
        (Some(folder), ChangeResult { change, outcomes })
    }

    /// Shows the outcomes of a request that was sent while `folder` was on the screen.
    fn show_outcomes(self, folder: &VPath, result: &ChangeResult) {
        let ChangeResult { change, outcomes } = result;
        let confirmed = confirmed_edits(change, outcomes, folder);
        self.browser.merge(folder, &confirmed);
        self.browser.finish_change(folder, affected_names(change, folder), &confirmed);
    }
}
