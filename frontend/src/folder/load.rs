//! Loading a folder page by page, until it is complete or the user leaves it. A listing that is on the screen while the
//! folder is read again is replaced once as many rows have arrived as are shown.

#![cfg(target_arch = "wasm32")]

use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::api::files::ListFolder;
use shared::limits::LIST_LIMIT_DEFAULT;
use shared::{Order, VPath};
use web_sys::{AbortController, AbortSignal};

use super::loaded_page::LoadedPage;
use super::model::listing::next_limit;
use super::model::{Listing, SelectionSnapshot};
use super::restoration::Restoration;
use super::state::{FileBrowser, Phase, ScrollTarget};
use crate::env::{next_task, now, sleep};
use crate::failure::{Failure, backoff_milliseconds};
use crate::net::api::{Listed, list};
use crate::net::listing_page::ListingPage;

/// Grey bars appear after this wait: before it, they would only flicker.
const SKELETON_AFTER: Duration = Duration::from_millis(150);
/// How often a listing is started again because the server no longer accepts its cursor.
const RESTARTS_MAX: u32 = 5;

impl FileBrowser {
    /// Loads the folder that the address names, and shows it from its first page on.
    pub(super) fn load(self, restoration: Restoration) {
        let Some(load) = self.begin_load() else { return };
        self.refreshing.set(false);
        self.phase.set(Phase::Waiting);
        self.show_skeleton_later(load.signal.clone());
        spawn_local(load.run(Some(restoration)));
    }

    /// Loads the folder again while its listing is on the screen.
    pub(super) fn load_in_background(self) {
        let Some(load) = self.begin_load() else { return };
        self.refreshing.set(true);
        spawn_local(load.run(None));
    }

    /// Ends the load before this one; `None` in a browser that cannot abort.
    fn begin_load(self) -> Option<Load> {
        self.abort();
        let controller = AbortController::new().ok()?;
        let signal = controller.signal();
        self.work.update_value(|work| {
            work.abort = Some(controller);
            work.loading = true;
            work.edits_while_loading.clear();
            work.loaded_pages.clear();
        });
        let (folder, order) = (self.folder.get_untracked(), self.order.get_untracked());
        Some(Load { browser: self, signal, folder, order })
    }

