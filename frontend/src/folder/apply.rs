//! Putting a listing on the screen: a new one, or one that was read again under the person's hands.

#![cfg(target_arch = "wasm32")]

use leptos::prelude::*;

use super::model::{Keep, Listing, Place, Selection, View};
use super::state::{Browser, Phase, Target};
use crate::env::focused;

impl Browser {
    /// Shows a listing that has at least its first page.
    pub(super) fn show(self, mut listing: Listing, place: Place, mut keep: Keep, focus: bool) {
        self.catch_up(&mut listing);
        let mut selection = Selection::default();
        let arrived = 0..listing.rows.len();
        keep.focus = place.focus.clone().or(keep.focus);
        let found = keep.find_in(&listing, arrived, &mut selection);
        let cursor = found.unwrap_or(0);
        let target = match (place.top, found) {
            (Some(top), _) => Target::Top(top),
            (None, Some(row)) => Target::Center(row),
            (None, None) => Target::Top(0.0),
        };
        self.view.set(View::filtered(&listing, &self.filter.get_untracked()));
        self.listing.set(listing);
        self.selection.set(selection);
        self.cursor.set(cursor);
        self.phase.set(Phase::Ready);
        self.target.set(Some(target));
        self.work.update_value(|work| work.keep = keep);
        if focus {
            self.focus_cursor();
        }
    }

    /// Puts a listing that was read again in the place of the one that is shown, under the person's hands.
    pub(super) fn swap(self, mut listing: Listing) {
        self.catch_up(&mut listing);
        let mut keep = self.in_hand();
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
            self.target.set(Some(Target::Top((cursor as f64 - above).max(0.0))));
        }
        self.work.update_value(|work| work.keep = keep);
        if had_focus {
            self.focus_cursor();
        }
    }

    /// What the person has in hand, with what is still being looked for.
    pub(super) fn in_hand(self) -> Keep {
        let cursor = self.cursor.get_untracked();
        let mut keep = self
            .listing
            .with_untracked(|listing| self.selection.with_untracked(|chosen| Keep::of(listing, chosen, cursor)));
        self.work.with_value(|work| {
            keep.selected.extend(work.keep.selected.iter().cloned());
            keep.everything |= work.keep.everything;
            keep.focus = work.keep.focus.clone().or(keep.focus.take());
        });
        keep
    }
}
