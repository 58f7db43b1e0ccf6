//! The logic of changing files, without a browser: names, batches, predictions, conflicts, scheduling, undo.

pub mod batch;
pub mod change_result;
pub mod clipboard;
pub mod conflict;
pub mod entries;
pub mod names;
pub mod pace;
pub mod prediction;
pub mod scheduler;
pub mod undo;
pub mod verb;

pub use change_result::ChangeResult;
pub use clipboard::Clipboard;
pub use entries::{Command, Entries};
pub use pace::Pace;
pub use undo::{History, Origin, Step};
pub use verb::Verb;
