//! Commands of the list that keyboard, pointer and menus share: moving the cursor, selecting rows, opening one.

#![cfg(target_arch = "wasm32")]

use leptos::prelude::*;

use super::state::{FileBrowser, ScrollTarget};
use crate::failure::Operation;
use crate::net::urls::file_url;
use crate::printable::printable;
use crate::ui::toast::Tone;

impl FileBrowser {
    /// Opens a row: a folder in the list, a file in a new tab.
    pub(crate) fn open(self, row: usize) {
        let known =
            self.listing.with_untracked(|listing| listing.rows.get(row).map(|row| (row.is_folder(), row.refusal())));
        match (known, self.path_of(row)) {
            (Some((_, Some(reason))), Some(path)) => {
                let words = self.prefs.lang.get_untracked().words();
                let text = words.failure(reason, Operation::Open, &printable(path.name()));
                self.toasts.show(Tone::Bad, text, None);
            }
            (Some((true, None)), Some(path)) => self.navigate(path),
            (Some((false, None)), Some(path)) => {
                let _ = window().open_with_url_and_target_and_features(&file_url(&path), "_blank", "noopener");
            }
            _ => {}
        }
    }

    /// Selects every row that the filter lets through.
    pub(crate) fn select_all(self) {
        if !self.shows_folder() {
            return;
        }
        self.view.with_untracked(|view| {
            if !view.is_empty() {
                self.selection.update(|selection| selection.span(view.between(0, view.len() - 1), false));
            }
        });
    }

    /// Selects from the anchor to a row; with `add`, what is selected elsewhere stays.
    pub(crate) fn select_to(self, row: usize, add: bool) {
        let cursor = self.cursor.get_untracked();
        self.view.with_untracked(|view| {
            self.selection.update(|selection| {
                let anchor = *selection.anchor.get_or_insert(cursor);
                selection.span(view.between(view.position(anchor), view.position(row)), add);
            });
        });
    }

    /// Moves the cursor to a row, scrolls it into sight and focuses it.
    pub(crate) fn put_cursor(self, row: usize) {
        self.forget_sought_row();
        self.cursor.set(row);
        self.target.set(Some(ScrollTarget::Show(row)));
        self.focus_cursor();
        self.save_view_soon();
    }
}
