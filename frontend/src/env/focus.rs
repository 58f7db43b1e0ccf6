//! The keyboard focus.

#![cfg(target_arch = "wasm32")]

use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

/// The focused element; `None` if the focus is nowhere, that is, on the body.
pub fn focused() -> Option<Element> {
    leptos::prelude::document().active_element().filter(|element| element.tag_name() != "BODY")
}

/// True if the focus is in an element that `selector` matches.
pub fn focus_within(selector: &str) -> bool {
    focused().is_some_and(|element| element.closest(selector).is_ok_and(|found| found.is_some()))
}

/// Focuses the element with this id, without scrolling to it.
pub fn focus(id: &str) {
    if let Some(element) = leptos::prelude::document().get_element_by_id(id) {
        focus_element(element.unchecked_ref());
    }
}

/// Focuses the element, without scrolling to it.
pub fn focus_element(element: &HtmlElement) {
    let options = web_sys::FocusOptions::new();
    options.set_prevent_scroll(true);
    // An element that cannot be focused is ignored.
    let _ = element.focus_with_options(&options);
}
