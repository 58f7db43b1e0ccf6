//! What this browser remembers of unfinished uploads: an entry in its storage for each, under the upload's id, marked with
//! the tab that works on it. A tab's own name outlives a reload (`sessionStorage`).

#![cfg(target_arch = "wasm32")]

use shared::UploadId;
use shared::hex;

use super::model::saved_upload::Record;
use crate::env::{clock, random_id, storage};

const KEY: &str = "passerelle.upload:";
const TAB: &str = "passerelle.tab";

/// The name of this tab.
pub(super) fn tab() -> String {
    thread_local! { static NAME: String = tab_name(); }
    NAME.with(Clone::clone)
}

fn tab_name() -> String {
    let store = leptos::prelude::window().session_storage().ok().flatten();
    let known = store.as_ref().and_then(|store| store.get_item(TAB).ok().flatten());
    known.unwrap_or_else(|| {
        let name = hex::encode(&random_id()[..8]);
        if let Some(store) = store {
            let _ = store.set_item(TAB, &name);
        }
        name
    })
}

/// Remembers an upload.
pub(super) fn remember(record: &Record) {
    storage::set(&key(record.upload), Some(&record.to_text()));
}

/// Forgets an upload.
pub(super) fn forget(upload: UploadId) {
    storage::set(&key(upload), None);
}

/// What is remembered of uploads that no living tab works on, in the order of their targets.
pub(super) fn recall() -> Vec<Record> {
    let (tab, now) = (tab(), clock() as f64);
    let ours = storage::keys(KEY).into_iter().filter_map(|key| {
        let record = Record::from_text(UploadId::parse(&key[KEY.len()..])?, &storage::get(&key)?)?;
        record.is_free(&tab, now).then_some(record)
    });
    let mut records: Vec<_> = ours.collect();
    records.sort_by_cached_key(|record| record.chosen.target.encoded());
    records
}

fn key(upload: UploadId) -> String {
    format!("{KEY}{upload}")
}
