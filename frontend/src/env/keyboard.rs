//! Whether the device has a keyboard, for advice that names keys.

#![cfg(target_arch = "wasm32")]

use leptos::prelude::window;

/// The main pointer of phones and tablets, whose keys are drawn on the screen.
const FINGER: &str = "(pointer: coarse)";

/// True unless the page is operated by touch.
pub fn has_keyboard() -> bool {
    let query = window().match_media(FINGER).ok().flatten();
    query.is_none_or(|query| !query.matches())
}
