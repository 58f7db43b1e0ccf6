//! An item of the trash.

use shared::{Entry, Timestamp, TrashId};

/// An item of the trash.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TrashItem {
    /// Identifies the item for restoring and purging.
    pub id: TrashId,
    /// The entry as it was when it was trashed.
    pub entry: Entry,
    /// When it was trashed.
    pub trashed: Timestamp,
}
