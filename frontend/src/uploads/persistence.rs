//! Unfinished uploads in the browser's storage: one key for each, which names the tab that uploads it. The name of a
//! tab survives a reload (`sessionStorage`).

#![cfg(target_arch = "wasm32")]

use shared::UploadId;
use shared::hex;

use super::model::saved_upload::SavedUpload;
use crate::env::{clock, random_id, storage};

const KEY_PREFIX: &str = "passerelle.upload:";
const TAB_KEY: &str = "passerelle.tab";

/// The name of this tab.
pub(super) fn tab() -> String {
    thread_local! { static NAME: String = read_or_create_tab_name(); }
    NAME.with(Clone::clone)
}

fn read_or_create_tab_name() -> String {
    let storage = leptos::prelude::window().session_storage().ok().flatten();
    let stored = storage.as_ref().and_then(|storage| storage.get_item(TAB_KEY).ok().flatten());
    stored.unwrap_or_else(|| {
        let name = hex::encode(&random_id()[..8]);
        if let Some(storage) = storage {
            let _ = storage.set_item(TAB_KEY, &name);
        }
        name
    })
}

/// Saves an upload.
pub(super) fn save(saved: &SavedUpload) {
    storage::set(&key(saved.upload), Some(&saved.to_text()));
}

/// Forgets an upload.
pub(super) fn forget(upload: UploadId) {
    storage::set(&key(upload), None);
}

/// The saved uploads that no other open tab uploads, in the order of their targets.
pub(super) fn load_available() -> Vec<SavedUpload> {
    let (tab, now) = (tab(), clock() as f64);
    let available = storage::keys(KEY_PREFIX).into_iter().filter_map(|key| {
        let upload = UploadId::parse(&key[KEY_PREFIX.len()..])?;
        let saved = SavedUpload::from_text(upload, &storage::get(&key)?)?;
        saved.is_available(&tab, now).then_some(saved)
    });
    let mut uploads: Vec<_> = available.collect();
    uploads.sort_by_cached_key(|saved| saved.file.target.encoded());
    uploads
}

fn key(upload: UploadId) -> String {
    format!("{KEY_PREFIX}{upload}")
}
