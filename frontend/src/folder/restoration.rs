//! The user's place in a folder, restored when a listing is applied.

#![cfg(target_arch = "wasm32")]

use super::model::{SelectionSnapshot, ViewState};

/// The user's place in a folder, to be restored with the first page of its listing.
#[derive(Default)]
pub(super) struct Restoration {
    /// The scroll position and the focused row.
    pub(super) view_state: ViewState,
    /// The rows to select, and a row to focus where `view_state` names none.
    pub(super) snapshot: SelectionSnapshot,
    /// The row at the cursor takes the focus.
    pub(super) focus: bool,
}
