//! The place of the user in a folder, as the history keeps it.

#![cfg(target_arch = "wasm32")]

use super::model::ViewState;
use crate::env::history;

/// The place that the present entry of the history keeps.
pub(super) fn saved_view_state() -> ViewState {
    history::state().and_then(|text| ViewState::from_text(&text)).unwrap_or_default()
}
