//! Applying a listing to the screen: that of another folder, or a newer one of the folder that is shown.

#![cfg(target_arch = "wasm32")]

use leptos::prelude::*;

use super::model::{Listing, Selection, SelectionSnapshot, View};
use super::restoration::Restoration;
use super::state::{FileBrowser, Phase, ScrollTarget};
use crate::env::focus_within;

impl FileBrowser {
    /// Shows a listing that has at least its first page, with the user at the place of `restoration`.
    pub(super) fn apply(self, mut listing: Listing, restoration: Restoration) {
        let Restoration { view_state, mut snapshot, focus } = restoration;
        self.merge_edits_into(&mut listing);
        let mut selection = Selection::default();
        let arrived = 0..listing.rows.len();
        snapshot.focus = view_state.focus.clone().or(snapshot.focus);
        let found = snapshot.find_in(&listing, arrived, &mut selection);
        let cursor = found.unwrap_or(0);
        let target = match (view_state.top, found) {
            (Some(top), _) => ScrollTarget::Top(top),
            (None, Some(row)) => ScrollTarget::Center(row),
            (None, None) => ScrollTarget::Top(0.0),
        };
        self.view.set(View::filtered(&listing, &self.filter.get_untracked()));
        self.listing.set(listing);
        self.selection.set(selection);
        self.cursor.set(cursor);
        self.phase.set(Phase::Ready);
        self.target.set(Some(target));
        self.work.update_value(|work| work.snapshot = snapshot);
        if focus {
            self.focus_cursor();
        }
    }

    /// Replaces the listing on the screen by a newer one; cursor, selection and scroll position stay with their rows.
    pub(super) fn replace(self, mut listing: Listing) {
        self.merge_edits_into(&mut listing);
        self.keep_held_row(&mut listing);
        let mut snapshot = self.snapshot();
        let here = self.cursor.get_untracked();
        let above = here as f64 - self.top.get_value();
        let had_focus = focus_within(".row");
        let mut selection = Selection::default();
        let found = snapshot.find_in(&listing, 0..listing.rows.len(), &mut selection);
        let cursor = found.unwrap_or_else(|| here.min(listing.total().saturating_sub(1)));
        self.view.set(View::filtered(&listing, &self.filter.get_untracked()));
        self.listing.set(listing);
        self.selection.set(selection);
        self.cursor.set(cursor);
        // The focused row stays where it is on the screen.
        if found.is_some_and(|row| row != here) {
            self.target.set(Some(ScrollTarget::Top((cursor as f64 - above).max(0.0))));
        }
        self.work.update_value(|work| work.snapshot = snapshot);
        // The name field of a held row keeps the focus that it has.
        if had_focus && !self.work.with_value(|work| work.held.is_some()) {
            self.focus_cursor();
        }
    }

    /// The cursor and the selection by name, together with the rows that have yet to arrive.
    pub(super) fn snapshot(self) -> SelectionSnapshot {
        let cursor = self.cursor.get_untracked();
        let mut snapshot = self.listing.with_untracked(|listing| {
            self.selection.with_untracked(|chosen| SelectionSnapshot::of(listing, chosen, cursor))
        });
        self.work.with_value(|work| {
            snapshot.selected.extend(work.snapshot.selected.iter().cloned());
            snapshot.everything |= work.snapshot.everything;
            snapshot.focus = work.snapshot.focus.clone().or(snapshot.focus.take());
        });
        snapshot
    }
}
