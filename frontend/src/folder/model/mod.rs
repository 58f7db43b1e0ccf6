//! What the Files screen knows and decides, without a browser: rows, selection, keys, places. Tested natively.

pub mod crumbs;
pub mod edit;
pub mod filetype;
pub mod keys;
pub mod listing;
pub mod local_edits;
mod merge;
pub mod permission;
pub mod remap;
pub mod rows;
#[cfg(test)]
pub(crate) mod sample;
pub mod selection;
pub mod typeahead;
pub mod view;
pub mod view_state;

pub use edit::Edit;
pub use listing::{Listing, SelectionSnapshot};
pub use local_edits::{LocalEdits, Recheck};
pub use remap::Remap;
pub use rows::{LinkMark, Row, Rows};
pub use selection::Selection;
pub use view::View;
pub use view_state::ViewState;
