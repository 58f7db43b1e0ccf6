//! Whether the device has a keyboard, for advice that names keys.

#![cfg(target_arch = "wasm32")]

use leptos::prelude::window;

/// Media query for a device whose main pointer is a finger, such as a phone or a tablet without a mouse.
const FINGER: &str = "(pointer: coarse)";

/// False on a device that is mainly operated by touch.
pub fn has_keyboard() -> bool {
    let query = window().match_media(FINGER).ok().flatten();
    query.is_none_or(|query| !query.matches())
}
