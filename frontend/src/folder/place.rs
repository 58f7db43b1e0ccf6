//! The place of the user in a folder, as the history keeps it.

#![cfg(target_arch = "wasm32")]

use super::model::Place;
use crate::env::history;

/// The place that the present entry of the history keeps.
pub(super) fn remembered_place() -> Place {
    history::state().and_then(|text| Place::from_text(&text)).unwrap_or_default()
}
