//! Random numbers of the browser.

#![cfg(target_arch = "wasm32")]

/// 128 random bits from the browser's cryptographic generator: a unique id that cannot be guessed.
pub fn random_id() -> [u8; 16] {
    let mut bytes = [0; 16];
    if let Ok(crypto) = leptos::prelude::window().crypto() {
        // Only a request for more than 65536 bytes fails.
        let _ = crypto.get_random_values_with_u8_array(&mut bytes);
    }
    bytes
}
