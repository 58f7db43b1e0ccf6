//! Executes changes of many entries in several requests, so that the browser draws between two. The rows leave the list as
//! the server confirms, and the card shows the progress from the start.

#![cfg(target_arch = "wasm32")]

use std::cell::Cell;
use std::pin::pin;

use futures_util::{StreamExt, stream};
use leptos::prelude::*;
use shared::{Change, VPath};

use super::model::prediction::{affected_names, confirmed_edits};
use super::model::{ChangeResult, Origin, Pace, batch};
use super::state::Changes;
use super::submission::Requests;
use super::task::Task;
use crate::env::sleep;

impl Changes {
    /// Sends the requests until the user cancels. The list shows the outcomes of each, in the order of the requests. The
    /// requests of a step depend on one another: after a failure none is sent.
    pub(super) async fn execute_many(self, task: &Task, requests: Requests, origin: Origin) -> Vec<ChangeResult> {
        let Pace { items_max, in_flight_max } = requests.pace();
        let is_step_broken = Cell::new(false);
        let changes = requests.into_iter().flat_map(|change| batch::split_by(change, items_max));
        let wanted = changes.take_while(|_| !task.is_canceling() && !is_step_broken.get());
        let sent = stream::iter(wanted).map(|change| self.request_of_many(task, change));
        let mut answers = pin!(sent.buffered(in_flight_max));
        let mut results = Vec::new();
        while let Some((folder, result)) = answers.next().await {
            next_frame().await;
            self.show_outcomes(&folder, &result);
            self.update_etags(origin, &result.outcomes);
            is_step_broken.set(is_step_broken.get() || origin != Origin::New && result.has_failures());
            results.push(result);
        }
        results
    }

    /// Sends one request, and waits for its outcomes. Returns the folder on the screen with them.
    async fn request_of_many(self, task: &Task, change: Change) -> (VPath, ChangeResult) {
        next_frame().await;
        let folder = self.browser.folder.get_untracked();
        self.browser.expect_change(&folder, affected_names(&change, &folder));
        let outcomes = self.request(task, &change).await;
        (folder, ChangeResult { change, outcomes })
    }

    /// Shows the outcomes of a request that was sent while `folder` was on the screen.
    fn show_outcomes(self, folder: &VPath, result: &ChangeResult) {
        let ChangeResult { change, outcomes } = result;
        let confirmed = confirmed_edits(change, outcomes, folder);
        self.browser.merge(folder, &confirmed);
        self.browser.finish_change(folder, affected_names(change, folder), &confirmed);
    }
}

/// Lets the browser draw and handle events.
pub(super) async fn next_frame() {
    // The promise is never rejected.
    let _ = sleep(0).0.await;
}
