//! Uploads: files of the user's machine are sent to the server, resumable and verified by their digests. `model`
//! decides; the other files read files, send requests, and render.
//!
//! - Input: `picker` (buttons, drop, paste), `file_sources`, `add_files`, `check_conflicts`.
//! - Queue at work: `controller`, `state`.
//! - One file: `attempt` sends it by `single_request` or `tus`, which send bytes by `xhr`; `hasher` hashes it in a web
//!   worker (`bin/hasher.rs`); `uploaded_file` verifies the result.
//! - After a reload: `persistence`, `file_handles`.
//! - View: `panel`, `row`, `labels`, `focus`, `conflict_dialog`.

pub mod model;

mod add_files;
mod attempt;
mod check_conflicts;
mod conflict_dialog;
mod controller;
mod file_handles;
mod file_sources;
mod focus;
mod hasher;
mod idempotency_keys;
mod labels;
mod panel;
mod persistence;
mod picker;
mod provide;
pub mod published;
mod row;
mod single_request;
mod state;
mod tus;
mod uploaded_file;
mod xhr;

#[cfg(target_arch = "wasm32")]
pub use {
    conflict_dialog::UploadDialogs,
    controller::Uploads,
    panel::UploadsPanel,
    picker::{UploadButtons, UploadPickers, UploadTab, choose_files, choose_folder},
};
