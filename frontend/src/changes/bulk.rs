//! Executes changes of many entries: a request at a time, so that the browser draws between two. The rows leave the list
//! as the server confirms, and the card shows the progress from the start.

#![cfg(target_arch = "wasm32")]

use leptos::prelude::*;

use super::model::entries::REQUEST_ITEMS;
use super::model::prediction::{affected_names, confirmed_edits};
use super::model::{ChangeResult, Origin, batch};
use super::state::Changes;
use super::submission::Requests;
use super::task::Task;
use crate::env::sleep;

impl Changes {
    /// Sends the requests until the user cancels. The list shows the outcomes of each.
    pub(super) async fn execute_many(self, task: &Task, requests: Requests, origin: Origin) -> Vec<ChangeResult> {
        let mut results = Vec::new();
        for change in requests.into_iter().flat_map(|change| batch::split_by(change, REQUEST_ITEMS)) {
            if task.is_canceling() {
                break;
            }
            next_frame().await;
            let folder = self.browser.folder.get_untracked();
            self.browser.expect_change(&folder, affected_names(&change, &folder));
            let outcomes = self.request(task, &change).await;
            next_frame().await;
            let confirmed = confirmed_edits(&change, &outcomes, &folder);
            self.browser.merge(&folder, &confirmed);
            self.browser.finish_change(&folder, affected_names(&change, &folder), &confirmed);
            self.update_etags(origin, &outcomes);
            results.push(ChangeResult { change, outcomes });
        }
        results
    }
}

/// Lets the browser draw and handle events.
pub(super) async fn next_frame() {
    // The promise is never rejected.
    let _ = sleep(0).0.await;
}
