//! The Trash screen: lists the entries of the trash, restores them, and deletes them permanently.

mod row;
mod screen;
mod state;

pub use screen::TrashScreen;
