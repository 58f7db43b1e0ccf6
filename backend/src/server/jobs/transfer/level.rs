//! The state of a folder whose entries are moved or copied one by one.

use shared::{Entry, Timestamp, VPath};

/// A folder whose entries are moved or copied one by one.
pub(super) struct FolderLevel {
    pub(super) from: VPath,
    pub(super) to: VPath,
    /// The entries to come, the last one first.
    pub(super) entries: Vec<Entry>,
    /// One of its entries stays.
    pub(super) keeps: bool,
    /// The modification time of the original before its entries moved.
    pub(super) modified: Timestamp,
    /// The item made the folder at `to`, which gets the attributes of the original at the end.
    pub(super) made: bool,
}
