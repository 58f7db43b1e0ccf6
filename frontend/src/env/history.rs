//! The browser's address and history. An entry's state is the person's [`Place`] in the folder.

#![cfg(target_arch = "wasm32")]

use leptos::prelude::window;
use shared::VPath;
use shared::path::PathError;
use wasm_bindgen::JsValue;

use crate::env::address::{TRASH, folder_of, is_trash, query_of};
use crate::folder::model::Place;

/// The folder that the address names.
pub fn folder() -> Result<VPath, PathError> {
    folder_of(&window().location().search().unwrap_or_default())
}

/// True where the address names the trash.
pub fn in_trash() -> bool {
    is_trash(&window().location().search().unwrap_or_default())
}

/// Goes to the trash in a new entry.
pub fn push_trash() {
    if let Ok(history) = window().history() {
        let _ = history.push_state_with_url(&JsValue::NULL, "", Some(TRASH));
    }
}

/// A link to a folder.
pub fn href(folder: &VPath) -> String {
    query_of(folder).unwrap_or_else(|| window().location().pathname().unwrap_or_else(|_| "./".into()))
}

/// The place that the present entry keeps.
pub fn place() -> Option<Place> {
    let state = window().history().ok()?.state().ok()?;
    Place::from_text(&state.as_string()?)
}

/// Goes to a folder in a new entry.
pub fn push(folder: &VPath) {
    if let Ok(history) = window().history() {
        // A browser limits how often; the page goes on with an address that lags.
        let _ = history.push_state_with_url(&JsValue::NULL, "", Some(&href(folder)));
    }
}

/// Keeps the place in the present entry.
pub fn remember(place: &Place) {
    if let Ok(history) = window().history() {
        let _ = history.replace_state_with_url(&JsValue::from_str(&place.to_text()), "", None);
    }
}
