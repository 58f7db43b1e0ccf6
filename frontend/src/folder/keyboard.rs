//! Key presses in the list.

#![cfg(target_arch = "wasm32")]

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, KeyboardEvent};

use super::model::Selection;
use super::model::keys::{FileAction, Intent, Motion, Press, Reach, destination, intent};
use super::state::FileBrowser;
use crate::env::{dialog_is_open, focus, focus_within, now, once_rendered};
use crate::ui::ids::{FILTER_ID, MAIN_ID};

impl FileBrowser {
    /// Handles a key press anywhere on the page, unless it belongs to another element or to the browser. Returns the action
    /// on files that the key stands for, which is for the caller to perform.
    pub fn press(self, event: &KeyboardEvent) -> Option<FileAction> {
        if event.default_prevented() || event.is_composing() || !is_for_list(event) {
            return None;
        }
        let typing = self.typing.with_value(|typing| typing.is_active(now()));
        let key = event.key();
        let command = event.ctrl_key() || event.meta_key();
        let press = Press { key: &key, command, shift: event.shift_key(), alt: event.alt_key() };
        // AltGr, which some layouts need for letters, reports Ctrl and Alt at once.
        let meant = intent(press, typing).filter(|_| !(event.ctrl_key() && event.alt_key()));
        let scrolls = key == " " && in_grid(event);
        // The browser also handles Cut and Copy, so that its own clipboard loses its former content.
        let clipboard = matches!(meant, Some(Intent::Act(FileAction::Cut | FileAction::Copy)));
        if (meant.is_some() && !clipboard) || scrolls {
            event.prevent_default();
        }
        match meant {
            // A key acts only on rows in sight, and only if they are those of the folder in the title.
            Some(intent) if !self.shows_folder() && !self.works_without_rows(intent) => None,
            Some(Intent::Act(action)) => Some(action),
            Some(intent) => {
                self.perform(intent);
                None
            }
            None => None,
        }
    }

    /// True for an intent that does not need the rows of the folder.
    fn works_without_rows(self, intent: Intent) -> bool {
        match intent {
            Intent::Help | Intent::Act(FileAction::Undo | FileAction::Redo) => true,
            Intent::Parent => !self.in_trash.get_untracked(),
            _ => false,
        }
    }

    fn perform(self, intent: Intent) {
        let row = self.cursor.get_untracked();
        match intent {
            Intent::Move(motion, reach) => self.go(motion, reach),
            Intent::Toggle => self.selection.update(|selection| selection.toggle(row)),
            Intent::SelectAll => self.select_all(),
            Intent::Clear => self.clear(),
            Intent::Open => self.open(row),
            Intent::Parent => self.parent(),
            Intent::Type(letter) => self.type_letter(letter),
            Intent::Filter => {
                // A new filter clears the selection; a row that waits for the focus does not get it.
                self.selection.update(Selection::clear);
                self.focus_pending.set_value(false);
                // The bar of the selection hides the field until the effects of this have run.
                once_rendered(|| focus(FILTER_ID));
            }
            Intent::Help => self.help.set(true),
            Intent::Act(_) => {}
        }
    }

    fn go(self, motion: Motion, reach: Reach) {
        let row = self.cursor.get_untracked();
        // With the focus elsewhere, the first arrow key brings it to the cursor without moving it.
        let outside = !focus_within(".row");
        let to = self.view.with_untracked(|view| {
            let stays = outside && matches!(motion, Motion::Up | Motion::Down);
            let from = view.position(row);
            view.row(if stays { from } else { destination(from, motion, view.len(), self.page.get_value()) })
        });
        let Some(to) = to else { return };
        match reach {
            Reach::Select => self.selection.update(|selection| selection.only(to)),
            Reach::Extend => self.select_to(to, false),
            Reach::ExtendMore => self.select_to(to, true),
            Reach::Pass => {}
        }
        self.put_cursor(to);
    }

    fn clear(self) {
        if self.selection.with_untracked(Selection::is_empty) && !self.filter.with_untracked(String::is_empty) {
            self.filter_by(String::new());
        }
        self.selection.update(Selection::clear);
    }

    fn type_letter(self, letter: char) {
        let row = self.cursor.get_untracked();
        let found = self.listing.with_untracked(|listing| {
            self.view.with_untracked(|view| {
                let found = self
                    .typing
                    .try_update_value(|typing| typing.press(letter, now(), &listing.rows, view, view.position(row)));
                found.flatten().and_then(|position| view.row(position))
            })
        });
        if let Some(row) = found {
            self.selection.update(|selection| selection.only(row));
            self.put_cursor(row);
        }
    }
}

/// True if the list handles the key: with the focus in the list or nowhere, but not in an element with keys of its own.
fn is_for_list(event: &KeyboardEvent) -> bool {
    if dialog_is_open() {
        return false;
    }
    let Some(target) = event.target().and_then(|target| target.dyn_into::<Element>().ok()) else { return true };
    let closest = |selector: &str| target.closest(selector).is_ok_and(|found| found.is_some());
    if closest("[role=menu], .name-field") {
        return false;
    }
    if closest(".row, .panel") || target.tag_name() == "BODY" || target.id() == MAIN_ID {
        return true;
    }
    // From anywhere but a field: the browser's own search and selection see only the rows that are drawn, and undo works
    // wherever the focus is.
    let works_everywhere = matches!(event.key().as_str(), "a" | "A" | "f" | "F" | "z" | "Z" | "y" | "Y")
        && (event.ctrl_key() || event.meta_key());
    (works_everywhere || event.key() == "Escape") && !closest("input:not([type=checkbox]), details")
}

fn in_grid(event: &KeyboardEvent) -> bool {
    let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    target.is_some_and(|target| target.closest(".row").is_ok_and(|row| row.is_some()))
}
