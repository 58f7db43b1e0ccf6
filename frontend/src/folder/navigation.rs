//! Navigation from folder to folder and back: the address, the history, and the listings that are kept for the way back.

#![cfg(target_arch = "wasm32")]

use std::time::Duration;

use leptos::prelude::*;
use shared::VPath;

use super::model::{Listing, Selection, SelectionSnapshot, ViewState};
use super::restoration::Restoration;
use super::saved_view::saved_view_state;
use super::state::{FileBrowser, Phase};
use crate::env::{history, storage};
use crate::failure::Failure;

/// How long after the last movement the view state is saved: browsers limit how often a page may write the history.
const SAVE_AFTER: Duration = Duration::from_millis(300);
/// Most folders that are kept for the way back.
const KEPT_FOLDERS_MAX: usize = 8;
/// Most rows of all kept folders together.
const KEPT_ROWS_MAX: usize = 300_000;

impl FileBrowser {
    /// Opens the folder or the trash that the address names: at the start, and when the user goes back or forward.
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
                self.leave_rows();
                self.offline.set(false);
                self.rights.set(None);
                let code = shared::ErrorCode::BadPath;
                self.phase.set(Phase::Failed(Failure::Refused { code, status: 400, request_id: String::new() }));
            }
        }
    }

    /// Opens a folder. From one inside it, the cursor is on the folder that the user comes from.
    pub fn navigate(self, folder: VPath) {
        let here = self.folder.get_untracked();
        let inner = folder.strip_prefix_of(&here);
        let view_state =
            inner.as_ref().and_then(|inner| inner.segments().next()).map(ViewState::at).unwrap_or_default();
        self.save_view();
        history::push(&folder);
        self.in_trash.set(false);
        self.enter(folder, view_state, true);
    }

    /// Shows the trash.
    pub fn open_trash(self) {
        if !self.in_trash.get_untracked() {
            self.save_view();
            history::push_trash();
            self.leave_rows();
            self.in_trash.set(true);
        }
    }

    /// Opens the parent folder.
    pub fn parent(self) {
        if let Some(parent) = self.folder.get_untracked().parent() {
            self.navigate(parent);
        }
    }

    /// Saves the view state to the history once the user pauses.
    pub fn save_view_soon(self) {
        let browser = self;
        let handle = set_timeout_with_handle(move || browser.save_view(), SAVE_AFTER).ok();
        let before = self.work.try_update_value(|work| std::mem::replace(&mut work.save_timer, handle)).flatten();
        if let Some(before) = before {
            before.clear();
        }
    }

    fn enter(self, folder: VPath, view_state: ViewState, focus: bool) {
        self.cancel_save();
        self.keep_left_listing();
        self.leave_rows();
        let order = storage::order(&folder);
        self.folder.set(folder.clone());
        self.order.set(order);
        self.filter.set(String::new());
        let kept = self.work.try_update_value(|work| {
            let index = work.left_listings.iter().position(|(left, _)| left.folder == folder && left.order == order)?;
            Some(work.left_listings.remove(index))
        });
        match kept.flatten() {
            Some((listing, rights)) => {
                self.rights.set(rights);
                self.apply(listing, Restoration { view_state, focus, ..Restoration::default() });
                self.load_in_background();
            }
            None => self.load(Restoration { view_state, focus, ..Restoration::default() }),
        }
    }

    /// Ends what refers to the rows on the screen, because those of another folder take their place.
    fn leave_rows(self) {
        self.selection.update(Selection::clear);
        self.work.update_value(|work| work.snapshot = SelectionSnapshot::default());
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

    /// Keeps the listing of the folder that is being left, to show it without a wait on the way back.
    fn keep_left_listing(self) {
        // In the trash, the rights are those in the trash.
        if self.phase.get_untracked() != Phase::Ready || self.in_trash.get_untracked() {
            return;
        }
        if self.listing.with_untracked(|listing| listing.rows.len() > KEPT_ROWS_MAX) {
            return;
        }
        let (listing, rights) = (self.listing.get_untracked(), self.rights.get_untracked());
        self.work.update_value(|work| {
            work.left_listings.retain(|(left, _)| left.folder != listing.folder);
            work.left_listings.push((listing, rights));
            let rows = |left: &[(Listing, _)]| left.iter().map(|(left, _)| left.rows.len()).sum::<usize>();
            while work.left_listings.len() > KEPT_FOLDERS_MAX || rows(&work.left_listings) > KEPT_ROWS_MAX {
                work.left_listings.remove(0);
            }
        });
    }
}
