//! What changing files means, without a browser: names, batches, guesses, conflicts, turns, undo. Tested natively.

pub mod batch;
pub mod clipboard;
pub mod conflict;
pub mod names;
pub mod prediction;
pub mod scheduler;
pub mod undo;
pub mod verb;

pub use clipboard::Clipboard;
pub use undo::{History, Origin, Step};
pub use verb::Verb;
