//! Changes of many entries. A request at a time, so that the browser draws between two: the rows leave the list as the
//! server confirms, and the card shows the progress from the start.

#![cfg(target_arch = "wasm32")]

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::change::PathItem;
use shared::{Change, VPath};

use super::model::prediction::{affected_names, confirmed_edits};
use super::model::scheduler::{PathAccess, WaitsFor};
use super::model::{ChangeResult, Origin, Verb, batch};
use super::state::Changes;
use super::task::Task;
use crate::env::sleep;
use crate::folder::model::Listing;

/// A change of more entries is a change of many.
pub(super) const BULK_ITEMS_MIN: usize = 1_000;

/// Entries of a request: fewer than the server takes, so that rows leave every few seconds on a slow disk.
const REQUEST_ITEMS: usize = 250;

/// Receives the results of a change.
pub(super) type OnResult = Box<dyn FnOnce(&[ChangeResult])>;

/// The requests of a change, made while it runs: the paths of a hundred thousand entries take longer than a frame.
pub(super) type Requests = Box<dyn Iterator<Item = Change>>;

impl Changes {
    /// The requests for the selected entries and their number, if there are many. `None` also while selected rows have
    /// yet to arrive.
    pub(super) fn many_selected(self, request: fn(Vec<PathItem>) -> Change) -> Option<(Requests, usize)> {
        let browser = self.browser;
        let count = browser.selection.with_untracked(|selection| selection.len());
        if !browser.shows_folder() || count <= BULK_ITEMS_MIN {
            return None;
        }
        let listing = browser.listing.get_untracked();
        let rows: Vec<_> = browser.selection.with_untracked(|selection| selection.iter().collect());
        rows.last().is_some_and(|last| *last < listing.rows.len()).then(|| (requests_of(listing, rows, request), count))
    }

    /// Executes a change of many entries of the folder on the screen.
    pub(super) fn submit_many(self, requests: Requests, count: usize, verb: Verb) {
        let mut access = PathAccess::default();
        access.write([&self.browser.folder.get_untracked()]);
        self.browser.selection.update(|selection| selection.clear());
        self.run_many(requests, count, verb, access, Box::new(|_| ()));
    }

    /// Executes the requests of a change in their turn, and reports the results.
    pub(super) fn run_many(
        self,
        requests: Requests,
        count: usize,
        verb: Verb,
        access: PathAccess,
        on_result: OnResult,
    ) {
        let Some(ticket) = self.join_queue(Origin::New, WaitsFor::Paths(access)) else { return on_result(&[]) };
        let task = self.start_task(Some(verb), count);
        spawn_local(async move {
            ticket.turn().await;
            let mut results = self.execute_many(&task, requests, Origin::New).await;
            self.resolve_conflicts(&task, &mut results).await;
            self.end_task(&task);
            on_result(&results);
            self.report_results(&task, results, Origin::New, verb).await;
        });
    }

    /// Sends the requests until the user cancels. The list shows the outcomes of each.
    pub(super) async fn execute_many(self, task: &Task, requests: Requests, origin: Origin) -> Vec<ChangeResult> {
        let mut results = Vec::new();
        for change in requests.flat_map(batch::split) {
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

fn requests_of(listing: Listing, rows: Vec<usize>, request: fn(Vec<PathItem>) -> Change) -> Requests {
    let mut rows = rows.into_iter();
    let path = move |row: usize| -> Option<VPath> { listing.folder.join(listing.rows.name(row)?).ok() };
    Box::new(std::iter::from_fn(move || {
        let few = rows.by_ref().take(REQUEST_ITEMS).filter_map(&path);
        let items: Vec<_> = few.map(|path| PathItem { path, if_etag: None }).collect();
        (!items.is_empty()).then(|| request(items))
    }))
}
