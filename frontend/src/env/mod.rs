//! The browser's own services, each behind a small door: storage, history, `Intl`, preferences.

pub mod format;
pub mod history;
pub mod prefs;
pub mod storage;

use js_sys::{Function, Promise};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Element, HtmlElement};

/// Milliseconds since the page started.
pub fn now() -> f64 {
    leptos::prelude::window().performance().map_or(0.0, |clock| clock.now())
}

/// Milliseconds since 1970.
pub fn clock() -> i64 {
    js_sys::Date::now() as i64
}

/// An id that nobody guesses and nobody else has: 128 random bits.
pub fn random_id() -> [u8; 16] {
    let mut bytes = [0; 16];
    if let Ok(crypto) = leptos::prelude::window().crypto() {
        // It fails only for more than 65536 bytes.
        let _ = crypto.get_random_values_with_u8_array(&mut bytes);
    }
    bytes
}

/// Waits; answers as well the function that ends the wait early.
pub fn sleep(milliseconds: u32) -> (JsFuture, Function) {
    let mut wake = None;
    let promise = Promise::new(&mut |resolve, _| {
        // Without a timer the wait ends when it is woken.
        let wait = i32::try_from(milliseconds).unwrap_or(i32::MAX);
        let _ = leptos::prelude::window().set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, wait);
        wake = Some(resolve);
    });
    (JsFuture::from(promise), wake.unwrap_or_else(|| Function::new_no_args("")))
}

/// The element that has the focus, unless that is the page itself.
pub fn focused() -> Option<Element> {
    leptos::prelude::document().active_element().filter(|element| element.tag_name() != "BODY")
}

/// The id of the screen. It has the focus when somebody presses beside the rows, and when what had it goes.
pub const MAIN_ID: &str = "main";

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
