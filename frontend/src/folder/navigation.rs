//! Going from folder to folder, and coming back to where one was: the address, the history, and the folders that are
//! kept to be shown at once.

#![cfg(target_arch = "wasm32")]

use std::time::Duration;

use leptos::prelude::*;
use shared::VPath;

use super::model::{Listing, SelectionSnapshot, ViewState};
use super::saved_view::saved_view_state;
use super::state::{Browser, Phase};
use crate::env::{history, storage};
use crate::failure::Failure;

/// How long after a movement the place is written into the history: browsers limit how often a page may.
const REMEMBER_AFTER: Duration = Duration::from_millis(300);
/// How many folders are kept for going back, and how many rows in all.
const KEPT_FOLDERS_MAX: usize = 8;
const KEPT_ROWS_MAX: usize = 300_000;

impl Browser {
    /// Opens what the address names: at the start, and when the person goes back or forward.
    pub fn follow_address(self, focus: bool) {
        self.in_trash.set(history::in_trash());
        if history::in_trash() {
            return;
        }
        match history::folder() {
            Ok(folder) => self.enter(folder, saved_view_state(), focus),
            Err(_) => {
                self.cancel_save();
                self.abort();
                let code = shared::ErrorCode::BadPath;
                self.phase.set(Phase::Failed(Failure::Refused { code, status: 400, request_id: String::new() }));
            }
        }
    }

    /// Goes to a folder. Coming from inside it, the focus is on where one came from.
    pub fn navigate(self, folder: VPath) {
        let here = self.folder.get_untracked();
        let inner = folder.strip_prefix_of(&here);
        let place = inner.as_ref().and_then(|inner| inner.segments().next()).map(ViewState::at).unwrap_or_default();
        self.save_view();
        history::push(&folder);
        self.in_trash.set(false);
        self.enter(folder, place, true);
    }

    /// Shows the trash.
    pub fn open_trash(self) {
        if !self.in_trash.get_untracked() {
            self.save_view();
            history::push_trash();
            self.in_trash.set(true);
        }
    }

    /// Goes to the folder above.
    pub fn parent(self) {
        if let Some(parent) = self.folder.get_untracked().parent() {
            self.navigate(parent);
        }
    }

    /// Writes the place into the history once the person rests.
    pub fn save_view_soon(self) {
        let browser = self;
        let handle = set_timeout_with_handle(move || browser.save_view(), REMEMBER_AFTER).ok();
        let before = self.work.try_update_value(|work| std::mem::replace(&mut work.save_timer, handle)).flatten();
        if let Some(before) = before {
            before.clear();
        }
    }

    fn enter(self, folder: VPath, place: ViewState, focus: bool) {
        self.cancel_save();
        self.keep_left_listing();
        let order = storage::order(&folder);
        self.folder.set(folder.clone());
        self.order.set(order);
        self.filter.set(String::new());
        let kept = self.work.try_update_value(|work| {
            let index = work.left_listings.iter().position(|kept| kept.folder == folder && kept.order == order)?;
            Some(work.left_listings.remove(index))
        });
        match kept.flatten() {
            Some(listing) => {
                self.apply(listing, place, SelectionSnapshot::default(), focus);
                self.load(true, ViewState::default(), self.snapshot(), false);
            }
            None => self.load(false, place, SelectionSnapshot::default(), focus),
        }
    }

    fn save_view(self) {
        self.cancel_save();
        let here =
            self.listing.with_untracked(|listing| self.folder.with_untracked(|folder| listing.folder == *folder));
        if here && !self.in_trash.get_untracked() && self.phase.get_untracked() == Phase::Ready {
            let cursor = self.cursor.get_untracked();
            let focus = self.listing.with_untracked(|listing| listing.rows.name(cursor).map(<[u8]>::to_vec));
            history::replace_state(&ViewState { top: Some(self.top.get_value()), focus }.to_text());
        }
    }

    fn cancel_save(self) {
        let before = self.work.try_update_value(|work| work.save_timer.take()).flatten();
        if let Some(before) = before {
            before.clear();
        }
    }

    /// Keeps the folder that is being left, to be shown at once when the person comes back.
    fn keep_left_listing(self) {
        if self.phase.get_untracked() != Phase::Ready {
            return;
        }
        if self.listing.with_untracked(|listing| listing.rows.len() > KEPT_ROWS_MAX) {
            return;
        }
        let listing = self.listing.get_untracked();
        self.work.update_value(|work| {
            work.left_listings.retain(|kept| kept.folder != listing.folder);
            work.left_listings.push(listing);
            let rows = |kept: &[Listing]| kept.iter().map(|kept| kept.rows.len()).sum::<usize>();
            while work.left_listings.len() > KEPT_FOLDERS_MAX || rows(&work.left_listings) > KEPT_ROWS_MAX {
                work.left_listings.remove(0);
            }
        });
    }
}
