//! Every change that a file manager makes: what it means (`model`), asking for it, undoing it, and the dialogs around it.

pub mod model;