    /// Shows why the folder cannot be shown. The rights in it are unknown.
    pub(super) fn fail(self, failure: Failure) {
        if !self.in_trash.get_untracked() {
            self.rights.set(None);
        }
        self.phase.set(Phase::Failed(failure));
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

/// One load of a folder.
struct Load {
    browser: FileBrowser,
    signal: AbortSignal,
    folder: VPath,
    order: Order,
}

impl Load {
    /// With a `restoration`, shows the folder from its first page on; without, replaces the listing on the screen.
    async fn run(self, restoration: Option<Restoration>) {
        match self.read_all(restoration).await {
            Ok(()) => {
                // No more rows arrive: what was sought among them is gone, and must not be selected by a later load.
                self.browser.work.update_value(|work| work.snapshot = SelectionSnapshot::default());
                self.finish();
            }
            Err(failure) if failure != Failure::Aborted && !self.signal.aborted() => {
                self.finish();
                self.browser.fail(failure);
            }
            Err(_) => {}
        }
    }

    fn finish(&self) {
        self.browser.refreshing.set(false);
        self.browser.finish_loading();
    }

    async fn read_all(&self, mut restoration: Option<Restoration>) -> Result<(), Failure> {
        // The newer listing, while the former one is on the screen.
        let mut hidden = restoration.is_none().then(|| self.empty_listing());
        let (mut limit, mut cursor, mut restarts) = (None, None, 0);
        loop {
            let listed = match self.read_page(limit, cursor.clone()).await {
                Err(failure) if cursor.is_some() && failure.is_lost_cursor() && restarts < RESTARTS_MAX => {
                    restarts += 1;
                    (hidden, cursor) = (Some(self.empty_listing()), None);
                    self.browser.work.update_value(|work| work.loaded_pages.clear());
                    continue;
                }
                listed => listed?,
            };
            let arrived = now();
            let is_first = cursor.is_none();
            cursor = match (&mut hidden, restoration.take()) {
                (Some(_), _) if is_first && self.is_unchanged(&listed.page) => None,
                (Some(listing), _) => {
                    listing.append(&listed.page);
                    let cursor = listing.next.clone();
                    if self.is_as_long_as_shown(listing) {
                        // To replace a long listing is a task of its own: with reading its page, it takes longer than a frame.
                        next_task().await;
                        if self.signal.aborted() {
                            return Err(Failure::Aborted);
                        }
                        hidden.take().into_iter().for_each(|listing| self.browser.replace(listing));
                    }
                    cursor
                }
                (None, Some(restoration)) => {
                    if !self.browser.in_trash.get_untracked() {
                        self.browser.rights.set(listed.rights);
                    }
                    // What the rights change on the screen is a task of its own: with the list, it takes longer than a frame.
                    next_task().await;
                    if self.signal.aborted() {
                        return Err(Failure::Aborted);
                    }
                    self.show_first(&listed.page, restoration)
                }
                (None, None) => self.append(&listed.page),
            };
            if cursor.is_none() {
                return Ok(());
            }
            limit = Some(self.limit_after(limit, &listed, listed.busy_milliseconds + now() - arrived));
        }
    }

    fn is_unchanged(&self, page: &ListingPage) -> bool {
        self.browser.listing.with_untracked(|shown| shown.is_unchanged(page))
    }

    /// Shows a listing that begins with this page. Returns the next cursor.
    fn show_first(&self, page: &ListingPage, restoration: Restoration) -> Option<String> {
        let mut listing = self.empty_listing();
        listing.append(page);
        let cursor = listing.next.clone();
        self.browser.apply(listing, restoration);
        cursor
    }

    /// True once the hidden listing is to replace the one on the screen.
    fn is_as_long_as_shown(&self, hidden: &Listing) -> bool {
        let shown_rows = self.browser.listing.with_untracked(|shown| shown.rows.len());
        hidden.rows.len() >= shown_rows || hidden.is_complete()
    }

    /// Adds rows to the listing on the screen. Returns the next cursor.
    fn append(&self, page: &ListingPage) -> Option<String> {
        let browser = self.browser;
        let arrived = browser.listing.try_update(|listing| listing.append(page))?;
        browser.listing.with_untracked(|listing| {
            browser.view.update(|view| view.extend(listing, arrived.clone()));
            let mut snapshot =
                browser.work.try_update_value(|work| std::mem::take(&mut work.snapshot)).unwrap_or_default();
            if !snapshot.selected.is_empty() || snapshot.everything {
                browser.selection.update(|selection| _ = snapshot.find_in(listing, arrived.clone(), selection));
            } else if let Some(row) = snapshot.find_in(listing, arrived, &mut Default::default()) {
                browser.cursor.set(row);
                browser.target.set(Some(ScrollTarget::Center(row)));
            }
            browser.work.update_value(|work| work.snapshot = snapshot);
            listing.next.clone()
        })
    }

    fn limit_after(&self, limit: Option<u32>, listed: &Listed, busy_milliseconds: f64) -> u32 {
        let compared = self.browser.will_be_compared(&self.folder);
        next_limit(limit.unwrap_or(LIST_LIMIT_DEFAULT), listed.waiting_milliseconds, busy_milliseconds, compared)
    }

    /// Reads one page. A failure that may pass is retried without a limit, with the rows so far still on the screen.
    async fn read_page(&self, limit: Option<u32>, cursor: Option<String>) -> Result<Listed, Failure> {
        let request = ListFolder { path: self.folder.clone(), order: self.order, limit, cursor };
        for failures in 0.. {
            let watch_starts = self.browser.work.with_value(|work| work.watch_starts);
            match list(&request, Some(&self.signal)).await {
                Err(failure) if failure.is_transient() && !self.signal.aborted() => self.show_offline(failure),
                _ if self.signal.aborted() => break,
                outcome => {
                    self.browser.offline.set(false);
                    let listed = outcome?;
                    if !self.browser.in_trash.get_untracked() {
                        self.browser.set_rights(listed.rights);
                    }
                    let page = LoadedPage { request, etag: listed.page.etag, watch_starts };
                    self.browser.work.update_value(|work| work.loaded_pages.push(page));
                    return Ok(listed);
                }
            }
            let (wait, wake) = sleep(backoff_milliseconds(failures));
            self.browser.work.update_value(|work| work.wake = Some(wake));
            // The promise is never rejected.
            let _ = wait.await;
            if self.signal.aborted() {
                break;
            }
        }
        Err(Failure::Aborted)
    }

    fn show_offline(&self, failure: Failure) {
        self.browser.offline.set(true);
        if self.browser.phase.get_untracked() != Phase::Ready {
            self.browser.fail(failure);
        }
    }

    fn empty_listing(&self) -> Listing {
        Listing::new(self.folder.clone(), self.order)
    }
}
