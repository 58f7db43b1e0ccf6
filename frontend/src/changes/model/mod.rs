//! What changing files means, without a browser: names, batches, guesses, conflicts, turns, undo. Tested natively.

pub mod batch;
pub mod clipboard;
pub mod conflict;
pub mod guess;
pub mod names;
pub mod said;
pub mod turns;
pub mod undo;

pub use clipboard::Clipboard;
pub use said::Verb;
pub use undo::{History, Origin, Step};
