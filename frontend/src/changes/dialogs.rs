//! All dialogs about changes.

#![cfg(target_arch = "wasm32")]

use leptos::prelude::*;

use super::confirm_dialog::ConfirmDialog;
use super::conflict_dialog::ChangeConflictDialog;
use super::folder_picker::FolderPicker;
use super::new_folder_dialog::NewFolderDialog;

/// All dialogs about changes; each opens by a signal of `Changes`.
#[component]
pub fn ChangeDialogs() -> impl IntoView {
    view! {
        <NewFolderDialog />
        <FolderPicker />
        <ChangeConflictDialog />
        <ConfirmDialog />
    }
}
