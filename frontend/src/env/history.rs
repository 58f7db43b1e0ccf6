//! The browser's address and history. The state of an entry is a text that the page reads when the user comes back to it.

#![cfg(target_arch = "wasm32")]

use leptos::prelude::window;
use shared::VPath;
use shared::path::PathError;
use wasm_bindgen::JsValue;

use crate::env::address::{TRASH, folder_of, is_trash, query_of};

/// The folder that the address names.
pub fn folder() -> Result<VPath, PathError> {
    folder_of(&window().location().search().unwrap_or_default())
}

/// True where the address names the trash.
pub fn in_trash() -> bool {
    is_trash(&window().location().search().unwrap_or_default())
}

/// Pushes an entry for the trash.
pub fn push_trash() {
    if let Ok(history) = window().history() {
        let _ = history.push_state_with_url(&JsValue::NULL, "", Some(TRASH));
    }
}

/// The address of a folder, for links.
pub fn href(folder: &VPath) -> String {
    query_of(folder).unwrap_or_else(|| window().location().pathname().unwrap_or_else(|_| "./".into()))
}

/// The state of the present entry; `None` for an entry that has none yet.
pub fn state() -> Option<String> {
    window().history().ok()?.state().ok()?.as_string()
}

/// Pushes an entry for a folder.
pub fn push(folder: &VPath) {
    if let Ok(history) = window().history() {
        // Browsers limit how often; until the next push the address stays behind.
        let _ = history.push_state_with_url(&JsValue::NULL, "", Some(&href(folder)));
    }
}

/// Replaces the state of the present entry.
pub fn replace_state(state: &str) {
    if let Ok(history) = window().history() {
        // Browsers limit how often; the entry then keeps its former state.
        let _ = history.replace_state_with_url(&JsValue::from_str(state), "", None);
    }
}
