//! Clicks, taps and long presses on rows, with one listener for all rows.

use std::time::Duration;

use leptos::ev::{DragEvent, FocusEvent, MouseEvent, PointerEvent};
use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;
use shared::VPath;
use wasm_bindgen::JsCast;
use web_sys::Element;

use crate::changes::{Changes, drag_scroll_step};
use crate::env::focus_element;
use crate::folder::FileBrowser;
use crate::folder::model::Selection;
use crate::ui::menu::Anchor;

const LONG_PRESS: Duration = Duration::from_millis(500);
/// A touch that moves farther is a scroll, in pixels.
const STILL_PX: i32 = 10;

/// The state of the pointer over the list.
#[derive(Clone, Copy)]
pub(super) struct Pointer {
    browser: FileBrowser,
    changes: Changes,
    /// The row that a slot shows.
    row_in: Callback<usize, Option<usize>>,
    press: StoredValue<Press, LocalStorage>,
}

#[derive(Default)]
struct Press {
    by_touch: bool,
    at: (i32, i32),
    timer: Option<TimeoutHandle>,
    /// The long press has acted, so the click that follows is ignored.
    spent: bool,
}

impl Pointer {
    pub(super) fn new(browser: FileBrowser, row_in: Callback<usize, Option<usize>>) -> Self {
        let pointer =
            Self { browser, changes: Changes::get(), row_in, press: StoredValue::new_local(Press::default()) };
        // A long press must not select a row of the list that takes the place of this one.
        on_cleanup(move || pointer.cancel());
        pointer
    }

    pub(super) fn down(self, event: &PointerEvent) {
        let by_touch = event.pointer_type() == "touch";
        let row = self.row(event.target());
        // Touch scrolls and selects; only a mouse or a pen drags.
        if let Some(element) = closest(event.target(), ".row") {
            let drags = !by_touch && closest(event.target(), "input").is_none();
            let _ = element.set_attribute("draggable", if drags { "true" } else { "false" });
        }
        let timer = row
            .filter(|_| by_touch)
            .and_then(|row| set_timeout_with_handle(move || self.long_press(row), LONG_PRESS).ok());
        self.press.set_value(Press { by_touch, at: (event.client_x(), event.client_y()), timer, spent: false });
    }

    pub(super) fn moved(self, event: &PointerEvent) {
        let at = self.press.with_value(|press| press.at);
        if (event.client_x() - at.0).abs() > STILL_PX || (event.client_y() - at.1).abs() > STILL_PX {
            self.cancel();
        }
    }

    /// Ends a press: the pointer was lifted, or the browser scrolls.
    pub(super) fn cancel(self) {
        let timer = self.press.try_update_value(|press| press.timer.take()).flatten();
        if let Some(timer) = timer {
            timer.clear();
        }
    }

    /// Opens the menu of the selection, or of the row if it is not selected. A long press by touch selects instead.
    pub(super) fn context_menu(self, event: &MouseEvent) {
        if closest(event.target(), ".name-field").is_some() {
            return;
        }
        if self.press.with_value(|press| press.by_touch) || !self.browser.shows_folder() {
            return event.prevent_default();
        }
        let Some(row) = self.row(event.target()) else { return };
        event.prevent_default();
        if self.browser.selection.with_untracked(|selection| !selection.contains(row)) {
            self.browser.selection.update(|selection| selection.only(row));
        }
        // The row takes the focus now, so that the menu returns it there.
        if let Some(element) = closest(event.target(), ".row") {
            focus_element(element.unchecked_ref());
        }
        self.browser.forget_sought_row();
        self.browser.cursor.set(row);
        self.browser.save_view_soon();
        self.changes.menu.set(Some(Anchor::at(event.client_x(), event.client_y())));
    }

