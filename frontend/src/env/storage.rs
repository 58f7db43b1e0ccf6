//! The browser's local storage. A browser may refuse to store: the page then starts with its defaults.

#![cfg(target_arch = "wasm32")]

use shared::{Order, VPath};

use crate::env::address::{order_of, order_text};

const ORDER: &str = "passerelle.order:";

/// The value of a key.
pub fn get(key: &str) -> Option<String> {
    store()?.get_item(key).ok()?
}

/// Stores the value of a key; `None` removes it.
pub fn set(key: &str, value: Option<&str>) {
    let Some(store) = store() else { return };
    let _ = match value {
        Some(value) => store.set_item(key, value),
        None => store.remove_item(key),
    };
}

/// The keys that start with `prefix`.
pub fn keys(prefix: &str) -> Vec<String> {
    let Some(store) = store() else { return Vec::new() };
    let count = store.length().unwrap_or(0);
    let keys = (0..count).filter_map(|index| store.key(index).ok().flatten());
    keys.filter(|key| key.starts_with(prefix)).collect()
}

/// The sort order that the user last chose for a folder. The start script in `index.html` reads the same key.
pub fn order(folder: &VPath) -> Order {
    get(&format!("{ORDER}{folder}")).as_deref().and_then(order_of).unwrap_or_default()
}

/// Stores the sort order of a folder, unless it is the default.
pub fn set_order(folder: &VPath, order: Order) {
    let text = (order != Order::default()).then(|| order_text(order));
    set(&format!("{ORDER}{folder}"), text.as_deref());
}

fn store() -> Option<web_sys::Storage> {
    leptos::prelude::window().local_storage().ok()?
}
