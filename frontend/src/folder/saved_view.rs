//! The view state in the browser's history.

#![cfg(target_arch = "wasm32")]

use super::model::ViewState;
use crate::env::history;

/// The view state that the present entry of the history holds.
pub(super) fn saved_view_state() -> ViewState {
    history::state().and_then(|text| ViewState::from_text(&text)).unwrap_or_default()
}
