//! What this browser remembers for the page. A browser that refuses to remember just forgets: nothing depends on it.

#![cfg(target_arch = "wasm32")]

use shared::{Order, VPath};

use crate::env::address::{order_of, order_text};

const ORDER: &str = "passerelle.order:";

/// What was remembered under a key.
pub fn get(key: &str) -> Option<String> {
    store()?.get_item(key).ok()?
}

/// Remembers, or forgets where there is nothing to remember.
pub fn set(key: &str, value: Option<&str>) {
    let Some(store) = store() else { return };
    let _ = match value {
        Some(value) => store.set_item(key, value),
        None => store.remove_item(key),
    };
}

/// The keys that start so.
pub fn keys(start: &str) -> Vec<String> {
    let Some(store) = store() else { return Vec::new() };
    let count = store.length().unwrap_or(0);
    let keys = (0..count).filter_map(|index| store.key(index).ok().flatten());
    keys.filter(|key| key.starts_with(start)).collect()
}

/// How a folder was last sorted. The start script in `index.html` reads the same entry.
pub fn order(folder: &VPath) -> Order {
    get(&format!("{ORDER}{folder}")).as_deref().and_then(order_of).unwrap_or_default()
}

/// Remembers how a folder is sorted, unless that is how every folder is.
pub fn set_order(folder: &VPath, order: Order) {
    let text = (order != Order::default()).then(|| order_text(order));
    set(&format!("{ORDER}{folder}"), text.as_deref());
}

fn store() -> Option<web_sys::Storage> {
    leptos::prelude::window().local_storage().ok()?
}
