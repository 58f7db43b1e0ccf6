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

mod add_files;
mod attempt;
mod check_conflicts;
mod conflict_dialog;
mod controller;
mod file_handles;
mod file_sources;
mod hasher;
mod labels;
mod panel;
mod persistence;
mod picker;
mod row;
mod single_request;
mod state;
mod tus;
mod uploaded_file;
mod xhr;

#[cfg(target_arch = "wasm32")]
pub use {
    conflict_dialog::UploadQuestion,
    controller::Uploads,
    panel::UploadsPanel,
    picker::{UploadButtons, UploadEntry, UploadTab, choose_files, choose_folder},
};
