//! Changes of files: `model` decides; the other files request changes, show their effect, undo them, and ask the user.

mod actions;
mod bulk;
mod confirm_dialog;
mod conflict_dialog;
mod dialogs;
mod drag;
mod execute;
mod folder_picker;
mod menus;
pub mod model;
mod name_field;
mod new_folder_dialog;
mod optimistic;
mod provide;
mod queue;
mod report;
mod state;
mod submission;
mod task;
mod task_cards;

pub use model::Origin;

#[cfg(target_arch = "wasm32")]
pub use {dialogs::ChangeDialogs, state::Changes, task_cards::TaskCards};

#[cfg(target_arch = "wasm32")]
pub(crate) use {drag::drag_scroll_step, name_field::NameField};
