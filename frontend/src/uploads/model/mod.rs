//! The logic of uploads, without a browser: the queue, conflicts, slices, speed, what outlives the page.

pub mod announcements;
pub mod conflict;
pub mod folder_tree;
pub mod header_fields;
pub mod item;
pub mod queue;
pub mod retry_policy;
pub mod saved_upload;
pub mod slices;
pub mod speed;
pub mod totals;

pub use item::{Batch, ExistingEntry, Id, Item, OnExisting, SelectedFile, Stage, StageGroup};
pub use queue::{AttemptEvent, Connectivity, Effect, Queue};
pub use retry_policy::{Remedy, UploadError};
pub use totals::Totals;
