//! Randomness of the browser.

#![cfg(target_arch = "wasm32")]

/// An id that nobody guesses and nobody else has: 128 random bits.
pub fn random_id() -> [u8; 16] {
    let mut bytes = [0; 16];
    if let Ok(crypto) = leptos::prelude::window().crypto() {
        // It fails only for more than 65536 bytes.
        let _ = crypto.get_random_values_with_u8_array(&mut bytes);
    }
    bytes
}
