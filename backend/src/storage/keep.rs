//! Where the trash keeps what is replaced.

use shared::{Timestamp, TrashId};

/// Where the trash keeps a replaced file or link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Keep {
    /// The item that it becomes.
    pub id: TrashId,
    /// When it is replaced.
    pub now: Timestamp,
    /// Bytes of the largest file that is kept, 0 for none. A larger one is gone once it is replaced.
    pub bytes_max: u64,
    /// Who replaces it, as in [`super::TrashItem`].
    pub owner: u64,
}

/// A replaced file or link that the trash keeps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Kept {
    /// The item that it is.
    pub id: TrashId,
    /// Its bytes.
    pub bytes: u64,
    /// The number of its file system, as in [`super::TrashItem`].
    pub disk: u64,
}
