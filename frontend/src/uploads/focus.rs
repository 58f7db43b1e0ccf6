//! Keeps the keyboard focus on the page when the element that has it disappears from the panel.

#![cfg(target_arch = "wasm32")]

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::Element;

use crate::env::{focus, focus_element, focused};
use crate::ui::ids::MAIN_ID;

/// Moves the focus from the panel to the screen before the panel disappears; else the next key press would go nowhere.
pub(super) fn leave_panel() {
    if focused().is_some_and(|element| matches!(element.closest(".uploads"), Ok(Some(_)))) {
        focus(MAIN_ID);
    }
}

/// If the row in `slot`, or its button with the focus, disappeared, focuses the row that took its place, the nearest
/// one above, or else another button of the panel.
pub(super) fn keep_near(slot: usize) {
    request_animation_frame(move || {
        // The browser takes the focus from a hidden element only after this frame.
        let is_hidden = |element: &Element| matches!(element.closest(".upload.off, [hidden]"), Ok(Some(_)));
        if focused().is_some_and(|element| !is_hidden(&element)) {
            return;
        }
        let find = |selector: &str| document().query_selector(selector).ok().flatten();
        let button_of = |slot: usize| find(&format!("#upload-{slot}:not(.off) button:not([hidden])"));
        let nearest = (0..=slot).rev().find_map(button_of).or_else(|| find(".uploads button:not([hidden])"));
        match nearest {
            Some(button) => focus_element(button.unchecked_ref()),
            None => focus(MAIN_ID),
        }
    });
}
