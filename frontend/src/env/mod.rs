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
    clock::{clock, now, sleep},
    focus::{focus, focus_element, focus_within, focused},
    keyboard::has_keyboard,
    random::random_id,
};
