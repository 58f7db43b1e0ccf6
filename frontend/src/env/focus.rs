//! The keyboard focus.

#![cfg(target_arch = "wasm32")]

use leptos::task::{spawn_local, tick};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

/// Turns of the effects that [`once_rendered`] waits for: an effect may set a signal, whose effects run in the next turn.
/// The longest such chain of the page has three: the answer to a question, the state of its dialog, and the dialog.
const EFFECT_TURNS: usize = 4;

/// The focused element; `None` if the focus is nowhere, that is, on the body.
pub fn focused() -> Option<Element> {
    leptos::prelude::document().active_element().filter(|element| element.tag_name() != "BODY")
}

/// True if the focus is in an element that `selector` matches.
pub fn focus_within(selector: &str) -> bool {
    focused().is_some_and(|element| element.closest(selector).is_ok_and(|found| found.is_some()))
}

/// True while a dialog is open. All of them are modal, so keys and clipboard events are not for the list behind, even if
/// the focus is nowhere.
pub fn dialog_is_open() -> bool {
    leptos::prelude::document().query_selector("dialog[open]").is_ok_and(|found| found.is_some())
}

/// Runs `act` once the effects of the present task have changed the elements. This is before the browser handles another
/// event; a frame may come after the next key press, which then finds the focus where it was, or nowhere.
pub fn once_rendered(act: impl FnOnce() + 'static) {
    spawn_local(async move {
        for _ in 0..EFFECT_TURNS {
            tick().await;
        }
        act();
    });
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
