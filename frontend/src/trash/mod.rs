//! The trash: what is in it, where it was, and the ways back and out.

mod row;
mod screen;
mod state;

pub use screen::TrashScreen;
