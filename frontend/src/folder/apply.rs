//! Putting a listing on the screen: a new one, or one that was read again under the person's hands.

#![cfg(target_arch = "wasm32")]

use leptos::prelude::*;

use super::model::{Listing, Selection, SelectionSnapshot, View, ViewState};
use super::state::{Browser, Phase, ScrollTarget};
use crate::env::focused;

impl Browser {
    /// Shows a listing that has at least its first page.
    pub(super) fn apply(self, mut listing: Listing, place: ViewState, mut keep: SelectionSnapshot, focus: bool) {
        self.merge_edits_into(&mut listing);
        let mut selection = Selection::default();
        let arrived = 0..listing.rows.len();
        keep.focus = place.focus.clone().or(keep.focus);
        let found = keep.find_in(&listing, arrived, &mut selection);
        let cursor = found.unwrap_or(0);
        let target = match (place.top, found) {
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
        self.work.update_value(|work| work.snapshot = keep);
        if focus {
            self.focus_cursor();
        }
    }

    /// Puts a listing that was read again in the place of the one that is shown, under the person's hands.
    pub(super) fn replace(self, mut listing: Listing) {
        self.merge_edits_into(&mut listing);
        let mut keep = self.snapshot();
        let here = self.cursor.get_untracked();
        let above = here as f64 - self.top.get_value();
        let had_focus = focused().is_some_and(|element| element.closest(".row").is_ok_and(|row| row.is_some()));
        let mut selection = Selection::default();
        let found = keep.find_in(&listing, 0..listing.rows.len(), &mut selection);
        let cursor = found.unwrap_or_else(|| here.min(listing.total().saturating_sub(1)));
        self.view.set(View::filtered(&listing, &self.filter.get_untracked()));
        self.listing.set(listing);
        self.selection.set(selection);
        self.cursor.set(cursor);
        // The focused row stays where it is on the screen, whatever came or went above it.
        if found.is_some_and(|row| row != here) {
            self.target.set(Some(ScrollTarget::Top((cursor as f64 - above).max(0.0))));
        }
        self.work.update_value(|work| work.snapshot = keep);
        if had_focus {
            self.focus_cursor();
        }
    }

    /// What the person has in hand, with what is still being looked for.
    pub(super) fn snapshot(self) -> SelectionSnapshot {
        let cursor = self.cursor.get_untracked();
        let mut keep = self.listing.with_untracked(|listing| {
            self.selection.with_untracked(|chosen| SelectionSnapshot::of(listing, chosen, cursor))
        });
        self.work.with_value(|work| {
            keep.selected.extend(work.snapshot.selected.iter().cloned());
            keep.everything |= work.snapshot.everything;
            keep.focus = work.snapshot.focus.clone().or(keep.focus.take());
        });
        keep
    }
}
