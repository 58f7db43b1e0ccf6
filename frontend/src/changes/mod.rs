//! Every change that a file manager makes: what it means (`model`), asking for it, undoing it, and the dialogs around it.

pub mod model;

#[cfg(target_arch = "wasm32")]
mod conflicts;
#[cfg(target_arch = "wasm32")]
mod deeds;
#[cfg(target_arch = "wasm32")]
mod dialogs;
#[cfg(target_arch = "wasm32")]
mod drag;
#[cfg(target_arch = "wasm32")]
mod field;
#[cfg(target_arch = "wasm32")]
mod folders;
#[cfg(target_arch = "wasm32")]
mod line;
#[cfg(target_arch = "wasm32")]
mod menus;
#[cfg(target_arch = "wasm32")]
mod report;
#[cfg(target_arch = "wasm32")]
mod run;
#[cfg(target_arch = "wasm32")]
mod showing;
#[cfg(target_arch = "wasm32")]
mod state;
#[cfg(target_arch = "wasm32")]
mod tasks;

pub use model::Origin;

#[cfg(target_arch = "wasm32")]
pub use {dialogs::ChangeDialogs, state::Changes, tasks::TaskCards};

#[cfg(target_arch = "wasm32")]
pub(crate) use {drag::scroll_by, field::NameField};
