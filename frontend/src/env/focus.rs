//! The keyboard focus.

#![cfg(target_arch = "wasm32")]

use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

/// The element that has the focus, unless that is the page itself.
pub fn focused() -> Option<Element> {
    leptos::prelude::document().active_element().filter(|element| element.tag_name() != "BODY")
}

/// Gives the focus to the element with that id, without scrolling to it.
pub fn focus(id: &str) {
    if let Some(element) = leptos::prelude::document().get_element_by_id(id) {
        focus_element(element.unchecked_ref());
    }
}

/// Gives the focus to the element, without scrolling to it.
pub fn focus_element(element: &HtmlElement) {
    let options = web_sys::FocusOptions::new();
    options.set_prevent_scroll(true);
    // An element that cannot have the focus is left alone.
    let _ = element.focus_with_options(&options);
}
