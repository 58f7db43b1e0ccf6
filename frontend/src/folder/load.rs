//! Fetching a folder, page by page, until all of it is here or the person goes elsewhere. A folder that is shown while
//! it is read again is replaced only once as much of it is here as was shown.

#![cfg(target_arch = "wasm32")]

use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::Order;
use shared::VPath;
use shared::api::files::ListFolder;
use shared::limits::LIST_LIMIT_DEFAULT;
use web_sys::{AbortController, AbortSignal};

use super::loaded_page::LoadedPage;
use super::model::listing::next_limit;
use super::model::{Listing, SelectionSnapshot, ViewState};
use super::state::{Browser, Phase, ScrollTarget};
use crate::env::{now, sleep};
use crate::failure::{Failure, backoff_milliseconds};
use crate::net::api::{Listed, list};
use crate::net::listing_page::ListingPage;

/// A wait that nobody notices needs no sign of waiting.
const SKELETON_AFTER: Duration = Duration::from_millis(150);
/// How often a listing is started again whose cursor the server no longer takes.
const RESTARTS_MAX: u32 = 5;

impl Browser {
    /// Reads the folder that the address names: behind what is shown (`in_background`), or to be shown at once.
    pub(super) fn load(self, in_background: bool, place: ViewState, keep: SelectionSnapshot, focus: bool) {
        self.abort();
        let Ok(controller) = AbortController::new() else { return };
        let signal = controller.signal();
        self.work.update_value(|work| {
            work.abort = Some(controller);
            work.loading = true;
            work.edits_while_loading.clear();
            work.loaded_pages.clear();
        });
        self.refreshing.set(in_background);
        if !in_background {
            self.phase.set(Phase::Waiting);
            self.show_skeleton_later(signal.clone());
        }
        let reading =
            Reading { browser: self, signal, folder: self.folder.get_untracked(), order: self.order.get_untracked() };
        spawn_local(async move {
            if let Err(failure) = reading.run(in_background, place, keep, focus).await {
                reading.fail(failure);
            }
        });
    }

    fn show_skeleton_later(self, signal: AbortSignal) {
        let show = move || {
            if !signal.aborted() && self.phase.get_untracked() == Phase::Waiting {
                self.phase.set(Phase::Skeleton);
            }
        };
        set_timeout(show, SKELETON_AFTER);
    }
}

/// One folder being read.
struct Reading {
    browser: Browser,
    signal: AbortSignal,
    folder: VPath,
    order: Order,
}

impl Reading {
    async fn run(
        &self,
        in_background: bool,
        place: ViewState,
        keep: SelectionSnapshot,
        focus: bool,
    ) -> Result<(), Failure> {
        let browser = self.browser;
        let mut first = Some((place, keep, focus));
        let mut hidden = in_background.then(|| self.blank());
        let (mut limit, mut cursor, mut restarts) = (None, None, 0);
        loop {
            let listed = match self.page(limit, cursor.clone()).await {
                Err(failure) if cursor.is_some() && failure.is_lost_cursor() && restarts < RESTARTS_MAX => {
                    restarts += 1;
                    (hidden, cursor) = (Some(self.blank()), None);
                    browser.work.update_value(|work| work.loaded_pages.clear());
                    continue;
                }
                listed => listed?,
            };
            let (page, here) = (&listed.page, now());
            match (&mut hidden, first.take()) {
                (Some(_), _) if cursor.is_none() && browser.listing.with_untracked(|shown| shown.is_still(page)) => {
                    break;
                }
                (Some(listing), _) => {
                    listing.append(page);
                    cursor = listing.next.clone();
                    let enough = browser.listing.with_untracked(|shown| listing.rows.len() >= shown.rows.len());
                    if enough || listing.is_complete() {
                        browser.replace(std::mem::replace(listing, self.blank()));
                        hidden = None;
                    }
                }
                (None, Some((place, keep, focus))) => {
                    let mut listing = self.blank();
                    listing.append(page);
                    cursor = listing.next.clone();
                    browser.apply(listing, place, keep, focus);
                }
                (None, None) => cursor = self.append(page),
            }
            if cursor.is_none() {
                break;
            }
            let busy = listed.busy_milliseconds + now() - here;
            let before = limit.unwrap_or(LIST_LIMIT_DEFAULT);
            let compared = browser.will_be_compared(&self.folder);
            limit = Some(next_limit(before, listed.waiting_milliseconds, busy, compared));
        }
        browser.refreshing.set(false);
        browser.finish_loading();
        Ok(())
    }

    /// Adds rows to what is shown; answers the next cursor.
    fn append(&self, page: &ListingPage) -> Option<String> {
        let browser = self.browser;
        let arrived = browser.listing.try_update(|listing| listing.append(page))?;
        browser.listing.with_untracked(|listing| {
            browser.view.update(|view| view.extend(listing, arrived.clone()));
            let mut keep = browser.work.try_update_value(|work| std::mem::take(&mut work.snapshot)).unwrap_or_default();
            if !keep.selected.is_empty() || keep.everything {
                browser.selection.update(|selection| _ = keep.find_in(listing, arrived.clone(), selection));
            } else if let Some(row) = keep.find_in(listing, arrived, &mut Default::default()) {
                browser.cursor.set(row);
                browser.target.set(Some(ScrollTarget::Center(row)));
            }
            browser.work.update_value(|work| work.snapshot = keep);
            listing.next.clone()
        })
    }

    /// One page. What may pass is tried again, for as long as it takes, with what is here still on the screen.
    async fn page(&self, limit: Option<u32>, cursor: Option<String>) -> Result<Listed, Failure> {
        let browser = self.browser;
        let request = ListFolder { path: self.folder.clone(), order: self.order, limit, cursor };
        for tries in 0.. {
            let watch_starts = browser.work.with_value(|work| work.watch_starts);
            match list(&request, Some(&self.signal)).await {
                Err(failure) if failure.passes() && !self.signal.aborted() => {
                    browser.offline.set(true);
                    if browser.phase.get_untracked() != Phase::Ready {
                        browser.phase.set(Phase::Failed(failure));
                    }
                }
                outcome => {
                    if self.signal.aborted() {
                        return Err(Failure::Aborted);
                    }
                    browser.offline.set(false);
                    let listed = outcome?;
                    browser.set_rights(listed.rights);
                    let page = LoadedPage { request, etag: listed.page.etag, watch_starts };
                    browser.work.update_value(|work| work.loaded_pages.push(page));
                    return Ok(listed);
                }
            }
            let (wait, wake) = sleep(backoff_milliseconds(tries));
            browser.work.update_value(|work| work.wake = Some(wake));
            // The promise is only ever resolved.
            let _ = wait.await;
            if self.signal.aborted() {
                break;
            }
        }
        Err(Failure::Aborted)
    }

    fn fail(&self, failure: Failure) {
        if failure != Failure::Aborted && !self.signal.aborted() {
            self.browser.refreshing.set(false);
            self.browser.finish_loading();
            self.browser.phase.set(Phase::Failed(failure));
        }
    }

    fn blank(&self) -> Listing {
        Listing::new(self.folder.clone(), self.order)
    }
}
