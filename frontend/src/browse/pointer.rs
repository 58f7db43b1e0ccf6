//! Clicks, taps and long presses on rows. One listener serves every row.

use std::time::Duration;

use leptos::ev::{MouseEvent, PointerEvent};
use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::Element;

use super::model::Selection;
use super::state::Browser;

const LONG_PRESS: Duration = Duration::from_millis(500);
/// A finger that moves farther scrolls.
const STILL_PX: i32 = 10;

/// What the pointer is doing.
#[derive(Clone, Copy)]
pub(super) struct Pointer {
    browser: Browser,
    /// The row in a slot.
    row_in: Callback<usize, Option<usize>>,
    press: StoredValue<Press, LocalStorage>,
}

#[derive(Default)]
struct Press {
    by_touch: bool,
    at: (i32, i32),
    timer: Option<TimeoutHandle>,
    /// The press was long and did its work: the click that follows means nothing.
    spent: bool,
}

impl Pointer {
    pub(super) fn new(browser: Browser, row_in: Callback<usize, Option<usize>>) -> Self {
        Self { browser, row_in, press: StoredValue::new_local(Press::default()) }
    }

    pub(super) fn down(self, event: &PointerEvent) {
        let by_touch = event.pointer_type() == "touch";
        let row = self.row(event.target());
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

    /// The press ended, or the browser took it for scrolling.
    pub(super) fn cancel(self) {
        let timer = self.press.try_update_value(|press| press.timer.take()).flatten();
        if let Some(timer) = timer {
            timer.clear();
        }
    }

    /// A long press would open the browser's menu for links.
    pub(super) fn context_menu(self, event: &MouseEvent) {
        if self.press.with_value(|press| press.by_touch) {
            event.prevent_default();
        }
    }

    pub(super) fn click(self, event: &MouseEvent) {
        self.cancel();
        let Some(row) = self.row(event.target()) else { return };
        let browser = self.browser;
        if self.press.try_update_value(|press| std::mem::take(&mut press.spent)) == Some(true) {
            return event.prevent_default();
        }
        let (toggle, extend) = (event.ctrl_key() || event.meta_key(), event.shift_key());
        let by_touch = self.press.with_value(|press| press.by_touch);
        // A screen reader's or a speech program's click counts no clicks, and means what a link means.
        let opens = (by_touch && browser.selection.with_untracked(Selection::is_empty)) || event.detail() == 0;
        if is_in(event.target(), "input") {
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
        if let Some(row) = self.row(event.target()).filter(|_| plain && !is_in(event.target(), "input")) {
            self.browser.open(row);
        }
    }

    fn long_press(self, row: usize) {
        self.press.update_value(|press| press.spent = true);
        self.browser.selection.update(|selection| selection.toggle(row));
        self.browser.put_cursor(row);
    }

    fn row(self, target: Option<web_sys::EventTarget>) -> Option<usize> {
        let element: Element = target?.dyn_into().ok()?;
        let slot = element.closest("[data-slot]").ok()??.get_attribute("data-slot")?;
        self.row_in.run(slot.parse().ok()?)
    }
}

fn is_in(target: Option<web_sys::EventTarget>, selector: &str) -> bool {
    let element = target.and_then(|target| target.dyn_into::<Element>().ok());
    element.is_some_and(|element| element.closest(selector).is_ok_and(|found| found.is_some()))
}
