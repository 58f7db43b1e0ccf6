//! Every change that a file manager makes: what it means (`model`), asking for it, undoing it, and the dialogs around it.

pub mod model;

#[cfg(target_arch = "wasm32")]
mod actions;
#[cfg(target_arch = "wasm32")]
mod conflict_dialog;
#[cfg(target_arch = "wasm32")]
mod dialogs;
#[cfg(target_arch = "wasm32")]
mod drag;
#[cfg(target_arch = "wasm32")]
mod execute;
#[cfg(target_arch = "wasm32")]
mod folder_picker;
#[cfg(target_arch = "wasm32")]
mod menus;
#[cfg(target_arch = "wasm32")]
mod name_field;
#[cfg(target_arch = "wasm32")]
mod optimistic;
#[cfg(target_arch = "wasm32")]
mod queue;
#[cfg(target_arch = "wasm32")]
mod report;
#[cfg(target_arch = "wasm32")]
mod state;
#[cfg(target_arch = "wasm32")]
mod tasks;

pub use model::Origin;

#[cfg(target_arch = "wasm32")]
pub use {dialogs::ChangeDialogs, state::Changes, tasks::TaskCards};

#[cfg(target_arch = "wasm32")]
pub(crate) use {drag::scroll_by, name_field::NameField};