    pub(super) fn click(self, event: &MouseEvent) {
        self.cancel();
        if !self.browser.shows_folder() {
            return event.prevent_default();
        }
        if closest(event.target(), ".name-field").is_some() {
            return;
        }
        let browser = self.browser;
        let by_touch = self.press.with_value(|press| press.by_touch);
        let Some(row) = self.row(event.target()) else {
            // A tap beside the rows keeps the selection.
            if !by_touch {
                browser.selection.update(Selection::clear);
            }
            return;
        };
        if self.press.try_update_value(|press| std::mem::take(&mut press.spent)) == Some(true) {
            return event.prevent_default();
        }
        let (toggle, extend) = (event.ctrl_key() || event.meta_key(), event.shift_key());
        // A click by assistive technology has a count of zero, and opens the row as a link would.
        let opens = (by_touch && browser.selection.with_untracked(Selection::is_empty)) || event.detail() == 0;
        if closest(event.target(), "input").is_some() {
            match extend {
                true => browser.select_to(row, true),
                false => browser.selection.update(|selection| selection.toggle(row)),
            }
        } else {
            event.prevent_default();
            if extend {
                browser.select_to(row, toggle);
            } else if opens && !toggle {
                return browser.open(row);
            } else if toggle || by_touch {
                browser.selection.update(|selection| selection.toggle(row));
            } else {
                browser.selection.update(|selection| selection.only(row));
            }
        }
        browser.put_cursor(row);
    }

    pub(super) fn double_click(self, event: &MouseEvent) {
        let by_touch = self.press.with_value(|press| press.by_touch);
        let plain = !(event.ctrl_key() || event.meta_key() || event.shift_key() || by_touch);
        if let Some(row) = self.row(event.target()).filter(|_| plain && closest(event.target(), "input").is_none()) {
            self.browser.open(row);
        }
    }

    /// Follows the focus to a row: a screen reader moves it without a key press.
    pub(super) fn focused(self, event: &FocusEvent) {
        let row = closest(event.target(), ".row").and_then(|_| self.row(event.target()));
        if let Some(row) = row.filter(|row| *row != self.browser.cursor.get_untracked()) {
            self.browser.cursor.set(row);
        }
    }

    fn long_press(self, row: usize) {
        if !self.browser.shows_folder() {
            return;
        }
        self.press.update_value(|press| press.spent = true);
        self.browser.selection.update(|selection| selection.toggle(row));
        self.browser.put_cursor(row);
    }

    /// Starts dragging a row.
    pub(super) fn drag_start(self, event: &DragEvent) {
        match self.row(event.target()) {
            Some(row) => self.changes.start_drag(event, row),
            None => event.prevent_default(),
        }
    }

    /// Handles a drag over the list, which scrolls near its edges.
    pub(super) fn drag_over(self, event: &DragEvent, port: Option<web_sys::HtmlElement>) {
        if self.changes.dragged.with_untracked(Option::is_none) {
            return;
        }
        self.changes.drag_over(event, self.folder(event).as_ref());
        if let Some(port) = port {
            let around = port.get_bounding_client_rect();
            let step = drag_scroll_step(f64::from(event.client_y()) - around.top(), around.height());
            if step != 0.0 {
                port.set_scroll_top(port.scroll_top() + step as i32);
            }
        }
    }

    /// Handles a drop on the list.
    pub(super) fn dropped(self, event: &DragEvent) {
        if let Some(folder) = self.folder(event) {
            self.changes.dropped(event, &folder);
        }
    }

    /// The folder at whose row the event is.
    fn folder(self, event: &DragEvent) -> Option<VPath> {
        let row = self.row(event.target())?;
        let folder = |listing: &crate::folder::model::Listing| {
            listing.rows.get(row).is_some_and(|row| row.is_folder() && row.opens())
        };
        self.browser.listing.with_untracked(folder).then(|| self.browser.path_of(row)).flatten()
    }

    /// The row at an element; `None` while the rows are not those of the folder in the title.
    fn row(self, target: Option<web_sys::EventTarget>) -> Option<usize> {
        if !self.browser.shows_folder() {
            return None;
        }
        let slot = closest(target, "[data-slot]")?.get_attribute("data-slot")?;
        self.row_in.run(slot.parse().ok()?)
    }
}

fn closest(target: Option<web_sys::EventTarget>, selector: &str) -> Option<Element> {
    target?.dyn_into::<Element>().ok()?.closest(selector).ok().flatten()
}
