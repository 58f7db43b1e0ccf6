//! The logic of a folder on the screen, without a browser: rows, selection, keyboard commands, edits.

pub mod crumbs;
pub mod edit;
pub mod filetype;
pub mod keys;
pub mod listing;
pub mod local_edits;
mod merge;
mod name_filter;
pub mod permission;
pub mod remap;
pub mod rows;
#[cfg(test)]
pub(crate) mod sample;
pub mod selection;
mod snapshot;
pub mod typeahead;
pub mod view;
pub mod view_state;

pub use edit::Edit;
pub use listing::Listing;
pub use local_edits::{LocalEdits, Recheck};
pub use remap::Remap;
pub use rows::{LinkMark, Row, Rows};
pub use selection::Selection;
pub use snapshot::SelectionSnapshot;
pub use view::View;
pub use view_state::ViewState;
