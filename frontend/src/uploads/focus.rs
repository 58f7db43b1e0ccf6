//! Keeps the keyboard focus on the page when the element that has it disappears from the panel.

#![cfg(target_arch = "wasm32")]

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, Event};

use crate::env::{focus, focus_element, focus_within, focused, once_rendered};
use crate::ui::ids::MAIN_ID;

/// The element of the panel that had the focus last.
struct Last {
    element: Element,
    /// The selector of the part of the panel that it is in.
    part: &'static str,
    /// Its row's number in the list, from 1 on.
    row: Option<usize>,
}

impl Last {
    fn of(element: Element) -> Self {
        let row = element.closest(".upload").ok().flatten().and_then(|row| number_of(&row));
        let is_for_all = element.closest(".uploads-all").is_ok_and(|found| found.is_some());
        Self { element, part: if is_for_all { ".uploads-all" } else { ".uploads" }, row }
    }

    /// True once the element cannot have the focus: the browser takes it from a removed element at once, and from a hidden
    /// one only with the next frame, when a key press may have come before.
    fn is_gone(&self) -> bool {
        let is_hidden = || self.element.closest(".upload.off, [hidden]").is_ok_and(|found| found.is_some());
        !self.element.is_connected() || is_hidden()
    }

    /// The button that takes over the focus: in the row, in the nearest one above, else in the same part of the panel.
    fn successor(&self) -> Option<Element> {
        let find = |part: &str| document().query_selector(&format!("{part} button:not([hidden])")).ok().flatten();
        let in_row = self.row.and_then(nearest_row).and_then(|row| find(&format!("#{}", row.id())));
        in_row.or_else(|| find(self.part)).or_else(|| find(".uploads"))
    }
}

/// The row at this number of the list, or else the last one above it.
fn nearest_row(number: usize) -> Option<Element> {
    let rows = document().query_selector_all(".upload:not(.off)").ok()?;
    let rows = (0..rows.length()).filter_map(|index| rows.item(index)?.dyn_into::<Element>().ok());
    let numbered = rows.filter_map(|row| Some((number_of(&row).filter(|other| *other <= number)?, row)));
    numbered.max_by_key(|(number, _)| *number).map(|(_, row)| row)
}

fn number_of(row: &Element) -> Option<usize> {
    row.get_attribute("aria-posinset")?.parse().ok()
}

/// Passes the focus on within the panel whenever the element that has it disappears, which is when `changes` track
/// something new. Returns the handler of the panel's `focusin`.
pub(super) fn keep_in_panel(changes: impl Fn() + 'static) -> impl Fn(Event) + Copy + 'static {
    let last = StoredValue::new_local(None::<Last>);
    Effect::new(move |_| {
        changes();
        once_rendered(move || pass_on(last));
    });
    move |event| {
        let element = event.target().and_then(|target| target.dyn_into().ok());
        last.set_value(element.map(Last::of));
    }
}

fn pass_on(last: StoredValue<Option<Last>, LocalStorage>) {
    let successor = last.try_with_value(|last| {
        let last = last.as_ref().filter(|last| last.is_gone())?;
        // The user may have moved on, to another element.
        focused().is_none_or(|element| element == last.element).then(|| last.successor())
    });
    match successor.flatten() {
        Some(Some(button)) => focus_element(button.unchecked_ref()),
        Some(None) => focus(MAIN_ID),
        None => {}
    }
}

/// The slot whose row has the focus.
pub(super) fn focused_slot() -> Option<usize> {
    let row = focused()?.closest(".upload").ok().flatten()?;
    row.id().strip_prefix("upload-")?.parse().ok()
}

/// Moves the focus from the panel to the screen before the panel disappears; else the next key press would go nowhere.
pub(super) fn leave_panel() {
    if focus_within(".uploads") {
        focus(MAIN_ID);
    }
}
