//! Opening the menus: of what is selected, and of the folder itself.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement, MouseEvent};

use super::state::Changes;
use crate::env::focused;
use crate::folder::Phase;
use crate::folder::model::Selection;
use crate::ui::menu::Spot;

/// How far into its row a menu opens that was asked for by key: below the name, not below the box to tick.
const ROW_INSET: f64 = 48.0;

impl Changes {
    /// Opens the menu of what is chosen below the focused row.
    pub(super) fn open_menu_at_row(self) {
        let row = focused().and_then(|element| element.closest(".row").ok().flatten());
        if let Some(row) = row.and_then(|row| row.dyn_into::<HtmlElement>().ok()) {
            self.choose_cursor();
            self.menu.set(Some(Spot::beside(&row, ROW_INSET)));
        }
    }

    /// Opens the menu of what is chosen below a button.
    pub(crate) fn open_menu_below(self, target: Option<web_sys::EventTarget>) {
        let button = target.and_then(|target| target.dyn_into::<Element>().ok());
        let button = button.and_then(|element| element.closest("button").ok().flatten());
        if let Some(button) = button.and_then(|button| button.dyn_into::<HtmlElement>().ok()) {
            self.menu.set(Some(Spot::beside(&button, 0.0)));
        }
    }

    /// Opens the folder's menu, where the pointer is on nothing else that has one.
    pub(crate) fn open_folder_menu(self, event: &MouseEvent) {
        let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        let free = target
            .is_some_and(|target| target.closest(".row, .head, a, button, input").is_ok_and(|found| found.is_none()));
        let ready = self.browser.phase.get_untracked() == Phase::Ready;
        if free && ready && self.browser.allows_changes_untracked() && !event.default_prevented() {
            event.prevent_default();
            self.folder_menu.set(Some(Spot::at(event.client_x(), event.client_y())));
        }
    }

    /// A menu that opens without a selection is about the focused row.
    fn choose_cursor(self) {
        let row = self.browser.cursor.get_untracked();
        if self.browser.selection.with_untracked(|selection| !selection.contains(row)) {
            self.browser.selection.update(|selection: &mut Selection| selection.only(row));
        }
    }
}
