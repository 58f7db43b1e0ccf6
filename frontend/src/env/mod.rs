//! The browser's own services: address, history, storage, clock, focus, `Intl`, preferences. [`address`] is pure.

pub mod address;
mod clock;
mod focus;
pub mod format;
pub mod history;
mod keyboard;
pub mod prefs;
mod random;
pub mod storage;

#[cfg(target_arch = "wasm32")]
pub use {
    clock::{clock, next_task, now, sleep},
    focus::{dialog_is_open, focus, focus_element, focus_within, focused, once_rendered},
    keyboard::has_keyboard,
    random::random_id,
};
