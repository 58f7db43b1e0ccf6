//! Key presses in the list, carried out.

#![cfg(target_arch = "wasm32")]

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, KeyboardEvent};

use super::model::keys::{FileAction, Intent, Motion, Press, Reach, destination, intent};
use super::model::{LinkMark, Selection};
use super::state::{Browser, ScrollTarget};
use crate::env::{focus, focused, now};
use crate::failure::Reason;
use crate::net::urls::file_url;
use crate::ui::ids::{FILTER_ID, MAIN_ID};
use crate::ui::toast::Tone;

impl Browser {
    /// Takes a key press anywhere on the page; leaves to the browser what is not the list's, and answers what is to be
    /// done with the files themselves.
    pub fn press(self, event: &KeyboardEvent) -> Option<FileAction> {
        if event.default_prevented() || event.is_composing() || !is_for_list(event) {
            return None;
        }
        let typing = self.typing.with_value(|typing| typing.is_active(now()));
        let key = event.key();
        let command = event.ctrl_key() || event.meta_key();
        let press = Press { key: &key, command, shift: event.shift_key(), alt: event.alt_key() };
        // AltGr, which some layouts need for letters, says Ctrl and Alt at once.
        let wanted = intent(press, typing).filter(|_| !(event.ctrl_key() && event.alt_key()));
        let scrolls = key == " " && in_grid(event);
        // Cutting and copying go on to the browser, which then forgets what its own clipboard held before.
        let clipboard = matches!(wanted, Some(Intent::Act(FileAction::Cut | FileAction::Copy)));
        if (wanted.is_some() && !clipboard) || scrolls {
            event.prevent_default();
        }
        match wanted {
            // The list is not on the screen, and nothing is done to what nobody sees.
            Some(intent) if self.in_trash.get_untracked() && !everywhere(intent) => None,
            Some(Intent::Act(action)) => Some(action),
            Some(intent) => {
                self.carry_out(intent);
                None
            }
            None => None,
        }
    }

    /// Opens a row: a folder here, a file in a new tab.
    pub(crate) fn open(self, row: usize) {
        let known = self.listing.with_untracked(|listing| {
            listing.rows.get(row).map(|row| (row.is_folder(), row.opens(), row.link == LinkMark::Refused))
        });
        match (known, self.path_of(row)) {
            (Some((true, true, _)), Some(path)) => self.navigate(path),
            (Some((false, true, _)), Some(path)) => {
                let _ = window().open_with_url_and_target_and_features(&file_url(&path), "_blank", "noopener");
            }
            (Some((_, false, _)), _) => {
                let words = self.prefs.lang.get_untracked().words().explain(Reason::NotServed);
                self.toasts.show(Tone::Bad, format!("{}. {}", words.title, words.advice), None);
            }
            _ => {}
        }
    }

    /// Selects everything that is shown.
    pub(crate) fn select_all(self) {
        self.view.with_untracked(|view| {
            if !view.is_empty() {
                self.selection.update(|selection| selection.span(view.between(0, view.len() - 1), false));
            }
        });
    }

    /// Selects from the anchor to a row.
    pub(crate) fn select_to(self, row: usize, add: bool) {
        let cursor = self.cursor.get_untracked();
        self.view.with_untracked(|view| {
            self.selection.update(|selection| {
                let anchor = *selection.anchor.get_or_insert(cursor);
                selection.span(view.between(view.position(anchor), view.position(row)), add);
            });
        });
    }

    /// Puts the cursor on a row, in sight and with the focus.
    pub(crate) fn put_cursor(self, row: usize) {
        self.forget_sought_row();
        self.cursor.set(row);
        self.target.set(Some(ScrollTarget::Show(row)));
        self.focus_cursor();
        self.save_view_soon();
    }

    fn carry_out(self, intent: Intent) {
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
                // What is filtered anew is not selected any more, and the field may stand in the selection's place.
                self.selection.update(Selection::clear);
                // At once if it is there, for whoever types on without looking; no row that waits for it gets it back.
                self.focus_pending.set_value(false);
                focus(FILTER_ID);
                request_animation_frame(|| focus(FILTER_ID));
            }
            Intent::Help => self.help.set(true),
            Intent::Act(_) => {}
        }
    }

    fn go(self, motion: Motion, reach: Reach) {
        let row = self.cursor.get_untracked();
        // The first key only shows where the focus is.
        let outside = focused().is_none_or(|element| element.closest(".row").is_ok_and(|row| row.is_none()));
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

/// True for what does not need the list.
fn everywhere(intent: Intent) -> bool {
    matches!(intent, Intent::Help | Intent::Act(FileAction::Undo | FileAction::Redo))
}

/// The list takes what is typed in it, or nowhere; whatever has a use for keys of its own keeps them.
fn is_for_list(event: &KeyboardEvent) -> bool {
    let Some(target) = event.target().and_then(|target| target.dyn_into::<Element>().ok()) else { return true };
    let closest = |selector: &str| target.closest(selector).is_ok_and(|found| found.is_some());
    if closest("dialog, [role=menu], .name-field") {
        return false;
    }
    if closest(".row, .panel") || target.tag_name() == "BODY" || target.id() == MAIN_ID {
        return true;
    }
    // These are for the list from anywhere but a field: the browser's own search and selection see only the rows that
    // are drawn, and what was done is taken back wherever one is by now.
    let everywhere = matches!(event.key().as_str(), "a" | "A" | "f" | "F" | "z" | "Z" | "y" | "Y")
        && (event.ctrl_key() || event.meta_key());
    (everywhere || event.key() == "Escape") && !closest("input:not([type=checkbox]), details")
}

fn in_grid(event: &KeyboardEvent) -> bool {
    let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    target.is_some_and(|target| target.closest(".row").is_ok_and(|row| row.is_some()))
}
