//! Merging edits into the folder on the screen: entries that appear, disappear or change. Neither the focused row nor the
//! row at the top moves on the screen.

#![cfg(target_arch = "wasm32")]

use leptos::prelude::*;
use shared::VPath;

use super::model::{Edit, Listing, Remap, Selection, View};
use super::state::{FileBrowser, Phase, ScrollTarget};
use crate::env::{focus_within, focused};

impl FileBrowser {
    /// Merges edits of a folder's entries, if that folder is on the screen.
    pub fn merge(self, folder: &VPath, edits: &[Edit]) {
        if edits.is_empty() || self.folder.with_untracked(|here| here != folder) {
            return;
        }
        self.work.update_value(|work| {
            if work.loading {
                work.edits_while_loading.extend_from_slice(edits);
            }
        });
        let shown = self.phase.get_untracked() == Phase::Ready
            && self.listing.with_untracked(|listing| listing.folder == *folder);
        if shown && let Some(remap) = self.listing.try_update(|listing| listing.merge(edits)) {
            self.follow(remap);
        }
    }

    /// Selects these entries and moves the cursor to the first of them; with `focus`, that row takes the focus.
    pub fn reveal(self, names: &[&[u8]], focus: bool) {
        let rows = self.listing.with_untracked(|listing| listing.rows.find_each(names));
        let rows: Vec<_> =
            rows.into_iter().flatten().filter(|row| self.view.with_untracked(|view| view.shows(*row))).collect();
        let Some(first) = rows.iter().copied().min() else { return };
        self.selection.update(|selection| {
            selection.only(first);
            selection.select(rows);
        });
        self.forget_sought_row();
        self.cursor.set(first);
        self.target.set(Some(ScrollTarget::Show(first)));
        if focus {
            self.focus_cursor();
        }
    }

    /// True if the focus is in the list or nowhere, so that a change may move it.
    pub fn has_focus(self) -> bool {
        focused().is_none() || focus_within(".row, .panel")
    }

    /// Ends loading: merges once more the edits that arrived meanwhile, because later pages may be older than they are.
    pub(super) fn finish_loading(self) {
        self.work.update_value(|work| {
            work.loading = false;
            work.edits_while_loading.clear();
        });
        let due = self.work.try_update_value(|work| std::mem::take(&mut work.revalidation_due));
        let late = self.listing.try_update(Listing::merge_late).flatten();
        if let Some(remap) = late {
            self.follow(remap);
        }
        if due == Some(true) {
            self.revalidate_pages();
        }
    }

    /// Merges the edits since reading began into the listing that was read.
    pub(super) fn merge_edits_into(self, listing: &mut Listing) {
        let own = self.folder.with_untracked(|folder| *folder == listing.folder);
        self.work.with_value(|work| {
            if own && !work.edits_while_loading.is_empty() {
                listing.merge(&work.edits_while_loading);
            }
        });
    }

    /// Moves everything that names a row along with the rows.
    fn follow(self, remap: Remap) {
        let cursor = self.cursor.get_untracked();
        let top = self.top.get_value();
        let had_focus = focus_within(".row");
        let filter = self.filter.get_untracked();
        let view = self.listing.with_untracked(|listing| View::filtered(listing, &filter));
        let before = self.view.try_update(|shown| std::mem::replace(shown, view)).unwrap_or_default();
        let anchor = self.anchor(&before, cursor, top, had_focus);
        let stays = anchor.and_then(|anchor| {
            let row = remap.nearest(before.row(anchor)?);
            let moved = self.view.with_untracked(|view| view.position(row)) as f64 - anchor as f64;
            (moved != 0.0).then_some((top + moved).max(0.0))
        });
        let lost = had_focus && remap.of(cursor).is_none();
        let nearest = remap.nearest(cursor);
        self.cursor.set(self.view.with_untracked(|view| view.row(view.position(nearest))).unwrap_or(nearest));
        if self.selection.with_untracked(|selection| !selection.is_empty()) {
            self.selection.update(|selection: &mut Selection| selection.remap(&remap));
        }
        self.shifts.update_value(|shifts| shifts.push((before, remap)));
        if let Some(top) = stays {
            self.target.set(Some(ScrollTarget::Top(top)));
        }
        if lost {
            self.focus_cursor();
        }
    }

    /// The position that is to stay where it is on the screen: that of the focused row if it is in sight, else the first in
    /// sight; `None` at the very top, where new rows are to appear.
    fn anchor(self, view: &View, cursor: usize, top: f64, had_focus: bool) -> Option<usize> {
        let position = view.position(cursor);
        let seen = position as f64 + 1.0 > top && (position as f64) < top + self.page.get_value() as f64 + 1.0;
        if had_focus && seen && view.shows(cursor) { Some(position) } else { (top > 0.0).then_some(top as usize) }
    }
}
