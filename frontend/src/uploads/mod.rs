//! Uploads: files from this machine become files of the server, each whole and proved to be so. `model` decides; the
//! rest reads files, sends, hashes and shows.
//!
//! - `entry` and `sources`: where files come from. `intake`: how they come into the queue. `survey`: what stands at their
//!   targets. `engine`: the queue at work. `state`: what it holds, and its orders carried out.
//! - `attempt`: one file, from where the server stands to the end. `whole`: a small one in one request; `tus`: a larger one
//!   in slices; `exchange`: the only code that sends bytes. `filed`: what the server then has. `hasher`: the worker that
//!   hashes (`bin/hasher.rs`).
//! - `memory` and `handles`: what outlives the page. `panel`, `row`, `question`, `describe`: what is shown.

pub mod model;

#[cfg(target_arch = "wasm32")]
mod add_files;
#[cfg(target_arch = "wasm32")]
mod attempt;
#[cfg(target_arch = "wasm32")]
mod check_conflicts;
#[cfg(target_arch = "wasm32")]
mod conflict_dialog;
#[cfg(target_arch = "wasm32")]
mod controller;
#[cfg(target_arch = "wasm32")]
mod file_handles;
#[cfg(target_arch = "wasm32")]
mod file_sources;
#[cfg(target_arch = "wasm32")]
mod hasher;
#[cfg(target_arch = "wasm32")]
mod labels;
#[cfg(target_arch = "wasm32")]
mod panel;
#[cfg(target_arch = "wasm32")]
mod persistence;
#[cfg(target_arch = "wasm32")]
mod picker;
#[cfg(target_arch = "wasm32")]
mod row;
#[cfg(target_arch = "wasm32")]
mod single_request;
#[cfg(target_arch = "wasm32")]
mod state;
#[cfg(target_arch = "wasm32")]
mod tus;
#[cfg(target_arch = "wasm32")]
mod uploaded_file;
#[cfg(target_arch = "wasm32")]
mod xhr;

#[cfg(target_arch = "wasm32")]
pub use {
    conflict_dialog::UploadQuestion,
    controller::Uploads,
    panel::UploadsPanel,
    picker::{UploadButtons, UploadEntry, UploadTab, choose_files, choose_folder},
};
