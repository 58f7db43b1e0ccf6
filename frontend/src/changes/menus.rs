//! Opens the context menus: that of the selection, and that of the folder.

#![cfg(target_arch = "wasm32")]

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement, MouseEvent};

use super::state::Changes;
use crate::env::focused;
use crate::folder::Phase;
use crate::folder::model::Selection;
use crate::ui::menu::Anchor;

/// Inset of a menu that the keyboard opens, from the left edge of its row, in pixels: below the name instead of the
/// checkbox.
const ROW_INSET_PX: f64 = 48.0;

impl Changes {
    /// Opens the menu of the selection below the focused row.
    pub(super) fn open_menu_at_row(self) {
        let row = focused().and_then(|element| element.closest(".row").ok().flatten());
        if let Some(row) = row.and_then(|row| row.dyn_into::<HtmlElement>().ok()) {
            self.select_focused_row();
            self.menu.set(Some(Anchor::beside(&row, ROW_INSET_PX)));
        }
    }

    /// Opens the menu of the selection below the button that was pressed.
    pub(crate) fn open_menu_below(self, target: Option<web_sys::EventTarget>) {
        let button = target.and_then(|target| target.dyn_into::<Element>().ok());
        let button = button.and_then(|element| element.closest("button").ok().flatten());
        if let Some(button) = button.and_then(|button| button.dyn_into::<HtmlElement>().ok()) {
            self.menu.set(Some(Anchor::beside(&button, 0.0)));
        }
    }

    /// Opens the menu of the folder, unless the element under the pointer has a menu of its own.
    pub(crate) fn open_folder_menu(self, event: &MouseEvent) {
        let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        let free = target
            .is_some_and(|target| target.closest(".row, .head, a, button, input").is_ok_and(|found| found.is_none()));
        let ready = self.browser.phase.get_untracked() == Phase::Ready;
        if free && ready && self.browser.allows_changes_untracked() && !event.default_prevented() {
            event.prevent_default();
            self.folder_menu.set(Some(Anchor::at(event.client_x(), event.client_y())));
        }
    }

    /// Selects the focused row unless it is selected, so that the menu acts on it.
    fn select_focused_row(self) {
        let row = self.browser.cursor.get_untracked();
        if self.browser.selection.with_untracked(|selection| !selection.contains(row)) {
            self.browser.selection.update(|selection: &mut Selection| selection.only(row));
        }
    }
}
